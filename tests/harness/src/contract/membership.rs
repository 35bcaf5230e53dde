//! Membership: rows whose users are named by the rows of another table, so that a row can have
//! several users.

use std::collections::BTreeMap;

use crate::source::mistake::Wrong;

/// Where the members of a row are found: `column <- table.by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// The key of the row itself.
    pub column: String,
    /// The table of memberships.
    pub table: String,
    /// The column of memberships that holds that key.
    pub by: String,
}

/// The properties of a table of memberships.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// Its columns that hold the key of a row, each with that row's table.
    pub of: Vec<(String, String)>,
    /// The values of a generated membership: SQL expressions by column, for an only member
    /// (`alone`), and for each of the two members of a shared row.
    pub values: Values,
}

/// SQL expressions by member and column.
pub type Values = BTreeMap<String, BTreeMap<String, String>>;

/// The key for the only member of a row.
pub const ALONE: &str = "alone";

/// The form of an owner by membership.
pub(super) const FORM: &str = "say `column <- table.column`: this table's key, and the column of the table of \
                    memberships that holds it";

impl Members {
    /// Reads `column <- table.by`.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let parts = text.split_once("<-").and_then(|(column, there)| {
            let (table, by) = there.split_once('.')?;
            Some([column.trim(), table.trim(), by.trim()])
        });
        match parts {
            Some(parts) if parts.iter().all(|part| is_a_name(part)) => {
                let [column, table, by] = parts.map(str::to_owned);
                Ok(Self { column, table, by })
            }
            _ => Err(Wrong::new(format!("`{text}` is no membership")).help(FORM)),
        }
    }
}

/// Whether a part of a path may be a name.
pub(super) fn is_a_name(part: &str) -> bool {
    !part.is_empty() && !part.contains([' ', '.', '<', '>'])
}
