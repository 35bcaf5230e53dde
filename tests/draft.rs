//! A draft describes the database, marks its guesses, and overwrites nothing.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::checks::schema::Comparison;
use schema_harness::cli::draft::{Draft, summary, write};
use schema_harness::contract::grid::{Command, Whose};
use schema_harness::contract::{Contract, Owner};
use schema_harness::draft::GUESS;
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::platform::persona::Persona;
use schema_harness::report::Evidence;
use schema_harness::sandbox::Regimes;
use schema_harness::source::project;

/// A draft of what those migrations make, in a directory of the test's own.
async fn drafted(migrations: PathBuf) -> (TempDir, Inputs, Draft) {
    let out = TempDir::with_prefix("identra-draft-").expect("a directory of the test's own");
    let read = Inputs::read(&migrations, &project().join("fixtures"));
    let read = read.unwrap_or_else(|why| panic!("{why}"));
    let inputs = Inputs { contract: Contract::default(), contract_files: Vec::new(), ..read };
    let draft = write(&inputs, out.path(), None, false).await.unwrap_or_else(|why| panic!("{why}"));
    (out, inputs, draft)
}

/// The evidence of the migrations with the draft as their contract.
async fn verified(inputs: &Inputs, draft: &Draft) -> Evidence {
    let contract = Contract::read(&draft.out).unwrap_or_else(|why| panic!("{why}"));
    let inputs = Inputs { contract, ..inputs.clone() };
    let evidence = job::run(Arc::new(inputs), &Job::without_attacks(&[])).await;
    evidence.unwrap_or_else(|why| panic!("{why}"))
}

/// The ids of findings that begin like that.
fn found<'a>(evidence: &'a Evidence, rule: &str) -> Vec<&'a str> {
    let of = evidence.findings.iter().filter(|finding| finding.rule.starts_with(rule));
    of.map(|finding| finding.check.as_str()).collect()
}

/// The number of marked lines in all files, and of files with one.
fn marked(draft: &Draft) -> (usize, usize) {
    let files = Contract::files(&draft.out).unwrap_or_else(|why| panic!("{why}"));
    let count = |text: &str| text.lines().filter(|line| line.starts_with(GUESS)).count();
    let counts: Vec<usize> = files.iter().map(|file| count(&file.text)).collect();
    (counts.iter().sum(), counts.iter().filter(|&&count| count > 0).count())
}

/// The draft has everything that is observed, and every guess is counted and reported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draft_of_the_projects_migrations_describes_the_database() {
    let (_out, inputs, draft) = drafted(project().join("migrations")).await;
    assert_eq!(draft.alone, 0, "what no key says");
    assert_eq!(draft.regimes.all, Regime::ALL, "{}", draft.regimes.why);
    assert_eq!(draft.guesses, marked(&draft), "reported guesses against marked ones");
    let evidence = verified(&inputs, &draft).await;
    assert_eq!(found(&evidence, "schema."), [""; 0]);
    let isolation = found(&evidence, "isolation.");
    assert!(isolation.len() < 60, "{} guesses are wrong: {isolation:#?}", isolation.len());
    let last = summary(&draft, &project().join("migrations"));
    let (guesses, files) = draft.guesses;
    let begin = format!("{guesses} guesses in {files} files below ");
    assert!(last.lines().last().is_some_and(|line| line.starts_with(&begin)), "{last}");
}

/// The same for the example, whose rows have several users: a table with a user and another
/// table's key is guessed to be one of memberships.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draft_of_the_example_finds_the_members() {
    let (_out, inputs, draft) = drafted(project().join("fixtures/examples/teams/migrations")).await;
    assert_eq!(draft.alone, 0, "what no key says");
    assert_eq!(draft.guesses, marked(&draft), "reported guesses against marked ones");
    let read = Contract::read(&draft.out).unwrap_or_else(|why| panic!("{why}"));
    let example = Contract::read(&project().join("fixtures/examples/teams/fixtures"));
    let example = example.unwrap_or_else(|why| panic!("{why}"));
    let owners = |contract: &Contract| -> Vec<(String, Owner)> {
        contract.tables.iter().map(|(name, it)| (name.clone(), it.owner.clone())).collect()
    };
    assert_eq!(owners(&read), owners(&example));
    assert_eq!(found(&verified(&inputs, &draft).await, "schema."), [""; 0]);
}

/// A corrected draft is not overwritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draft_overwrites_nothing() {
    let (out, inputs, _) = drafted(project().join("fixtures/examples/teams/migrations")).await;
    let corrected = out.path().join("contract/database.toml");
    fs::write(&corrected, "# corrected").expect("a file of the draft");
    let Err(CannotRun(why)) = write(&inputs, out.path(), None, false).await else {
        panic!("it was overwritten")
    };
    let contract = out.path().join("contract").display().to_string();
    let message = "is there already, and may have been corrected; move it away, or name another \
                   directory with --out";
    assert_eq!(why, format!("{contract} {message}"));
    assert_eq!(fs::read_to_string(&corrected).expect("the file"), "# corrected");
}

