//! Rows of any table are made; where something refuses them, it is named, and the others go on.

use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::cli::draft::write;
use schema_harness::contract::Contract;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::platform::persona::Persona;
use schema_harness::report::Evidence;
use schema_harness::rows::{Owner, World};
use schema_harness::sandbox::{Database, State};
use schema_harness::source::{SourceFile, project};

/// That migration with the contract that is drafted of it.
async fn drafted(migration: &str) -> Inputs {
    let out = TempDir::with_prefix("identra-rows-").expect("a directory of the test's own");
    let read = Inputs::read(&project().join("migrations"), &project().join("fixtures"));
    let read = read.unwrap_or_else(|why| panic!("{why}"));
    let name = "1_rows.sql".to_owned();
    let migrations = vec![SourceFile { name, text: migration.to_owned() }];
    let (contract, contract_files) = (Contract::default(), Vec::new());
    let inputs = Inputs { contract, contract_files, migrations, ..read };
    let draft = write(&inputs, out.path(), Some(&[Regime::Explicit]), false)
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    let contract = Contract::read(&draft.out).unwrap_or_else(|why| panic!("{why}"));
    Inputs { contract, ..inputs }
}

async fn world_of(migration: &str) -> World {
    let inputs = drafted(migration).await;
    let database = Database::of(&inputs, Regime::Explicit).await;
    let database = database.unwrap_or_else(|why| panic!("{why}"));
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    let world: Result<World, String> =
        database.state(&admin, State::World).await.unwrap_or_else(|why| panic!("{why}"));
    world.unwrap_or_else(|why| panic!("{why}"))
}

/// A table `notes` of the users', with those columns and constraints beside key and owner.
fn notes(more: &str) -> String {
    let separator = if more.is_empty() { "" } else { ", " };
    format!(
        "create table public.notes (
             id uuid primary key default gen_random_uuid(),
             user_id uuid not null references auth.users (id) on delete cascade{separator}{more}
         );"
    )
}

/// What a column holds in Alice's rows of a table.
fn values(world: &World, table: &str, column: &str) -> Vec<String> {
    let rows = world.rows(table, Owner::User(Persona::Alice), None);
    rows.iter().filter_map(|row| row.literal(column).map(str::to_owned)).collect()
}

#[rstest]
#[case::enumeration("create type public.e as enum ('a', 'b');", "x public.e not null")]
#[case::domain(
    "create domain public.d as text check (value ~ '^[a-z]{3,9}$');",
    "x public.d not null"
)]
#[case::composite("create type public.c as (lat real, lon real);", "x public.c not null")]
#[case::array_of_an_enumeration(
    "create type public.e as enum ('a', 'b');",
    "x public.e[] not null check (cardinality(x) > 0)"
)]
#[case::range("", "x tstzrange not null")]
#[case::multirange("", "x int4multirange not null")]
#[case::number_with_a_scale("", "x numeric(5, 4) not null check (x > 0)")]
#[case::fraction("", "x numeric(3, 3) not null")]
#[case::characters("", "x char(3) not null unique check (char_length(x) = 3)")]
#[case::list("", "x varchar(20) not null check (x in ('spot', 'future'))")]
#[case::two_columns("", "x smallint not null, y smallint not null, check (x < y)")]
#[case::one_of_two("", "x text, y text, check (num_nonnulls(x, y) = 1)")]
#[case::one_if_the_other(
    "",
    "x text not null default 'a' check (x in ('a', 'b')), y text, check (x = 'a' or y is not null)"
)]
#[case::moments_in_order("", "x timestamptz not null, y timestamptz not null, check (y > x)")]
#[case::unique_number("", "x integer not null unique")]
#[case::unique_day("", "x date not null unique")]
#[case::identity("", "x bigint generated always as identity")]
#[case::generated("", "x text not null, y integer generated always as (length(x)) stored")]
#[case::address("", "x text not null unique check (x like '%@%.%')")]
#[case::second_account("", "x uuid not null references auth.users (id), check (x <> user_id)")]
#[case::nothing_else("", "")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_made_of(#[case] before: &str, #[case] columns: &str) {
    let world = world_of(&format!("{before} {}", notes(columns))).await;
    assert_eq!(world.unmade("notes").map(|cause| cause.words.as_str()), None);
    assert_eq!(values(&world, "notes", "id").len(), 3);
}

