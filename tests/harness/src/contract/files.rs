//! Reads the contract's files, and gives each mistake its file and line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::checks::{
    ROLES, check_database, check_owners, check_policies, check_privileges, unknown_role,
};
use super::grid::{Grid, SHARED};
use super::membership::{self, Members, Membership, Values};
use super::shape::{Shape, Sharing};
use super::{Accepted, Column, Contract, Function, Owner, Relation};
use crate::error::CannotRun;
use crate::source::SourceFile;

/// A table's or view's file, as parsed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelationFile {
    name: Option<String>,
    owner: OneOrMany,
    access: String,
    #[serde(default)]
    security_invoker: bool,
    #[serde(default)]
    pub(super) privileges: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    variants: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    members: Values,
    pub(super) columns: BTreeMap<String, Column>,
    #[serde(default)]
    constraints: BTreeMap<String, String>,
    #[serde(default)]
    indexes: BTreeMap<String, String>,
    #[serde(default)]
    triggers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) policies: BTreeMap<String, String>,
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

/// A file of the contract with its text, from which mistakes get their line.
pub(super) struct File {
    /// Relative to the contract's directory, with forward slashes.
    name: String,
    stem: String,
    text: String,
}

impl File {
    /// An error at the first line that contains `word`, or at line 1.
    pub(super) fn error(&self, word: &str, message: &str) -> CannotRun {
        let line = self.text.lines().position(|line| line.contains(word)).unwrap_or(0) + 1;
        self.error_at(line, message)
    }

    /// An error at the first line that contains `word` behind the line `header`.
    pub(super) fn error_below(&self, header: &str, word: &str, message: &str) -> CannotRun {
        let lines = self.text.lines().enumerate();
        let mut below = lines.skip_while(|(_, line)| line.trim() != header);
        let at = below.find(|(_, line)| line.trim_start().starts_with(word));
        at.map_or_else(|| self.error(header, message), |(at, _)| self.error_at(at + 1, message))
    }

    /// Whether it has that line.
    pub(super) fn holds(&self, line: &str) -> bool {
        self.text.lines().any(|it| it.trim() == line)
    }

    fn line_of_column(&self, column: &str) -> usize {
        let header = format!("[columns.{column}]");
        self.text.lines().position(|line| line.trim() == header).unwrap_or(0) + 1
    }

