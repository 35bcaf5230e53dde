//! Bypass: privileges that no client needs.

use std::collections::{BTreeMap, BTreeSet};

use super::statements::{CLIENTS, offenders, ours, run, trial, unrefused};
use crate::catalog::Function;
use crate::checks::attacks::runner::Trial;
use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::isolation::Sandbox;
use crate::error::{CannotRun, describe};
use crate::inputs::Inputs;
use crate::platform::SCHEMAS;
use crate::platform::persona::Persona;
use crate::sql::grants::gives;
use crate::sql::ident;
use crate::sql::statements::split;

/// B07.
pub(super) async fn needless(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let grants = grants(&sandbox.inputs);
    let mut trials = on_relations(sandbox, &grants).await?;
    trials.extend(on_functions(sandbox, &grants));
    for (part, query) in listed() {
        trials.extend(offenders(sandbox, part, &query).await?);
    }
    for persona in [ATTACKER, Persona::AnonKey] {
        for (object, part, script) in definitions(sandbox) {
            let transcript = run(sandbox, persona, &[], &script).await?;
            let pasted =
                format!("{}\n{};", sandbox.identity(persona).become_sql(), script.join(";\n"));
            let part = format!("{part}, as {}", persona.name());
            let tried = trial(&object, &part, persona.name(), &pasted);
            trials.push(Trial { weakness: unrefused(&transcript), ..tried });
        }
    }
    Ok(trials)
}

/// Privileges on relations that no client uses, as this server knows them.
pub fn kinds(version_num: u32) -> &'static [&'static str] {
    const ALL: [&str; 4] = ["truncate", "references", "trigger", "maintain"];
    if version_num >= 170_000 { &ALL } else { &ALL[..3] }
}

/// A relation, by schema and name.
type Name = (String, String);

/// Roles, and the privileges that each of them holds.
type Held = (BTreeSet<String>, BTreeSet<String>);

/// A finding for each relation whose privileges a migration grants, and one of all those that have
/// them from the platform, which grants them on whatever is created in `public`.
async fn on_relations(sandbox: &Sandbox, grants: &[&str]) -> Result<Vec<Trial>, CannotRun> {
    let query = held_query(sandbox.catalog.version_num);
    let rows = sandbox.database.admin().await?.query(&query, &[]).await;
    let rows = rows.map_err(|error| CannotRun(format!("{query}\n  {}", describe(&error))))?;
    let (mut granted, mut by_default) =
        (BTreeMap::<Name, Held>::new(), BTreeMap::<Name, Held>::new());
    for row in rows {
        let [schema, name, role, privilege]: [String; 4] = std::array::from_fn(|at| row.get(at));
        let is_granted =
            schema != "public" || is_granted(grants, [&schema, &name], &privilege, &role);
        let of_it = if is_granted { &mut granted } else { &mut by_default };
        let (roles, privileges) = of_it.entry((schema, name)).or_default();
        roles.insert(role);
        privileges.insert(privilege);
    }
    let mut trials = Vec::new();
    for ((schema, name), held) in &granted {
        let (roles, privileges) = (listed_in(&held.0), listed_in(&held.1));
        let remedy = format!(
            "revoke {privileges} on {}.{} from public, {roles};",
            ident(schema),
            ident(name)
        );
        let weakness = Some(holds(held));
        let tried = trial(name, "on relations", "catalog", &query);
        trials.push(Trial { weakness, remedy: Some(remedy), ..tried });
    }
    if !by_default.is_empty() {
        let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for ((_, name), held) in &by_default {
            alike.entry(holds(held)).or_default().push(name);
        }
        let texts = alike.iter().map(|(what, names)| format!("{what} on {}", names.join(", ")));
        let held = by_default.values().fold(Held::default(), |(roles, privileges), held| {
            (&roles | &held.0, &privileges | &held.1)
        });
        let (roles, privileges) = (listed_in(&held.0), listed_in(&held.1));
        let remedy = format!(
            "revoke {privileges} on all tables in schema public from {roles}; \
             alter default privileges in schema public revoke {privileges} on tables from {roles};"
        );
        let weakness = Some(texts.collect::<Vec<_>>().join("; "));
        let tried = trial("public", "by default", "catalog", &query);
        trials.push(Trial { weakness, remedy: Some(remedy), ..tried });
    }
    if trials.is_empty() {
        let none = trial("database", "on relations", "catalog", &query);
        trials.push(Trial { answer: "none".to_owned(), ..none });
    }
    Ok(trials)
}

