//! The outcome of a statement, in the terms of the access grid.

use std::fmt;

use tokio_postgres::error::DbError;

/// The outcome of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded, and returned or changed this many rows.
    Rows(u64),
    /// The role lacks a privilege on the object itself.
    NoPrivilege,
    /// A policy's WITH CHECK refused the new row.
    PolicyViolation,
    /// A refusal that the contract asks for, in its words.
    AsDeclared(String),
    /// The row was reached, and a constraint refused what would become of it: SQLSTATE and
    /// message.
    Refused(String),
    /// Any other error, which is never a pass: SQLSTATE and message.
    Failed(String),
}

/// Whether an error says something of the server and its load, and nothing of the schema: it is
/// short of a resource, or a lock or an answer took too long.
pub fn is_of_the_server(error: &DbError) -> bool {
    let code = error.code().code();
    code.starts_with("53") || ["40P01", "55P03", "57014", "57P03"].contains(&code)
}

impl Outcome {
    /// Classifies an error. Both kinds of refusal are SQLSTATE 42501; the routine that raised
    /// the error distinguishes them in every locale. A missing privilege on *another* object,
    /// such as a function that a policy calls, is a refusal for the wrong reason, so the
    /// message must name the table, or the schema that it is in; the harness sets `lc_messages`
    /// so that it can be parsed.
    pub fn of_error(error: &DbError, [schema, table]: [&str; 2]) -> Self {
        let (routine, message) = (error.routine().unwrap_or_default(), error.message());
        let names_it = message.ends_with(&format!(" {table}"))
            || message == format!("permission denied for schema {schema}");
        match (error.code().code(), routine) {
            ("42501", "aclcheck_error") if names_it => Self::NoPrivilege,
            ("42501", "ExecWithCheckOptions") => Self::PolicyViolation,
            (code, _) if code.starts_with("23") => Self::Refused(format!("{code} {message}")),
            (code, _) => Self::Failed(format!("{code} {message}")),
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
            Self::AsDeclared(how) => f.write_str(how),
            Self::Refused(why) | Self::Failed(why) => write!(f, "failed {why}"),
        }
    }
}
