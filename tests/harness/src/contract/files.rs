//! Reads the contract's files, and gives each mistake its file and line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::{
    API_AND_PUBLIC, check_database, check_effects, check_facets, check_guards, check_path,
    check_policies, check_privileges, check_refusals, is_misspelt,
};
use super::file::{OneOrMany, RelationFile};
use super::grid::{Grid, SHARED};
use super::membership::Membership;
use super::model::{Column, Contract, Function, OWNER, Owner, Relation};
use super::parties;
use super::path::owner;
use super::personas::{check_rows, declared};
use super::shape::{Shape, Sharing};
use super::sharing::{check_members, check_owner, check_values, memberships, sharing};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::source::SourceFile;
use crate::source::mistake::{Mistakes, Wrong, both};
use crate::source::toml_file::TomlFile;

/// The keys of a table's or view's file that other files depend on, read even if the rest has
/// mistakes.
#[derive(Default, Deserialize)]
struct Header {
    name: Option<String>,
    owner: Option<OneOrMany>,
}

/// A file of the contract.
pub(super) struct File {
    /// Relative to the contract's directory, with forward slashes.
    name: String,
    stem: String,
    toml: TomlFile,
}

/// A file that declares a table or view.
struct Declared {
    is_table: bool,
    file: File,
    /// `None` if the file has a mistake.
    content: Option<RelationFile>,
}

/// Reads the contract's directory. The mistakes of all files are told together.
pub(super) fn read(dir: &Path) -> Result<Contract, CannotRun> {
    if !dir.is_dir() {
        return Err(CannotRun(format!(
            "could not find the contract: {} is not a directory; write one TOML file per \
             table, view and function into its tables/, views/ and functions/",
            dir.display()
        )));
    }
    let mut reader = Reader::default();
    for file in files(dir)? {
        reader.read(file);
    }
    if let Some(file) = reader.contract.sources.get("database.toml") {
        let keys = &reader.contract.database.personas;
        reader.contract.personas = declared(keys, file, &mut reader.mistakes);
    }
    reader.check_relations();
    let Reader { contract, declared, mut mistakes, .. } = reader;
    let tables = declared.iter().filter(|(_, it)| it.is_table);
    let tables: Vec<&str> = tables.map(|(name, _)| name.as_str()).collect();
    if tables.is_empty() && !contract.database.without_tables {
        let dir = dir.display();
        let none = format!("the contract in {dir} declares no table; write tables/<name>.toml");
        return both(mistakes.told(), Err(CannotRun(none))).map(|((), none)| none);
    }
    if let Some(file) = contract.sources.get("database.toml") {
        check_database(&contract.database, &tables, file, &mut mistakes);
        if mistakes.count() == 0 {
            check_rows(&contract, file, &mut mistakes);
        }
    }
    check_effects(&contract, &mut mistakes);
    if let Some(file) = contract.sources.get("catalog.toml") {
        check_facets(&contract, file, &mut mistakes);
    }
    mistakes.told().map(|()| contract)
}

/// The files read so far.
#[derive(Default)]
struct Reader {
    contract: Contract,
    /// The files of tables and views, by name.
    declared: BTreeMap<String, Declared>,
    /// The owners of their rows, where they could be read.
    owners: BTreeMap<String, Owner>,
    mistakes: Mistakes,
}

impl Reader {
    /// Reads a file as what its directory says that it declares.
    fn read(&mut self, file: File) {
        self.contract.sources.insert(file.name.clone(), file.toml.clone());
        match file.name.split_once('/').map_or("", |(directory, _)| directory) {
            "tables" => self.read_relation(file, true),
            "views" => self.read_relation(file, false),
            "functions" => self.read_function(file),
            _ if file.name == "database.toml" => {
                let database = self.mistakes.keep(file.toml.parse());
                self.contract.database = database.unwrap_or_default();
            }
            _ if file.name == "catalog.toml" => {
                let facets = self.mistakes.keep(file.toml.parse());
                self.contract.facets = facets.unwrap_or_default();
            }
            _ => {
                let nothing = Wrong::new("nothing is read from here");
                let nothing = nothing.help("put it into `tables/`, `views/` or `functions/`");
                self.mistakes.add(file.toml.mistake(0..0, nothing));
            }
        }
    }

    fn read_relation(&mut self, file: File, is_table: bool) {
        let content = self.mistakes.keep(file.toml.parse());
        let header: Header = file.toml.parse_part().unwrap_or_default();
        let name = header.name.unwrap_or_else(|| file.stem.clone());
        if let Some(first) = self.declared.get(&name) {
            let at = file.toml.value(&["name"]);
            self.mistakes.add(file.toml.mistake(at, twice(&name, &first.file.name)));
            return;
        }
        if let Some(paths) = header.owner {
            let owner = owner(&paths)
                .map_err(|wrong| Box::new(file.toml.mistake(file.toml.value(&["owner"]), wrong)));
            self.owners.extend(self.mistakes.keep(owner).map(|owner| (name.clone(), owner)));
        }
        self.declared.insert(name, Declared { is_table, file, content });
    }

