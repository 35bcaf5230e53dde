//! Weaknesses for family B.

use std::sync::Arc;

use super::{Weakness, found_in};
use schema_harness::database::connect;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::server::Server;

/// One that is planted as a migration would.
const fn weakness(attack: &'static str, object: &'static str, plant: &'static str) -> Weakness {
    Weakness { attack, object, by: "postgres", plant }
}

/// One that only the platform's superuser can plant.
const fn platform(attack: &'static str, object: &'static str, plant: &'static str) -> Weakness {
    Weakness { attack, object, by: "supabase_admin", plant }
}

/// One or more for each attack of the family.
pub(super) const WEAKNESSES: [Weakness; 25] = [
    weakness(
        "B01",
        "user_statistics",
        "alter view public.user_statistics reset (security_invoker)",
    ),
    weakness(
        "B01",
        "digest_of_all",
        "create materialized view public.digest_of_all as select user_id, count(*) \
         from public.memories group by 1; grant select on public.digest_of_all to authenticated",
    ),
    weakness(
        "B01",
        "notes",
        "create view public.notes as select id, content from public.memories; \
         grant update on public.notes to authenticated",
    ),
    weakness(
        "B02",
        "memories_of",
        "create function public.memories_of(p_user_id uuid) returns setof public.memories \
         language sql security definer set search_path = '' \
         as 'select * from public.memories where user_id = p_user_id'; \
         grant execute on function public.memories_of(uuid) to authenticated",
    ),
    weakness(
        "B02",
        "find",
        "create function public.find(p_text text) returns bigint language plpgsql \
         security definer set search_path = '' as $$ declare n bigint; begin \
         execute 'select count(*) from public.memories where content = ''' || p_text || '''' \
         into n; return n; end $$; grant execute on function public.find(text) to anon",
    ),
    weakness(
        "B02",
        "run",
        "create function public.run(query text) returns void language plpgsql \
         security definer set search_path = '' as $$ begin execute query; end $$; \
         grant execute on function public.run(text) to authenticated",
    ),
    // auth.uid() is parsed when it runs, here with the definer's privileges.
    weakness(
        "B03",
        "whoami",
        "create function public.whoami() returns pg_catalog.text language plpgsql \
         security definer set search_path = '' as $$ begin \
         return auth.uid()::pg_catalog.text; end $$; \
         grant execute on function public.whoami() to authenticated",
    ),
    weakness(
        "B03",
        "messages",
        "create or replace function public.count_again() returns trigger language plpgsql \
         security definer set search_path = '' as $$ declare touched uuid; begin \
         touched := new.conversation_id; return new; end $$; \
         create trigger count_again before insert on public.messages \
         for each row execute function public.count_again()",
    ),
    weakness(
        "B03",
        "flag_count",
        "create function public.flag_count() returns pg_catalog.int8 language plpgsql \
         security definer set search_path = public as $$ begin \
         return (select count(*) from feature_flags); end $$; \
         grant execute on function public.flag_count() to authenticated",
    ),
    weakness(
        "B04",
        "act_as",
        "create function public.act_as(p_user_id uuid) returns void language plpgsql \
         security invoker set search_path = '' as $$ begin \
         perform set_config('request.jwt.claim.sub', p_user_id::pg_catalog.text, false); end $$; \
         grant execute on function public.act_as(uuid) to authenticated",
    ),
    weakness(
        "B04",
        "become",
        "create function public.become(p_role text) returns void language plpgsql \
         security invoker as $$ begin execute format('set local role %I', p_role); end $$; \
         grant execute on function public.become(text) to authenticated",
    ),
    weakness(
        "B05",
        "feedback",
        "create rule copied as on insert to public.feedback do also \
         update public.memories set is_archived = true",
    ),
    weakness(
        "B05",
        "own_notes",
        "create view public.own_notes as select 1 as id; \
         create function public.own_notes_gone() returns trigger language plpgsql \
         security definer set search_path = '' as $$ begin delete from public.feedback; \
         return old; end $$; \
         create trigger own_notes_gone instead of delete on public.own_notes \
         for each row execute function public.own_notes_gone(); \
         grant select, delete on public.own_notes to authenticated",
    ),
    platform(
        "B05",
        "elsewhere",
        "create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing; \
         create foreign table public.elsewhere (id uuid) server nowhere; \
         grant select on public.elsewhere to authenticated",
    ),
    platform("B06", "import_history", "alter table public.import_history owner to authenticated"),
    weakness("B07", "memories", "grant trigger on public.memories to authenticated"),
    weakness("B07", "feedback", "grant references (id) on public.feedback to anon"),
    platform("B07", "public", "grant create on schema public to authenticated"),
    weakness(
        "B07",
        "everybodys",
        "create function public.everybodys() returns integer language sql as 'select 1'; \
         grant execute on function public.everybodys() to public",
    ),
    weakness(
        "B08",
        "database",
        "alter default privileges in schema public grant select on tables to anon",
    ),
    weakness("B08", "database", "alter default privileges grant execute on functions to public"),
    weakness(
        "B09",
        "auth.users",
        "create policy everybody on auth.users for select to authenticated using (true); \
         grant select (id, email) on auth.users to authenticated",
    ),
    platform(
        "B09",
        "auth.users",
        "create policy everybody on auth.users to anon using (true) with check (true); \
         grant update, select (id) on auth.users to anon",
    ),
    platform(
        "B10",
        "peek",
        "create function public.peek(pg_catalog.text) returns pg_catalog.bool language sql \
         leakproof as 'select true'; alter function public.peek(pg_catalog.text) owner to \
         postgres",
    ),
    platform(
        "B10",
        "database",
        "grant execute on function pg_catalog.pg_read_file(pg_catalog.text) to authenticated",
    ),
];

/// Roles belong to the whole server, so these weaknesses get their own server.
const OF_ROLES: [(&str, &str, &str); 4] = [
    ("grant supabase_auth_admin to anon", "anon", "is a member of supabase_auth_admin"),
    ("grant pg_read_all_data to anon", "anon", "is a member of pg_read_all_data"),
    ("alter role anon bypassrls", "anon", "is not bound by row level security"),
    ("grant service_role to authenticated", "authenticated", "can become"),
];

/// B06: a membership is found although it gives no privilege until SET ROLE.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reachable_roles_are_found() {
    let server: &'static Server =
        Box::leak(Box::new(Server::private().unwrap_or_else(|why| panic!("{why}"))));
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let inputs = Arc::new(inputs);
    let database = Database::on(server, &inputs, Regime::Explicit).await;
    let database = database.unwrap_or_else(|why| panic!("{why}"));
    let admin = connect(&database.login("supabase_admin")).await;
    let admin = admin.unwrap_or_else(|why| panic!("{why}"));
    for (plant, _, _) in OF_ROLES {
        admin.batch_execute(plant).await.unwrap_or_else(|error| panic!("{plant}: {error}"));
    }
    let found = found_in(database, inputs, Regime::Explicit, "B06").await;
    let found = found.unwrap_or_else(|why| panic!("{why}"));
    for (plant, object, words) in OF_ROLES {
        let hit = found.iter().any(|(o, observed)| o == object && observed.contains(words));
        assert!(hit, "{plant}\n{found:?}");
    }
}
