//! Sends several statements in one message and collects the answer to each.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;

use futures_util::TryStreamExt;
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::{CannotRun, describe};

/// What the server sent back for one statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its rows, as text; null is `∅`.
    pub rows: Vec<Vec<String>>,
    /// The count in its command tag.
    pub count: u64,
}

impl Answer {
    /// The first column of the first row.
    ///
    /// # Errors
    /// What the answer holds, if it is no `T`.
    pub fn one<T: FromStr>(&self) -> Result<T, Unexpected> {
        let text = self.rows.first().and_then(|row| row.first());
        let text = text.ok_or_else(|| Unexpected("no row".to_owned()))?;
        text.parse().map_err(|_| Unexpected(text.clone()))
    }
}

/// An answer of another type than expected.
#[derive(Debug)]
pub struct Unexpected(String);

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an unexpected answer: {}", self.0)
    }
}

impl std::error::Error for Unexpected {}

/// Runs a batch in one message; answers that came before an error are kept.
///
/// # Errors
/// Why the server could not be reached.
pub async fn run(
    client: &Client,
    batch: &str,
) -> Result<(Vec<Answer>, Option<DbError>), CannotRun> {
    let gone = |error: tokio_postgres::Error| {
        CannotRun(format!("could not reach the server: {}", describe(&error)))
    };
    let mut messages = pin!(client.simple_query_raw(batch).await.map_err(gone)?);
    let mut answers = Vec::new();
    let mut open = Answer::default();
    loop {
        match messages.try_next().await {
            Ok(Some(SimpleQueryMessage::Row(row))) => {
                let text = |at| row.get(at).unwrap_or("∅").to_owned();
                open.rows.push((0..row.len()).map(text).collect());
            }
            Ok(Some(SimpleQueryMessage::CommandComplete(count))) => {
                open.count = count;
                answers.push(std::mem::take(&mut open));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok((answers, None)),
            Err(error) => match error.as_db_error() {
                Some(db) => return Ok((answers, Some(db.clone()))),
                None => return Err(gone(error)),
            },
        }
    }
}
