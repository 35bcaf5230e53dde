//! This file is what a statement got, in the words of the access grid.

use std::fmt;

use tokio_postgres::error::DbError;

/// The outcome of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran, and returned or changed so many rows.
    Rows(u64),
    /// A privilege on the object itself is missing.
    NoPrivilege,
    /// A policy's WITH CHECK refused the new row.
    PolicyViolation,
    /// Anything else, which is never a pass: SQLSTATE and message.
    Failed(String),
}

impl Outcome {
    /// Reads a refusal. Both kinds are SQLSTATE 42501; the routine that raised the error
    /// tells them apart in every locale. A privilege that is missing on *another* object (a
    /// function that a policy calls, say) is a denial for the wrong reason, so the message
    /// must name `relation`; the harness sets `lc_messages` so that it can be read.
    pub fn of_error(error: &DbError, relation: &str) -> Self {
        let routine = error.routine().unwrap_or_default();
        let names_it = error.message().ends_with(&format!(" {relation}"));
        match (error.code().code(), routine) {
            ("42501", "aclcheck_error") if names_it => Self::NoPrivilege,
            ("42501", "ExecWithCheckOptions") => Self::PolicyViolation,
            (code, _) => Self::Failed(format!("{code} {}", error.message())),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(1) => f.write_str("1 row"),
            Self::Rows(n) => write!(f, "{n} rows"),
            Self::NoPrivilege => f.write_str("no privilege"),
            Self::PolicyViolation => f.write_str("policy violation"),
            Self::Failed(why) => write!(f, "failed {why}"),
        }
    }
}
