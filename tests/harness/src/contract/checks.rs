//! Checks of the contract's files beyond their form: unknown privileges, roles and commands,
//! and names that no other file declares.

use std::collections::{BTreeMap, BTreeSet};

use strsim::levenshtein;

use super::cell::{BY_TRIGGER, Expected};
use super::database::Database;
use super::effects::Does;
use super::file::RelationFile;
use super::grid::Grid;
use super::guard::Guard;
use super::model::{Contract, Facet, Owner};
use super::sharing::{leads_nowhere, undeclared};
use crate::catalog::facets::BY_COLUMN;
use crate::platform::Regime;
use crate::source::mistake::{Mistakes, Wrong};
use crate::source::toml_file::TomlFile;

/// The roles of the API.
pub(super) const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

/// The same, and everyone.
pub(super) const API_AND_PUBLIC: [&str; 4] = ["anon", "authenticated", "service_role", "public"];

/// Whether a role is nearly one of the API's. Policies and functions may be any role's, so that
/// another name is no mistake.
pub(super) fn is_misspelt(role: &str) -> bool {
    API_AND_PUBLIC.iter().any(|known| (1..=3).contains(&levenshtein(known, role)))
}

/// Privileges in the lists of tables are known.
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

pub(super) fn check_privileges(parsed: &RelationFile, file: &TomlFile, mistakes: &mut Mistakes) {
    for (role, privileges) in &parsed.privileges {
        if !ROLES.contains(&role.as_str()) {
            let at = file.key(&["privileges", role]);
            mistakes.add(file.mistake(at, Wrong::unknown("role", role, ROLES)));
        }
        let path = ["privileges", role];
        check_words(privileges, &path, "privilege", &TABLE_PRIVILEGES, file, mistakes);
    }
    for (name, column) in &parsed.columns {
        for (role, privileges) in [("anon", &column.anon), ("authenticated", &column.authenticated)]
        {
            let path = ["columns", name, role];
            check_words(privileges, &path, "privilege", &BY_COLUMN, file, mistakes);
        }
    }
}

/// The array at the end of a path has only known words.
pub(super) fn check_words(
    words: &[String],
    path: &[&str],
    kind: &str,
    known: &[&str],
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    for (at, word) in words.iter().enumerate().filter(|(_, it)| !known.contains(&it.as_str())) {
        let at = file.value(&[path, &[at.to_string().as_str()]].concat());
        let wrong = Wrong::unknown(kind, word, known.iter().copied());
        mistakes.add(file.mistake(at, wrong));
    }
}

/// A guard is of one of the two forms, and names a trigger of the table.
pub(super) fn check_guards(
    table: &str,
    parsed: &RelationFile,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    for (column, declared) in &parsed.columns {
        let Some(text) = &declared.guard else { continue };
        let path = ["columns", column.as_str(), "guard"];
        match Guard::parse(text) {
            Err(wrong) => mistakes.add(file.mistake(file.value(&path), wrong)),
            Ok(guard) if !parsed.triggers.contains_key(guard.trigger()) => {
                let wrong = unknown_trigger(table, guard.trigger(), &parsed.triggers);
                mistakes.add(file.mistake(file.word(&path, guard.trigger()), wrong));
            }
            Ok(_) => {}
        }
    }
}

/// The triggers that a grid's refusals name are the table's.
pub(super) fn check_refusals(
    table: &str,
    grid: &Grid,
    triggers: &BTreeMap<String, String>,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    let named = grid.cells.values().filter_map(|expected| match expected {
        Expected::ByTrigger(name) => Some(name),
        _ => None,
    });
    let named: BTreeSet<&String> = named.filter(|name| !triggers.contains_key(*name)).collect();
    for name in named {
        let at = file.word(&["access"], &format!("{BY_TRIGGER}{name}"));
        mistakes.add(file.mistake(at, unknown_trigger(table, name, triggers)));
    }
}