/// The statements of the migrations that may grant something.
fn grants(inputs: &Inputs) -> Vec<&str> {
    let statements = inputs.migrations.iter().flat_map(|file| split(&file.text));
    statements.map(|it| it.text).filter(|it| it.to_lowercase().contains("grant")).collect()
}

/// Whether a migration says so; otherwise the default privileges do.
fn is_granted(grants: &[&str], object: [&str; 2], privilege: &str, role: &str) -> bool {
    grants.iter().any(|statement| gives(statement, object, privilege, role))
}

fn listed_in(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What roles hold, in words.
fn holds((roles, privileges): &Held) -> String {
    let verb = if roles.len() == 1 { "holds" } else { "hold" };
    format!("{} {verb} {}", listed_in(roles), listed_in(privileges).to_uppercase())
}

/// A catalog query for privileges on relations: schema, name, role and privilege.
fn held_query(version_num: u32) -> String {
    let kinds = kinds(version_num).iter().map(|kind| format!("('{kind}')"));
    let (kinds, ours) = (kinds.collect::<Vec<_>>().join(", "), ours());
    format!(
        "select n.nspname::text, c.relname::text, r.rolname::text, k.privilege \
         from pg_catalog.pg_class c \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         cross join pg_catalog.pg_roles r cross join (values {kinds}) k (privilege) \
         where {ours} and c.relkind in ('r', 'p', 'v', 'm', 'f') \
         and not exists (select from pg_catalog.pg_depend d where d.deptype = 'e' \
            and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid) \
         and r.rolname in {CLIENTS} and (case when k.privilege = 'references' \
            then pg_catalog.has_any_column_privilege(r.oid, c.oid, k.privilege) \
            else pg_catalog.has_table_privilege(r.oid, c.oid, k.privilege) end) \
         order by 1, 2, 3, 4"
    )
}

/// A finding for each function that a migration lets everyone execute, and one for each schema with
/// functions that everyone may execute because PostgreSQL says so of each new one.
fn on_functions(sandbox: &Sandbox, grants: &[&str]) -> Vec<Trial> {
    let mut by_default: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
    let mut trials = Vec::new();
    let is_everyones = |function: &&Function| {
        !SCHEMAS.contains(&&*function.schema)
            && !function.schema.starts_with("identra_")
            && function.grants.iter().any(|grant| grant.grantee == "public")
    };
    for function in sandbox.catalog.functions.iter().filter(is_everyones) {
        let name = [function.schema.as_str(), &function.name];
        if is_granted(grants, name, "execute", "public") {
            trials.push(Trial {
                weakness: Some("everyone may execute it".to_owned()),
                remedy: Some(revoke_execute(&sandbox.inputs, &[function])),
                ..trial(&function.name, "on functions", "catalog", "")
            });
        } else {
            by_default.entry(&function.schema).or_default().push(function);
        }
    }
    for (schema, functions) in by_default {
        let names: Vec<&str> = functions.iter().map(|it| it.name.as_str()).collect();
        let remedy = format!(
            "{} alter default privileges revoke execute on functions from public;",
            revoke_execute(&sandbox.inputs, &functions)
        );
        trials.push(Trial {
            weakness: Some(format!("everyone may execute {}", names.join(", "))),
            remedy: Some(remedy),
            ..trial(schema, "functions by default", "catalog", "")
        });
    }
    trials
}

/// Takes functions from everyone, and leaves them to those that the contract names.
fn revoke_execute(inputs: &Inputs, functions: &[&Function]) -> String {
    let names: Vec<String> = functions.iter().map(|it| it.qualified()).collect();
    let mut text = format!("revoke execute on routine {} from public;", names.join(", "));
    for function in functions {
        let declared = inputs.contract.functions.get(&function.declared_name());
        let callers = declared.map_or(&[][..], |it| &it.callers);
        let callers: Vec<&str> = match callers {
            of if of.iter().any(|it| it == "public") => {
                vec!["anon", "authenticated", "service_role"]
            }
            of => of.iter().map(String::as_str).collect(),
        };
        if !callers.is_empty() {
            text += &format!(
                " grant execute on routine {} to {};",
                function.qualified(),
                callers.join(", ")
            );
        }
    }
    text
}

/// Catalog queries for other needless privileges: object, and role with privilege.
fn listed() -> Vec<(&'static str, String)> {
    let ours = ours();
    vec![
        (
            "on schemas",
            format!(
                "select n.nspname::text, r.rolname || ' may create in the schema' \
                 from pg_catalog.pg_namespace n cross join pg_catalog.pg_roles r \
                 where n.nspname !~ '^pg_' and r.rolname in {CLIENTS} \
                 and pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE') order by 1, 2"
            ),
        ),
        (
            "on the database",
            format!(
                "select 'database', r.rolname || ' may create schemas' from pg_catalog.pg_roles r \
                 where r.rolname in {CLIENTS} and pg_catalog.has_database_privilege( \
                    r.oid, pg_catalog.current_database(), 'CREATE') order by 2"
            ),
        ),
        (
            "passed on",
            format!(
                "select c.relname::text, r.rolname || ' may grant ' || a.privilege_type \
                 from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 cross join pg_catalog.aclexplode(c.relacl) a \
                 join pg_catalog.pg_roles r on r.oid = a.grantee \
                 where {ours} and a.is_grantable and r.rolname in {CLIENTS} order by 1, 2"
            ),
        ),
    ]
}

/// DDL statements: object, name, and script.
fn definitions(sandbox: &Sandbox) -> Vec<(String, &'static str, Vec<String>)> {
    let mut definitions = vec![(
        "database".to_owned(),
        "create a schema",
        vec!["create schema identra_planted".to_owned()],
    )];
    for schema in sandbox.catalog.schemas.iter().map(|schema| &schema.name) {
        for (part, statement) in [
            ("create a table", "table {}.planted (id pg_catalog.int4)"),
            ("create a view", "view {}.planted as select 1 as id"),
            ("create a function", "function {}.planted() returns pg_catalog.int4 return 1"),
        ] {
            let statement = format!("create {}", statement.replace("{}", &ident(schema)));
            definitions.push((schema.clone(), part, vec![statement]));
        }
    }
    let function = "create function pg_temp.planted() returns pg_catalog.trigger \
                    language plpgsql as 'begin return null; end'";
    let tables = sandbox.catalog.relations.iter().filter(|r| r.schema == "public" && r.is_table());
    for table in tables {
        let name = table.qualified();
        for (part, statement) in [
            ("drop", format!("drop table {name} cascade")),
            (
                "disable row level security",
                format!("alter table {name} disable row level security"),
            ),
            ("create a policy", format!("create policy planted on {name} using (true)")),
            ("reindex", format!("reindex table {name}")),
        ] {
            definitions.push((table.name.clone(), part, vec![statement]));
        }
        let trigger = format!(
            "create trigger planted before insert on {name} for each row \
             execute function pg_temp.planted()"
        );
        definitions.push((
            table.name.clone(),
            "create a trigger",
            vec![function.to_owned(), trigger],
        ));
    }
    definitions
}
