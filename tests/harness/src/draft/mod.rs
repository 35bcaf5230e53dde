//! Drafts a contract: writes down a database's contents in the contract's form, with every
//! guess at an intention marked.

mod checks;
mod found;
mod grid;
mod owners;
mod rest;
mod tables;
mod writer;

pub use self::found::{Found, GUESS};
use self::owners::Guesses;
use crate::source::SourceFile;

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
