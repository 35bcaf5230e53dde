//! Connections to a database, and what is sent over them: files, batches and requests.

pub mod batch;
pub mod outcome;
pub mod plpgsql_check;
pub mod session;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream::poll_fn;
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::interval;
/// A connection, by a name that tests may use.
pub use tokio_postgres::Client;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Config, Connection, NoTls, SimpleQueryMessage, Socket};

use crate::error::{CannotRun, describe};
use crate::source::SourceFile;
use crate::sql::statements;

/// Opens a connection, driven by a task in the background.
///
/// # Errors
/// Why the server refused.
pub async fn connect(config: &Config) -> Result<Client, CannotRun> {
    let (client, connection) = open(config).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// How long a connection is waited for while others hold all that the server has.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long until the next try; a connection is held for milliseconds, mostly.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens a connection. That the server has none left, since several runs share it, says nothing
/// about the schema: then it is waited for.
async fn open(config: &Config) -> Result<(Client, Connection<Socket, NoTlsStream>), CannotRun> {
    let (begun, mut pauses) = (Instant::now(), interval(PAUSE));
    loop {
        pauses.tick().await;
        let error = match config.connect(NoTls).await {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let is_exhausted = error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS);
        if !is_exhausted || begun.elapsed() > PATIENCE {
            let role = config.get_user().unwrap_or("nobody");
            let why = describe(&error);
            return Err(CannotRun(format!("could not connect to the database as {role}: {why}")));
        }
    }
}

/// Messages in English, an empty `search_path`, and UTC.
pub const ADMIN_OPTIONS: &str = "-c lc_messages=C -c search_path= -c timezone=UTC";

/// A connection that collects the server's notices.
pub struct NoticeConnection {
    /// The connection.
    pub client: Client,
    config: Config,
    notices: Arc<Mutex<Vec<DbError>>>,
}

impl NoticeConnection {
    /// Opens one.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn connect(config: &Config) -> Result<Self, CannotRun> {
        let (client, mut connection) = open(config).await?;
        let notices = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&notices);
        tokio::spawn(async move {
            let mut messages = poll_fn(|context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notice(notice) = message {
                    collected.lock().expect("nobody panics with the lock").push(notice);
                }
            }
        });
        Ok(Self { client, config: config.clone(), notices })
    }

    /// Opens another connection with the same settings.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn open_another(&self) -> Result<Self, CannotRun> {
        Self::connect(&self.config).await
    }

    /// The notices since the last call. A notice arrives before the answer to the statement
    /// that raised it, so that none is missing.
    pub fn notices(&self) -> Vec<DbError> {
        std::mem::take(&mut self.notices.lock().expect("nobody panics with the lock"))
    }
}

/// Runs a file as one simple query, as a hosted SQL editor does.
///
/// # Errors
/// File, line, statement and the server's answer.
pub async fn apply(client: &Client, file: &SourceFile, what: &str) -> Result<(), CannotRun> {
    let mut done = 0;
    let run = async {
        let mut messages = std::pin::pin!(client.simple_query_raw(&file.text).await?);
        while let Some(message) = messages.try_next().await? {
            done += usize::from(matches!(message, SimpleQueryMessage::CommandComplete(_)));
        }
        Ok(())
    };
    let result: Result<(), tokio_postgres::Error> = run.await;
    result.map_err(|error| {
        let all = statements::split(&file.text);
        let position = error.as_db_error().and_then(|error| match error.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => {
                let at = usize::try_from(*at).unwrap_or(1).saturating_sub(1);
                file.text.char_indices().nth(at).map(|(offset, _)| offset)
            }
            _ => None,
        });
        let line = position.map(|offset| statements::line_of(&file.text, offset));
        let statement = match line {
            Some(line) => all.iter().rev().find(|statement| statement.line <= line),
            None => all.get(done),
        };
        let line = line.or(statement.map(|statement| statement.line)).unwrap_or(1);
        let first_lines: Vec<&str> =
            statement.map_or(Vec::new(), |statement| statement.text.lines().take(8).collect());
        let note = match error.code().map(tokio_postgres::error::SqlState::code) {
            Some("42501") => {
                "\n  note: migrations run as postgres, which is no superuser on the platform \
                 either; leave out what needs one"
            }
            Some("57014") => {
                "\n  note: it was ended, since it took longer than the minute that each statement \
                 of a migration has"
            }
            _ => "",
        };
        CannotRun(format!(
            "could not apply {what}: {}:{line}: {}\n  {}{note}",
            file.name,
            describe(&error),
            first_lines.join("\n  "),
        ))
    })
}
