//! What a draft is made from, and what each of its files begins with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::facets::Facets;
use crate::catalog::{Catalog, Relation};

/// The beginning of the line above each guess.
pub const GUESS: &str = "# guess: ";

/// The platform's table of files.
pub(super) const OBJECTS: &str = "storage.objects";

/// What a draft is made from.
pub struct Found<'a> {
    /// The migrated database.
    pub catalog: &'a Catalog,
    /// The facets before the first migration.
    pub baseline: &'a Facets,
    /// The rows that migrations left in each table.
    pub seeds: &'a BTreeMap<String, Vec<Value>>,
    /// Parties that are none after all: table and word.
    pub without: &'a BTreeSet<(String, String)>,
}

impl Found<'_> {
    /// The tables and views that the migrations made, and the files of the platform, where they
    /// have policies; apart from partitions, whose rows their tables show.
    pub(super) fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.catalog.relations.iter().filter(|it| {
            let is_of_a_file = it.is_table() && !it.is_partition() || it.kind.ends_with("view");
            let has_files = it.declared_name() == OBJECTS && !it.policies.is_empty();
            is_of_a_file && (has_files || !self.is_platforms(it))
        })
    }

    /// Whether it was there before the first migration.
    pub(super) fn is_platforms(&self, relation: &Relation) -> bool {
        self.baseline.contains_key(&format!("{}/kind", relation.id()))
    }
}

/// The head of every file.
pub(super) fn head(what: &str) -> String {
    format!(
        "# {what}\n#\n# A draft: it describes the database as observed, not as intended. Correct \
            it\n# until it says what is intended; begin with the lines under \"guess\".\n"
    )
}
