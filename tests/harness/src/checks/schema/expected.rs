//! The contract as facets: what the catalog must contain. The server itself normalizes the
//! contract's expressions, on reference tables that are rolled back.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::statements::{REFERENCE, column, create_trigger, details, reference, reference_of};
use crate::catalog::Catalog;
use crate::catalog::facets::{
    BY_COLUMN, Facets, default_privileges_id, privilege_list, relation_id,
};
use crate::contract::{Contract, Facet, Relation};
use crate::error::{CannotRun, describe};
use crate::platform::Regime;
use crate::sql::{ident, qualified, schema_of};

/// The role that migrations run as, and therefore the owner of what they create.
const MIGRATOR: &str = "postgres";
/// The roles that requests are made with.
const API_ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

/// All facets that the catalog of the migrated database must have: those of the platform and
/// those that the contract declares, on a server of that `server_version_num`.
///
/// # Errors
/// The contract's file and the server's error, if it cannot parse a column.
pub async fn facets(
    admin: &Client,
    contract: &Contract,
    version: u32,
    regime: Regime,
    mut expected: Facets,
) -> Result<Facets, CannotRun> {
    for (name, relation) in contract.relations() {
        let id = relation_id(name);
        let is_view = contract.views.contains_key(name);
        let kind = match (is_view, relation.materialized) {
            (true, true) => "materialized view",
            (true, false) => "view",
            (false, _) => "table",
        };
        // The platform's own tables stay what they are.
        let is_platforms = expected.contains_key(&format!("{id}/kind"));
        if !is_platforms {
            expected.insert(format!("{id}/kind"), kind.into());
            expected.insert(format!("{id}/owner"), MIGRATOR.into());
        }
        let options = [
            (relation.security_barrier, "security_barrier=true"),
            (relation.security_invoker, "security_invoker=true"),
        ];
        let options = options.into_iter().filter_map(|(is_set, option)| is_set.then_some(option));
        let options = options.collect::<Vec<_>>().join(", ");
        if !options.is_empty() {
            expected.insert(format!("{id}/options"), options);
        }
        if !is_view {
            expected.insert(format!("{id}/row-level-security"), "enabled".into());
        }
        privileges(relation, &id, version, &mut expected);
        for seed in &relation.seed {
            expected.insert(format!("{id}/rows/{}", seed_name(relation, seed)), seed_text(seed));
        }
    }
    functions(contract, &mut expected);
    database(contract, version, &mut expected);
    expected.append(&mut references(admin, contract).await?);
    // What stands alone holds over what the other files imply.
    for (id, facet) in &contract.facets {
        match facet.text(regime) {
            Some(Facet::ABSENT) => drop(expected.remove(id)),
            Some(text) => drop(expected.insert(id.clone(), text.to_owned())),
            None => {}
        }
    }
    Ok(expected)
}

/// The id of a bucket's facet.
pub fn bucket_id(bucket: &str) -> String {
    format!("database/buckets/{bucket}")
}

/// The name of a seed row: the value of [`seed_column`].
pub fn seed_name(relation: &Relation, seed: &toml::Table) -> String {
    let value = &seed[seed_column(relation, seed)];
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The column that names a seed row: a unique one, or the first.
pub fn seed_column<'a>(relation: &Relation, seed: &'a toml::Table) -> &'a str {
    let unique = seed.keys().find(|column| relation.columns[*column].unique);
    unique.or_else(|| seed.keys().next()).expect("a seed row has columns")
}

/// A seed row as text.
pub fn seed_text(seed: &toml::Table) -> String {
    let words: Vec<String> =
        seed.iter().map(|(column, value)| format!("{column} {value}")).collect();
    words.join(", ")
}

fn privileges(relation: &Relation, id: &str, version: u32, into: &mut Facets) {
    for role in API_ROLES {
        for column in relation.columns.keys() {
            let open_transaction = BY_COLUMN
                .iter()
                .filter(|privilege| relation.granted(role, privilege).contains(&column.as_str()));
            let list = privilege_list(open_transaction.map(|privilege| (*privilege).to_owned()));
            if !list.is_empty() {
                into.insert(format!("{id}/columns/{column}/privileges/{role}"), list);
            }
        }
        let declared = relation.privileges.get(role).map_or(&[][..], Vec::as_slice);
        let mut whole: Vec<String> = declared.to_vec();
        if declared.iter().any(|privilege| privilege == "all") {
            whole = ["delete", "truncate", "trigger", "maintain"].map(str::to_owned).to_vec();
            whole.retain(|privilege| privilege != "maintain" || version >= 170_000);
        }
        whole.retain(|privilege| !BY_COLUMN.contains(&privilege.as_str()));
        let list = privilege_list(whole);
        if !list.is_empty() {
            into.insert(format!("{id}/privileges/{role}"), list);
        }
    }
}

