//! Drafts the files of tables and views: columns, constraints, indexes, triggers, policies,
//! privileges and seeds as observed, owner and grid as guessed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::checks::plain;
use super::effects::effects;
use super::examples::Examples;
use super::expressions::Variant;
use super::found::{Found, head};
use super::grid::{GUESSED, grid};
use super::guards::guard;
use super::owners::Guesses;
use super::roles::Roles;
use super::states::choices;
use super::users::{Says, parties};
use super::writer::{Writer, key, list};
use crate::catalog::facets::BY_COLUMN;
use crate::catalog::{Column, Constraint, Function, Policy, Relation};
use crate::contract::Owner;
use crate::source::SourceFile;
use crate::sql::quote;

/// The privileges of a whole table, in the order of the contract.
const WHOLE: [&str; 8] =
    ["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"];
/// The roles of the API.
const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

/// A file for each table and view of the project's, and for the files of the platform. Guesses are
/// made from what was `read`, in which policies say what the functions do that they call.
pub(super) fn files(
    found: &Found<'_>,
    read: &Found<'_>,
    guesses: &Guesses,
    personas: &BTreeMap<String, Says>,
) -> Vec<SourceFile> {
    found
        .relations()
        .zip(read.relations())
        .map(|(relation, as_read)| {
            let directory = if relation.is_table() { "tables" } else { "views" };
            let name = format!("{directory}/{}.toml", relation.declared_name());
            SourceFile { name, text: file((found, read), guesses, personas, (relation, as_read)) }
        })
        .collect()
}

fn file(
    (found, read): (&Found<'_>, &Found<'_>),
    guesses: &Guesses,
    personas: &BTreeMap<String, Says>,
    (relation, as_read): (&Relation, &Relation),
) -> String {
    let name = relation.declared_name();
    let mut file = Writer::new(&head(&format!("The {} {name}.", relation.kind)));
    // A file's stem ends at its last point.
    if name.contains('.') {
        file.gap().pair("name", name.as_str());
    }
    owner(&mut file, guesses, relation);
    file.gap().guess(GUESSED);
    file.line("access = \"\"\"");
    let roles = Roles::of(read, guesses, &name);
    let asked = roles.as_ref().filter(|it| it.matter_to(as_read));
    for line in grid(read, as_read, &name, (guesses, asked), personas) {
        file.line(&line);
    }
    file.line("\"\"\"");
    file.gap();
    for option in ["security_barrier", "security_invoker"] {
        if relation.options.iter().any(|it| *it == format!("{option}=true")) {
            file.pair(option, true);
        }
    }
    if relation.kind == "materialized view" {
        file.pair("materialized", true);
    }
    let parties = parties(as_read, guesses);
    if !parties.is_empty() {
        file.gap().guess("policies compare them with the user, beside the owner");
        file.header(&["parties"]);
        for (word, party) in &parties {
            let path = party.path.to_string();
            if party.values.is_empty() {
                file.pair(word, path);
            } else {
                let values = party.values.iter();
                let values = values.map(|(column, text)| (column.clone(), quote(text).into()));
                let keys =
                    [("path", path.into()), ("values", toml::Value::Table(values.collect()))];
                let keys = keys.map(|(key, value)| (key.to_owned(), value));
                file.pair(word, keys.into_iter().collect::<toml::Table>());
            }
        }
    }
    if guesses.is_membership(&name) {
        members(&mut file, found, relation, roles.as_ref());
    }
    privileges(&mut file, relation, found.catalog.version_num);
    let examples = Examples::new(found, guesses, relation);
    for Variant { name, states } in &examples.variants {
        file.gap().header(&["variants", name]);
        for (column, value) in states {
            file.pair(column, value.as_str());
        }
    }
    for column in &relation.columns {
        write_column(&mut file, &found.catalog.functions, relation, column);
        if let Some(example) = examples.of(&column.name) {
            file.pair("example", example);
        }
    }
    // The platform's are not the contract's to say.
    if !found.is_platforms(relation) {
        section(&mut file, "constraints", &constraints(relation));
        let indexes = relation.indexes.iter().map(|it| (bare(&it.name), index(&it.definition)));
        section(&mut file, "indexes", &indexes.collect::<Vec<_>>());
        let triggers =
            relation.triggers.iter().map(|it| (&*it.name, trigger(&it.name, &it.definition)));
        section(&mut file, "triggers", &triggers.collect::<Vec<_>>());
    }
    let policies = relation.policies.iter().map(|it| (it.name.as_str(), policy(it)));
    section(&mut file, "policies", &policies.collect::<Vec<_>>());
    effects(&mut file, relation, (&found.catalog.relations, &found.catalog.functions));
    for row in found.seeds.get(&name).into_iter().flatten() {
        seed(&mut file, relation, row);
    }
    file.text()
}

