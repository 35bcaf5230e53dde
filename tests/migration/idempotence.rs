//! Idempotence: the migration on a database that has it already, completely or in part, or that
//! has accounts.

use rstest::rstest;

use super::{NONE, bare, contents, inputs, paste};
use schema_harness::catalog::contents::{Contents, differences};
use schema_harness::database::batch;
use schema_harness::database::{Client, connect};
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::source::SourceFile;
use schema_harness::sql::statements;

/// Accounts from before the migration: two with one name, one with more than fifty characters,
/// and invalid names.
const ACCOUNTS: &str = r#"
    insert into auth.users (id, email, raw_user_meta_data, created_at) values
    ('00000000-0000-4000-8000-0000000000a1', 'one@example.com', '{"username": "ada"}', '2025-01-01'),
    ('00000000-0000-4000-8000-0000000000a2', 'two@example.com', '{"username": "ada"}', '2025-01-02'),
    ('00000000-0000-4000-8000-0000000000a3', 'ada@example.com', null, '2025-01-03'),
    ('00000000-0000-4000-8000-0000000000a4', null, null, null),
    ('00000000-0000-4000-8000-0000000000a5', null, '{}', '2025-01-05'),
    ('00000000-0000-4000-8000-0000000000a6', null, '"username"', '2025-01-06'),
    ('00000000-0000-4000-8000-0000000000a7', null, '{"username": {"a": [null]}}', '2025-01-07'),
    ('00000000-0000-4000-8000-0000000000a8', null, '{"username": ""}', '2025-01-08'),
    ('00000000-0000-4000-8000-0000000000a9', null, '{"username": "  \u200b "}', '2025-01-09'),
    ('00000000-0000-4000-8000-0000000000b1', null,
        '{"username": "''; drop table public.user_profiles; --"}', '2025-01-10'),
    ('00000000-0000-4000-8000-0000000000b2', null,
        jsonb_build_object('username', repeat(U&'\+01F600', 300)), '2025-01-11'),
    ('00000000-0000-4000-8000-0000000000b3', null,
        jsonb_build_object('username', repeat(U&'\+01F600', 300)), '2025-01-12'),
    ('00000000-0000-4000-8000-0000000000b4', repeat('x', 243) || '@example.com', null, null)"#;

/// Their number.
const ACCOUNT_COUNT: usize = 13;

async fn with_accounts(inputs: &Inputs, regime: Regime) -> Database {
    let database = bare(inputs, regime).await;
    let auth = connect(&database.login("supabase_auth_admin")).await;
    let auth = auth.unwrap_or_else(|why| panic!("{why}"));
    auth.batch_execute(ACCOUNTS).await.expect(ACCOUNTS);
    database
}

/// All rows and all of the catalog are the same afterwards.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn second_run_changes_nothing(#[case] regime: Regime) {
    let inputs = inputs();
    let database = Database::of(&inputs, regime).await.unwrap_or_else(|why| panic!("{why}"));
    let before = contents(&database).await;
    // Of the platform's own tables, a migration of ours fills none.
    let is_ours = |name: &str| name.starts_with("\"public\".") || name == "\"auth\".\"users\"";
    let counts = before.counts().into_iter().filter(|(name, rows)| *rows == 0 && is_ours(name));
    let empty: Vec<&str> = counts.map(|(name, _)| name).collect();
    assert_eq!(empty, [""; 0], "T02: tables without rows that could be lost");
    paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
    let after = contents(&database).await;
    assert_eq!(differences(&before.schema, &after.schema), NONE, "- before, + after");
    for (table, rows) in &before.rows {
        assert_eq!(after.rows.get(table), Some(rows), "rows of {table}");
    }
}

/// After an interruption at any statement, the whole file makes the same as on an empty
/// database, in each regime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_migration_can_be_completed() {
    let (tried, unlike) = interrupted(&inputs()).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(unlike, NONE, "what comes of an interruption");
    assert!(tried > 150, "T02: interruptions, {tried}");
}

/// The control: a file that cannot be run twice, and one that duplicates a row, are found at
/// the statement that causes it.
#[rstest]
#[case::error(
    "create table if not exists public.a (id integer);\ncreate table public.b ();",
    "after line 2: "
)]
#[case::row(
    "create table if not exists public.a (id integer);\ninsert into public.a values (1);",
    "after line 2: rows"
)]
#[case::comment(
    "create table if not exists public.a ();\n\
     do $$ begin if to_regclass('public.b') is null then\n\
     comment on table public.a is 'A.'; else comment on table public.a is 'B.'; end if; end $$;\n\
     create table if not exists public.b ();",
    "after line 4: [\"- comments/table public.a: A.\""
)]
#[tokio::test]
async fn file_that_cannot_be_completed_is_found(#[case] text: &str, #[case] said: &str) {
    let mut inputs = inputs();
    inputs.migrations = vec![SourceFile { name: "1_minds.sql".to_owned(), text: text.to_owned() }];
    let (_, found) = interrupted(&inputs).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(found.len(), Regime::ALL.len(), "{found:#?}");
    assert!(found.iter().all(|it| it.starts_with(said)), "{found:#?}");
}

