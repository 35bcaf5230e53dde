//! This file is the draft of a contract: what a database holds, written down as the contract
//! is, with every guess at what is meant marked as one.

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

/// What begins the line above everything that is guessed.
pub const GUESS: &str = "# guess: ";

/// What a draft is made from.
pub struct Found<'a> {
    /// What there is.
    pub catalog: &'a Catalog,
    /// What there was before the first migration.
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

/// How many guesses a file has.
pub fn guesses(file: &SourceFile) -> usize {
    file.text.lines().filter(|line| line.trim_start().starts_with(GUESS.trim_end())).count()
}

/// What stands at the head of every file.
fn head(what: &str) -> String {
    format!(
        "# {what}\n#\n# A draft: what stands here is what was observed, and not what is meant. \
         Correct it\n# until it says what is meant; begin with the lines under \"guess\".\n"
    )
}
