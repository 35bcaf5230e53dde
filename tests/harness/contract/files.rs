//! This file is how the contract's files are read, and what is said when one is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::grid::{Grid, Shape};
use super::{Accepted, Column, Contract, Function, Owner, Relation};
use crate::harness::CannotRun;
use crate::harness::inputs::SourceFile;

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

    /// An error at the first line that contains `word` behind the line `header`.
    fn error_below(&self, header: &str, word: &str, message: &str) -> CannotRun {
        let lines = self.text.lines().enumerate();
        let mut below = lines.skip_while(|(_, line)| line.trim() != header);
        let at = below.find(|(_, line)| line.trim_start().starts_with(word));
        at.map_or_else(|| self.error(header, message), |(at, _)| self.error_at(at + 1, message))
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
    let mut defined: BTreeMap<String, String> = BTreeMap::new();
    for (kind, relations) in [("tables", &mut contract.tables), ("views", &mut contract.views)] {
        for file in files(dir, kind)? {
            let parsed: RelationFile = file.parse()?;
            let name = parsed.name.clone().unwrap_or_else(|| file.stem.clone());
            if let Some(first) = declared.insert(name.clone(), file.name.clone()) {
                let message = format!("\"{name}\" is already declared by {first}");
                return Err(file.error("name =", &message));
            }
            relations.insert(name, relation(parsed, &file, kind == "tables")?);
        }
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
    if let Some(role) = function.callers.iter().find(|role| !ROLES.contains(&role.as_str())) {
        return Err(file.error("callers =", &unknown_role(role)));
    }
    Ok(function)
}

fn relation(parsed: RelationFile, file: &File, is_table: bool) -> Result<Relation, CannotRun> {
    let owner = owner(&parsed.owner).map_err(|message| file.error("owner =", &message))?;
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
    };
    for column in &owners {
        known(column, "", "owner")?;
    }
    for (variant, values) in &parsed.variants {
        for column in values.keys() {
            known(column, &format!("[variants.{variant}]"), column)?;
        }
    }
    for row in &parsed.seed {
        for column in row.keys() {
            known(column, "[[seed]]", column)?;
        }
    }
    check_privileges(&parsed, file)?;
    check_policies(&parsed, file)?;
    let can_be_null = |column: &&String| parsed.columns[*column].nullable;
    let shape = Shape {
        owned: owner != Owner::None,
        nobodys: owners.len() > 1 || owners.iter().any(can_be_null),
        is_table,
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

/// The roles of the API.
const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

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
        if !ROLES.contains(&role.as_str()) {
            return Err(file.error_below("[privileges]", role, &unknown_role(role)));
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

/// A policy's text is a command, the roles that it is for, and the rows.
fn check_policies(parsed: &RelationFile, file: &File) -> Result<(), CannotRun> {
    const COMMANDS: [&str; 5] = ["select", "insert", "update", "delete", "all"];
    let form = "say \"select to authenticated using (…)\": select, insert, update, delete or all, \
                to anon, authenticated, service_role or public, using or with check";
    for (name, text) in &parsed.policies {
        let expressions = [" using (", " with check ("];
        let end = expressions.iter().filter_map(|word| text.find(word)).min();
        let head = &text[..end.unwrap_or(text.len())];
        let (command, roles) = head.split_once(" to ").unwrap_or((head, "public"));
        let role = roles.split(", ").find(|role| !ROLES.contains(role) && *role != "public");
        let wrong = if COMMANDS.contains(&command) {
            let open = end.is_none().then(|| "it does not say for which rows".to_owned());
            role.map(|role| format!("unknown role \"{role}\"")).or(open)
        } else {
            Some(format!("unknown command \"{command}\""))
        };
        if let Some(wrong) = wrong {
            return Err(file.error(&format!("\"{name}\""), &format!("{wrong}; {form}")));
        }
    }
    Ok(())
}

fn unknown_role(role: &str) -> String {
    format!("unknown role \"{role}\"; say anon, authenticated or service_role")
}

/// Default privileges are of known kinds for known roles, and accounts are in known tables.
fn check_database(file: &File, contract: &Contract) -> Result<(), CannotRun> {
    const KINDS: [&str; 5] = ["tables", "sequences", "functions", "types", "schemas"];
    for (kind, roles) in &contract.database.default_privileges {
        if !KINDS.contains(&kind.as_str()) {
            let message = format!(
                "unknown kind \"{kind}\"; say tables, sequences, functions, types or schemas"
            );
            return Err(file.error_below("[default_privileges]", kind, &message));
        }
        if let Some(role) = roles.keys().find(|role| !ROLES.contains(&role.as_str())) {
            return Err(file.error_below("[default_privileges]", kind, &unknown_role(role)));
        }
    }
    if let Some(accounts) = &contract.database.accounts {
        for (key, table) in [("profile", &accounts.profile), ("session", &accounts.session)] {
            if !contract.tables.contains_key(table) {
                let message = format!("the accounts name \"{table}\", which no file declares");
                return Err(file.error_below("[accounts]", key, &message));
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
            let file = open(dir, &dir.join(&relation.file))?;
            let unknown = paths.iter().find(|(_, table)| !contract.tables.contains_key(table));
            let (_, next) = unknown.unwrap_or(&paths[0]);
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