    pub(super) fn error_at(&self, line: usize, message: &str) -> CannotRun {
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
    let mut defined: BTreeMap<String, String> = BTreeMap::new();
    let mut owners: BTreeMap<String, Owner> = BTreeMap::new();
    let mut read: Vec<(&str, File, RelationFile)> = Vec::new();
    for kind in ["tables", "views"] {
        for file in files(dir, kind)? {
            let parsed: RelationFile = file.parse()?;
            let name = parsed.name.clone().unwrap_or_else(|| file.stem.clone());
            if let Some(first) = declared.insert(name.clone(), file.name.clone()) {
                let message = format!("\"{name}\" is already declared by {first}");
                return Err(file.error("name =", &message));
            }
            let owner = owner(&parsed.owner).map_err(|why| file.error("owner =", &why))?;
            owners.insert(name.clone(), owner);
            read.push((kind, file, RelationFile { name: Some(name), ..parsed }));
        }
    }
    for (_, file, parsed) in &read {
        membership::check_owner(parsed.name.as_deref().unwrap_or_default(), &owners, file)?;
    }
    for (kind, file, parsed) in read {
        let name = parsed.name.clone().unwrap_or_default();
        let relations = if kind == "tables" { &mut contract.tables } else { &mut contract.views };
        relations.insert(name.clone(), relation(&name, parsed, &file, kind == "tables", &owners)?);
    }
    for file in files(dir, "functions")? {
        let name = file.stem.clone();
        if let Some(first) = defined.insert(name.clone(), file.name.clone()) {
            let message = format!("\"{name}\" is already declared by {first}");
            return Err(file.error_at(1, &message));
        }
        contract.functions.insert(name, function(&file)?);
    }
    for file in files(dir, "")? {
        let known = ["tables/", "views/", "functions/"];
        if file.name != "database.toml" && !known.iter().any(|it| file.name.starts_with(it)) {
            let message = "nothing is read from here; put it into tables/, views/ or functions/";
            return Err(file.error_at(1, message));
        }
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
    if database.is_file() {
        check_database(&open(dir, &database)?, &contract)?;
    }
    Ok(contract)
}

/// Every file of the contract.
pub(super) fn texts(dir: &Path) -> Result<Vec<SourceFile>, CannotRun> {
    let of = |file: File| SourceFile { name: file.name, text: file.text };
    Ok(files(dir, "")?.into_iter().map(of).collect())
}

/// Reads a file below the contract's directory.
pub(super) fn open(dir: &Path, path: &Path) -> Result<File, CannotRun> {
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
    if let Some(role) = function.callers.iter().find(|role| !ROLES.contains(&role.as_str())) {
        return Err(file.error("callers =", &unknown_role(role)));
    }
    Ok(function)
}

fn relation(
    name: &str,
    parsed: RelationFile,
    file: &File,
    is_table: bool,
    all: &BTreeMap<String, Owner>,
) -> Result<Relation, CannotRun> {
    let owner = all[name].clone();
    let known = |column: &str, header: &str, word: &str| {
        if parsed.columns.contains_key(column) {
            return Ok(());
        }
        let has: Vec<&str> = parsed.columns.keys().map(String::as_str).collect();
        let has = has.join(", ");
        let message = format!("unknown column \"{column}\"; the contract's columns are {has}");
        if header.is_empty() {
            return Err(file.error(word, &message));
        }
        Err(file.error_below(header, word, &message))
    };
    let owners: Vec<&String> = match &owner {
        Owner::None => Vec::new(),
        Owner::Column(column) => vec![column],
        Owner::Through(paths) => paths.iter().map(|(column, _)| column).collect(),
        Owner::Members(members) => vec![&members.column],
    };
    for column in &owners {
        known(column, "", "owner")?;
    }
    for (variant, values) in &parsed.variants {
        for column in values.keys() {
            known(column, &format!("[variants.{variant}]"), column)?;
        }
    }
    for (member, values) in &parsed.members {
        for column in values.keys() {
            known(column, &format!("[members.{member}]"), column)?;
        }
    }
    for row in &parsed.seed {
        for column in row.keys() {
            known(column, "[[seed]]", column)?;
        }
    }
    let sharing = membership::sharing(all, name);
    membership::check_values(&parsed.members, sharing, file)?;
    if sharing != Sharing::Alone && parsed.variants.contains_key(SHARED) {
        let message = format!("\"{SHARED}\" is a target of its own here; rename the variant");
        return Err(file.error(&format!("[variants.{SHARED}]"), &message));
    }
    check_privileges(&parsed, file)?;
    check_policies(&parsed, file)?;
    let can_be_null = |column: &&String| parsed.columns[*column].nullable;
    let shape = Shape {
        owned: owner != Owner::None,
        nobodys: owners.len() > 1 || owners.iter().any(can_be_null),
        is_table,
        variants: parsed.variants.keys().cloned().collect(),
        sharing,
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
        membership: (sharing == Sharing::Membership)
            .then(|| Membership { of: membership::memberships(all, name), values: parsed.members }),
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
            format!(
                "\"{path}\" is no path; say \"column\", \"column -> table\" or, by itself, \
                 \"column <- table.column\""
            )
        })?;
        Ok((column.trim().to_owned(), table.trim().to_owned()))
    };
    Ok(match paths {
        OneOrMany::One(none) if none == "none" => Owner::None,
        OneOrMany::One(members) if members.contains("<-") => {
            Owner::Members(Members::parse(members)?)
        }
        OneOrMany::One(column) if !column.contains("->") => Owner::Column(column.clone()),
        OneOrMany::One(path) => Owner::Through(vec![step(path)?]),
        OneOrMany::Many(paths) => {
            Owner::Through(paths.iter().map(|path| step(path)).collect::<Result<_, String>>()?)
        }
    })
}
