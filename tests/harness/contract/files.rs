//! This file is how the contract's files are read, and what is said when one is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::grid::{Grid, Shape};
use super::{Accepted, Column, Contract, Function, Owner, Relation};
use crate::harness::CannotRun;

/// A table's or view's file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationFile {
    name: Option<String>,
    owner: OneOrMany,
    access: String,
    #[serde(default)]
    security_invoker: bool,
    #[serde(default)]
    privileges: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    variants: BTreeMap<String, BTreeMap<String, String>>,
    columns: BTreeMap<String, Column>,
    #[serde(default)]
    constraints: BTreeMap<String, String>,
    #[serde(default)]
    indexes: BTreeMap<String, String>,
    #[serde(default)]
    triggers: BTreeMap<String, String>,
    #[serde(default)]
    policies: BTreeMap<String, String>,
    #[serde(default)]
    seed: Vec<toml::Table>,
    #[serde(default)]
    accepted: Vec<Accepted>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A file of the contract, kept with its text so that a mistake can be given its line.
struct File {
    /// Relative to the contract's directory, with forward slashes.
    name: String,
    stem: String,
    text: String,
}

impl File {
    /// An error at the first line that contains `word`, or at line 1.
    fn error(&self, word: &str, message: &str) -> CannotRun {
        let line = self.text.lines().position(|line| line.contains(word)).unwrap_or(0) + 1;
        self.error_at(line, message)
    }

    fn line_of_column(&self, column: &str) -> usize {
        let header = format!("[columns.{column}]");
        self.text.lines().position(|line| line.trim() == header).unwrap_or(0) + 1
    }

    fn error_at(&self, line: usize, message: &str) -> CannotRun {
        CannotRun(format!("contract {}:{line}: {message}", self.name))
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, CannotRun> {
        toml::from_str(&self.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start).min(self.text.len());
            let line = self.text[..start].matches('\n').count() + 1;
            self.error_at(line, error.message().trim())
        })
    }
}

/// Reads the contract's directory.
pub(super) fn read(dir: &Path) -> Result<Contract, CannotRun> {
    if !dir.is_dir() {
        return Err(CannotRun(format!(
            "could not find the contract: {} is not a directory; write one TOML file per \
             table, view and function into its tables/, views/ and functions/",
            dir.display()
        )));
    }
    let mut contract = Contract::default();
    let mut declared: BTreeMap<String, String> = BTreeMap::new();
    for (kind, relations) in [("tables", &mut contract.tables), ("views", &mut contract.views)] {
        for file in files(dir, kind)? {
            let parsed: RelationFile = file.parse()?;
            let name = parsed.name.clone().unwrap_or_else(|| file.stem.clone());
            if let Some(first) = declared.insert(name.clone(), file.name.clone()) {
                let message = format!("\"{name}\" is already declared by {first}");
                return Err(file.error("name =", &message));
            }
            relations.insert(name, relation(parsed, &file)?);
        }
    }
    for file in files(dir, "functions")? {
        contract.functions.insert(file.stem.clone(), function(&file)?);
    }
    let database = dir.join("database.toml");
    if database.is_file() {
        contract.database = open(dir, &database)?.parse()?;
    }
    if contract.tables.is_empty() {
        return Err(CannotRun(format!(
            "the contract in {} declares no table; write tables/<name>.toml",
            dir.display()
        )));
    }
    check_owners(dir, &contract)?;
    Ok(contract)
}

fn open(dir: &Path, path: &Path) -> Result<File, CannotRun> {
    let text = fs::read_to_string(path)
        .map_err(|error| CannotRun(format!("could not read {}: {error}", path.display())))?;
    let name = path.strip_prefix(dir).unwrap_or(path).display().to_string().replace('\\', "/");
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(File { name, stem, text })
}

/// All TOML files below a directory, by name; a directory that is not there holds none.
fn files(dir: &Path, below: &str) -> Result<Vec<File>, CannotRun> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open_dirs = vec![dir.join(below)];
    while let Some(next) = open_dirs.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open_dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.iter().map(|path| open(dir, path)).collect()
}

fn function(file: &File) -> Result<Function, CannotRun> {
    let function: Function = file.parse()?;
    for (key, value, known) in [
        ("volatility", &function.volatility, ["volatile", "stable", "immutable"].as_slice()),
        ("security", &function.security, ["invoker", "definer"].as_slice()),
    ] {
        if !known.contains(&value.as_str()) {
            let message = format!("unknown {key} \"{value}\"; say {}", known.join(", "));
            return Err(file.error(&format!("{key} ="), &message));
        }
    }
    Ok(function)
}

