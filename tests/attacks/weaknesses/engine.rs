//! Weaknesses for family E.

use super::Weakness;

/// One or more for each attack of the family.
pub(super) const WEAKNESSES: [Weakness; 8] = [
    // A policy with a function that is wrongly immutable: a prepared statement keeps the first
    // user's id.
    Weakness {
        attack: "E01",
        object: "memories",
        by: "postgres",
        plant: "create function public.me() returns uuid language plpgsql immutable \
                as 'begin return auth.uid(); end'; \
                grant execute on function public.me() to authenticated; \
                alter policy \"Users read their own memories\" on public.memories \
                using (user_id = public.me())",
    },
    Weakness {
        attack: "E02",
        object: "memories",
        by: "postgres",
        plant: "create function public.me() returns uuid language sql \
                as $$ select set_config('request.jwt.claims', \
                    current_setting('request.jwt.claims', true), false); \
                    select auth.uid() $$; \
                grant execute on function public.me() to authenticated; \
                alter policy \"Users read their own memories\" on public.memories \
                using (user_id = (select public.me()))",
    },
    Weakness {
        attack: "E03",
        object: "memories",
        by: "postgres",
        plant: "alter policy \"Users edit their own memories\" on public.memories \
                using (true) with check (true); \
                alter policy \"Users read their own memories\" on public.memories using (true)",
    },
    Weakness {
        attack: "E04",
        object: "messages",
        by: "postgres",
        plant: "alter table public.messages drop constraint messages_conversation_id_fkey",
    },
    Weakness {
        attack: "E04",
        object: "messages",
        by: "postgres",
        plant: "create or replace function public.update_conversation_stats() returns trigger \
                language plpgsql security definer as $$ \
                begin \
                    if tg_op = 'INSERT' then \
                        update public.conversations c set message_count = ( \
                            select count(*) from public.messages m \
                            where m.conversation_id = c.id \
                        ) where c.id in (select conversation_id from new_rows); \
                    end if; \
                    return null; \
                end $$",
    },
    Weakness {
        attack: "E04",
        object: "user_profiles",
        by: "postgres",
        plant: "create or replace function public.handle_new_user() returns trigger language \
                plpgsql security definer as $$ begin insert into public.user_profiles (id, \
                username) values (new.id, coalesce(new.raw_user_meta_data ->> 'username', \
                new.id::text)); return new; end $$",
    },
    Weakness {
        attack: "E05",
        object: "messages",
        by: "postgres",
        plant: "create function public.whose(uuid) returns uuid language sql security definer \
                immutable as $$ select coalesce( nullif(current_setting('test.owner_of_' || \
                replace($1::text, '-', ''), true), ''), set_config('test.owner_of_' || \
                replace($1::text, '-', ''), (select user_id::text from public.conversations where \
                id = $1), true) )::uuid $$; grant execute on function public.whose(uuid) to \
                authenticated; alter policy \"Users read messages in their own conversations\" on \
                public.messages using (public.whose(conversation_id) = (select auth.uid()))",
    },
    Weakness {
        attack: "E05",
        object: "memory_links",
        by: "postgres",
        plant: "alter policy \"Users read links between their own memories\" \
                on public.memory_links using (true)",
    },
];
