//! Connections of the harness's own, and what goes wrong on them.

use super::CannotRun;
use std::error::Error;
use std::fmt::Write;
use tokio_postgres::{Client, Config, NoTls};

/// The database that every server has; the harness itself connects to no other.
pub(super) const MAINTENANCE: &str = "postgres";

/// Connects; the connection lives on a task of the caller's runtime.
///
/// # Errors
/// Why the server refuses.
pub(super) async fn connect(config: &Config) -> Result<Client, CannotRun> {
    let (client, connection) = config.connect(NoTls).await.map_err(|problem| {
        let database = config.get_dbname().unwrap_or(MAINTENANCE);
        CannotRun(format!("could not connect to database {database}: {}", describe(&problem)))
    })?;
    tokio::spawn(connection);
    Ok(client)
}

/// A statement that the server refused.
pub(super) fn cannot(statement: &str, problem: &tokio_postgres::Error) -> CannotRun {
    CannotRun(format!("could not run {statement}: {}", describe(problem)))
}

/// The server's words with SQLSTATE, detail and hint; or the whole chain of causes.
pub(super) fn describe(problem: &tokio_postgres::Error) -> String {
    let Some(refusal) = problem.as_db_error() else {
        let mut words = problem.to_string();
        let mut cause = problem.source();
        while let Some(deeper) = cause {
            let _ = write!(words, ": {deeper}");
            cause = deeper.source();
        }
        return words;
    };
    let mut words = format!("{} (SQLSTATE {})", refusal.message(), refusal.code().code());
    for (name, text) in [("detail", refusal.detail()), ("hint", refusal.hint())] {
        if let Some(text) = text {
            let _ = write!(words, "; {name}: {text}");
        }
    }
    words
}
