//! Drafts a contract: writes down a database's contents in the contract's form, with every
//! guess at an intention marked.

mod checks;
mod grid;
mod owners;
mod rest;
mod tables;
mod writer;

use std::collections::BTreeMap;

use serde_json::Value;

use self::owners::Guesses;
use super::catalog::Catalog;
use super::catalog::facets::Facets;
use crate::source::SourceFile;

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

/// The files of a contract, with their names below `contract/`.
pub fn draft(found: &Found<'_>) -> Vec<SourceFile> {
    let guesses = Guesses::of(found.catalog);
    let mut files = vec![rest::database(found)];
    files.extend(tables::files(found, &guesses));
    files.extend(rest::functions(found));
    files
}

/// The number of guesses in a file.
pub fn guesses(file: &SourceFile) -> usize {
    file.text.lines().filter(|line| line.trim_start().starts_with(GUESS.trim_end())).count()
}

/// The head of every file.
fn head(what: &str) -> String {
    format!(
        "# {what}\n#\n# A draft: it describes the database as observed, not as intended. Correct \
            it\n# until it says what is intended; begin with the lines under \"guess\".\n"
    )
}
