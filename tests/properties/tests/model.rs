//! The model agrees with the schema, and disagrees where a fault of any kind is planted.

use identra_properties::model::EVERYBODY_SEES_WHAT_THEY_OWN;
use rstest::rstest;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;

use super::{holds, notices};

#[test]
fn everybody_sees_what_they_own() {
    holds(&EVERYBODY_SEES_WHAT_THEY_OWN);
}

/// A long sequence with a fault is shrunk to the operation that shows it.
#[test]
fn counterexample_is_the_shortest() {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let text = "alter table public.messages disable trigger messages_count_deleted";
    let inputs = inputs.followed_by(text);
    let tried = EVERYBODY_SEES_WHAT_THEY_OWN.attempt(&inputs, Regime::Explicit);
    let tried = tried.unwrap_or_else(|why| panic!("{why}"));
    let broken = tried.result.expect_err("the fault is noticed");
    let (input, one) = (&broken.input, broken.input.matches(" }").count() == 1);
    assert!(input.starts_with("[Unsay {") && one, "one operation is enough: {input}");
    assert!(broken.script.contains("delete from public.messages"), "{}", broken.script);
}

/// A model that agrees with a broken database would be worthless.
#[rstest]
#[case::policy_dropped("drop policy \"Users read their own memories\" on public.memories")]
#[case::policy_widened(
    "alter policy \"Users read their own conversations\" on public.conversations using (true)"
)]
#[case::policy_that_forgets_an_end(
    "alter policy \"Users read links between their own memories\" on public.memory_links \
     using (exists (select from public.memories m where m.id = source_memory_id))"
)]
#[case::policy_that_lets_closed_feedback_be_edited(
    "alter policy \"Users edit their own pending feedback\" on public.feedback \
     using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id)"
)]
#[case::policy_that_lets_rows_be_planted(
    "alter policy \"Users create their own memories\" on public.memories with check (true)"
)]
#[case::policy_that_lets_others_memories_be_named(
    "alter policy \"Users create messages in their own conversations\" on public.messages \
     with check (exists (select from public.conversations c where c.id = conversation_id))"
)]
#[case::blind_delete_of_everybodys_sessions(
    "alter policy \"Users delete their own sessions\" on public.user_sessions using (true)"
)]
#[case::row_level_security_disabled("alter table public.import_history disable row level security")]
#[case::privilege_granted("grant select on public.system_metrics to anon")]
#[case::privilege_revoked("revoke delete on public.messages from authenticated")]
#[case::trigger_that_miscounts(
    "create function public.miscount() returns trigger language plpgsql security definer as $$ \
     begin update public.conversations set message_count = message_count + 1, \
     last_message_at = new.created_at where id = new.conversation_id; return null; end $$; \
     drop trigger messages_count_inserted on public.messages; \
     create trigger messages_count_inserted after insert on public.messages \
     for each row execute function public.miscount()"
)]
#[case::trigger_missing("drop trigger messages_count_deleted on public.messages")]
#[case::cascade_missing("alter table public.memories drop constraint memories_user_id_fkey")]
#[case::cascade_that_keeps_links(
    "alter table public.memory_links drop constraint memory_links_target_memory_id_fkey"
)]
#[case::feedback_that_goes_with_its_author(
    "alter table public.feedback drop constraint feedback_user_id_fkey, \
     add constraint feedback_user_id_fkey foreign key (user_id) \
     references public.user_profiles (id) on delete cascade"
)]
#[case::sign_up_without_a_profile("drop trigger on_auth_user_created on auth.users")]
#[case::cleanup_that_removes_everything(
    "create or replace function public.cleanup_expired_sessions() returns integer \
     language plpgsql set search_path = '' as $$ begin \
     delete from public.user_sessions; return 0; end $$"
)]
#[case::view_that_counts_the_deleted(
    "create or replace view public.user_statistics with (security_invoker = true) as \
     select p.id as user_id, \
     (select count(*) from public.memories m where m.user_id = p.id) as memory_count, \
     (select count(*) from public.memories m where m.user_id = p.id and m.is_favorite) \
     as favorite_memory_count, 0::bigint as conversation_count, 0::bigint as message_count, \
     null::timestamptz as last_activity_at from public.user_profiles p"
)]
#[case::view_with_its_owners_rights("alter view public.user_statistics reset (security_invoker)")]
fn model_catches(#[case] fault: &str) {
    notices(&EVERYBODY_SEES_WHAT_THEY_OWN, fault);
}