    fn read_function(&mut self, File { name, stem, toml }: File) {
        if let Some(first) = self.contract.functions.get(&stem) {
            self.mistakes.add(toml.mistake(0..0, twice(&stem, &first.file)));
            return;
        }
        let Some(function) = self.mistakes.keep(toml.parse::<Function>()) else { return };
        for (key, value, known) in [
            ("volatility", &function.volatility, ["volatile", "stable", "immutable"].as_slice()),
            ("security", &function.security, ["invoker", "definer"].as_slice()),
        ] {
            if !known.contains(&value.as_str()) {
                let wrong = Wrong::unknown(key, value, known.iter().copied());
                self.mistakes.add(toml.mistake(toml.value(&[key]), wrong));
            }
        }
        for (at, role) in function.callers.iter().enumerate().filter(|(_, it)| is_misspelt(it)) {
            let wrong = Wrong::unknown("role", role, API_AND_PUBLIC);
            self.mistakes.add(toml.mistake(toml.value(&["callers", &at.to_string()]), wrong));
        }
        self.contract.functions.insert(stem, Function { file: name, ..function });
    }

    /// The tables that are declared and whose owner could be read.
    fn tables(&self) -> BTreeMap<String, Owner> {
        let is_table = |name: &String| self.declared.get(name).is_some_and(|it| it.is_table);
        let tables = self.owners.iter().filter(|(name, _)| is_table(name));
        tables.map(|(name, owner)| (name.clone(), owner.clone())).collect()
    }

    /// Checks tables and views: each by itself, its path to the owner, and if that is right, the
    /// grid.
    fn check_relations(&mut self) {
        let tables = self.tables();
        let mut is_complete = self.owners.len() == self.declared.len();
        let mut contents = Vec::new();
        for (name, it) in &mut self.declared {
            let Some(content) = it.content.take() else { continue };
            let (toml, before) = (&it.file.toml, self.mistakes.count());
            let owner = self.owners.get(name);
            if let (Some(owner), true) = (owner, is_complete) {
                check_owner_columns(name, owner, &content, toml, &mut self.mistakes);
                check_owner(name, &self.owners, toml, &mut self.mistakes);
                check_path((name, owner), &tables, toml, &mut self.mistakes);
            }
            contents.push((name, &it.file, it.is_table, content, before == self.mistakes.count()));
        }
        // Mistakes in the grids of other tables can follow from one in a membership.
        let shares = self.owners.values().any(|it| matches!(it, Owner::Members(_)));
        is_complete &= !shares || contents.iter().all(|(.., leads)| *leads);
        let personas = self.contract.everybody();
        for (name, file, is_table, content, leads_to_users) in contents {
            check_alone(name, &content, &file.toml, &mut self.mistakes);
            if is_table {
                check_is_no_view(&content, &file.toml, &mut self.mistakes);
            }
            if !is_complete || !leads_to_users {
                continue;
            }
            let of = (name.as_str(), file, is_table);
            let relation = relation(of, content, &self.owners, &personas, &mut self.mistakes);
            let relations =
                if is_table { &mut self.contract.tables } else { &mut self.contract.views };
            relations.extend(relation.map(|relation| (name.clone(), relation)));
        }
        for (name, relation) in self.contract.relations() {
            let toml = &self.contract.sources[&relation.file];
            parties::check_tables((name, relation), &self.contract, toml, &mut self.mistakes);
            if let Owner::Members(members) = &relation.owner {
                let of = (name.as_str(), relation);
                check_members(members, of, &self.contract, toml, &mut self.mistakes);
            }
        }
    }
}

fn twice(name: &str, first: &str) -> Wrong {
    Wrong::new(format!("`{name}` is already declared by `{first}`")).help("remove one")
}

/// A file names only its own columns, and known roles, privileges and commands.
fn check_alone(name: &str, content: &RelationFile, file: &TomlFile, mistakes: &mut Mistakes) {
    let mut known = |column: &str, path: &[&str]| {
        if !content.columns.contains_key(column) {
            let wrong = Wrong::unknown_column(name, column, content.columns.keys());
            mistakes.add(file.mistake(file.key(&[path, &[column]].concat()), wrong));
        }
    };
    for (variant, values) in &content.variants {
        for column in values.keys() {
            known(column, &["variants", variant]);
        }
    }
    for (member, values) in &content.members {
        for column in values.keys() {
            known(column, &["members", member]);
        }
    }
    for (at, row) in content.seed.iter().enumerate() {
        for column in row.keys() {
            known(column, &["seed", &at.to_string()]);
        }
    }
    check_privileges(content, file, mistakes);
    check_policies(content, file, mistakes);
    check_guards(name, content, file, mistakes);
}

