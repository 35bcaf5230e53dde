//! Parties: users of a row beside its owner, such as the recipient of a message or the readers
//! of a document.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::Owner;

/// A user of a row beside its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// How the row leads to the user.
    pub path: Owner,
    /// SQL expressions by column, of the row that shares this one, or of this one itself.
    pub values: BTreeMap<String, String>,
}

/// A party as a file declares it: its path alone, or with values.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "the path to the party, or { path = \"…\", values = { … } }")]
pub(super) enum PartyKeys {
    /// The path.
    Path(String),
    /// The path, and SQL expressions by column.
    WithValues {
        path: String,
        #[serde(default)]
        values: BTreeMap<String, String>,
    },
}

impl PartyKeys {
    /// The path, and the values.
    pub(super) fn parts(&self) -> (&str, BTreeMap<String, String>) {
        match self {
            Self::Path(path) => (path, BTreeMap::new()),
            Self::WithValues { path, values } => (path, values.clone()),
        }
    }
}
