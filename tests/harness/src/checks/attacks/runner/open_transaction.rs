//! A session with an open transaction, so that two sessions can be interleaved step by step.

use std::time::{Duration, Instant};

use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use crate::database::connect;
use crate::error::{CannotRun, describe};
use crate::platform::persona::Identity;

/// How long to wait until a session waits for a lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, and the transaction that may be open on it.
pub struct OpenTransaction {
    client: Client,
    pid: i32,
}

/// The answer to a statement: its rows as text, or the server's error.
pub type Response = Result<Vec<Vec<String>>, DbError>;

impl OpenTransaction {
    /// Connects; no transaction is open, and no identity is set.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn connect(config: &Config) -> Result<Self, CannotRun> {
        let client = connect(config).await?;
        let row = client.query_one("select pg_catalog.pg_backend_pid()", &[]).await;
        let row = row.map_err(|error| CannotRun(describe(&error)))?;
        Ok(Self { client, pid: row.get(0) })
    }

    /// Opens a transaction as the gateway does for that identity.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn begin(&self, identity: &Identity) -> Result<(), CannotRun> {
        self.must(&format!("begin; {}", identity.request_sql())).await
    }

    /// Runs statements that have to succeed.
    ///
    /// # Errors
    /// The statements and the server's answer.
    pub async fn must(&self, statements: &str) -> Result<(), CannotRun> {
        self.client
            .batch_execute(statements)
            .await
            .map_err(|error| CannotRun(format!("{statements}\n  {}", describe(&error))))
    }

    /// Runs a statement that may be refused.
    ///
    /// # Errors
    /// That the connection is gone.
    pub async fn execute(&self, statement: &str) -> Result<Response, CannotRun> {
        match self.client.simple_query(statement).await {
            Ok(messages) => Ok(Ok(messages.iter().filter_map(cells).collect())),
            Err(error) => match error.as_db_error() {
                Some(db) => Ok(Err(db.clone())),
                None => Err(CannotRun(format!("{statement}\n  {}", describe(&error)))),
            },
        }
    }

    /// Waits until `other` waits for a lock (true), or has ended its transaction without
    /// waiting (false), as a refused one does.
    ///
    /// # Errors
    /// That it did neither in ten seconds.
    pub async fn see_waiting_or_done(&self, other: &Self) -> Result<bool, CannotRun> {
        let state = format!(
            "select exists (select from pg_catalog.pg_locks where pid = {0} and not granted), \
             exists (select from pg_catalog.pg_stat_activity where pid = {0} and state = 'idle')",
            other.pid
        );
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let rows = self.execute(&state).await?.unwrap_or_default();
            match rows.first().map(Vec::as_slice) {
                Some([waits, _]) if waits == "t" => return Ok(true),
                Some([_, done]) if done == "t" => return Ok(false),
                _ => {}
            }
        }
        Err(CannotRun("a session neither waited for a lock nor ended".to_owned()))
    }
}

fn cells(message: &SimpleQueryMessage) -> Option<Vec<String>> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|at| row.get(at).unwrap_or("∅").to_owned()).collect())
}