fn unknown_trigger(table: &str, name: &str, known: &BTreeMap<String, String>) -> Wrong {
    if known.is_empty() {
        let none = Wrong::new(format!("table `{table}` declares no trigger `{name}`"));
        return none.help("write it into `[triggers]`");
    }
    let known = known.keys().map(String::as_str);
    Wrong::not_of(&format!("table `{table}` declares"), "trigger", name, known)
}

/// A policy's text has a command, its roles, and its expressions.
pub(super) fn check_policies(parsed: &RelationFile, file: &TomlFile, mistakes: &mut Mistakes) {
    const COMMANDS: [&str; 5] = ["select", "insert", "update", "delete", "all"];
    for (name, text) in &parsed.policies {
        let text = text.strip_prefix("restrictive ").unwrap_or(text);
        let expressions = [" using (", " with check ("];
        let end = expressions.iter().filter_map(|word| text.find(word)).min();
        let head = &text[..end.unwrap_or(text.len())];
        let (command, roles) = head.split_once(" to ").unwrap_or((head, "public"));
        let role = roles.split(", ").find(|role| is_misspelt(role));
        let (word, wrong) = match role {
            _ if !COMMANDS.contains(&command) => {
                (command, Wrong::unknown("command", command, COMMANDS))
            }
            Some(role) => (role, Wrong::unknown("role", role, API_AND_PUBLIC)),
            None if end.is_none() => {
                let open = Wrong::new("the policy has no `using` and no `with check`");
                (text, open.help("say `select to authenticated using (…)`"))
            }
            None => continue,
        };
        mistakes.add(file.mistake(file.word(&["policies", name], word), wrong));
    }
}

/// A table has a file of its own, since what it shows alone says nothing of who reaches its rows;
/// those of a foreign table are on another server, and its privileges say who reaches them.
pub(super) fn check_facets(contract: &Contract, file: &TomlFile, mistakes: &mut Mistakes) {
    let known = |name: &str| contract.tables.contains_key(name);
    for (id, facet) in &contract.facets {
        let name = id.strip_prefix("schema/").and_then(|it| it.strip_suffix("/kind"));
        let is_partition =
            |name: &str| contract.facets.contains_key(&format!("schema/{name}/parents"));
        let kinds = ["table", "partitioned table"];
        let is_table =
            Regime::ALL.iter().any(|it| facet.text(*it).is_some_and(|it| kinds.contains(&it)));
        if let Some(name) = name.filter(|it| is_table && !known(it) && !is_partition(it)) {
            let wrong = Wrong::new(format!("`{name}` is a table, and has no file of its own"));
            let wrong =
                wrong.help(format!("write tables/{name}.toml, which says who reaches its rows"));
            mistakes.add(file.mistake(file.key(&[id]), wrong));
        }
        if !["schema/", "database/"].iter().any(|it| id.starts_with(it)) {
            let wrong = Wrong::new(format!("`{id}` is no id of what the catalog shows"));
            mistakes.add(file.mistake(
                file.key(&[id]),
                wrong.help("copy the id of the check from a finding: it begins with `schema/` or `database/`"),
            ));
        }
        if let Facet::ByRegime(texts) = facet {
            let names = || Regime::ALL.map(Regime::name);
            for regime in texts.keys().filter(|it| !names().contains(&it.as_str())) {
                let at = file.key(&[id, regime]);
                mistakes.add(file.mistake(at, Wrong::unknown("regime", regime, names())));
            }
        }
    }
}

