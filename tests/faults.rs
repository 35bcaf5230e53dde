//! Faults of every kind, each planted by a migration after the project's own, are found and
//! named.

use std::sync::Arc;

use rstest::rstest;

use crate::properties::with_replaced;
use schema_harness::checks::properties::Property;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::report::{Evidence, Verdict};

/// The evidence of the main job with one more migration, without attacks and properties, which
/// have tests of their own.
async fn evidence_with(fault: &str) -> Evidence {
    evidence_of(fault, &[]).await
}

async fn evidence_of(fault: &str, properties: &[&'static Property]) -> Evidence {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let inputs = inputs.followed_by(fault);
    job::run(Arc::new(inputs), &Job::without_attacks(properties))
        .await
        .unwrap_or_else(|why| panic!("{fault}\n{why}"))
}

/// Each fault is found by its rule, under the name of its object.
#[rstest]
#[case::policy_opened(
    "alter policy \"Users read their own memories\" on public.memories using (true)",
    "isolation.cell",
    "memories"
)]
#[case::policy_with_a_back_door(
    "alter policy \"Users read their own memories\" on public.memories \
     using ((select auth.uid()) = user_id or source = 'vault')",
    "schema.different",
    "memories.Users read their own memories"
)]
#[case::policy_added(
    "create policy more on public.conversations for select to authenticated using (true)",
    "schema.undeclared",
    "conversations.more"
)]
#[case::policy_dropped(
    "drop policy \"Users delete their own sessions\" on public.user_sessions",
    "schema.missing",
    "user_sessions.Users delete their own sessions"
)]
#[case::policy_for_everyone(
    "alter policy \"Users read their own feedback\" on public.feedback to public",
    "schema.different",
    "feedback.Users read their own feedback"
)]
#[case::policy_without_owner(
    "alter policy \"Users create their own conversations\" on public.conversations \
     with check (true)",
    "isolation.cell",
    "conversations"
)]
#[case::blind_write_opened(
    "alter policy \"Users edit their own memories\" on public.memories using (true) \
     with check (true)",
    "isolation.state",
    "memories"
)]
#[case::row_level_security_disabled(
    "alter table public.import_history disable row level security",
    "schema.different",
    "import_history"
)]
#[case::table_privilege_granted(
    "grant truncate on public.messages to authenticated",
    "schema.different",
    "messages"
)]
#[case::column_privilege_granted(
    "grant update (message_count) on public.conversations to authenticated",
    "isolation.cell",
    "conversations.message_count"
)]
#[case::hidden_column_granted(
    "grant select (refresh_token_hash) on public.user_sessions to authenticated",
    "schema.undeclared",
    "user_sessions.refresh_token_hash"
)]
#[case::privilege_revoked(
    "revoke delete on public.memories from authenticated",
    "schema.missing",
    "memories"
)]
#[case::privilege_for_public(
    "grant select on public.system_metrics to public",
    "schema.undeclared",
    "system_metrics.metric_name"
)]
#[case::trigger_dropped(
    "drop trigger memories_set_updated_at on public.memories",
    "schema.missing",
    "memories.memories_set_updated_at"
)]
#[case::trigger_disabled(
    "alter table public.messages disable trigger messages_count_deleted",
    "schema.different",
    "messages.messages_count_deleted"
)]
#[case::index_dropped(
    "drop index public.feedback_open_idx",
    "schema.missing",
    "feedback.feedback_open_idx"
)]
#[case::index_with_other_options(
    "drop index public.memories_embedding_idx; create index memories_embedding_idx \
     on public.memories using ivfflat (embedding extensions.vector_cosine_ops) \
     with (lists = 10)",
    "schema.different",
    "memories.memories_embedding_idx"
)]
#[case::check_dropped(
    "alter table public.memory_links drop constraint memory_links_strength_check",
    "schema.missing",
    "memory_links.memory_links_strength_check"
)]
#[case::foreign_key_with_another_action(
    "alter table public.feedback drop constraint feedback_user_id_fkey, \
     add constraint feedback_user_id_fkey foreign key (user_id) \
     references public.user_profiles (id) on delete cascade",
    "schema.different",
    "feedback.feedback_user_id_fkey"
)]
#[case::not_null_dropped(
    "alter table public.memories alter column content drop not null",
    "schema.different",
    "memories.content"
)]
#[case::default_changed(
    "alter table public.feature_flags alter column enabled set default true",
    "schema.different",
    "feature_flags.enabled"
)]
#[case::column_added(
    "alter table public.user_profiles add column is_admin boolean not null default false",
    "schema.undeclared",
    "user_profiles.is_admin"
)]
#[case::column_dropped(
    "alter table public.memories drop column encrypted_data",
    "schema.missing",
    "memories.encrypted_data"
)]
#[case::table_added(
    "create table public.notes (id uuid primary key, body text)",
    "schema.undeclared",
    "notes"
)]
#[case::table_added_in_another_schema(
    "create schema api; create table api.notes (id uuid primary key)",
    "schema.undeclared",
    "api.notes"
)]
#[case::view_with_its_owners_rights(
    "alter view public.user_statistics reset (security_invoker)",
    "isolation.cell",
    "user_statistics"
)]
#[case::function_as_definer(
    "alter function public.search_memories_semantic security definer",
    "schema.different",
    "search_memories_semantic"
)]
#[case::function_for_clients(
    "grant execute on function public.cleanup_expired_sessions() to authenticated",
    "schema.different",
    "cleanup_expired_sessions"
)]
#[case::function_with_open_search_path(
    "alter function public.handle_new_user() reset search_path",
    "schema.different",
    "handle_new_user"
)]
#[case::function_added(
    "create function public.everything() returns setof public.memories language sql \
     security definer as 'select * from public.memories'",
    "schema.undeclared",
    "everything"
)]
#[case::default_privileges_opened(
    "alter default privileges in schema public grant select on tables to anon",
    "schema.undeclared",
    "default-privileges.postgres.public.tables.anon"
)]
#[case::sign_up_trigger_replaced(
    "create or replace trigger on_auth_user_created after update on auth.users \
     for each row execute function public.handle_new_user()",
    "sign_up.failed",
    "user_profiles"
)]
#[case::seed_row_changed(
    "update public.feature_flags set enabled = true where name = 'memory_sharing'",
    "schema.different",
    "feature_flags.memory_sharing"
)]
#[case::rule_added(
    "create rule copy as on insert to public.feedback do also select 1",
    "schema.undeclared",
    "feedback.copy"
)]
#[case::type_added(
    "create type public.mood as enum ('good', 'bad')",
    "schema.undeclared",
    "others.type public.mood"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_is_found_and_named(#[case] fault: &str, #[case] rule: &str, #[case] object: &str) {
    let evidence = evidence_with(fault).await;
    assert_eq!(evidence.verdict, Verdict::Findings, "{fault}");
    let found: Vec<(&str, &str)> =
        evidence.findings.iter().map(|f| (f.rule.as_str(), f.object.as_str())).collect();
    assert!(found.contains(&(rule, object)), "{fault}\nfound {found:#?}");
    let named = evidence.findings.iter().find(|f| (&*f.rule, &*f.object) == (rule, object));
    let location = named.and_then(|finding| finding.location.clone());
    let file = location.map(|at| at.file);
    // The trigger does not name the table that its function fills.
    let is_far = rule.starts_with("sign_up.");
    let is_right = file.as_deref() == Some("migrations/20990101_fault.sql");
    assert!(is_right || is_far && file.is_some(), "of {rule} {object}: {file:?}");
    // What is not there cannot be tried; one finding says so.
    let untried = evidence.accounting.planned - evidence.accounting.executed;
    let says_so = found.iter().any(|(rule, _)| *rule == "harness.could-not-run");
    assert!(untried == 0 || says_so, "{fault}: {untried} checks were not made");
}