/// A schema of another style: most of it has keys of its own, and the rest stands as the catalog
/// shows it, in each regime.
const OTHERS: &str = "create type public.mood as enum ('good', 'bad');
    create table public.people (
        id bigint generated always as identity primary key,
        user_id uuid not null unique references auth.users (id) on delete cascade,
        number serial, mood public.mood not null default 'good', email text,
        lower_email text generated always as (lower(email)) stored,
        age integer check (age > 17 or mood = 'bad')
    );
    create unique index people_email_idx on public.people (lower(email)) where email <> '';
    alter table public.people enable row level security;
    grant select, insert on public.people to authenticated;
    create policy own on public.people for select using (user_id = (select auth.uid()));
    create policy new on public.people as restrictive for insert to authenticated
        with check (user_id = (select auth.uid()));
    create policy admin on public.people for select to supabase_auth_admin using (true);
    create function public.always() returns boolean language sql as 'select true';
    create schema app;
    create table app.people (
        id uuid primary key references public.people (user_id), born date not null
    ) partition by range (id);
    create table app.some partition of app.people default;
    create materialized view public.ages as select age from public.people;
    alter publication supabase_realtime add table public.people;";

#[rstest]
#[case::one(&[Regime::Explicit], &["/app.some/", "/publication supabase_realtime publishes public.people", "/others/type public.mood", "/kind"])]
#[case::both(&Regime::ALL, &["/people/privileges/anon"])]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draft_agrees_with_the_database(#[case] regimes: &[Regime], #[case] alone: &[&str]) {
    let migrations = TempDir::with_prefix("identra-draft-").expect("a directory of its own");
    let out = TempDir::with_prefix("identra-draft-").expect("a directory of its own");
    fs::write(migrations.path().join("1_others.sql"), OTHERS).expect("a migration");
    let inputs = Inputs::without_contract(migrations.path(), &project().join("fixtures"));
    let inputs = inputs.unwrap_or_else(|why| panic!("{why}"));
    let draft = write(&inputs, out.path(), Some(regimes), false).await;
    let draft = draft.unwrap_or_else(|why| panic!("{why}"));
    let catalog = fs::read_to_string(out.path().join("contract/catalog.toml")).expect("it");
    for id in alone {
        assert!(catalog.contains(id), "{id} in {catalog}");
    }
    assert_eq!(catalog.matches("/people/policies").count(), 0, "policies have a key: {catalog}");
    for &regime in regimes {
        let contract = Contract::read(&draft.out).unwrap_or_else(|why| panic!("{why}"));
        let inputs = Inputs { contract, ..inputs.clone() };
        let comparison = Comparison::read(&inputs, regime).await;
        let comparison = comparison.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(comparison.differences().collect::<Vec<_>>(), [""; 0]);
    }
    let last = summary(&draft, &project().join("migrations"));
    assert!(
        last.contains(&format!("\n{} things that no key says stand in ", draft.alone)),
        "{last}"
    );
}

/// The regime is guessed from what a migration grants and takes back; the caller may say another.
#[rstest]
#[case::nothing("", &[Regime::AutoExpose])]
#[case::grant("grant select on public.people to authenticated;", &[Regime::Explicit])]
#[case::grant_of_a_column("grant select (id) on public.people to anon;", &[Regime::Explicit])]
#[case::grant_of_a_function(
    "create function public.f() returns integer language sql as 'select 1';
     grant execute on function public.f() to anon;
     revoke all on function public.f() from public;",
    &[Regime::AutoExpose]
)]
#[case::grant_and_revoke(
    "revoke all on public.people from anon, authenticated;
     grant select on public.people to authenticated;",
    &Regime::ALL
)]
#[case::revoke_of_some(
    "create table public.pets (id uuid primary key);
     revoke all on public.people from anon, authenticated;
     grant select on public.people, public.pets to authenticated;",
    &[Regime::Explicit]
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regime_is_guessed(#[case] privileges: &str, #[case] expected: &[Regime]) {
    let migrations = TempDir::with_prefix("identra-draft-").expect("a directory of its own");
    let text = format!("create table public.people (id uuid primary key); {privileges}");
    fs::write(migrations.path().join("1_people.sql"), text).expect("a migration");
    let inputs = Inputs::without_contract(migrations.path(), &project().join("fixtures"));
    let inputs = inputs.unwrap_or_else(|why| panic!("{why}"));
    let guessed = Regimes::of(&inputs, None).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(guessed.all, expected, "{}", guessed.why);
    let wanted = [Regime::AutoExpose];
    let wanted = Regimes::of(&inputs, Some(&wanted)).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(wanted.all, [Regime::AutoExpose]);
}

/// Of a database that is known to be right, the grid says what it does; else, what is likely meant.
#[rstest]
#[case::guessed(false, "0 rows")]
#[case::as_observed(true, "1 row")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grid_says_what_others_read(#[case] is_right: bool, #[case] expected: &str) {
    const TIPS: &str = "
        create table public.tips (
            user_id uuid primary key references auth.users (id), body text not null
        );
        alter table public.tips enable row level security;
        create policy \"Everybody reads what has a text\" on public.tips for select
            to authenticated using (user_id = auth.uid() or body <> '');";
    let migrations = TempDir::with_prefix("identra-draft-").expect("a directory of its own");
    let out = TempDir::with_prefix("identra-draft-").expect("a directory of its own");
    fs::write(migrations.path().join("1_tips.sql"), TIPS).expect("a migration");
    let inputs = Inputs::without_contract(migrations.path(), &project().join("fixtures"));
    let inputs = inputs.unwrap_or_else(|why| panic!("{why}"));
    let draft = write(&inputs, out.path(), None, is_right).await;
    let draft = draft.unwrap_or_else(|why| panic!("{why}"));
    let contract = Contract::read(&draft.out).unwrap_or_else(|why| panic!("{why}"));
    let cell = (Persona::Bob, Whose::Anothers(None), Command::Select);
    assert_eq!(contract.tables["tips"].grid.cells[&cell].to_string(), expected);
}