fn owner(file: &mut Writer, guesses: &Guesses, relation: &Relation) {
    let (guess, why) = guesses.at(&relation.declared_name());
    file.gap().guess(&why);
    match guess {
        Owner::Through(paths) if paths.len() > 1 => {
            let each = paths.into_iter().map(|path| Owner::Through(vec![path]).to_string());
            file.line(&format!("owner = {}", list(&each.collect::<Vec<_>>())))
        }
        one => file.pair("owner", one.to_string()),
    };
}

/// The values of a membership beside its keys, such as which member has which role.
fn members(file: &mut Writer, found: &Found<'_>, relation: &Relation, roles: Option<&Roles>) {
    if let Some((column, members)) = roles.and_then(Roles::members) {
        file.gap().guess("policies ask which member has which role");
        file.header(&["members"]);
        for (who, value) in members {
            let held: toml::Table = [(column.to_owned(), value.into())].into_iter().collect();
            file.pair(who, held);
        }
    } else if relation.columns.iter().any(|it| choices(found, relation, &it.name).len() > 2) {
        let guess = "members differ by a column; say in [members] what the one who is alone holds, \
                     and what alice and bob hold where they share";
        file.gap().guess(guess);
    }
}

fn privileges(file: &mut Writer, relation: &Relation, version: u32) {
    file.gap().line("[privileges]");
    for role in ROLES {
        let of_role = relation.grants.iter().filter(|grant| grant.grantee == role);
        let held: Vec<&str> = of_role.map(|grant| grant.privilege.as_str()).collect();
        let all = if version >= 170_000 { &WHOLE[..] } else { &WHOLE[..7] };
        if all.iter().all(|privilege| held.contains(privilege)) {
            file.list(role, &["all".to_owned()]);
        } else {
            let held = WHOLE.iter().filter(|privilege| held.contains(privilege));
            file.list(role, &held.map(|it| (*it).to_owned()).collect::<Vec<_>>());
        }
    }
}

fn write_column(file: &mut Writer, functions: &[Function], relation: &Relation, column: &Column) {
    file.gap().header(&["columns", &column.name]);
    let data_type = &column.data_type;
    let data_type = match (column.made.as_deref(), &column.default) {
        (Some("identity"), _) => format!("{data_type} generated by default as identity"),
        (Some(_), Some(expression)) => {
            format!("{data_type} generated always as ({expression}) stored")
        }
        _ => data_type.clone(),
    };
    file.pair("type", data_type);
    if !column.not_null && relation.is_table() {
        file.pair("nullable", true);
    }
    if let (Some(default), None) = (&column.default, &column.made) {
        file.pair("default", default.as_str());
    }
    for constraint in relation.constraints.iter().filter(|it| is_of_column(relation, it, column)) {
        match constraint.kind.as_str() {
            "f" => file.pair("references", target(constraint)),
            "u" => file.pair("unique", true),
            _ => file.pair("check", check(constraint)),
        };
    }
    if let Some(guard) = guard(functions, relation, column) {
        file.guess("a trigger's function names it").pair("guard", guard);
    }
    for role in ["anon", "authenticated"] {
        let has = |privilege: &&&str| {
            let is_it = |grants: &[crate::catalog::Grant]| {
                grants.iter().any(|g| g.grantee == role && g.privilege == **privilege)
            };
            is_it(&column.grants) && !is_it(&relation.grants)
        };
        let held = BY_COLUMN.iter().filter(has).map(|it| (*it).to_owned());
        file.list(role, &held.collect::<Vec<_>>());
    }
}

/// Whether the contract writes a constraint with its column: it is of that column alone, and
/// has the name that the server would give it.
fn is_of_column(relation: &Relation, constraint: &Constraint, column: &Column) -> bool {
    let kinds = [("f", "fkey"), ("u", "key"), ("c", "check")];
    let ending = kinds.iter().find(|(kind, _)| *kind == constraint.kind).map(|(_, ending)| ending);
    let plain = match constraint.kind.as_str() {
        "u" => constraint.definition == format!("UNIQUE ({})", column.name),
        "c" => {
            !constraint.definition.ends_with("NOT VALID")
                && !constraint.definition.ends_with("NO INHERIT")
        }
        _ => true,
    };
    plain
        && constraint.columns == [column.name.clone()]
        && ending
            .is_some_and(|it| constraint.name == format!("{}_{}_{it}", relation.name, column.name))
}

