//! The rules of the platform's linter, each with a fault that it finds.

mod controls;

use std::sync::Arc;

use rstest::rstest;

use schema_harness::checks::lint::{self, Offender, Offenders};
use schema_harness::findings::ledger::Finding;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::report::Verdict;
use schema_harness::sandbox::Database;

fn inputs() -> Inputs {
    Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"))
}

/// The offenders in a migrated database after a superuser has run `sql`.
async fn found_in(sql: &str, regime: Regime) -> Offenders {
    let database = Database::of(&inputs(), regime).await.unwrap_or_else(|why| panic!("{why}"));
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    // What the platform's superuser makes in public is open to the API; what a project makes is not.
    let sql = &format!(
        "alter default privileges in schema public revoke all on tables \
             from anon, authenticated, service_role;
         alter default privileges in schema public revoke all on sequences \
             from anon, authenticated, service_role;
         alter default privileges in schema public revoke all on functions \
             from anon, authenticated, service_role;
         {sql}"
    );
    admin.batch_execute(sql).await.unwrap_or_else(|why| panic!("{sql}\n{why:?}"));
    lint::offenders(&admin).await.unwrap_or_else(|why| panic!("{why}"))
}

/// The same without the contract's exceptions.
async fn found_after(sql: &str, regime: Regime) -> Offenders {
    let mut found = found_in(sql, regime).await;
    for exception in inputs().contract.database.lint_exceptions {
        if let Some(offenders) = found.get_mut(&exception.rule) {
            offenders.retain(|offender| offender.object != exception.object);
        }
    }
    found.retain(|_, offenders| !offenders.is_empty());
    found
}

/// Rule and object of each offender.
fn named(found: &Offenders) -> Vec<(String, String)> {
    let of_rule = |(rule, offenders): (&String, &Vec<Offender>)| {
        offenders.iter().map(|offender| (rule.clone(), offender.object.clone())).collect::<Vec<_>>()
    };
    found.iter().flat_map(of_rule).collect()
}

/// A table that keeps every rule.
const NOTES: &str = "
    create table public.notes (
        id uuid primary key, user_id uuid not null references public.user_profiles (id), body text
    );
    create index notes_user_id_idx on public.notes (user_id);
    alter table public.notes enable row level security;
    create policy \"Users read their own notes\" on public.notes for select to authenticated
        using ((select auth.uid()) = user_id);";

/// Each rule finds its fault, under its number and the object's name, and no other rule does.
#[rstest]
#[case::n0001_whose_index_is_dropped(
    "drop index public.notes_user_id_idx",
    "0001_unindexed_foreign_keys",
    "notes.notes_user_id_fkey"
)]
#[case::n0001_index_of_some_rows(
    "drop index public.notes_user_id_idx;
     create index some_idx on public.notes (user_id) where body <> ''",
    "0001_unindexed_foreign_keys",
    "notes.notes_user_id_fkey"
)]
#[case::n0001_index_in_another_order(
    "drop index public.notes_user_id_idx; create index both_idx on public.notes (body, user_id)",
    "0001_unindexed_foreign_keys",
    "notes.notes_user_id_fkey"
)]
#[case::n0002_beside_one_that_is_not_shown(
    "create materialized view extensions.people as select email from auth.users;
     create view public.people as select email from auth.users;
     grant select on public.people to authenticated",
    "0002_auth_users_exposed",
    "people"
)]
#[case::n0002_through_another_view(
    "create view extensions.people as select email from auth.users;
     create view public.people as select * from extensions.people;
     grant select (email) on public.people to anon",
    "0002_auth_users_exposed",
    "people"
)]
#[case::n0003_in_a_subquery(
    "alter policy \"Users read their own notes\" on public.notes using (exists (
         select from public.user_profiles p where p.id = notes.user_id and p.id = auth.uid()))",
    "0003_auth_rls_initplan",
    "notes.Users read their own notes"
)]
#[case::n0003_in_a_select_of_each_row(
    "alter policy \"Users read their own notes\" on public.notes
         using ((select auth.uid() = notes.user_id))",
    "0003_auth_rls_initplan",
    "notes.Users read their own notes"
)]
#[case::n0003_setting(
    "alter policy \"Users read their own notes\" on public.notes
         using (current_setting('app.user (it)', true) = user_id::text)",
    "0003_auth_rls_initplan",
    "notes.Users read their own notes"
)]
#[case::n0006_for_everyone(
    "create policy more on public.notes for select using (body = 'shared')",
    "0006_multiple_permissive_policies",
    "notes.select to authenticated"
)]
#[case::n0009_whose_name_reads_like_sql(
    "create index \"an INDEX too ON it\" on public.notes (user_id)",
    "0009_duplicate_index",
    "notes.an INDEX too ON it"
)]
#[case::n0009_of_a_constraint(
    "create unique index again on public.notes (id)",
    "0009_duplicate_index",
    "notes.again"
)]
#[case::n0010_said_to_be_off(
    "create view public.bodies with (security_invoker = off) as select body from public.notes;
     grant insert (body) on public.bodies to authenticated",
    "0010_security_definer_view",
    "bodies"
)]
#[case::n0011_of_two(
    "create function public.f(a integer) returns integer language sql
         set search_path = '' as 'select 1';
     create function public.f(a text) returns integer language sql
         set work_mem = '1MB' as 'select 1'",
    "0011_function_search_path_mutable",
    "f(text)"
)]
#[case::n0024_in_other_words(
    "create policy \"drop\" on public.notes for delete using ('a' = 'a')",
    "0024_permissive_rls_policy",
    "notes.drop"
)]
#[tokio::test]
async fn fault_is_found_by_its_rule(#[case] fault: &str, #[case] rule: &str, #[case] object: &str) {
    assert_eq!(found_alone(fault, rule, object).await.len(), 1, "{fault}");
}

