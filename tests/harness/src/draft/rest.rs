//! Drafts the files of functions, and `database.toml`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::expressions::{BUCKET, literals};
use super::found::{Found, OBJECTS, head};
use super::keys::is_profile;
use super::users::Says;
use super::writer::{Writer, key, list};
use crate::catalog::facets::default_privileges_id;
use crate::catalog::{Function, Grant, Relation};
use crate::contract::BUCKETS;
use crate::source::SourceFile;

/// The role that migrations run as.
const MIGRATOR: &str = "postgres";

/// What ALL PRIVILEGES means for a table, on every version, and for a sequence.
const TABLE: [&str; 7] =
    ["select", "insert", "update", "delete", "truncate", "references", "trigger"];
const SEQUENCE: [&str; 3] = ["select", "update", "usage"];

/// A file for each function that the migrations created.
pub(super) fn functions(found: &Found<'_>) -> Vec<SourceFile> {
    let ours = found.catalog.functions.iter().filter(|function| {
        !found.baseline.contains_key(&format!("schema/functions/{}/returns", name(found, function)))
    });
    ours.map(|it| SourceFile {
        name: format!("functions/{}.toml", name(found, it)),
        text: function(it),
    })
    .collect()
}

/// The function's name in its facets.
fn name(found: &Found<'_>, function: &Function) -> String {
    let same = |it: &&Function| (&it.schema, &it.name) == (&function.schema, &function.name);
    let mut name = function.name.clone();
    if function.schema != "public" {
        name = format!("{}.{name}", function.schema);
    }
    if found.catalog.functions.iter().filter(same).count() > 1 {
        name = format!("{name}({})", function.signature);
    }
    name
}

fn function(function: &Function) -> String {
    let mut file = Writer::new(&head(&format!("The {} {}.", function.kind, function.name)));
    let path = function.settings.iter().find_map(|it| it.strip_prefix("search_path="));
    file.gap();
    for (word, value) in [
        ("arguments", function.arguments.as_str()),
        ("returns", &function.returns),
        ("language", &function.language),
        ("volatility", &function.volatility),
        ("security", &function.security),
    ] {
        file.pair(word, value);
    }
    if let Some(path) = path {
        file.pair("search_path", if path == "\"\"" { "" } else { path });
    }
    let mut callers: Vec<String> =
        function.grants.iter().map(|grant| grant.grantee.clone()).collect();
    callers.sort();
    callers.dedup();
    file.line(&format!("callers = {}", list(&callers)));
    file.gap().guess("say what it keeps true");
    file.pair("invariant", "not said yet");
    file.text()
}

/// The file of the database as a whole.
pub(super) fn database(found: &Found<'_>, personas: &BTreeMap<String, Says>) -> SourceFile {
    let mut file = Writer::new(&head("What is there beside tables, views and functions."));
    if !found.relations().any(Relation::is_table) {
        file.gap().pair("without_tables", true);
    }
    schemas(&mut file, found);
    sequences(&mut file, found);
    extensions(&mut file, found);
    buckets(&mut file, found);
    default_privileges(&mut file, found);
    triggers(&mut file, found);
    accounts(&mut file, found);
    for (name, says) in personas {
        file.gap().guess("a policy asks for what its token or its row says");
        let (key, value) = says.declared();
        file.header(&["personas", name]).pair(key, value);
    }
    SourceFile { name: "database.toml".to_owned(), text: file.text() }
}

fn schemas(file: &mut Writer, found: &Found<'_>) {
    let known = |name: &str| found.baseline.contains_key(&format!("database/schemas/{name}/owner"));
    let ours: Vec<_> = found.catalog.schemas.iter().filter(|it| !known(&it.name)).collect();
    if !ours.is_empty() {
        file.gap().line("[schemas]");
    }
    for schema in ours {
        file.line(&format!("{} = {}", key(&schema.name), by_role(&schema.grants)));
    }
}

fn sequences(file: &mut Writer, found: &Found<'_>) {
    let is_ours = |it: &&Relation| it.kind == "sequence" && it.schema == "public";
    let ours: Vec<_> = found.catalog.relations.iter().filter(is_ours).collect();
    if !ours.is_empty() {
        file.gap().line("[sequences]");
    }
    for sequence in ours {
        file.line(&format!("{} = {}", key(&sequence.name), by_role(&sequence.grants)));
    }
}

/// `{ role = ["privilege"] }`.
fn by_role(grants: &[Grant]) -> String {
    let mut open_transaction: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for grant in grants {
        open_transaction.entry(&grant.grantee).or_default().push(grant.privilege.clone());
    }
    let role =
        |(role, privileges): (&str, Vec<String>)| format!("{} = {}", key(role), list(&privileges));
    let roles: Vec<String> = open_transaction.into_iter().map(role).collect();
    if roles.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", roles.join(", ")) }
}