fn functions(contract: &Contract, into: &mut Facets) {
    for (name, function) in &contract.functions {
        let id = format!("schema/functions/{name}");
        let security = match function.security.as_str() {
            "definer" => format!("definer, owner {MIGRATOR}"),
            invoker => invoker.to_owned(),
        };
        let mut callers = function.callers.clone();
        callers.sort();
        let callers = if callers.is_empty() { "none".into() } else { callers.join(", ") };
        let settings = match function.search_path.as_deref() {
            None => "none".to_owned(),
            Some("") => "search_path=\"\"".to_owned(),
            Some(path) => format!("search_path={path}"),
        };
        for (facet, text) in [
            ("arguments", function.arguments.to_lowercase()),
            ("returns", function.returns.to_lowercase()),
            ("language", function.language.clone()),
            ("volatility", function.volatility.clone()),
            ("security", security),
            ("settings", settings),
            ("callers", callers),
            ("leakproof", "false".into()),
        ] {
            into.insert(format!("{id}/{facet}"), text);
        }
    }
}

fn database(contract: &Contract, version: u32, into: &mut Facets) {
    for (schema, roles) in &contract.database.schemas {
        let id = format!("database/schemas/{schema}");
        into.insert(format!("{id}/owner"), MIGRATOR.into());
        for (role, privileges) in roles {
            into.insert(format!("{id}/privileges/{role}"), privilege_list(privileges.clone()));
        }
    }
    for (sequence, roles) in &contract.database.sequences {
        let id = relation_id(sequence);
        into.insert(format!("{id}/kind"), "sequence".into());
        into.insert(format!("{id}/owner"), MIGRATOR.into());
        for (role, privileges) in roles {
            into.insert(format!("{id}/privileges/{role}"), privilege_list(privileges.clone()));
        }
    }
    for (bucket, it) in &contract.database.buckets {
        into.insert(bucket_id(bucket), it.to_string());
    }
    for (extension, schema) in &contract.database.extensions {
        into.insert(format!("database/extensions/{extension}"), format!("in schema {schema}"));
    }
    if contract.database.default_privileges.is_empty() {
        return;
    }
    // The contract's default privileges of the migrator's objects replace the platform's.
    let ours = format!("database/default-privileges/{MIGRATOR}/public/");
    into.retain(|id, _| !id.starts_with(&ours));
    for (kind, roles) in &contract.database.default_privileges {
        for (role, privileges) in roles {
            let id = default_privileges_id(MIGRATOR, "public", kind);
            let all = match kind.as_str() {
                "tables" if version >= 170_000 => ALL_ON_TABLES.as_slice(),
                "tables" => &ALL_ON_TABLES[..7],
                "sequences" => &["select", "update", "usage"],
                _ => &["execute"],
            };
            let list = if privileges.iter().any(|privilege| privilege == "all") {
                privilege_list(all.iter().map(|privilege| (*privilege).to_owned()))
            } else {
                privilege_list(privileges.clone())
            };
            into.insert(format!("{id}/{role}"), list);
        }
    }
    let public = format!("{}/public", default_privileges_id(MIGRATOR, "*", "functions"));
    into.insert(public, "none".into());
}

/// ALL PRIVILEGES on a table; the last exists since PostgreSQL 17.
const ALL_ON_TABLES: [&str; 8] =
    ["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"];

/// Creates the contract's tables as declared, and reads them back from the catalog.
async fn references(admin: &Client, contract: &Contract) -> Result<Facets, CannotRun> {
    let relations = contract.relations().map(|(name, _)| schema_of(name).0);
    let elsewhere = contract.database.triggers.keys().map(|table| schema_of(table).0);
    let schemas: BTreeSet<&str> = relations.chain(elsewhere).collect();
    let schemas: String =
        schemas.iter().map(|it| format!("; create schema {}", ident(&reference(it)))).collect();
    let begin = format!(
        "begin; set local search_path = public, extensions; set local client_min_messages = error\
         {schemas}"
    );
    admin.batch_execute(&begin).await.map_err(|error| {
        CannotRun(format!("could not read the contract's columns: {}", describe(&error)))
    })?;
    let made = make_references(admin, contract).await;
    let rolled_back = admin.batch_execute("rollback").await;
    rolled_back.map_err(|error| CannotRun(format!("could not roll back: {}", describe(&error))))?;
    made
}

