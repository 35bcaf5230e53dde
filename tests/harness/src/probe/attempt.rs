//! An attempt of a probe, and its result.

use std::time::Duration;

use tokio_postgres::error::DbError;

use super::digest::{Changed, Digest};
use crate::database::batch::Answer;
use crate::platform::persona::Identity;

/// The statements of a probe.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// The setup: statements that the administrator runs first.
    pub setup: &'a [String],
    /// The identity that runs the script.
    pub identity: &'a Identity,
    /// The statements that are tried, in order until one fails.
    pub script: &'a [String],
    /// Unless empty: an expression for whether row level security is active.
    pub active: &'a str,
}

/// The result of an attempt.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The answer to each statement of the script, until one failed.
    pub answers: Vec<Answer>,
    /// The error of the statement that failed.
    pub error: Option<DbError>,
    /// The server's notices.
    pub notices: Vec<DbError>,
    /// The state before the script, where the setup has changed that.
    pub before: Option<Digest>,
    /// The rows that changed.
    pub changed: Vec<Changed>,
    /// Session user, role, superuser, BYPASSRLS and whether row level security is active.
    pub guard: Vec<String>,
    /// The time from the first byte sent to the rollback's answer.
    pub took: Duration,
}
