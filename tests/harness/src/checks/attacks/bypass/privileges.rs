//! Bypass: privileges that no client needs, and default privileges of later objects.

use super::statements::{CLIENTS, offenders, ours, run, trial, unrefused};
use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::attacks::runner::{Context, Trial};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::ident;

/// B07.
pub(super) async fn needless(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let mut trials = Vec::new();
    for (part, query) in listed(sandbox.catalog.version_num) {
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

/// Catalog queries for needless privileges: object, and role with privilege.
fn listed(version_num: u32) -> Vec<(&'static str, String)> {
    let kinds = if version_num >= 170_000 {
        "('TRUNCATE'), ('REFERENCES'), ('TRIGGER'), ('MAINTAIN')"
    } else {
        "('TRUNCATE'), ('REFERENCES'), ('TRIGGER')"
    };
    let not_of_extension = |class: &str, oid: &str| {
        format!(
            "not exists (select from pg_catalog.pg_depend d where d.deptype = 'e' \
             and d.classid = 'pg_catalog.{class}'::pg_catalog.regclass and d.objid = {oid})"
        )
    };
    let (relation, function) =
        (not_of_extension("pg_class", "c.oid"), not_of_extension("pg_proc", "p.oid"));
    let ours = ours();
    vec![
        (
            "on relations",
            format!(
                "select c.relname::text, r.rolname || ' holds ' || k.privilege \
                 from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 cross join pg_catalog.pg_roles r cross join (values {kinds}) k (privilege) \
                 where {ours} and c.relkind in ('r', 'p', 'v', 'm', 'f') and {relation} \
                 and r.rolname in {CLIENTS} and (case when k.privilege = 'REFERENCES' \
                    then pg_catalog.has_any_column_privilege(r.oid, c.oid, k.privilege) \
                    else pg_catalog.has_table_privilege(r.oid, c.oid, k.privilege) end) \
                 order by 1, 2"
            ),
        ),
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
            "on functions",
            format!(
                "select p.proname::text, 'everyone may execute it' from pg_catalog.pg_proc p \
                 join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
                 where {ours} and {function} and exists (select from pg_catalog.aclexplode( \
                    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a \
                    where a.grantee = 0) order by 1"
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

/// Objects of a later migration by kind, and the statements that the attackers try on them.
const LATER_OBJECTS: [(&str, &[&str], &[&str]); 5] = [
    (
        "table",
        &[
            "create table public.later_objects (id pg_catalog.int4 primary key, body \
                pg_catalog.text)",
            "insert into public.later_objects values (1, 'a secret')",
        ],
        &[
            "select * from public.later_objects",
            "select pg_catalog.count(*) from public.later_objects",
            "insert into public.later_objects values (2, 'planted')",
            "update public.later_objects set body = 'changed'",
            "delete from public.later_objects",
            "truncate public.later_objects",
        ],
    ),
    (
        "view",
        &[
            "create table public.behind (body pg_catalog.text)",
            "insert into public.behind values ('a secret')",
            "create view public.later_objects as select * from public.behind",
        ],
        &[
            "select * from public.later_objects",
            "update public.later_objects set body = 'changed'",
            "delete from public.later_objects",
        ],
    ),
    (
        "materialized view",
        &["create materialized view public.later_objects as select 'a secret' as body"],
        &["select * from public.later_objects"],
    ),
    (
        "function",
        &["create function public.later_objects() returns pg_catalog.text language sql \
           security definer as 'select ''a secret'''"],
        &["select public.later_objects()"],
    ),
    (
        "sequence",
        &["create sequence public.later_objects"],
        &[
            "select pg_catalog.nextval('public.later_objects')",
            "select pg_catalog.setval('public.later_objects', 7)",
            "select last_value from public.later_objects",
        ],
    ),
];

/// B08.
pub(super) async fn later_objects(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    Context::of(sandbox).map_err(CannotRun)?;
    let mut trials = Vec::new();
    for (kind, creates, attempts) in LATER_OBJECTS {
        let mut setup = vec!["set local session authorization postgres".to_owned()];
        setup.extend(creates.iter().map(|&statement| statement.to_owned()));
        setup.push("set local session authorization default".to_owned());
        for persona in [ATTACKER, Persona::Guest, Persona::AnonKey, Persona::NoToken] {
            for attempt in attempts {
                let script = [(*attempt).to_owned()];
                let transcript = run(sandbox, persona, &setup, &script).await?;
                // An empty answer is safe: the table may have row level security and no policy.
                let empty = transcript.error.is_none()
                    && transcript
                        .answers
                        .last()
                        .is_none_or(|answer| answer.count == 0 && !attempt.starts_with("truncate"));
                let weakness = unrefused(&transcript).filter(|_| !empty);
                let pasted = format!(
                    "begin;\n{};\n{}\n{attempt};\nrollback;",
                    setup.join(";\n"),
                    sandbox.identity(persona).become_sql()
                );
                let part = format!("{kind}, as {}: {attempt}", persona.name());
                trials
                    .push(Trial { weakness, ..trial("database", &part, persona.name(), &pasted) });
            }
        }
    }
    Ok(trials)
}
