//! Weaknesses for family R. Some of these policies depend on the form of the statement, which
//! no real policy does, so that only one attack can find them.

use super::Weakness;

/// One or more for each attack of the family.
pub(super) const WEAKNESSES: [Weakness; 17] = [
    Weakness {
        attack: "R01",
        object: "memories",
        by: "postgres",
        plant: "alter policy \"Users read their own memories\" on public.memories using (true)",
    },
    Weakness {
        attack: "R02",
        object: "memories",
        by: "postgres",
        plant: "alter policy \"Users read their own memories\" on public.memories using \
                (coalesce((select auth.uid()), user_id) = user_id)",
    },
    // Only a connection on which claims were never set shows this one.
    Weakness {
        attack: "R02",
        object: "conversations",
        by: "postgres",
        plant: "alter policy \"Users read their own conversations\" on public.conversations using \
                ((select auth.uid()) = user_id \
                 or current_setting('request.jwt.claims', true) is null)",
    },
    // An empty subject is a prefix of every id.
    Weakness {
        attack: "R03",
        object: "import_history",
        by: "postgres",
        plant: "alter policy \"Users read their own imports\" on public.import_history using \
                (starts_with(user_id::text, auth.jwt() ->> 'sub'))",
    },
    Weakness {
        attack: "R03",
        object: "memories",
        by: "postgres",
        plant: "alter policy \"Users read their own memories\" on public.memories using \
                (auth.jwt() -> 'sub' @> to_jsonb(user_id::text))",
    },
    Weakness {
        attack: "R04",
        object: "user_statistics",
        by: "postgres",
        plant: "alter policy \"Users read their own profile\" on public.user_profiles using \
                ((select auth.uid()) = id or current_query() ~ 'row_to_json')",
    },
    Weakness {
        attack: "R05",
        object: "feedback",
        by: "postgres",
        plant: "alter policy \"Users read their own feedback\" on public.feedback using \
                ((select auth.uid()) = user_id or current_query() ~ 'tablesample')",
    },
    Weakness {
        attack: "R06",
        object: "conversations",
        by: "postgres",
        plant: "alter policy \"Users read their own conversations\" on public.conversations using \
                ((select auth.uid()) = user_id or current_query() ~ 'current of'); \
                alter policy \"Users delete their own conversations\" on public.conversations \
                using (true)",
    },
    Weakness {
        attack: "R07",
        object: "user_sessions",
        by: "postgres",
        plant: "alter policy \"Users read their own sessions\" on public.user_sessions using \
                ((select auth.uid()) = user_id or current_query() ~ '^copy')",
    },
    Weakness {
        attack: "R07",
        object: "import_history",
        by: "postgres",
        plant: "alter table public.import_history disable row level security; \
                revoke select on public.import_history from authenticated; \
                grant insert on public.import_history to authenticated",
    },
    // A view with its owner's privileges, in which the setting raises no error.
    Weakness {
        attack: "R08",
        object: "user_statistics",
        by: "postgres",
        plant: "create or replace view public.user_statistics with (security_invoker = false) as \
                select p.id as user_id, 0::bigint as memory_count, \
                0::bigint as favorite_memory_count, 0::bigint as conversation_count, \
                0::bigint as message_count, p.created_at as last_activity_at \
                from public.user_profiles as p \
                where p.id = (select auth.uid()) or current_setting('row_security') = 'off'",
    },
    Weakness {
        attack: "R09",
        object: "feedback",
        by: "postgres",
        plant: "alter policy \"Users read their own feedback\" on public.feedback using \
                ((select auth.uid()) = user_id \
                 or (select auth.jwt() -> 'user_metadata' ->> 'role') = 'admin')",
    },
    Weakness {
        attack: "R10",
        object: "feedback",
        by: "postgres",
        plant: "alter policy \"Users read their own feedback\" on public.feedback using \
                ((select auth.uid()) = user_id or user_id is null)",
    },
    Weakness {
        attack: "R10",
        object: "import_history",
        by: "postgres",
        plant: "alter policy \"Users read their own imports\" on public.import_history using \
                ((select auth.uid()) = user_id or completed_at = '2025-01-05 00:00:00+00')",
    },
    Weakness {
        attack: "R11",
        object: "memories_of_2024",
        by: "postgres",
        plant: "create table public.memories_of_2024 () inherits (public.memories); \
                grant select on public.memories_of_2024 to authenticated, service_role",
    },
    Weakness {
        attack: "R11",
        object: "memories_of_2025",
        by: "postgres",
        plant: "create table public.memories_of_2025 () inherits (public.memories); \
                insert into public.memories_of_2025 (id, user_id, content) \
                select pg_catalog.gen_random_uuid(), user_id, content from public.memories \
                where user_id = 'a11ce000-0000-4000-8000-000000000001' limit 1; \
                grant delete on public.memories_of_2025 to authenticated",
    },
    Weakness {
        attack: "R12",
        object: "feedback",
        by: "postgres",
        plant: "create table public.staff (user_id uuid); \
                create function public.join_staff() returns trigger language plpgsql \
                security definer set search_path = '' as $$begin \
                if new.raw_user_meta_data ->> 'role' = 'admin' then \
                insert into public.staff values (new.id); end if; return new; end$$; \
                create trigger join_staff after insert on auth.users \
                for each row execute function public.join_staff(); \
                create function public.is_staff() returns boolean language sql stable \
                security definer set search_path = '' as $$select exists \
                (select from public.staff where user_id = auth.uid())$$; \
                grant execute on function public.is_staff() to authenticated; \
                alter policy \"Users read their own feedback\" on public.feedback \
                using ((select auth.uid()) = user_id or public.is_staff())",
    },
];
