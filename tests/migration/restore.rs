//! This file is the way back from a dump: what `migrations/README.md` says is enough, and less
//! is not.

use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use super::{NONE, bare, contents, inputs};
use crate::harness::CannotRun;
use crate::harness::catalog::contents::differences;
use crate::harness::database::Database;
use crate::harness::inputs::{Inputs, Regime};
use crate::harness::matrix::Arena;
use crate::harness::server::Server;

/// Whether the migrations run again behind the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    MigrateAgain,
    Nothing,
}

/// The commands of `migrations/README.md`, `then` apart.
fn restore(from: &Database, to: &Database, inputs: &Inputs, then: Then) -> Result<(), CannotRun> {
    let server = Server::shared()?;
    let [dump, restore, psql] =
        ["pg_dump", "pg_restore", "psql"].map(|name| server.program(name, server.major()));
    let directory = TempDir::with_prefix("identra-dump-").expect("a directory");
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let (from, to) = (from.login("postgres"), to.login("postgres"));
    let accounts = path("accounts.sql");
    let tables = ["--table=auth.users", "--table=auth.identities"];
    let dump = dump?;
    dump.run(&from, &["--data-only", tables[0], tables[1], "--file", &accounts])?;
    let public = [path("public.dump"), path("public.sql")];
    dump.run(
        &from,
        &["--format=custom", "--schema=public", "--no-privileges", "--file", &public[0]],
    )?;
    restore?
        .run(&from, &["--schema=public", "--no-privileges", "--file", &public[1], &public[0]])?;
    let mut files = vec![accounts, public[1].clone()];
    for migration in inputs.migrations.iter().filter(|_| then == Then::MigrateAgain) {
        files.push(path(&migration.name));
        std::fs::write(path(&migration.name), &migration.text).expect("a migration");
    }
    let mut options: Vec<&str> =
        vec!["--no-psqlrc", "--quiet", "--single-transaction", "-v", "ON_ERROR_STOP=1"];
    options.extend(["-c", "create extension if not exists vector with schema extensions"]);
    options.extend(["-c", "create extension if not exists pg_trgm with schema extensions"]);
    options.extend(files.iter().flat_map(|file| ["-f", file]));
    psql?.run(&to, &options)?;
    Ok(())
}

/// What the access matrix finds in a database into which one with rows was restored.
async fn findings(regime: Regime, then: Then) -> Result<Vec<String>, CannotRun> {
    let inputs = Arc::new(inputs());
    let original = Database::of(&inputs, regime).await?;
    let restored = bare(&inputs, regime).await;
    restore(&original, &restored, &inputs, then)?;
    let (one, other) = (contents(&original).await, contents(&restored).await);
    for (table, rows) in one.rows.iter().filter(|(table, _)| !table.contains("identra_harness")) {
        assert_eq!(other.rows.get(table), Some(rows), "rows of {table}");
    }
    if then == Then::MigrateAgain {
        assert_eq!(differences(&one.schema, &other.schema), NONE, "- original, + restored");
    }
    restored.remember_as(&original).await?;
    let arena = Arena::within(restored, Arc::clone(&inputs), regime).await?;
    let mut findings = Vec::new();
    for (name, _) in inputs.contract.relations() {
        let ran = arena.run(name).await?;
        assert_ne!(ran.len(), 0, "T02: cells of {name}");
        let found = ran.iter().flat_map(|ran| &ran.entry.findings);
        findings.extend(
            found.map(|f| format!("{}: expected {}, observed {}", f.check, f.expected, f.observed)),
        );
    }
    Ok(findings)
}

/// Rows, privileges, policies and the trigger on the platform's table are back.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn restored_database_is_isolated_as_the_original(#[case] regime: Regime) {
    let findings = findings(regime, Then::MigrateAgain).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(findings, NONE);
}

/// The control: on an older project, a dump by itself leaves clients privileges that the
/// original denies them.
#[tokio::test]
async fn restored_database_is_open_until_the_migration_runs_again() {
    let found = findings(Regime::AutoExpose, Then::Nothing).await;
    let found = found.unwrap_or_else(|why| panic!("{why}"));
    let denied = |it: &&String| it.contains("expected no privilege, observed 0 rows");
    assert_ne!(found.iter().find(denied), None, "{found:#?}");
}