fn extensions(file: &mut Writer, found: &Found<'_>) {
    let known = |name: &str| found.baseline.contains_key(&format!("database/extensions/{name}"));
    let ours: Vec<_> = found.catalog.extensions.iter().filter(|it| !known(&it.name)).collect();
    if !ours.is_empty() {
        file.gap().line("[extensions]");
    }
    for extension in ours {
        file.pair(&extension.name, extension.schema.as_str());
    }
}

/// Buckets that the migrations make, and those that policies name and no migration makes.
fn buckets(file: &mut Writer, found: &Found<'_>) {
    let made = found.seeds.get(BUCKETS).map_or(&[][..], Vec::as_slice);
    let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
    for row in made {
        file.gap().header(&["buckets", &id(row)]);
        file.pair("public", row["public"].as_bool().unwrap_or_default());
        if let Some(limit) = row["file_size_limit"].as_i64() {
            file.pair("file_size_limit", limit);
        }
        if let Some(types) = row["allowed_mime_types"].as_array() {
            let types = types.iter().filter_map(|it| it.as_str().map(str::to_owned));
            file.line(&format!("allowed_mime_types = {}", list(&types.collect::<Vec<_>>())));
        }
    }
    let objects = found.relations().find(|it| it.declared_name() == OBJECTS);
    let named = objects.map(|it| literals(it, BUCKET)).unwrap_or_default();
    for bucket in named.iter().filter(|name| made.iter().all(|row| id(row) != **name)) {
        file.gap().guess("policies name it, and no migration makes it; is it public?");
        file.header(&["buckets", bucket]);
        file.pair("public", false);
    }
}

/// Default privileges that differ from the platform's.
fn default_privileges(file: &mut Writer, found: &Found<'_>) {
    let facets = found.catalog.facets();
    let differs = |prefix: &str| {
        let of = |all: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let within = all.iter().filter(|(id, _)| id.starts_with(prefix));
            within.map(|(id, text)| (id.clone(), text.clone())).collect()
        };
        of(&facets) != of(found.baseline)
    };
    let ours = format!("database/default-privileges/{MIGRATOR}/public/");
    if !differs(&ours) {
        return;
    }
    file.gap().line("[default_privileges]");
    for kind in ["tables", "sequences", "functions", "types"] {
        let id = default_privileges_id(MIGRATOR, "public", kind);
        let all = if kind == "sequences" { &SEQUENCE[..] } else { &TABLE[..] };
        let roles = facets.iter().filter_map(|(facet, text)| {
            let role = facet.strip_prefix(&id)?.strip_prefix('/')?;
            let mut privileges: Vec<String> = text.split(", ").map(str::to_owned).collect();
            // The meaning of ALL PRIVILEGES depends on the server's version.
            if kind != "functions" && all.iter().all(|it| privileges.iter().any(|p| p == it)) {
                privileges = vec!["all".to_owned()];
            }
            Some(format!("{} = {}", key(role), list(&privileges)))
        });
        let roles: Vec<String> = roles.collect();
        if !roles.is_empty() {
            file.line(&format!("{kind} = {{ {} }}", roles.join(", ")));
        }
    }
}

/// Triggers on the platform's tables.
fn triggers(file: &mut Writer, found: &Found<'_>) {
    for relation in found.catalog.relations.iter().filter(|it| it.schema != "public") {
        let table = relation.declared_name();
        let known =
            |name: &str| found.baseline.contains_key(&format!("schema/{table}/triggers/{name}"));
        let ours: Vec<_> = relation.triggers.iter().filter(|it| !known(&it.name)).collect();
        if !ours.is_empty() && found.baseline.contains_key(&format!("schema/{table}/kind")) {
            file.gap().header(&["triggers", &table]);
            for it in ours {
                let text = super::tables::trigger(&it.name, &it.definition);
                file.pair(&it.name, text.as_str());
            }
        }
    }
}

/// The tables that a sign-up and a login write to, guessed by their names.
fn accounts(file: &mut Writer, found: &Found<'_>) {
    let accounts = found.catalog.relations.iter().find(|it| it.qualified() == "\"auth\".\"users\"");
    if accounts.is_none_or(|accounts| accounts.triggers.is_empty()) {
        return;
    }
    let tables = || found.relations().filter(|it| it.is_table());
    let profile = tables().find(|it| is_profile(it));
    let session = tables().find(|it| it.name.contains("session"));
    if let (Some(profile), Some(session)) = (profile, session) {
        file.gap().guess("accounts have triggers, one table their key, and one is named so");
        file.line("[accounts]");
        file.pair("profile", profile.declared_name());
        file.pair("session", session.declared_name());
    }
}
