//! Access window: while the migration runs, nothing can be reached that cannot be reached after
//! its last statement.

use rstest::rstest;

use super::{NONE, bare, inputs, paste, plants};
use schema_harness::checks::reachable::{Reached, reached};
use schema_harness::database::batch;
use schema_harness::database::connect;
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::sql::statements;

/// Commits one statement after the other, and returns what can be reached after one of them and
/// not after the last.
async fn windows(
    inputs: &Inputs,
    database: &Database,
    statements: &[&str],
) -> Result<(Reached, Vec<String>), CannotRun> {
    let plants = plants(inputs).await?;
    let (migrator, admin) = (connect(&database.login("postgres")).await?, database.admin().await?);
    let mut moments: Vec<(&str, Reached)> = Vec::new();
    for statement in statements {
        let (_, error) = batch::run(&migrator, statement).await?;
        assert_eq!(error, None, "{statement}");
        moments.push((statement, reached(&admin, &plants).await?));
    }
    let intended = moments.last().map(|(_, reached)| reached.clone()).unwrap_or_default();
    let mut open = Vec::new();
    for (statement, reached) in &moments {
        let first_line = statement.lines().next().unwrap_or_default();
        open.extend(reached.difference(&intended).map(|it| format!("after {first_line}: {it}")));
    }
    Ok((intended, open))
}

/// The first run, in each regime; and the second, when policies are dropped and recreated.
#[rstest]
#[case::explicit(Regime::Explicit, false)]
#[case::auto_expose(Regime::AutoExpose, false)]
#[case::repeated(Regime::AutoExpose, true)]
#[tokio::test]
async fn no_statement_opens_more_than_the_last(#[case] regime: Regime, #[case] repeated: bool) {
    let inputs = inputs();
    let database = bare(&inputs, regime).await;
    if repeated {
        paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
    }
    let all = inputs.migrations.iter().flat_map(|it| statements::split(&it.text));
    let all: Vec<&str> = all.map(|it| it.text).collect();
    let found = windows(&inputs, &database, &all).await;
    let (at_the_end, open) = found.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(open, NONE, "what is open meanwhile");
    let (own, of_others): (Vec<&String>, Vec<&String>) =
        at_the_end.iter().partition(|it| it.starts_with("alice "));
    let everybodys = ["authenticated without claims", "bob", "no_token"];
    let everybodys = everybodys.map(|who| format!("{who} select feature_flags"));
    assert_eq!(of_others, everybodys.each_ref(), "rows of others, at the end");
    let select = "alice select memories".to_owned();
    assert!(own.contains(&&select), "control: her own, at the end: {own:?}");
}

/// The control: without the change of default privileges, an older project's tables can be
/// reached until each is revoked, and a newer project's can be truncated until then.
#[rstest]
#[case::explicit(Regime::Explicit, &["truncate"])]
#[case::auto_expose(Regime::AutoExpose, &["select", "insert", "update", "delete", "truncate"])]
#[tokio::test]
async fn window_is_detected_with_open_default_privileges(
    #[case] regime: Regime,
    #[case] open_for: &[&str],
) {
    let inputs = inputs();
    let all = inputs.migrations.iter().flat_map(|it| statements::split(&it.text));
    let without: Vec<&str> =
        all.map(|it| it.text).filter(|it| !it.starts_with("alter default privileges")).collect();
    let end = without.iter().position(|it| it.starts_with("create table if not exists public.con"));
    let first_tables = &without[..end.expect("the table of conversations")];
    let database = bare(&inputs, regime).await;
    let found = windows(&inputs, &database, first_tables).await;
    let (_, open) = found.unwrap_or_else(|why| panic!("{why}"));
    for command in ["select", "insert", "update", "delete", "truncate"] {
        for who in ["bob", "no_token", "authenticated without claims"] {
            let line = format!(
                "after create table if not exists public.memories (: {who} {command} memories"
            );
            assert_eq!(open.contains(&line), open_for.contains(&command), "{line}: {open:#?}");
        }
    }
}