/// The target of a foreign key, and its actions.
fn target(constraint: &Constraint) -> String {
    let rest = constraint.definition.split_once(" REFERENCES ").map_or("", |(_, rest)| rest);
    let words = ["ON DELETE ", "ON UPDATE ", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"];
    let rest = rest.replacen('(', " (", 1);
    words.iter().fold(rest, |text, word| text.replace(word, &word.to_lowercase()))
}

fn check(constraint: &Constraint) -> String {
    plain(constraint.expression.as_deref().unwrap_or_default())
}

/// The constraints that are not written with a column.
fn constraints(relation: &Relation) -> Vec<(&str, String)> {
    let of_column =
        |it: &&Constraint| relation.columns.iter().any(|column| is_of_column(relation, it, column));
    let rest = relation.constraints.iter().filter(|it| it.kind != "t" && !of_column(it));
    let word = |it: &Constraint| match it.kind.as_str() {
        "c" if it.definition.ends_with(')') => format!("check ({})", check(it)),
        _ => lowered(&it.definition),
    };
    rest.map(|it| (it.name.as_str(), word(it))).collect()
}

/// A definition with its first keywords in lower case.
fn lowered(definition: &str) -> String {
    for word in ["PRIMARY KEY", "UNIQUE", "CHECK", "FOREIGN KEY", "EXCLUDE USING"] {
        if let Some(rest) = definition.strip_prefix(word) {
            return format!("{}{rest}", word.to_lowercase());
        }
    }
    definition.to_owned()
}

fn bare(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default().trim_matches('"')
}

/// The definition of an index without its name and table.
fn index(definition: &str) -> String {
    let unique = if definition.starts_with("CREATE UNIQUE ") { "unique " } else { "" };
    let method = definition.split_once(" USING ").map_or(definition, |(_, method)| method);
    format!("{unique}{method}")
}

/// The same for a trigger.
pub(super) fn trigger(name: &str, definition: &str) -> String {
    let quoted = format!("CREATE TRIGGER \"{name}\" ");
    let plain = format!("CREATE TRIGGER {name} ");
    let rest = definition.strip_prefix(&plain).or_else(|| definition.strip_prefix(&quoted));
    let rest = rest.unwrap_or(definition);
    let (events, behind) = rest.split_once(" ON ").unwrap_or((rest, ""));
    // The table's name ends at a blank outside quotes.
    let mut quoted = false;
    let end = behind.find(|c: char| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    let behind = &behind[end.unwrap_or(behind.len())..];
    let words = ["FOR EACH ROW", "FOR EACH STATEMENT", "EXECUTE FUNCTION", "WHEN "];
    let behind =
        words.iter().fold(behind.to_owned(), |text, word| text.replace(word, &word.to_lowercase()));
    let behind = behind.replace("REFERENCING", "referencing");
    format!("{}{behind}", events.to_lowercase())
}

/// A policy in the contract's form.
fn policy(policy: &Policy) -> String {
    let kind = if policy.permissive { "" } else { "restrictive " };
    let mut text = format!("{kind}{} to {}", policy.command, policy.roles.join(", "));
    for (word, expression) in [("using", &policy.using), ("with check", &policy.with_check)] {
        if let Some(expression) = expression {
            let words: Vec<&str> = expression.split_whitespace().collect();
            text += &format!(" {word} ({})", words.join(" "));
        }
    }
    text
}

fn section(file: &mut Writer, name: &str, entries: &[(&str, String)]) {
    if entries.is_empty() {
        return;
    }
    file.gap().header(&[name]);
    for (name, text) in entries {
        file.pair(name, text.as_str());
    }
}

/// A row that the migration inserted: its plain values, without those of volatile defaults.
fn seed(file: &mut Writer, relation: &Relation, row: &Value) {
    let made = |column: &Column| {
        let default = column.default.as_deref().unwrap_or_default();
        column.made.is_some() || default.contains('(')
    };
    let plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_i64();
    file.gap().line("[[seed]]");
    for column in relation.columns.iter().filter(|column| !made(column)) {
        let value = &row[&column.name];
        if plain(value) {
            file.line(&format!("{} = {value}", key(&column.name)));
        }
    }
}
