//! What a draft is made from, and what each of its files begins with.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::Catalog;
use crate::catalog::facets::Facets;

/// The beginning of the line above each guess.
pub const GUESS: &str = "# guess: ";

/// What a draft is made from.
pub struct Found<'a> {
    /// The migrated database.
    pub catalog: &'a Catalog,
    /// The facets before the first migration.
    pub baseline: &'a Facets,
    /// The rows that migrations left in each table.
    pub seeds: &'a BTreeMap<String, Vec<Value>>,
}

/// The head of every file.
pub(super) fn head(what: &str) -> String {
    format!(
        "# {what}\n#\n# A draft: it describes the database as observed, not as intended. Correct \
            it\n# until it says what is intended; begin with the lines under \"guess\".\n"
    )
}
