//! Tenants: an id that several users may have in common, in a column of the row, and in a row of
//! each user's or in the claims of each user's token.

use std::fmt;

use serde_json::{Value, json};

use super::membership::is_a_name;
use crate::platform::persona::Persona;
use crate::source::mistake::Wrong;

/// Whose a row is by its tenant: `column = table.column`, or `column = claim path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The column of the row that holds the tenant.
    pub column: String,
    /// Where the tenant of a user stands.
    pub of_user: Place,
}

/// Where the tenant of a user stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a column of the user's row of a table.
    Column {
        /// The table.
        table: String,
        /// Its column.
        column: String,
    },
    /// In the claims of the user's token.
    Claim(Claim),
}

/// A claim: the names from the token's document to a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The names, the outermost first.
    pub path: Vec<String>,
    /// Whether the value is a list, of which each element counts.
    pub is_list: bool,
}

impl Claim {
    /// The same as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        self.path.iter().map(|name| format!("/{name}")).collect()
    }
}

/// The form of an owner by tenant.
pub(super) const FORM: &str = "say `column = table.column`, the table's rows being the users', or \
                               `column = claim name.name`, with `[]` behind a list";

impl Tenant {
    /// Reads `column = table.column` or `column = claim path`.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let none = || Wrong::new(format!("`{text}` says nothing of a tenant")).help(FORM);
        let (column, place) = text.split_once(" = ").ok_or_else(none)?;
        let (column, place) = (column.trim().to_owned(), place.trim());
        let of_user = match place.strip_prefix("claim ") {
            Some(path) => {
                let (path, is_list) = match path.trim().strip_suffix("[]") {
                    Some(path) => (path, true),
                    None => (path.trim(), false),
                };
                let path: Vec<String> = path.split('.').map(str::to_owned).collect();
                Some(Place::Claim(Claim { path, is_list }))
            }
            // The name of a table may have that of its schema before it.
            None => place.rsplit_once('.').map(|(table, column)| Place::Column {
                table: table.to_owned(),
                column: column.to_owned(),
            }),
        };
        let names: Vec<&String> = match &of_user {
            None => Vec::new(),
            Some(Place::Column { column, .. }) => vec![column],
            Some(Place::Claim(claim)) => claim.path.iter().collect(),
        };
        if names.is_empty() || !is_a_name(&column) || !names.iter().all(|name| is_a_name(name)) {
            return Err(none());
        }
        Ok(Self { column, of_user: of_user.ok_or_else(none)? })
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.column)?;
        match &self.of_user {
            Place::Column { table, column } => write!(f, "{table}.{column}"),
            Place::Claim(Claim { path, is_list }) => {
                write!(f, "claim {}{}", path.join("."), if *is_list { "[]" } else { "" })
            }
        }
    }
}

/// Whether tenants in a column of that type are numbers.
fn is_number(data_type: &str) -> bool {
    ["smallint", "integer", "bigint", "int", "numeric"].contains(&data_type)
}

/// The tenant of each user that stands in a claim, as a token has it. No two users have the same.
pub fn in_claims(user: Persona, data_type: &str) -> Option<Value> {
    let id = user.user_id()?;
    let number = || u64::from_str_radix(&id[28..], 16).unwrap_or_default() % 30_000;
    Some(if is_number(data_type) {
        json!(number())
    } else {
        json!(format!("7e4a0000{}", &id[8..]))
    })
}