/// A table's file has no keys of a view's.
fn check_is_no_view(content: &RelationFile, file: &TomlFile, mistakes: &mut Mistakes) {
    for (key, is_set) in [
        ("security_invoker", content.security_invoker),
        ("security_barrier", content.security_barrier),
        ("materialized", content.materialized),
    ] {
        if is_set {
            let wrong = Wrong::new(format!("`{key}` is for a view"));
            let wrong = wrong.help("remove it, or move the file to `views/`");
            mistakes.add(file.mistake(file.key(&[key]), wrong));
        }
    }
}

fn check_owner_columns(
    name: &str,
    owner: &Owner,
    content: &RelationFile,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    let is_example =
        |column: &Column| column.example.as_deref().is_some_and(|it| it.contains(OWNER));
    if matches!(owner, Owner::Expression(_)) && !content.columns.values().any(is_example) {
        let wrong = Wrong::new("no `example` says in which column the owner's id stands");
        let help = "give the column that the expression reads one, such as \
                    `example = \"'{owner}/{row}.png'\"`";
        mistakes.add(file.mistake(file.value(&["owner"]), wrong.help(help)));
    }
    for column in owner.columns() {
        if !content.columns.contains_key(column) {
            let wrong = Wrong::unknown_column(name, column, content.columns.keys());
            mistakes.add(file.mistake(file.word(&["owner"], column), wrong));
        }
    }
}

/// A table or view; `None` if its grid has a mistake.
fn relation(
    (name, file, is_table): (&str, &File, bool),
    content: RelationFile,
    owners: &BTreeMap<String, Owner>,
    personas: &[Persona],
    mistakes: &mut Mistakes,
) -> Option<Relation> {
    let (owner, toml) = (owners[name].clone(), &file.toml);
    let sharing = sharing(owners, name);
    check_values(&content.members, sharing, toml, mistakes);
    if sharing != Sharing::Alone && content.variants.contains_key(SHARED) {
        let reserved = Wrong::new(format!("`{SHARED}` is a target of its own here"));
        let at = toml.key(&["variants", SHARED]);
        mistakes.add(toml.mistake(at, reserved.help("rename the variant")));
    }
    let parties = parties::declared(name, &content, toml, mistakes);
    let by = owner.columns();
    let shape = Shape {
        owned: owner != Owner::None,
        nobodys: by.len() > 1
            || matches!(owner, Owner::Expression(_))
            || by.iter().any(|column| content.columns[*column].nullable),
        is_table,
        variants: content.variants.keys().cloned().collect(),
        sharing,
        parties: parties
            .iter()
            .map(|(word, party)| (word.clone(), !matches!(party.path, Owner::Members(_))))
            .collect(),
    };
    let grid = Grid::parse(&content.access, &shape, personas).map_err(|errors| {
        for (part, wrong) in errors {
            let at = toml.part(&["access"], &content.access, part);
            mistakes.add(toml.mistake(at, wrong));
        }
    });
    let grid = grid.ok()?;
    check_refusals(name, &grid, &content.triggers, toml, mistakes);
    Some(Relation {
        file: file.name.clone(),
        lines: toml.lines("columns").into_iter().collect(),
        owner,
        grid,
        grid_text: content.access,
        shape,
        parties,
        membership: (sharing == Sharing::Membership)
            .then(|| Membership { of: memberships(owners, name), values: content.members }),
        privileges: content.privileges,
        variants: content.variants,
        columns: content.columns,
        constraints: content.constraints,
        indexes: content.indexes,
        triggers: content.triggers,
        policies: content.policies,
        seed: content.seed,
        effects: content.effects,
        accepted: content.accepted,
        security_invoker: content.security_invoker,
        security_barrier: content.security_barrier,
        materialized: content.materialized,
    })
}

/// Every file of the contract.
pub(super) fn texts(dir: &Path) -> Result<Vec<SourceFile>, CannotRun> {
    let of = |file: File| SourceFile { name: file.name, text: file.toml.text().to_owned() };
    Ok(files(dir)?.into_iter().map(of).collect())
}

/// Every TOML file of the contract, by name.
fn files(dir: &Path) -> Result<Vec<File>, CannotRun> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open_dirs = vec![dir.to_owned()];
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
    let open = |path: &PathBuf| {
        let toml = TomlFile::read(path)
            .map_err(|error| CannotRun(format!("could not read {}: {error}", path.display())))?;
        let name = path.strip_prefix(dir).unwrap_or(path).display().to_string();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(File { name: name.replace('\\', "/"), stem, toml })
    };
    found.iter().map(open).collect()
}
