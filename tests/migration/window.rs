//! This file is what can be reached while the migration runs: after none of its statements
//! more than after the last.

use rstest::rstest;

use super::{NONE, bare, inputs};
use crate::harness::catalog::{Catalog, EVERYTHING};
use crate::harness::database::{Database, State, connect};
use crate::harness::inputs::{Inputs, Regime};
use crate::harness::reach::{Plants, Reached, reached};
use crate::harness::rows::World;
use crate::harness::{CannotRun, batch, statements};

/// Rows for the tables that the project's migrations make.
async fn plants(inputs: &Inputs) -> Result<Plants, CannotRun> {
    let database = Database::of(inputs, Regime::Explicit).await?;
    let admin = database.admin().await?;
    let world: Result<World, String> = database.state(&admin, State::World).await?;
    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    Ok(Plants::of(&catalog, &world.map_err(CannotRun)?))
}

/// Commits one statement after the other, and says what is reached after one of them and not
/// after the last, where the grids say what may be.
async fn windows(
    inputs: &Inputs,
    statements: &[&str],
    regime: Regime,
) -> Result<(usize, Vec<String>), CannotRun> {
    let plants = plants(inputs).await?;
    let database = bare(inputs, regime).await;
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
    Ok((intended.len(), open))
}

/// The first time, and the second time as well, when policies are dropped and made anew.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn no_statement_opens_what_the_last_does_not(#[case] regime: Regime) {
    let inputs = inputs();
    let once = inputs.migrations.iter().flat_map(|it| statements::split(&it.text));
    let twice: Vec<&str> = once.clone().chain(once).map(|it| it.text).collect();
    let (at_the_end, open) = windows(&inputs, &twice, regime).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(open, NONE, "what is open meanwhile");
    assert_ne!(at_the_end, 0, "T02: owners reach their own rows at the end");
}

/// The control: with the default privileges left alone, an older project's tables are open
/// until each is closed, and a newer project's are not.
#[rstest]
#[case::explicit(Regime::Explicit, false)]
#[case::auto_expose(Regime::AutoExpose, true)]
#[tokio::test]
async fn window_is_seen_where_defaults_are_left_open(#[case] regime: Regime, #[case] seen: bool) {
    let inputs = inputs();
    let all = inputs.migrations.iter().flat_map(|it| statements::split(&it.text));
    let without: Vec<&str> =
        all.map(|it| it.text).filter(|it| !it.starts_with("alter default privileges")).collect();
    let end = without.iter().position(|it| it.starts_with("create table if not exists public.con"));
    let first_tables = &without[..end.expect("the table of conversations")];
    let (_, open) = windows(&inputs, first_tables, regime).await.unwrap_or_else(|why| panic!("{why}"));
    for command in ["select", "insert", "delete", "truncate"] {
        for who in ["bob", "no_token", "anon_key", "authenticated without claims"] {
            let line = format!(
                "after create table if not exists public.memories (: {who} {command} memories"
            );
            assert_eq!(open.contains(&line), seen, "{line}: {open:#?}");
        }
    }
}
