//! Parses the constraints that the contract declares of a table.

use super::expression::Check;
use crate::contract::{Contract, Relation};

/// A CHECK, and its name if one is declared.
pub(super) struct Checked {
    pub(super) check: Check,
    pub(super) name: Option<String>,
}

/// A unique or primary key, and its name if one is declared.
pub(super) struct Key {
    pub(super) columns: Vec<String>,
    pub(super) name: Option<String>,
}

/// A foreign key.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    /// Qualified.
    pub(super) table: String,
    pub(super) column: String,
    /// `cascade`, `set null`, `restrict` or `no action`.
    pub(super) on_delete: String,
}

/// The constraints of a contract that are of no form for which cases are generated.
pub fn not_evaluated(contract: &Contract) -> Vec<String> {
    let of_table = |(table, declared): (&String, &Relation)| {
        let checks = all_checks(declared).into_iter().filter_map(Result::err);
        let keys = all_keys(declared).into_iter().filter_map(Result::err);
        let references = all_references(declared).into_iter().filter_map(Result::err);
        let all = checks.chain(keys).chain(references);
        all.map(|name| format!("{table}.{name}")).collect::<Vec<_>>()
    };
    contract.tables.iter().flat_map(of_table).collect()
}

/// The text within `head (` and `)`.
fn within<'a>(definition: &'a str, head: &str) -> Option<&'a str> {
    definition.strip_prefix(head)?.trim_start().strip_prefix('(')?.strip_suffix(')')
}

/// The CHECKs of a table that can be evaluated.
pub(super) fn checks(declared: &Relation) -> Vec<Checked> {
    all_checks(declared).into_iter().flatten().collect()
}

/// The unique and primary keys of a table.
pub(super) fn keys(declared: &Relation) -> Vec<Key> {
    all_keys(declared).into_iter().flatten().collect()
}

/// The foreign keys of a table, each with its column.
pub(super) fn references(declared: &Relation) -> Vec<(&str, Reference)> {
    all_references(declared).into_iter().flatten().collect()
}

/// Each CHECK, or the name of one that cannot be evaluated.
fn all_checks(declared: &Relation) -> Vec<Result<Checked, String>> {
    let of_columns = declared
        .columns
        .iter()
        .filter_map(|(name, column)| Some((name, column.check.as_deref()?, None)));
    let of_table = declared.constraints.iter().filter_map(|(name, definition)| {
        Some((name, within(definition, "check")?, Some(name.clone())))
    });
    let parse = |(object, expression, name): (&String, &str, Option<String>)| {
        let check = Check::parse(expression).ok_or_else(|| object.clone())?;
        Ok(Checked { check, name })
    };
    of_columns.chain(of_table).map(parse).collect()
}

fn all_keys(declared: &Relation) -> Vec<Result<Key, String>> {
    let of_table = declared.constraints.iter().filter_map(|(name, definition)| {
        if within(definition, "check").is_some() {
            return None;
        }
        let columns = within(definition, "unique").or(within(definition, "primary key"));
        let Some(columns) = columns else { return Some(Err(name.clone())) };
        let columns = columns.split(',').map(|column| column.trim().to_owned()).collect();
        Some(Ok(Key { columns, name: Some(name.clone()) }))
    });
    let unique = declared.columns.iter().filter(|(_, column)| column.unique);
    let of_columns = unique.map(|(name, _)| Ok(Key { columns: vec![name.clone()], name: None }));
    of_table.chain(of_columns).collect()
}

fn all_references(declared: &Relation) -> Vec<Result<(&str, Reference), String>> {
    let found = declared.columns.iter().filter_map(|(name, column)| {
        let parsed = reference(column.references.as_deref()?);
        Some(parsed.map(|it| (name.as_str(), it)).ok_or_else(|| name.clone()))
    });
    found.collect()
}

pub fn reference(text: &str) -> Option<Reference> {
    const ACTIONS: [&str; 4] = ["cascade", "set null", "restrict", "no action"];
    let (table, rest) = text.split_once(" (")?;
    let (column, action) = rest.split_once(')')?;
    let action = match action.trim() {
        "" => "no action",
        action => action.strip_prefix("on delete ")?,
    };
    ACTIONS.contains(&action).then(|| Reference {
        table: table.to_owned(),
        column: column.to_owned(),
        on_delete: action.to_owned(),
    })
}