async fn make_references(admin: &Client, contract: &Contract) -> Result<Facets, CannotRun> {
    let mut unreadable = Facets::new();
    for (name, relation) in contract.relations() {
        let is_view = contract.views.contains_key(name);
        let columns: Vec<(&String, String)> =
            relation.columns.iter().map(|(name, it)| (name, column(name, it, is_view))).collect();
        let all: Vec<&str> = columns.iter().map(|(_, column)| column.as_str()).collect();
        let table = reference_of(name);
        let create = |columns: &str| format!("create table {table} ({columns})");
        if try_out(admin, &create(&all.join(", "))).await?.is_err() {
            // One by one, to tell which the server cannot read: its type may not be there.
            let _ = try_out(admin, &create("")).await?;
            for (column, text) in columns {
                let add = format!("alter table {table} add column {text}");
                if let Err(why) = try_out(admin, &add).await? {
                    let facet = format!("{}/columns/{column}", relation_id(name));
                    unreadable.insert(facet, format!("{text}: {why}"));
                }
            }
        }
        for (facet, statement) in details(name, relation) {
            if let Err(why) = try_out(admin, &statement).await? {
                unreadable.insert(facet, format!("{statement}: {why}"));
            }
        }
    }
    for (table, triggers) in &contract.database.triggers {
        let copy = format!("create table {} (like {})", reference_of(table), qualified(table));
        let made = match contract.relation(table) {
            Some(_) => Ok(()),
            None => try_out(admin, &copy).await?,
        };
        for (trigger, text) in triggers {
            let statement = create_trigger(table, trigger, text);
            let why = match &made {
                Ok(()) => try_out(admin, &statement).await?,
                Err(why) => Err(why.clone()),
            };
            if let Err(why) = why {
                let id = format!("{}/triggers/{trigger}", relation_id(table));
                unreadable.insert(id, format!("{statement}: {why}"));
            }
        }
    }
    admin.batch_execute("set local search_path = ''").await.map_err(|error| {
        CannotRun(format!("could not read the contract's columns: {}", describe(&error)))
    })?;
    let catalog = Catalog::read(admin, &format!("nspname like '{REFERENCE}%'")).await?;
    let mut facets = reference_facets(contract, &catalog);
    facets.append(&mut unreadable);
    Ok(facets)
}

/// The facets of the reference tables that the contract declares: columns, constraints,
/// indexes, triggers.
fn reference_facets(contract: &Contract, catalog: &Catalog) -> Facets {
    let kinds = ["columns", "constraints", "indexes", "policies", "triggers"];
    let mut facets = Facets::new();
    for (id, text) in catalog.facets() {
        let Some(rest) = id.strip_prefix(&format!("schema/{REFERENCE}")) else { continue };
        let mut parts = rest.splitn(3, '/');
        let (place, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (schema, bare) = place.split_once('.').unwrap_or_default();
        let name = if schema == "public" { bare.to_owned() } else { format!("{schema}.{bare}") };
        let is_platforms = contract.relation(&name).is_none();
        if !kinds.contains(&kind)
            || id.contains("/privileges/")
            || (is_platforms && kind != "triggers")
        {
            continue;
        }
        let id = format!("{}{}", relation_id(&name), &rest[place.len()..]);
        let written = format!("{}.", reference(schema));
        facets.insert(id, text.replace(&written, &format!("{schema}.")));
    }
    facets
}

/// Runs a statement under a savepoint: `Ok(Err(why))` where the server refuses it.
async fn try_out(admin: &Client, statement: &str) -> Result<Result<(), String>, CannotRun> {
    let gone = |error: tokio_postgres::Error| {
        CannotRun(format!("could not read the contract: {}", describe(&error)))
    };
    admin.batch_execute("savepoint detail").await.map_err(gone)?;
    match admin.batch_execute(statement).await {
        Ok(()) => {
            admin.batch_execute("release detail").await.map_err(gone)?;
            Ok(Ok(()))
        }
        Err(error) if error.as_db_error().is_some() => {
            admin.batch_execute("rollback to detail; release detail").await.map_err(gone)?;
            Ok(Err(describe(&error)))
        }
        Err(error) => Err(gone(error)),
    }
}