fn relation(parsed: RelationFile, file: &File) -> Result<Relation, CannotRun> {
    let owner = owner(&parsed.owner).map_err(|message| file.error("owner =", &message))?;
    let known = |column: &str, where_: &str| {
        if parsed.columns.contains_key(column) {
            return Ok(());
        }
        let has: Vec<&str> = parsed.columns.keys().map(String::as_str).collect();
        let has = has.join(", ");
        let message = format!("unknown column \"{column}\"; the contract's columns are {has}");
        Err(file.error(where_, &message))
    };
    let owners: Vec<&String> = match &owner {
        Owner::None => Vec::new(),
        Owner::Column(column) => vec![column],
        Owner::Through(paths) => paths.iter().map(|(column, _)| column).collect(),
    };
    for column in &owners {
        known(column, "owner =")?;
    }
    for (variant, values) in &parsed.variants {
        for column in values.keys() {
            known(column, &format!("[variants.{variant}]"))?;
        }
    }
    for row in &parsed.seed {
        for column in row.keys() {
            known(column, &format!("{column} ="))?;
        }
    }
    check_privileges(&parsed, file)?;
    let can_be_null = |column: &&String| parsed.columns[*column].nullable;
    let shape = Shape {
        owned: owner != Owner::None,
        nobodys: owners.len() > 1 || owners.iter().any(can_be_null),
        variants: parsed.variants.keys().cloned().collect(),
    };
    let first_line = file.text.lines().position(|line| line.starts_with("access")).unwrap_or(0);
    let grid = Grid::parse(&parsed.access, &shape)
        .map_err(|(at, message)| file.error_at(first_line + at + 2, &message))?;
    Ok(Relation {
        file: file.name.clone(),
        lines: parsed
            .columns
            .keys()
            .map(|name| (name.clone(), file.line_of_column(name)))
            .collect(),
        owner,
        grid,
        grid_text: parsed.access,
        shape,
        privileges: parsed.privileges,
        variants: parsed.variants,
        columns: parsed.columns,
        constraints: parsed.constraints,
        indexes: parsed.indexes,
        triggers: parsed.triggers,
        policies: parsed.policies,
        seed: parsed.seed,
        accepted: parsed.accepted,
        security_invoker: parsed.security_invoker,
    })
}

fn owner(paths: &OneOrMany) -> Result<Owner, String> {
    let step = |path: &str| {
        let (column, table) = path.split_once("->").ok_or_else(|| {
            format!("\"{path}\" is no path; say \"column\" or \"column -> table\"")
        })?;
        Ok((column.trim().to_owned(), table.trim().to_owned()))
    };
    Ok(match paths {
        OneOrMany::One(none) if none == "none" => Owner::None,
        OneOrMany::One(column) if !column.contains("->") => Owner::Column(column.clone()),
        OneOrMany::One(path) => Owner::Through(vec![step(path)?]),
        OneOrMany::Many(paths) => {
            Owner::Through(paths.iter().map(|path| step(path)).collect::<Result<_, String>>()?)
        }
    })
}

/// Words that a privilege list may hold, for columns and for whole tables.
const COLUMN_PRIVILEGES: [&str; 4] = ["select", "insert", "update", "references"];
const TABLE_PRIVILEGES: [&str; 9] = [
    "all",
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
    "maintain",
];

fn check_privileges(parsed: &RelationFile, file: &File) -> Result<(), CannotRun> {
    for (role, privileges) in &parsed.privileges {
        if !["anon", "authenticated", "service_role"].contains(&role.as_str()) {
            let message =
                format!("unknown role \"{role}\"; say anon, authenticated or service_role");
            return Err(file.error(&format!("{role} ="), &message));
        }
        for privilege in privileges {
            if !TABLE_PRIVILEGES.contains(&privilege.as_str()) {
                let message = format!(
                    "unknown privilege \"{privilege}\"; say {}",
                    TABLE_PRIVILEGES.join(", ")
                );
                return Err(file.error(&format!("\"{privilege}\""), &message));
            }
        }
    }
    for column in parsed.columns.values() {
        for privilege in column.anon.iter().chain(&column.authenticated) {
            if !COLUMN_PRIVILEGES.contains(&privilege.as_str()) {
                let known = COLUMN_PRIVILEGES.join(", ");
                let message = format!("unknown privilege \"{privilege}\"; say {known}");
                return Err(file.error(&format!("\"{privilege}\""), &message));
            }
        }
    }
    Ok(())
}

/// Each path leads over tables that the contract declares, to one that names its user.
fn check_owners(dir: &Path, contract: &Contract) -> Result<(), CannotRun> {
    for (name, relation) in contract.relations() {
        let mut at = relation;
        let mut seen = vec![name.clone()];
        while let Owner::Through(paths) = &at.owner {
            let (_, next) = &paths[0];
            let file = open(dir, &dir.join(&relation.file))?;
            let Some(parent) = contract.tables.get(next) else {
                let message = format!("the owner's path names \"{next}\", which no file declares");
                return Err(file.error("owner =", &message));
            };
            if seen.contains(next) || parent.owner == Owner::None {
                let message = format!("the owner's path over \"{next}\" leads to no user");
                return Err(file.error("owner =", &message));
            }
            seen.push(next.clone());
            at = parent;
        }
    }
    Ok(())
}
