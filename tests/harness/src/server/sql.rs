//! The harness's own connections, and the errors on them.

use crate::error::CannotRun;
use std::error::Error;
use std::fmt::Write;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

/// The database that every server has; the harness itself connects to no other.
pub(super) const MAINTENANCE: &str = "postgres";

/// Connects. A task of the current runtime drives the connection and ends with it.
///
/// # Errors
/// Why the server refuses.
pub(super) async fn session(config: &Config) -> Result<(Client, JoinHandle<()>), CannotRun> {
    let (client, connection) = config.connect(NoTls).await.map_err(|problem| {
        let database = config.get_dbname().unwrap_or(MAINTENANCE);
        CannotRun(format!("could not connect to database {database}: {}", describe(&problem)))
    })?;
    // The next use of the connection reports why it ended.
    Ok((client, tokio::spawn(async { drop(connection.await) })))
}

/// Runs one statement.
///
/// # Errors
/// The statement and the server's error.
pub(super) async fn run(client: &Client, statement: &str) -> Result<(), CannotRun> {
    client.batch_execute(statement).await.map_err(|problem| cannot(statement, &problem))
}

/// A statement that the server refused.
pub(super) fn cannot(statement: &str, problem: &tokio_postgres::Error) -> CannotRun {
    CannotRun(format!("could not run {statement}: {}", describe(problem)))
}

/// The server's message with SQLSTATE, detail and hint; or the whole chain of causes.
fn describe(problem: &tokio_postgres::Error) -> String {
    let Some(refusal) = problem.as_db_error() else {
        let mut message = problem.to_string();
        let mut cause = problem.source();
        while let Some(deeper) = cause {
            let _ = write!(message, ": {deeper}");
            cause = deeper.source();
        }
        return message;
    };
    let mut message = format!("{} (SQLSTATE {})", refusal.message(), refusal.code().code());
    for (name, text) in [("detail", refusal.detail()), ("hint", refusal.hint())] {
        if let Some(text) = text {
            let _ = write!(message, "; {name}: {text}");
        }
    }
    message
}
