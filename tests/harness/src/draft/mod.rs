//! Drafts a contract: writes down a database's contents in the contract's form, with every
//! guess at an intention marked.

mod cells;
pub mod checks;
mod effects;
mod examples;
mod expressions;
mod found;
mod grid;
mod guards;
mod inlined;
mod keys;
mod owners;
mod policies;
mod readers;
mod rest;
mod roles;
mod states;
mod tables;
mod users;
mod writer;

pub use self::found::{Found, GUESS};
pub(crate) use self::grid::GUESSED;
pub(crate) use self::writer::aligned;
use std::collections::BTreeMap;

use self::found::head;
use self::inlined::inlined;
use self::owners::Guesses;
use self::writer::Writer;
use crate::platform::Regime;
use crate::source::SourceFile;

/// The files of a contract, with their names below `contract/`.
pub fn draft(found: &Found<'_>) -> Vec<SourceFile> {
    let inlined = inlined(found.catalog);
    let read = Found { catalog: &inlined, ..*found };
    let guesses = Guesses::of(&read);
    let personas = users::personas(&guesses.comparisons);
    let mut files = vec![rest::database(found, &personas)];
    files.extend(tables::files(found, &read, &guesses, &personas));
    files.extend(rest::functions(found));
    files
}

/// The file of what no other says: the facets in which catalogs differ from the rest of the
/// draft, by regime; of an object that is not there, nothing.
pub fn rest(facets: &BTreeMap<String, BTreeMap<Regime, String>>) -> SourceFile {
    let mut file = Writer::new(&head("What no other file says, as the catalog shows it."));
    file.gap();
    for (id, texts) in facets {
        let first = texts.values().next().map(String::as_str).unwrap_or_default();
        if texts.values().all(|text| text == first) {
            file.pair(id, first);
        } else {
            let texts = texts.iter().map(|(it, text)| (it.name().to_owned(), text.clone().into()));
            file.pair(id, texts.collect::<toml::Table>());
        }
    }
    SourceFile { name: "catalog.toml".to_owned(), text: file.text() }
}

/// The number of guesses in a file.
pub fn guesses(file: &SourceFile) -> usize {
    file.text.lines().filter(|line| line.trim_start().starts_with(GUESS.trim_end())).count()
}
