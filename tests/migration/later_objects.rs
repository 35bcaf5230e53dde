//! Default privileges of later objects: what a later migration creates without grants cannot be
//! reached by clients. Attack B08 tries tables, views, functions and sequences; these tests add
//! the other kinds, in both regimes.

use rstest::rstest;

use super::{NONE, bare, inputs, paste, plants};
use schema_harness::checks::reachable::reached;
use schema_harness::database::batch;
use schema_harness::database::connect;
use schema_harness::platform::Regime;
use schema_harness::platform::persona::Persona;

/// A later migration without grants.
const LATER: &str = "
    create table public.later_objects (id serial primary key, body text default 'a secret');
    create table public.measured (day integer) partition by range (day);
    create table public.measured_today partition of public.measured default;
    create table public.counted (id bigint generated always as identity, body text);
    create table public.heir () inherits (public.later_objects);
    create view public.seen as select * from public.later_objects;
    create materialized view public.kept as select 'a secret' as body;
    create sequence public.numbers;
    create function public.told() returns text language sql security definer
        as 'select ''a secret''';
    create function public.listed() returns setof public.later_objects language sql security definer
        as 'select * from public.later_objects';
    create procedure public.erased() language sql security definer
        as 'delete from public.later_objects';
    create aggregate public.all_of (text) (sfunc = textcat, stype = text)";

/// Queries that show whether an object other than a table can be reached.
const ATTEMPTS: [&str; 8] = [
    "select public.told()",
    "select * from public.listed()",
    "call public.erased()",
    "select public.all_of('a')",
    "select pg_catalog.nextval('public.numbers')",
    "select pg_catalog.setval('public.numbers', 7)",
    "select last_value from public.later_objects_id_seq",
    "select last_value from public.counted_id_seq",
];

/// The reachable objects, after the project's migrations or on the platform alone.
async fn open(regime: Regime, migrated: bool) -> Vec<String> {
    let inputs = inputs();
    let database = bare(&inputs, regime).await;
    if migrated {
        paste(&database, &inputs.migrations).await.unwrap_or_else(|why| panic!("{why}"));
    }
    let migrator = connect(&database.login("postgres")).await;
    migrator.unwrap_or_else(|why| panic!("{why}")).batch_execute(LATER).await.expect(LATER);
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    let plants = plants(&inputs).await.unwrap_or_else(|why| panic!("{why}"));
    let reached = reached(&admin, &plants).await.unwrap_or_else(|why| panic!("{why}"));
    // The project's own tables are covered by their grids.
    let is_later = |it: &String| {
        let kinds =
            ["later_objects", "measured", "measured_today", "counted", "heir", "seen", "kept"];
        kinds.iter().any(|name| it.ends_with(&format!(" {name}")))
    };
    let mut open: Vec<String> = reached.into_iter().filter(is_later).collect();
    for persona in [Persona::Alice, Persona::Guest, Persona::AnonKey, Persona::NoToken] {
        for attempt in ATTEMPTS {
            let request = format!("begin; {} {attempt}", persona.identity().become_sql());
            let (_, error) = batch::run(&admin, &request).await.expect("an answer");
            batch::run(&admin, "rollback").await.expect("an answer");
            if error.is_none_or(|error| error.code().code() != "42501") {
                open.push(format!("{}: {attempt}", persona.name()));
            }
        }
    }
    open
}

#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn objects_of_a_later_migration_are_closed(#[case] regime: Regime) {
    assert_eq!(open(regime, true).await, NONE);
}

/// The control: without the project's migrations, an older platform opens all of it.
#[tokio::test]
async fn objects_on_an_older_platform_are_open() {
    let open = open(Regime::AutoExpose, false).await;
    let kinds = ["later_objects", "measured", "measured_today", "counted", "heir", "seen", "kept"];
    for line in kinds.map(|name| format!("no_token select {name}")) {
        assert!(open.contains(&line), "{line}: {open:#?}");
    }
    for line in ATTEMPTS.map(|attempt| format!("alice: {attempt}")) {
        assert!(open.contains(&line), "{line}: {open:#?}");
    }
}
