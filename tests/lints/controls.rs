//! SQL that resembles a fault to a rule of the linter and is correct.

use rstest::rstest;

use super::{NOTES, found_after, named};
use schema_harness::platform::Regime;

/// The control: correct SQL that resembles a fault is no finding.
#[rstest]
#[case::nothing("")]
#[case::index_that_leaves_out_nulls(
    "alter table public.notes alter column user_id drop not null;
     drop index public.notes_user_id_idx;
     create index notes_user_id_idx on public.notes (user_id) where user_id is not null"
)]
#[case::index_of_both_columns_the_other_way_round(
    "create table public.pages (
         a uuid, b uuid, primary key (a, b),
         before_a uuid, before_b uuid, foreign key (before_a, before_b) references public.pages
     );
     alter table public.pages enable row level security;
     create policy \"Nobody reads pages\" on public.pages for select to anon using (false);
     create index pages_before_idx on public.pages (before_b, before_a, a)"
)]
#[case::indexes_that_differ(
    "create index ordered_idx on public.notes (user_id desc);
     create index some_idx on public.notes (user_id) where body <> '';
     create unique index once_idx on public.notes (user_id)"
)]
#[case::partitions(
    "create table public.events (
         id uuid, day date, user_id uuid references public.user_profiles (id), primary key (id, day)
     ) partition by range (day);
     create index events_user_id_idx on public.events (user_id);
     create table public.events_2025 partition of public.events
         for values from ('2025-01-01') to ('2026-01-01');
     alter table public.events enable row level security;
     alter table public.events_2025 enable row level security;
     create policy \"Users read their own events\" on public.events for select to authenticated
         using ((select auth.uid()) = user_id)"
)]
#[case::caller_who_is_asked_once(
    "alter policy \"Users read their own notes\" on public.notes using (
         ((select auth.jwt() ->> 'email') = body or (select auth.uid()) = user_id)
         and body <> 'auth.uid() of \"it\"'
         and exists (
             select from public.user_profiles p
             where p.id = notes.user_id and p.id = (select auth.uid()::extensions.citext::uuid)
         )
         and (select nullif(current_setting('app.user', true), ''))::uuid = user_id
     )"
)]
#[case::one_policy_for_each_role_and_command(
    "create policy a on public.notes for insert to authenticated with check (body <> '');
     create policy b on public.notes for select to anon using (body = 'shared');
     create policy c on public.notes as restrictive for select to authenticated using (body <> '');
     create policy d on public.notes to service_role using (true) with check (true)"
)]
#[case::everybody_reads("alter policy \"Users read their own notes\" on public.notes using (true)")]
#[case::narrowed_by_another_policy(
    "create policy a on public.notes for delete to authenticated using (true);
     create policy b on public.notes as restrictive for delete to authenticated
         using ((select auth.uid()) = user_id)"
)]
#[case::metadata_of_the_back_end(
    "alter policy \"Users read their own notes\" on public.notes
         using ((select auth.jwt() -> 'app_metadata' ->> 'is_admin')::boolean)"
)]
#[case::views_that_are_nobodys_or_their_callers(
    "create view public.owners as select body from public.notes;
     create materialized view public.kept as select email from auth.users;
     revoke all on public.owners, public.kept from anon, authenticated;
     create view public.callers with (security_invoker = on) as select email from auth.users;
     grant select on public.callers to authenticated"
)]
#[case::functions_that_are_pinned(
    "create function public.one() returns integer language sql set search_path = public
         as 'select 1';
     create function public.three() returns trigger language plpgsql security definer
         set search_path to 'pg_catalog', 'public' as 'begin return null; end';
     grant execute on function public.one(), public.three() to anon, authenticated"
)]
#[case::types_that_can_be_upgraded(
    "alter table public.notes add column t regclass, add column r regrole[]"
)]
#[case::key_of_an_account(
    "alter table public.notes add column account uuid references auth.users (id);
     create index notes_account_idx on public.notes using hash (account)"
)]
#[case::secret_that_is_secured("alter table public.notes add column password_hash text")]
#[case::queue_of_the_back_end(
    "create schema pgmq; create table pgmq.q_mail (msg_id bigint primary key);
     grant all on pgmq.q_mail to service_role"
)]
#[tokio::test]
async fn correct_sql_is_no_finding(#[case] sql: &str) {
    let citext = "create extension citext with schema extensions;";
    let found = found_after(&format!("{citext}{NOTES}\n{sql}"), Regime::AutoExpose).await;
    assert_eq!(named(&found), [], "{sql}\n{found:#?}");
}
