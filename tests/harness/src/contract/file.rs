//! The form of a table's or view's file.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    pub(super) accepted: Vec<Accepted>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the owner is a string, or several in brackets")]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}
