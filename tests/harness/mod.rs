//! This file is the list of what a test is made with; none of it names a table.

pub(crate) mod attack;
pub(crate) mod batch;
pub(crate) mod catalog;
pub(crate) mod contract;
pub(crate) mod cves;
pub(crate) mod database;
pub(crate) mod digest;
pub(crate) mod draft;
pub(crate) mod expected;
pub(crate) mod families;
pub(crate) mod flow;
pub(crate) mod gateway;
pub(crate) mod inputs;
pub(crate) mod ledger;
pub(crate) mod lint;
pub(crate) mod matrix;
pub(crate) mod mutants;
pub(crate) mod outcome;
pub(crate) mod persona;
pub(crate) mod plan;
pub(crate) mod plpgsql_check;
pub(crate) mod probe;
pub(crate) mod progress;
pub(crate) mod promises;
pub(crate) mod property;
pub(crate) mod queries;
pub(crate) mod reach;
pub(crate) mod rows;
pub(crate) mod rules;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod statements;

pub(crate) use server::CannotRun;

/// Quotes text as a SQL literal.
pub(crate) fn quote(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Quotes a SQL identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A server's error in one line: message, SQLSTATE, detail and hint; or why there is none.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    let Some(error) = error.as_db_error() else {
        return error.to_string();
    };
    let mut text = format!("{} (SQLSTATE {})", error.message(), error.code().code());
    for (name, part) in [("detail", error.detail()), ("hint", error.hint())] {
        if let Some(part) = part {
            text += &format!("; {name}: {part}");
        }
    }
    text
}