/// A fault that no facet, cell or attack finds: a body that breaks its invariant.
#[rstest]
#[case::counter_that_does_not_count("update_conversation_stats", "said.message_count", "0")]
#[case::cleanup_of_everything("cleanup_expired_sessions", " where s.expires_at <= now()", "")]
#[case::time_that_is_not_kept(
    "update_updated_at_column",
    "greatest(now(), old.updated_at)",
    "now()"
)]
#[case::feature_for_nobody("is_feature_enabled", "f.enabled\n", "false\n")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_property_is_found(#[case] function: &str, #[case] piece: &str, #[case] by: &str) {
    let about = |property: &&Property| property.about[..1] == [function];
    let about =
        identra_properties::all().filter(|property| !property.about.is_empty()).filter(about);
    let evidence =
        evidence_of(&with_replaced(function, piece, by), &about.collect::<Vec<_>>()).await;
    let found = evidence.findings.iter().find(|finding| finding.rule == "property.broken");
    let found = found.unwrap_or_else(|| panic!("{:#?}", evidence.findings));
    assert_eq!(found.object, function);
    assert!(found.observed.contains("smallest input: "), "{}", found.observed);
    assert!(found.observed.contains("PROPTEST_RNG_SEED="), "{}", found.observed);
    assert_ne!(found.statement.as_deref().unwrap_or_default(), "", "what to paste into psql");
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
}

/// The control: the same with a migration that changes nothing is proved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn harmless_migration_is_proved() {
    let evidence = evidence_with("select 1").await;
    assert_eq!(evidence.findings, []);
    assert_eq!(evidence.verdict, Verdict::Proved);
}
