//! The rows that were made, and what was learned of the tables meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::owner::Owner;
use super::sender::Sender;
use crate::catalog::Relation;
use crate::error::{CannotRun, describe};
use crate::sql::ident;

/// A row that exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    pub(super) owner: String,
    pub(super) variant: Option<String>,
    /// The values of its primary key, separated by slashes.
    pub(super) key: String,
    pub(super) values: BTreeMap<String, String>,
}

impl Row {
    /// The value of a column as a SQL literal.
    pub fn literal(&self, column: &str) -> Option<&str> {
        self.values.get(column).map(String::as_str)
    }
}

/// All rows that were made, what was learned of the columns meanwhile, and why some rows could
/// not be made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct World {
    pub(super) rows: BTreeMap<String, Vec<Row>>,
    /// The literals that checks leave to a column, by table and column.
    pub(super) accepted: BTreeMap<String, Vec<String>>,
    /// Columns that need a value although they may be null, or have a default.
    pub(super) required: BTreeSet<String>,
    /// Columns that name an account, and not the owner's.
    pub(super) of_another: BTreeSet<String>,
    /// Tables whose rows triggers let in only with claims.
    pub(super) senders: BTreeMap<String, Sender>,
    /// Tables of which a trigger makes a row for its parent.
    pub(super) adopted: BTreeSet<String>,
    pub(super) unmade: BTreeMap<String, Cause>,
    pub(super) sign_up: Option<Cause>,
    pub(super) script: Vec<String>,
}

impl World {
    /// The rows of a table that belong to `owner`, of one variant or plain.
    pub fn rows(&self, table: &str, owner: Owner, variant: Option<&str>) -> Vec<&Row> {
        let wanted = |row: &&Row| row.owner == owner.name() && row.variant.as_deref() == variant;
        self.all_rows(table).filter(wanted).collect()
    }

    /// The variant of the row with that key, whose values are separated as in state digests.
    pub fn variant(&self, table: &str, key: &str) -> Option<&str> {
        self.all_rows(table).find(|row| row.key == key)?.variant.as_deref()
    }

    pub(super) fn all_rows(&self, table: &str) -> impl Iterator<Item = &Row> {
        self.rows.get(table).into_iter().flatten()
    }

    /// Why there are no rows of that table, where they could not be made.
    pub fn unmade(&self, table: &str) -> Option<&Cause> {
        self.unmade.get(table)
    }

    /// Why accounts were refused their sign-up, where any were.
    pub fn refused_sign_up(&self) -> Option<&Cause> {
        self.sign_up.as_ref()
    }

    /// The tables without rows that are to blame themselves, each with those that it leaves
    /// without any.
    pub fn all_unmade(&self) -> impl Iterator<Item = (&str, &Cause, Vec<&str>)> {
        let roots = self.unmade.iter().filter(|(_, cause)| cause.behind.is_none());
        roots.map(|(table, cause)| {
            let others = self.unmade.keys().map(String::as_str).filter(|other| other != table);
            (table.as_str(), cause, others.filter(|it| self.root_of(it) == table).collect())
        })
    }

    /// The table that one's rows are missing because of, in the end.
    pub(super) fn root_of<'w>(&'w self, mut table: &'w str) -> &'w str {
        for _ in &self.unmade {
            match self.unmade.get(table).and_then(|cause| cause.behind.as_deref()) {
                Some(parent) => table = parent,
                None => break,
            }
        }
        table
    }

    /// The statements that made it, in order, for a superuser.
    pub fn script(&self) -> &[String] {
        &self.script
    }

    /// The literals that the checks of a column accept, where it has any.
    pub fn accepted(&self, table: &str, column: &str) -> &[String] {
        self.accepted.get(&format!("{table}.{column}")).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_required(&self, table: &str, column: &str) -> bool {
        self.required.contains(&format!("{table}.{column}"))
    }

    pub(super) fn is_of_another(&self, table: &str, column: &str) -> bool {
        self.of_another.contains(&format!("{table}.{column}"))
    }

    pub(super) fn comes_with_its_parent(&self, table: &str) -> bool {
        self.adopted.contains(table)
    }

    /// An INSERT into that table, with the claims that its triggers ask for.
    pub(super) fn as_sender(&self, table: &str, owner: Owner, insert: String) -> Vec<String> {
        self.senders.get(table).copied().unwrap_or(Sender::Nobody).sends(owner, insert)
    }

    /// Every uuid that stands in a row.
    pub fn uuids(&self) -> impl Iterator<Item = String> {
        let values = self.rows.values().flatten().flat_map(|row| row.values.values());
        let bare = values.map(|value| value.trim_matches('\''));
        bare.filter(|value| uuid::Uuid::try_parse(value).is_ok()).map(str::to_owned)
    }
}

/// Every column of a row as a SQL literal.
pub(super) fn literals(relation: &Relation) -> String {
    let literal = |column: &crate::catalog::Column| {
        format!("coalesce(pg_catalog.quote_literal({}::text), 'null')", ident(&column.name))
    };
    relation.columns.iter().map(literal).collect::<Vec<_>>().join(", ")
}

pub(super) fn failed(statement: &str, error: &tokio_postgres::Error) -> CannotRun {
    CannotRun(format!("could not make the rows of the world: {statement}\n  {}", describe(error)))
}