/// Default privileges are of known kinds for known roles, accounts are in declared tables, and
/// exceptions have a reason.
pub(super) fn check_database(
    database: &Database,
    tables: &[&str],
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    const KINDS: [&str; 5] = ["tables", "sequences", "functions", "types", "schemas"];
    for (kind, roles) in &database.default_privileges {
        if !KINDS.contains(&kind.as_str()) {
            let at = file.key(&["default_privileges", kind]);
            mistakes.add(file.mistake(at, Wrong::unknown("kind", kind, KINDS)));
        }
        for role in roles.keys().filter(|role| !ROLES.contains(&role.as_str())) {
            let at = file.key(&["default_privileges", kind, role]);
            mistakes.add(file.mistake(at, Wrong::unknown("role", role, ROLES)));
        }
    }
    if let Some(accounts) = &database.accounts {
        for (key, table) in [("profile", &accounts.profile), ("session", &accounts.session)] {
            if !tables.contains(&table.as_str()) {
                let at = file.value(&["accounts", key]);
                mistakes.add(file.mistake(at, undeclared(table, tables.iter().copied())));
            }
        }
    }
    for (at, accepted) in database.accepted.iter().enumerate() {
        let open = format!("the accepted finding of `{}` has no reason", accepted.object);
        let open = Wrong::new(open).help("say why it is accepted");
        check_reason(&accepted.reason, ("accepted", at), open, file, mistakes);
    }
    for (at, exception) in database.lint_exceptions.iter().enumerate() {
        let open = format!("the exception of `{}` has no reason", exception.object);
        let open = Wrong::new(open).help("say why it is intended");
        check_reason(&exception.reason, ("lint_exceptions", at), open, file, mistakes);
    }
}

/// The path to the owner leads over declared tables to one with a column of users.
pub(super) fn check_path(
    (name, owner): (&str, &Owner),
    tables: &BTreeMap<String, Owner>,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    let mut at = owner;
    let mut seen = vec![name];
    while let Owner::Through(paths) = at {
        let unknown = paths.iter().find(|(_, table)| !tables.contains_key(table));
        let (_, next) = unknown.unwrap_or(&paths[0]);
        let wrong = match tables.get(next) {
            None => undeclared(next, tables.keys().map(String::as_str)),
            Some(parent) if seen.contains(&next.as_str()) || *parent == Owner::None => {
                leads_nowhere(next).help("name the column that holds the user's id, or `none`")
            }
            Some(parent) => {
                seen.push(next);
                at = parent;
                continue;
            }
        };
        mistakes.add(file.mistake(file.word(&["owner"], next), wrong));
        return;
    }
}

/// Whatever is left on purpose has a reason: `open` says that it has none.
fn check_reason(
    reason: &str,
    (list, at): (&str, usize),
    open: Wrong,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    if reason.trim().is_empty() {
        let at = file.value(&[list, &at.to_string(), "reason"]);
        mistakes.add(file.mistake(at, open));
    }
}

/// Effects name tables, columns and functions that files declare, and say why they are meant.
pub(super) fn check_effects(contract: &Contract, mistakes: &mut Mistakes) {
    for (name, declared) in &contract.tables {
        let file: &TomlFile = &contract.sources[&declared.file];
        for (nth, effect) in declared.effects.iter().enumerate() {
            let at = nth.to_string();
            let path = |key| ["effects", at.as_str(), key];
            let table = &effect.of.table;
            if !contract.tables.contains_key(table) {
                let wrong = undeclared(table, contract.tables.keys().map(String::as_str));
                mistakes.add(file.mistake(file.word(&path("of"), table), wrong));
            }
            if let Does::Update(columns) = &effect.does {
                for column in columns.iter().filter(|it| !declared.columns.contains_key(*it)) {
                    let wrong = Wrong::unknown_column(name, column, declared.columns.keys());
                    mistakes.add(file.mistake(file.word(&path("does"), column), wrong));
                }
            }
            if let Some(function) = &effect.function
                && !contract.functions.contains_key(function)
            {
                let known = contract.functions.keys().map(String::as_str);
                let wrong = Wrong::not_of("files declare", "function", function, known);
                mistakes.add(file.mistake(file.value(&path("function")), wrong));
            }
            let open = Wrong::new("the effect has no reason").help("say why it is meant");
            check_reason(&effect.reason, ("effects", nth), open, file, mistakes);
        }
    }
}