/// The same for the example of each rule, with its observed outcome.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn example_of_each_rule_is_found_by_it() {
    let looking = lint::rules().into_iter().filter(|(_, blind)| blind.is_none());
    let looking: Vec<_> = looking.map(|(rule, _)| rule).collect();
    assert_ne!(looking.len(), 0, "T02: rules that look");
    for rule in looking {
        let (example, name) = (&rule.example, rule.id.trim_start_matches("lint."));
        let found = found_alone(example.fault, name, example.object).await;
        let observed = found.iter().map(|it| format!("{}: {}", it.object, it.detail));
        let observed: Vec<String> = observed.collect();
        assert_eq!(observed, [example.observed], "{}\n{}", rule.id, example.fault);
    }
}

/// The offenders of that rule after a fault, which no other rule finds.
async fn found_alone(fault: &str, rule: &str, object: &str) -> Vec<Offender> {
    let mut found = found_after(&format!("{NOTES}\n{fault}"), Regime::Explicit).await;
    // A fault of one of these rules is also one of the next.
    let together = [
        ("0002_auth_users_exposed", "0010_security_definer_view"),
        ("0007_policy_exists_rls_disabled", "0013_rls_disabled_in_public"),
        ("0023_sensitive_columns_exposed", "0013_rls_disabled_in_public"),
    ];
    let is_meant = |name: &str| name != rule && !together.contains(&(rule, name));
    assert!(
        named(&found).contains(&(rule.to_owned(), object.to_owned())),
        "{fault}\nfound {found:#?}"
    );
    assert_eq!(found.keys().find(|name| is_meant(name)), None, "{fault}\nfound {found:#?}");
    found.remove(rule).unwrap_or_default()
}

/// The project's own schema breaks only rules with an exception in the contract, and all of
/// those.
#[tokio::test]
async fn project_keeps_every_rule() {
    let exceptions = inputs().contract.database.lint_exceptions;
    let mut seen = Vec::new();
    for regime in Regime::ALL {
        seen.push((regime, found_in("", regime).await));
    }
    let entries = lint::entries(&seen, &exceptions);
    assert_eq!(entries.len(), 2 * lint::names().len(), "a check for each rule and regime");
    let findings: Vec<_> = entries.iter().flat_map(|entry| &entry.findings).collect();
    assert_eq!(findings, Vec::<&Finding>::new());
}

/// The main job reports a finding for each offender and for each needless exception, and the
/// reason for each rule that is not checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main_job_reports_the_linters_findings() {
    let fault = "drop index public.memory_links_target_memory_id_idx; create policy nobody \
                 on public.system_metrics for select to authenticated using (false)";
    let inputs = inputs().followed_by(fault);
    let evidence = job::run(Arc::new(inputs), &Job::without_attacks(&[])).await;
    let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(evidence.verdict, Verdict::Findings);
    let of_lint = evidence.findings.iter().filter(|finding| finding.check.starts_with("lint/"));
    let mut found: Vec<_> = of_lint.map(|f| (f.rule.as_str(), f.object.as_str())).collect();
    found.sort_unstable();
    let unindexed = "memory_links.memory_links_target_memory_id_fkey";
    let expected = [
        ("lint.0001_unindexed_foreign_keys", unindexed),
        ("lint.unneeded_exception", "system_metrics"),
    ];
    assert_eq!(found, expected);
    let observed = |id: &str| {
        let check = evidence.checks.iter().find(|check| check.id == id);
        check.and_then(|check| check.observed.get("explicit")).cloned().unwrap_or_default()
    };
    assert!(observed("lint/0005_unused_index").starts_with("not applicable: "));
    let accepted = "nothing but what is accepted: is_feature_enabled";
    assert_eq!(observed("lint/0028_anon_security_definer_function_executable"), accepted);
    let accepted = evidence.accepted.iter().filter(|it| it.channel.starts_with("lint/")).count();
    assert_eq!(accepted, 3, "exceptions among what is accepted");
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
}
