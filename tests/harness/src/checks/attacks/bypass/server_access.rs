//! Bypass: access beyond the database, and functions that are trusted before policies.

use super::statements::{CLIENTS, offenders, ours, run, trial, unrefused};
use crate::checks::attacks::runner::Trial;
use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::platform::persona::Persona;

/// A large object of another role, with an unused OID.
const LARGE_OBJECT: &str =
    "select pg_catalog.lo_from_bytea(4294900000, 'a secret'::pg_catalog.bytea)";

/// Statements that must be refused, by name.
const REFUSED: [(&str, &str); 19] = [
    ("large object, read", "select pg_catalog.lo_get(4294900000)"),
    ("large object, open", "select pg_catalog.lo_open(4294900000, 262144)"),
    ("large object, write", "select pg_catalog.lo_put(4294900000, 0, 'x')"),
    ("large object, unlink", "select pg_catalog.lo_unlink(4294900000)"),
    ("large objects, all", "select data from pg_catalog.pg_largeobject"),
    ("large object from a file", "select pg_catalog.lo_import('/etc/hostname')"),
    ("large object to a file", "select pg_catalog.lo_export(4294900000, '/nowhere/file')"),
    ("program, out", "copy (select 1) to program 'true'"),
    ("program, in", "create temp table got (line text); copy got from program 'true'"),
    ("file, out", "copy (select 1) to '/nowhere/file'"),
    ("file, in", "create temp table got (line text); copy got from '/etc/hostname'"),
    ("file, read", "select pg_catalog.pg_read_file('PG_VERSION')"),
    ("file, bytes", "select pg_catalog.pg_read_binary_file('PG_VERSION')"),
    ("file, stat", "select pg_catalog.pg_stat_file('PG_VERSION')"),
    ("directory", "select pg_catalog.pg_ls_dir('.')"),
    ("log directory", "select pg_catalog.pg_ls_logdir()"),
    ("passwords", "select rolpassword from pg_catalog.pg_authid"),
    ("user mappings", "select umoptions from pg_catalog.pg_user_mapping"),
    ("replication slot", "select pg_catalog.pg_create_physical_replication_slot('planted')"),
];

/// B10.
pub(super) async fn trials(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let mut trials = Vec::new();
    let setup = [LARGE_OBJECT.to_owned()];
    for persona in [ATTACKER, Persona::AnonKey] {
        for (part, script) in REFUSED {
            let script: Vec<String> = script.split("; ").map(str::to_owned).collect();
            let transcript = run(sandbox, persona, &setup, &script).await?;
            let pasted =
                format!("{}\n{};", sandbox.identity(persona).become_sql(), script.join(";\n"));
            let part = format!("{part}, as {}", persona.name());
            let tried = trial("database", &part, persona.name(), &pasted);
            trials.push(Trial { weakness: unrefused(&transcript), ..tried });
        }
    }
    for (part, query) in listed() {
        trials.extend(offenders(sandbox, part, &query).await?);
    }
    Ok(trials)
}

/// Catalog queries for dangerous objects: function, role or schema, and what it can do.
fn listed() -> Vec<(&'static str, String)> {
    let ours = ours();
    vec![
        (
            "leakproof",
            "select p.proname::text, 'is LEAKPROOF and owned by ' || r.rolname || ', no superuser' \
             from pg_catalog.pg_proc p join pg_catalog.pg_roles r on r.oid = p.proowner \
             where p.proleakproof and not r.rolsuper order by 1"
                .to_owned(),
        ),
        (
            "functions that reach out",
            format!(
                "select p.proname::text, r.rolname || ' may execute it' from pg_catalog.pg_proc p \
                 join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
                 join pg_catalog.pg_language l on l.oid = p.prolang \
                 cross join pg_catalog.pg_roles r \
                 where r.rolname in {CLIENTS} \
                 and pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE') \
                 and pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') \
                 and (p.proname ~ '^(dblink(_|$)|http(_|$)|urlencode$|pg_read_file|\
                    pg_read_binary_file|pg_ls_(dir|logdir|waldir|tmpdir)|pg_stat_file|lo_import|\
                    lo_export|pg_execute|pg_reload_conf|pg_terminate_other|pg_switch_wal)' \
                    and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype \
                    or {ours} and not l.lanpltrusted and l.lanname <> 'internal' \
                    and not exists (select from pg_catalog.pg_depend d \
                        where d.objid = p.oid and d.deptype = 'e')) \
                 order by 1, 2"
            ),
        ),
        (
            "untrusted languages",
            format!(
                "select l.lanname::text, r.rolname || ' may write functions in it' \
                 from pg_catalog.pg_language l cross join pg_catalog.pg_roles r \
                 where r.rolname in {CLIENTS} and not l.lanpltrusted \
                 and l.lanname not in ('internal', 'c') and l.lanispl \
                 and pg_catalog.has_language_privilege(r.oid, l.oid, 'USAGE') order by 1, 2"
            ),
        ),
        (
            "other servers",
            format!(
                "select s.srvname::text, r.rolname || ' may use the foreign server' \
                 from pg_catalog.pg_foreign_server s cross join pg_catalog.pg_roles r \
                 where r.rolname in {CLIENTS} \
                 and pg_catalog.has_server_privilege(r.oid, s.oid, 'USAGE') order by 1, 2"
            ),
        ),
    ]
}
