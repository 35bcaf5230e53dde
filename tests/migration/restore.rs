//! Restore from a dump: the commands of `migrations/README.md` are sufficient, and fewer are
//! not.

use std::path::Path;
use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use super::{NONE, bare, contents, inputs};
use schema_harness::catalog::contents::differences;
use schema_harness::checks::isolation::Sandbox;
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::server::Server;
use schema_harness::source::project;

/// Whether the migrations run again after the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    MigrateAgain,
    Nothing,
}

/// The arguments of `migrations/README.md`, word by word.
const DUMP_ACCOUNTS: &str =
    "--data-only --table=auth.users --table=auth.identities --file accounts.sql";
const DUMP_PUBLIC: &str = "--format=custom --schema=public --no-privileges --file public.dump";
const MAKE_SCRIPT: &str = "--schema=public --no-privileges --file public.sql public.dump";
const RESTORE: &str = "--single-transaction -v ON_ERROR_STOP=1";
const EXTENSIONS: [&str; 2] = [
    "create extension if not exists vector with schema extensions",
    "create extension if not exists pg_trgm with schema extensions",
];
const FILES: &str = "-f accounts.sql -f public.sql";

/// Runs the commands of `migrations/README.md`, with or without the last.
fn restore(from: &Database, to: &Database, inputs: &Inputs, then: Then) -> Result<(), CannotRun> {
    let server = Server::shared()?;
    let program = |name: &str| server.program(name, server.major());
    let directory = TempDir::with_prefix("identra-dump-").expect("a directory");
    let within = |word: &str| match Path::new(word).extension() {
        Some(_) if !word.starts_with('-') => directory.path().join(word).display().to_string(),
        _ => word.to_owned(),
    };
    let words = |line: &str| line.split(' ').map(within).collect::<Vec<String>>();
    let (from, to) = (from.login("postgres"), to.login("postgres"));
    program("pg_dump")?.run(&from, &words(DUMP_ACCOUNTS))?;
    program("pg_dump")?.run(&from, &words(DUMP_PUBLIC))?;
    program("pg_restore")?.run(&from, &words(MAKE_SCRIPT))?;
    let mut arguments = words("--no-psqlrc --quiet");
    arguments.extend(words(RESTORE));
    arguments.extend(EXTENSIONS.into_iter().flat_map(|it| ["-c".to_owned(), it.to_owned()]));
    arguments.extend(words(FILES));
    for migration in inputs.migrations.iter().filter(|_| then == Then::MigrateAgain) {
        std::fs::write(within(&migration.name), &migration.text).expect("a migration");
        arguments.extend(["-f".to_owned(), within(&migration.name)]);
    }
    program("psql")?.run(&to, &arguments)?;
    Ok(())
}

/// The commands tried here are those of the README.
#[test]
fn readme_lists_these_commands() {
    let readme = std::fs::read_to_string(project().join("migrations/README.md")).expect("it");
    let commands = [DUMP_ACCOUNTS, DUMP_PUBLIC, MAKE_SCRIPT, RESTORE, FILES];
    let unlisted: Vec<&str> =
        commands.into_iter().chain(EXTENSIONS).filter(|it| !readme.contains(it)).collect();
    assert_eq!(unlisted, [""; 0], "commands that migrations/README.md does not list");
}

/// The findings of the access matrix in a restored database with rows.
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
    restored.copy_state_from(&original).await?;
    let sandbox = Sandbox::within(restored, Arc::clone(&inputs), regime).await?;
    let mut findings = Vec::new();
    for (name, _) in inputs.contract.relations() {
        let ran = sandbox.run(name).await?;
        assert_ne!(ran.len(), 0, "T02: cells of {name}");
        let found = ran.iter().flat_map(|ran| &ran.entry.findings);
        findings.extend(
            found.map(|f| format!("{}: expected {}, observed {}", f.check, f.expected, f.observed)),
        );
    }
    Ok(findings)
}

/// Rows, privileges, policies and the trigger on the platform's table are restored.
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