/// The near-misses: nothing passes, and one cause says what refuses.
#[rstest]
#[case::contradiction("x integer not null, check (x < x)", "notes.notes_x_check", "23514")]
#[case::two_columns(
    "x integer not null, y integer not null, check (x < y and y < x)",
    "notes.notes_check",
    "23514"
)]
#[case::type_without_a_literal("x pg_lsn not null", "notes", "give the column an example")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_is_left_out_for_one_cause(
    #[case] columns: &str,
    #[case] object: &str,
    #[case] words: &str,
) {
    let world = world_of(&notes(columns)).await;
    let cause = world.unmade("notes").expect("no rows are made");
    assert_eq!(cause.object, object, "{}", cause.words);
    assert!(cause.words.contains(words), "{}", cause.words);
}

const CHILD: &str = "create table public.comments (
    id uuid primary key default gen_random_uuid(),
    note_id uuid not null references public.notes (id) on delete cascade,
    parent_id uuid references public.comments (id) on delete cascade,
    deleted_at timestamptz
);";

/// A nullable key to the table itself, of which the owner is found through a parent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_null_is_null_in_the_first_row_and_filled_in_the_second() {
    let world = world_of(&format!("{}{CHILD}", notes(""))).await;
    let ids = values(&world, "comments", "id");
    assert_eq!(values(&world, "comments", "parent_id"), ["null", ids[0].as_str(), "null"]);
    let deleted = values(&world, "comments", "deleted_at");
    assert_eq!(deleted.iter().map(|it| it == "null").collect::<Vec<_>>(), [true, false, true]);
}

#[rstest]
#[case::with_other_values("if new.x <> 'b' then raise exception 'only b'; end if;", None)]
#[case::never("raise exception 'never';", Some("the function refuse, which a trigger calls,"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trigger_lets_rows_in(#[case] body: &str, #[case] refusal: Option<&str>) {
    let table = notes("x text not null check (x in ('a', 'b'))");
    let world = world_of(&format!(
        "{table}{CHILD}
         create function public.refuse() returns trigger language plpgsql
         as $$ begin {body} return new; end $$;
         create trigger refuse before insert on public.notes for each row
         execute function public.refuse();"
    ))
    .await;
    let unmade = world.unmade("notes").map(|cause| cause.words.as_str());
    assert_eq!(unmade.is_some(), refusal.is_some(), "{unmade:?}");
    assert!(unmade.is_none_or(|words| refusal.is_some_and(|it| words.starts_with(it))));
    // What must point at its rows has none either, and is no cause of its own.
    let causes: Vec<&str> = world.all_unmade().flat_map(|(_, _, others)| others).collect();
    assert_eq!(causes, if refusal.is_some() { vec!["comments"] } else { vec![] });
}

/// The main job on a table that a trigger refuses, beside one that nothing is wrong with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_finding_stands_for_a_table_without_rows() {
    let refuse = "create function public.refuse() returns trigger language plpgsql as \
                  $$ begin raise exception 'never'; end $$; \
                  create trigger refuse before insert on public.others for each row \
                  execute function public.refuse();";
    let others = notes("").replace("public.notes", "public.others");
    let evidence = evidence_of(&format!("{}{others}{refuse}", notes(""))).await;
    assert_eq!(about(&evidence, "rows.refused"), ["refuse"]);
    assert_eq!(about(&evidence, "harness.could-not-run"), [""; 0]);
    let missing = evidence.accounting.missing.keys();
    assert!(missing.clone().count() > 20, "its cells are planned, and not tried");
    assert!(missing.clone().all(|id| id.starts_with("isolation/others/")), "{missing:?}");
}

