//! The extension `plpgsql_check`, where the server has it: what it reports on function bodies,
//! and which of their statements were executed.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::error::{CannotRun, describe};

/// Whether the server has the extension itself, no stand-in.
///
/// # Errors
/// The server's answer.
pub async fn is_available(admin: &Client) -> Result<bool, CannotRun> {
    let question = "select count(*) > 0 from pg_catalog.pg_available_extensions \
                    where name = 'plpgsql_check' and comment not like 'stand-in:%'";
    let row = admin.query_one(question, &[]).await.map_err(|error| failed(&error))?;
    Ok(row.get(0))
}

/// Installs it in the clone that `admin` is connected to, and has it count what this session
/// executes.
///
/// # Errors
/// The server's answer.
pub async fn install(admin: &Client) -> Result<(), CannotRun> {
    let install = "create extension if not exists plpgsql_check schema identra_harness; \
                   load 'plpgsql_check'; set plpgsql_check.profiler = on";
    admin.batch_execute(install).await.map_err(|error| failed(&error))
}

/// Its reports on each PL/pgSQL function, by its name in a contract, one line each; no line means
/// no complaint. A trigger function is checked once for each table that has the trigger.
///
/// # Errors
/// The server's answer.
pub async fn reports(admin: &Client) -> Result<BTreeMap<String, Vec<String>>, CannotRun> {
    let rows = admin.query(REPORTS, &[]).await.map_err(|error| failed(&error))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

const REPORTS: &str = "
    select case n.nspname when 'public' then '' else n.nspname || '.' end || f.proname,
    coalesce(array_agg(
        pg_catalog.format('line %s: %s (%s, %s)', said.lineno, said.message, said.level,
            said.sqlstate)
        order by said.lineno, said.message
    ) filter (where said.message is not null), '{}')
    from pg_catalog.pg_proc f
    join pg_catalog.pg_language l on l.oid = f.prolang and l.lanname = 'plpgsql'
    join pg_catalog.pg_namespace n on n.oid = f.pronamespace
        and n.nspname !~ '^(pg_|information_schema$|identra_harness$)'
    left join (
        select tgfoid, tgrelid, max(tgoldtable) as old_table, max(tgnewtable) as new_table
        from pg_catalog.pg_trigger where not tgisinternal group by tgfoid, tgrelid
    ) watched on watched.tgfoid = f.oid
    left join lateral identra_harness.plpgsql_check_function_tb(
        funcoid => f.oid,
        relid => coalesce(watched.tgrelid, 0),
        oldtable => watched.old_table,
        newtable => watched.new_table,
        fatal_errors => false,
        extra_warnings => true,
        performance_warnings => true,
        security_warnings => true,
        compatibility_warnings => true
    ) as said on true
    group by n.nspname, f.proname";

/// The statements of each PL/pgSQL function, by its name in a contract: line, kind, and how often
/// this session has executed it.
pub const STATEMENTS: &str = "
    select case n.nspname when 'public' then '' else n.nspname || '.' end || f.proname,
        s.stmtid, s.lineno, s.stmtname, s.exec_stmts
    from pg_catalog.pg_proc f
    join pg_catalog.pg_language l on l.oid = f.prolang and l.lanname = 'plpgsql'
    join pg_catalog.pg_namespace n on n.oid = f.pronamespace
        and n.nspname !~ '^(pg_|information_schema$|identra_harness$)'
    cross join lateral identra_harness.plpgsql_profiler_function_statements_tb(f.oid) s";

fn failed(error: &tokio_postgres::Error) -> CannotRun {
    CannotRun(format!("could not use plpgsql_check: {}", describe(error)))
}
