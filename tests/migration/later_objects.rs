//! This file is what a later migration makes with nothing said: out of clients' reach. Attack
//! B08 tries tables, views, functions and sequences; here are the kinds that it leaves out,
//! and each in both regimes.

use rstest::rstest;

use super::{NONE, bare, inputs, paste, plants};
use schema_harness::checks::reachable::reached;
use schema_harness::database::batch;
use schema_harness::database::connect;
use schema_harness::platform::Regime;
use schema_harness::platform::persona::Persona;

/// A later migration that says nothing of privileges.
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

/// What would show that an object other than a table is open.
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

/// What is open of it, behind the project's migrations or on the bare platform.
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
    // What the project's own tables show is what their grids say.
    let is_later = |it: &String| {
        let kinds = ["tomorrow", "measured", "measured_today", "counted", "heir", "seen", "kept"];
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
async fn what_a_later_migration_makes_is_closed(#[case] regime: Regime) {
    assert_eq!(open(regime, true).await, NONE);
}

/// The control: without the project's migrations, an older platform opens all of it.
#[tokio::test]
async fn what_is_made_on_an_older_platform_is_open() {
    let open = open(Regime::AutoExpose, false).await;
    let kinds = ["tomorrow", "measured", "measured_today", "counted", "heir", "seen", "kept"];
    for line in kinds.map(|name| format!("no_token select {name}")) {
        assert!(open.contains(&line), "{line}: {open:#?}");
    }
    for line in ATTEMPTS.map(|attempt| format!("alice: {attempt}")) {
        assert!(open.contains(&line), "{line}: {open:#?}");
    }
}