/// A sign-up that a trigger refuses is one finding, and everything is tried all the same.
#[rstest]
#[case::broken(
    "insert into profiles (id) values (new.id);",
    "relation \"profiles\" does not exist"
)]
#[case::without_an_address(
    "insert into public.profiles (id, email) values (new.id, new.email);",
    "the sign-up of guest"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_finding_stands_for_a_sign_up_that_is_refused(#[case] body: &str, #[case] words: &str) {
    let migration = format!(
        "create table public.profiles (
             id uuid primary key references auth.users (id) on delete cascade, email text not null
         );
         create function public.make_profile() returns trigger language plpgsql security definer
         as $$ begin {body} return new; end $$;
         create trigger make_profile after insert on auth.users for each row
         execute function public.make_profile();"
    );
    let evidence = evidence_of(&migration).await;
    assert_eq!(about(&evidence, "rows.sign_up_refused"), ["make_profile"]);
    let of_it = |it: &&schema_harness::findings::ledger::Finding| it.rule == "rows.sign_up_refused";
    let finding = evidence.findings.iter().find(of_it).expect("there is one");
    assert!(finding.observed.contains(words), "{}", finding.observed);
    assert_eq!(finding.location.as_ref().map(|it| it.line), Some(4));
    assert_eq!(about(&evidence, "harness.could-not-run"), [""; 0]);
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
}

/// The profile that the sign-up has made is not in the way of the user's own insert, and rows that
/// point at it by keys without an action are not in the way of a delete.
#[rstest]
#[case::right("", "", &[])]
#[case::anybodys(
    "for insert to authenticated with check ((select auth.uid()) = id)",
    "for insert to authenticated with check (true)",
    &["profiles/insert/alice/bobs-row", "profiles/insert/carol/alices-row"]
)]
#[case::nobodys(
    "for insert to authenticated with check ((select auth.uid()) = id)",
    "for insert to authenticated with check (false)",
    &["profiles/insert/alice/alices-row", "profiles/insert/carol/carols-row"]
)]
#[case::anybody_deletes(
    "create policy own on public.posts to authenticated using ((select auth.uid()) = author)",
    "create policy own on public.posts to authenticated using (true)",
    &["posts/delete/bob/alices-row", "posts/delete/carol/every-row"]
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_not_in_the_way(
    #[case] from: &str,
    #[case] to: &str,
    #[case] cells: &[&str],
) {
    broken_cells("29_keys_that_hold", [from, to], cells).await;
}

/// A view shows the rows of the last refresh, as many as there are, to whom its query says.
#[rstest]
#[case::right("", "", &[])]
#[case::unfiltered(
    "title, user_id from public.notes where user_id = (select auth.uid())",
    "title, user_id from public.notes",
    &["my_notes/select/bob/alices-row", "my_notes/select/bob/every-row"]
)]
#[case::over_others_counts(
    "from public.note_counts where user_id = (select auth.uid())",
    "from public.note_counts",
    &["my_counts/select/carol/every-row"]
)]
#[case::materialized_for_everybody(
    "grant select on public.note_counts to service_role",
    "grant select on public.note_counts to service_role, authenticated",
    &["note_counts/select/bob/alices-row", "note_counts/select/carol/every-row"]
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_of_views_count_what_they_show(
    #[case] from: &str,
    #[case] to: &str,
    #[case] cells: &[&str],
) {
    broken_cells("32_views_of_views", [from, to], cells).await;
}

/// Verifies that an obstacle with one text replaced breaks these cells; without any, none.
async fn broken_cells(obstacle: &str, [from, to]: [&str; 2], cells: &[&str]) {
    let path = project().join(format!("fixtures/obstacles/{obstacle}.sql"));
    let migration = std::fs::read_to_string(path).expect("the obstacle");
    assert!(migration.contains(from), "the obstacle has: {from}");
    let evidence = evidence_of(&migration.replace(from, to)).await;
    let of_cells = evidence.findings.iter().filter(|it| it.rule.starts_with("isolation."));
    let found: Vec<&str> = of_cells.map(|it| it.check.as_str()).collect();
    assert_eq!(found.is_empty(), cells.is_empty(), "{found:?}");
    for cell in cells {
        assert!(found.contains(&format!("isolation/{cell}").as_str()), "{cell} in {found:?}");
    }
}

async fn evidence_of(migration: &str) -> Evidence {
    let inputs = Arc::new(drafted(migration).await);
    let evidence = job::run(inputs, &Job::without_attacks(&[])).await;
    evidence.unwrap_or_else(|why| panic!("{why}"))
}

/// What the findings of a rule are about.
fn about<'a>(evidence: &'a Evidence, rule: &str) -> Vec<&'a str> {
    let of = evidence.findings.iter().filter(|finding| finding.rule == rule);
    of.map(|finding| finding.object.as_str()).collect()
}
