//! Weaknesses for family I.

use super::Weakness;

/// One or more for each attack of the family whose channel is not accepted.
pub(super) const WEAKNESSES: [Weakness; 13] = [
    Weakness {
        attack: "I01",
        object: "memories",
        by: "postgres",
        plant: "grant insert (id) on public.memories to authenticated",
    },
    // A unique text in a table of private rows.
    Weakness {
        attack: "I01",
        object: "memories",
        by: "postgres",
        plant: "create unique index memories_content_key on public.memories \
                (lower(content)) where not is_archived",
    },
    Weakness {
        attack: "I02",
        object: "feedback",
        by: "postgres",
        plant: "alter table public.feedback \
                add column about uuid references public.memories (id) on delete cascade; \
                grant update (about) on public.feedback to authenticated",
    },
    // The policy checks whether a memory is the caller's; this function reveals whether it
    // exists.
    Weakness {
        attack: "I02",
        object: "messages",
        by: "postgres",
        plant: "create function public.check_context() returns trigger language plpgsql \
                security definer set search_path = '' as $$begin \
                if exists (select from unnest(new.context_memories) as used (id) \
                where used.id not in (select m.id from public.memories as m)) then \
                raise exception 'no such memory'; end if; return new; end$$; \
                create trigger messages_check_context before insert on public.messages \
                for each row execute function public.check_context()",
    },
    // With its owner's privileges and no security_barrier: the caller's condition is evaluated
    // first.
    Weakness { attack: "I03", object: "user_statistics", by: "postgres", plant: OPEN_VIEW },
    Weakness {
        attack: "I04",
        object: "memories",
        by: "supabase_admin",
        plant: "create function public.sounds_before(text, text) returns boolean \
                language plpgsql leakproof as \
                $$begin raise notice '%', $1; return $1 < $2; end$$; \
                create operator public.<~~< (function = public.sounds_before, leftarg = text, \
                rightarg = text, restrict = scalarltsel)",
    },
    Weakness { attack: "I05", object: "user_statistics", by: "postgres", plant: OPEN_VIEW },
    Weakness {
        attack: "I06",
        object: "conversations",
        by: "postgres",
        plant: "grant insert (id) on public.conversations to authenticated",
    },
    Weakness {
        attack: "I07",
        object: "memories",
        by: "supabase_admin",
        plant: "grant select on pg_catalog.pg_statistic to authenticated",
    },
    Weakness {
        attack: "I08",
        object: "memories",
        by: "postgres",
        plant: "alter table public.feedback \
                add column about uuid references public.memories (id)",
    },
    Weakness {
        attack: "I08",
        object: "feedback",
        by: "postgres",
        plant: "create function public.one_bug_at_a_time() returns trigger language plpgsql \
                security definer set search_path = '' as $$begin \
                raise exception 'not now' using hint = \
                (select string_agg(f.title, ', ') from public.feedback as f); end$$; \
                create trigger feedback_one_at_a_time before update on public.feedback \
                for each row when (new.title is null) \
                execute function public.one_bug_at_a_time()",
    },
    Weakness {
        attack: "I10",
        object: "tickets",
        by: "postgres",
        plant: "create sequence public.tickets; \
                grant usage on sequence public.tickets to authenticated",
    },
    Weakness {
        attack: "I10",
        object: "receipts",
        by: "postgres",
        plant: "create sequence public.receipts; \
                grant select on sequence public.receipts to authenticated",
    },
];

const OPEN_VIEW: &str = "create or replace view public.user_statistics \
    with (security_invoker = false) as \
    select p.id as user_id, 0::bigint as memory_count, 0::bigint as favorite_memory_count, \
    0::bigint as conversation_count, 0::bigint as message_count, p.created_at as last_activity_at \
    from public.user_profiles as p where p.id = auth.uid()";
