//! Why a row could not be written: what refused it, and in which words.

use serde::{Deserialize, Serialize};
use tokio_postgres::error::DbError;

use crate::catalog::{Catalog, Relation};
use crate::error::CannotRun;

/// Why there are no rows of a table, or why somebody could not sign up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What is at fault, as findings name it: a function, a constraint or column with its
    /// table, or a table.
    pub object: String,
    /// What refused, and the server's words.
    pub words: String,
    /// The statement that was refused; empty where none could be written.
    pub statement: String,
    /// The table whose rows are missing and would have been pointed at, where that is why.
    pub behind: Option<String>,
}

/// A statement that the server refused.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) constraint: Option<String>,
    pub(super) column: Option<String>,
    /// The table that the server speaks of, which may be another than the statement's.
    pub(super) table: Option<String>,
    message: String,
    context: String,
    statement: String,
}

impl Refused {
    pub(super) fn new(statement: &str, error: &DbError) -> Self {
        let mut message = format!("{} (SQLSTATE {})", error.message(), error.code().code());
        for (name, part) in [("detail", error.detail()), ("hint", error.hint())] {
            if let Some(part) = part {
                message += &format!("; {name}: {part}");
            }
        }
        Self {
            code: error.code().code().to_owned(),
            constraint: error.constraint().map(str::to_owned),
            column: error.column().map(str::to_owned),
            table: error.table().map(str::to_owned),
            message,
            context: error.where_().unwrap_or_default().to_owned(),
            statement: statement.to_owned(),
        }
    }

    /// That the statement went through, and its row does not say what it was to say.
    pub(super) fn altered(statement: &str, column: &str, value: &str) -> Self {
        let message = format!("a trigger sets {column} to {value}");
        Self { column: Some(column.to_owned()), message, ..Self::silent(statement) }
    }

    /// That the statement went through, and there is no row.
    pub(super) fn silent(statement: &str) -> Self {
        Self {
            code: String::new(),
            constraint: None,
            column: None,
            table: None,
            message: "no row is there afterwards: a trigger or rule keeps it out".to_owned(),
            context: String::new(),
            statement: statement.to_owned(),
        }
    }

    /// The function that was running: a trigger's, where one of those that were is.
    fn function(&self, catalog: &Catalog) -> Option<String> {
        let at = |name: &str| self.context.find(&format!("{name}("));
        let running = catalog.functions.iter().filter_map(|function| {
            let qualified = format!("{}.{}", function.schema, function.name);
            let place = at(&qualified).or_else(|| at(&format!(" {}", function.name)))?;
            Some((function.returns != "trigger", place, function.declared_name()))
        });
        running.min().map(|(_, _, name)| name)
    }

    /// The cause that it is, for rows of that table or for an account.
    pub(super) fn cause(&self, catalog: &Catalog, relation: &Relation) -> Cause {
        let table = relation.declared_name();
        let of_table = self.table.as_ref().is_none_or(|it| *it == relation.name);
        let part = self.constraint.as_ref().or(self.column.as_ref()).filter(|_| of_table);
        let (object, who) = match (self.function(catalog), part) {
            (Some(function), _) => {
                let who = format!("the function {function}, which a trigger calls,");
                (function, who)
            }
            (None, Some(part)) => {
                let what = if self.constraint.is_some() { "constraint" } else { "column" };
                (format!("{table}.{part}"), format!("{what} {part} of {table}"))
            }
            (None, None) => (table.clone(), format!("table {table}")),
        };
        let words = format!("{who} refuses it: {}", self.message);
        Cause { object, words, statement: self.statement.clone(), behind: None }
    }
}

impl Cause {
    /// That no statement could be written.
    pub(super) fn unwritten(table: &str, why: &CannotRun) -> Self {
        let (object, words) = (table.to_owned(), why.0.clone());
        Self { object, words, statement: String::new(), behind: None }
    }

    /// That there are no rows of a table that this one must point at.
    pub(super) fn behind(table: &str, parent: &str) -> Self {
        let words = format!("its rows must point at rows of {parent}, and there are none");
        let (object, behind) = (table.to_owned(), Some(parent.to_owned()));
        Self { object, words, statement: String::new(), behind }
    }
}
