//! The form of a table's or view's file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::effects::Effect;
use super::membership::Values;
use super::model::{Accepted, Column};

/// A table's or view's file, as parsed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelationFile {
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "owner")]
    _owner: OneOrMany,
    pub(super) access: String,
    #[serde(default)]
    pub(super) security_invoker: bool,
    #[serde(default)]
    pub(super) security_barrier: bool,
    #[serde(default)]
    pub(super) materialized: bool,
    #[serde(default)]
    pub(super) privileges: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) variants: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) members: Values,
    #[serde(default)]
    pub(super) parties: BTreeMap<String, PartyKeys>,
    pub(super) columns: BTreeMap<String, Column>,
    #[serde(default)]
    pub(super) constraints: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) indexes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) triggers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) policies: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) seed: Vec<toml::Table>,
    #[serde(default)]
    pub(super) effects: Vec<Effect>,
    #[serde(default)]
    pub(super) accepted: Vec<Accepted>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the owner is a string, or several in brackets")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
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
