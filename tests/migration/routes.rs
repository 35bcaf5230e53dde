//! The three routes of a migration, pasted, psql and sqlx, make the same schema.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rstest::rstest;
use tempfile::TempDir;

use super::{NONE, bare, contents, inputs, paste};
use schema_harness::catalog::contents::{Contents, differences};
use schema_harness::database::connect;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::server::{Program, Server};
use schema_harness::source::{SourceFile, project};
use schema_harness::sql::statements;

/// The table of sqlx's own history.
const HISTORY: &str = "_sqlx_migrations";

/// How the runner of `tests/sqlx-migrator` is built, and its path.
const BUILD: &str = "cargo build --manifest-path tests/sqlx-migrator/Cargo.toml \
                     --target-dir target/sqlx-migrator";
const BUILT: &str = "target/sqlx-migrator/debug/sqlx-migrator";

/// The result of pasting the migrations into a database with only the platform.
async fn pasted(inputs: &Inputs, regime: Regime) -> Contents {
    let database = bare(inputs, regime).await;
    paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
    contents(&database).await
}

/// Prints a note even if the test passes and its output is captured.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error");
}

/// The migrations as files, under their names.
fn files(migrations: &[SourceFile]) -> (TempDir, Vec<PathBuf>) {
    let directory = TempDir::with_prefix("identra-migrations-").expect("a directory");
    let write = |file: &SourceFile| {
        let path = directory.path().join(&file.name);
        fs::write(&path, &file.text).expect("a migration in it");
        path
    };
    let paths = migrations.iter().map(write).collect();
    (directory, paths)
}

/// The differences of seeds, without ids and times, which are generated.
async fn flags(database: &Database) -> Vec<String> {
    let query = "select (pg_catalog.to_jsonb(f) - '{id,created_at,updated_at}'::text[])::text
                 from public.feature_flags f order by 1";
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    let rows = admin.query(query, &[]).await.expect("the flags");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Each statement is a transaction of its own.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn psql_makes_what_pasting_makes(#[case] regime: Regime) {
    let inputs = inputs();
    let database = bare(&inputs, regime).await;
    let login = database.login("postgres");
    match Server::shared().and_then(|server| server.program("psql", 0)) {
        Ok(psql) => {
            let (_directory, paths) = files(&inputs.migrations);
            for path in &paths {
                let path = path.to_str().expect("a path in UTF-8");
                let options = ["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", path];
                psql.run(&login, &options).unwrap_or_else(|why| panic!("{why}"));
            }
        }
        Err(why) => {
            say(&format!("note: statement by statement over the wire, not with psql: {why}"));
            let client = connect(&login).await.unwrap_or_else(|why| panic!("{why}"));
            for statement in inputs.migrations.iter().flat_map(|it| statements::split(&it.text)) {
                client.batch_execute(statement.text).await.expect(statement.text);
            }
        }
    }
    let (one, other) = (pasted(&inputs, regime).await, contents(&database).await);
    assert_eq!(differences(&one.schema, &other.schema), NONE, "- pasted, + psql");
    assert_eq!(one.counts(), other.counts(), "rows, pasted and with psql");
}

/// The runner creates the table of its history before the first statement; afterwards only its
/// owner can reach it.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn sqlx_makes_what_pasting_makes(#[case] regime: Regime) {
    let given = std::env::var_os("IDENTRA_SQLX_MIGRATOR").filter(|path| !path.is_empty());
    let given = given.map(PathBuf::from);
    let path = given.clone().unwrap_or_else(|| project().join(BUILT));
    if given.is_none() && !path.is_file() {
        say(&format!(
            "note: sqlx's way in is not compared here; .ci/run does, or first run\n  {BUILD}"
        ));
        return;
    }
    let inputs = inputs();
    let database = bare(&inputs, regime).await;
    let (directory, _) = files(&inputs.migrations);
    let run = || Program::at(&path).run(&database.login("postgres"), &[directory.path()]);
    let said = run().unwrap_or_else(|why| panic!("{why}\n  it is built with {BUILD}"));
    let read: Vec<Option<String>> = inputs.migrations.iter().map(|it| title(&it.name)).collect();
    let said: Vec<Option<String>> = said.lines().map(|line| Some(line.to_owned())).collect();
    assert_eq!(said, read, "what sqlx reads from the files' names");
    let (one, mut other) = (pasted(&inputs, regime).await, contents(&database).await);
    let open: Vec<String> = other
        .schema
        .iter()
        .filter(|(id, _)| id.starts_with(&format!("schema/{HISTORY}/")))
        .filter(|(id, text)| id.contains("/privileges/") || text.as_str() == "disabled")
        .map(|(id, text)| format!("{id}: {text}"))
        .collect();
    assert_eq!(open, NONE, "what is open of sqlx's history");
    other.forget(HISTORY);
    assert_eq!(differences(&one.schema, &other.schema), NONE, "- pasted, + sqlx");
    assert_eq!(one.counts(), other.counts(), "rows, pasted and with sqlx");
    run().unwrap_or_else(|why| panic!("again: {why}"));
}

/// The outcome is the same in both regimes.
#[tokio::test]
async fn both_regimes_have_the_same_outcome() {
    let inputs = inputs();
    let [one, other] = Regime::ALL.map(|regime| {
        let inputs = &inputs;
        async move {
            let database = bare(inputs, regime).await;
            paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
            (contents(&database).await, flags(&database).await)
        }
    });
    let (one, other) = (one.await, other.await);
    assert_eq!(differences(&one.0.schema, &other.0.schema), NONE, "- explicit, + auto-expose");
    assert_eq!(one.1, other.1, "the flags");
    assert_eq!(one.1.len(), 7, "T02: the flags");
}

#[test]
fn file_name_is_what_sqlx_reads() {
    let read: Vec<Option<String>> = inputs().migrations.iter().map(|it| title(&it.name)).collect();
    assert_eq!(read, [Some("20250214 complete mvp schema".to_owned())]);
}

/// What sqlx takes from a file's name: a number, an underscore, words. It passes over others.
fn title(name: &str) -> Option<String> {
    let (version, words) = Path::new(name).file_stem()?.to_str()?.split_once('_')?;
    Some(format!("{} {}", version.parse::<i64>().ok()?, words.replace('_', " ")))
}

/// The control: any other outcome is detected.
#[rstest]
#[case::comment("comment on column public.memories.summary is 'Short.'")]
#[case::comment_on_a_function("comment on function public.handle_new_user() is null")]
#[case::privilege("grant select (bio) on public.user_profiles to anon")]
#[case::execute("grant execute on function public.handle_new_user() to public")]
#[case::body(
    "create or replace function public.cleanup_expired_sessions() returns integer \
     language plpgsql volatile security invoker set search_path = '' as 'begin return 0; end'"
)]
#[case::policy("drop policy \"Users read their own imports\" on public.import_history")]
#[case::default_privileges("alter default privileges grant execute on functions to public")]
#[case::columns("alter table public.feedback add column more integer")]
#[case::view("alter view public.user_statistics set (security_barrier = true)")]
#[tokio::test]
async fn another_outcome_is_detected(#[case] change: &str) {
    let inputs = inputs();
    let database = bare(&inputs, Regime::Explicit).await;
    paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
    let before = contents(&database).await;
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    let change = format!("set role postgres; {change}; reset role");
    admin.batch_execute(&change).await.expect(&change);
    let after = contents(&database).await;
    assert_ne!(differences(&before.schema, &after.schema), NONE, "{change}");
}