/// Runs the files statement by statement; after each, runs the whole file on another
/// connection, and reports where that fails or differs from its result on an empty database.
/// Two workers run in parallel, each for every other statement.
async fn interrupted(inputs: &Inputs) -> Result<(usize, Vec<String>), CannotRun> {
    let (even, odd) = tokio::join!(walk(inputs, 0), walk(inputs, 1));
    let ((even, mut unlike), (odd, others)) = (even?, odd?);
    unlike.extend(others);
    Ok((even + odd, unlike))
}

/// The regimes differ before the first statement. After a statement that makes their catalogs
/// equal, the rest is tried in one.
async fn walk(inputs: &Inputs, parity: usize) -> Result<(usize, Vec<String>), CannotRun> {
    let mut paths = Vec::new();
    for regime in Regime::ALL {
        paths.push(Path::begin(inputs, regime).await?);
    }
    let statements = inputs.migrations.iter().flat_map(|it| statements::split(&it.text));
    let (mut tried, mut unlike) = (0, Vec::new());
    for (at, next) in statements.enumerate() {
        let place = format!("after line {}", next.line);
        for path in &paths {
            let (_, error) = batch::run(&path.walker, next.text).await?;
            assert_eq!(error, None, "{place}: {}", next.text);
        }
        for path in paths.iter().filter(|_| at % 2 == parity) {
            tried += 1;
            unlike.extend(path.unlike(inputs).await?.map(|why| format!("{place}: {why}")));
        }
        if let [one, other] = paths.as_slice() {
            let (one, other) = (one.contents().await?, other.contents().await?);
            if one.schema == other.schema && one.counts() == other.counts() {
                paths.truncate(1);
            }
        }
    }
    Ok((tried, unlike))
}

/// A database in which the migration has run up to some statement.
struct Path {
    /// The connection whose statements are committed one by one.
    walker: Client,
    admin: Client,
    /// The result of the whole migration on an empty database.
    intended: Contents,
    _database: Database,
}

impl Path {
    async fn begin(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
        let database = with_accounts(inputs, regime).await;
        let walker = connect(&database.login("postgres")).await?;
        let admin = database.admin().await?;
        let intended = Self::whole(&admin, inputs).await?.map_err(CannotRun)?;
        Ok(Self { walker, admin, intended, _database: database })
    }

    async fn contents(&self) -> Result<Contents, CannotRun> {
        Contents::read(&self.admin).await
    }

    /// The difference between the result of the whole migration from here and the intended one.
    async fn unlike(&self, inputs: &Inputs) -> Result<Option<String>, CannotRun> {
        let made = match Self::whole(&self.admin, inputs).await? {
            Err(error) => return Ok(Some(error)),
            Ok(made) => made,
        };
        let lines = differences(&self.intended.schema, &made.schema);
        if !lines.is_empty() {
            return Ok(Some(format!("{lines:?}")));
        }
        let counts = made.counts();
        Ok((counts != self.intended.counts()).then(|| format!("rows: {counts:?}")))
    }

    /// The result of the whole migration from here, or why it fails. It runs in a transaction
    /// that is rolled back.
    async fn whole(admin: &Client, inputs: &Inputs) -> Result<Result<Contents, String>, CannotRun> {
        let files: Vec<&str> = inputs.migrations.iter().map(|file| file.text.as_str()).collect();
        let batch = format!(
            "begin; set local session authorization postgres; {}\n; \
             set local session authorization default",
            files.join("\n;\n")
        );
        let (_, error) = batch::run(admin, &batch).await?;
        let made = match error {
            None => Ok(Contents::read(admin).await?),
            Some(error) => Err(error.to_string()),
        };
        batch::run(admin, "rollback").await?;
        Ok(made)
    }
}

/// Each gets one profile with a unique name; the first account with a name keeps it.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn older_accounts_get_their_profiles(#[case] regime: Regime) {
    let inputs = inputs();
    let database = with_accounts(&inputs, regime).await;
    for time in ["once", "twice"] {
        paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
        let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
        let names = "select pg_catalog.right(u.id::text, 2), p.username
                     from auth.users u join public.user_profiles p using (id) order by 1";
        let rows = admin.query(names, &[]).await.expect("the profiles");
        let names: Vec<(String, String)> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(names.len(), ACCOUNT_COUNT, "{time}: one profile each: {names:?}");
        let of = |end: &str| {
            let found = names.iter().find(|(id, _)| id == end);
            found.map(|(_, name)| name.as_str()).unwrap_or_default()
        };
        assert_eq!(of("a1"), "ada", "{time}: the oldest has the name");
        assert!(of("a2").starts_with("ada-"), "{time}: the next has another: {}", of("a2"));
        assert!(of("a3").starts_with("ada-"), "{time}: also by address: {}", of("a3"));
        assert_eq!(of("b1"), "'; drop table public.user_profiles; --", "{time}: text is text");
        assert_eq!(of("b2").chars().count(), 50, "{time}: as long as a name may be");
        assert_eq!(of("b4"), "x".repeat(50), "{time}: of a long address");
    }
}
