//! Weaknesses for family W.

use super::Weakness;

/// One that is planted as a migration would.
const fn weakness(attack: &'static str, object: &'static str, plant: &'static str) -> Weakness {
    Weakness { attack, object, by: "postgres", plant }
}

/// One or more for each attack of the family.
pub(super) const WEAKNESSES: [Weakness; 23] = [
    weakness(
        "W01",
        "memories",
        "alter policy \"Users create their own memories\" on public.memories with check (true)",
    ),
    weakness(
        "W01",
        "feedback",
        "alter policy \"Users create their own feedback\" on public.feedback \
         with check (user_id is null or (select auth.uid()) = user_id)",
    ),
    weakness(
        "W02",
        "memories",
        "alter policy \"Users edit their own memories\" on public.memories using (true) \
         with check (true)",
    ),
    weakness(
        "W03",
        "messages",
        "alter policy \"Users delete messages in their own conversations\" on public.messages \
         using (true)",
    ),
    weakness(
        "W04",
        "memories",
        "grant update (user_id) on public.memories to authenticated; \
         alter policy \"Users edit their own memories\" on public.memories with check (true); \
         alter policy \"Users read their own memories\" on public.memories \
         using ((select auth.uid()) is not null)",
    ),
    // Only a statement without WHERE can give away a row that its sender may not read
    // afterwards.
    weakness(
        "W04",
        "conversations",
        "grant update (user_id) on public.conversations to authenticated; \
         alter policy \"Users edit their own conversations\" on public.conversations \
         with check (true)",
    ),
    weakness(
        "W05",
        "messages",
        "alter policy \"Users create messages in their own conversations\" on public.messages \
         with check (true)",
    ),
    weakness(
        "W05",
        "memory_links",
        "grant update (source_memory_id) on public.memory_links to authenticated; \
         alter policy \"Users edit links between their own memories\" on public.memory_links \
         with check (true)",
    ),
    weakness(
        "W06",
        "memories",
        "grant insert (id), update (user_id) on public.memories to authenticated",
    ),
    weakness(
        "W06",
        "conversations",
        "alter policy \"Users delete their own conversations\" on public.conversations \
         using (true); alter policy \"Users read their own conversations\" \
         on public.conversations using (true)",
    ),
    weakness(
        "W07",
        "memories",
        "alter policy \"Users read their own memories\" on public.memories using (true)",
    ),
    weakness(
        "W07",
        "conversations",
        "alter policy \"Users delete their own conversations\" on public.conversations \
         using (true); alter policy \"Users read their own conversations\" \
         on public.conversations using (true)",
    ),
    weakness("W08", "messages", "grant truncate on public.messages to authenticated"),
    weakness(
        "W08",
        "conversations",
        "grant truncate on public.conversations, public.messages to authenticated",
    ),
    weakness(
        "W09",
        "feedback",
        "grant update (admin_response) on public.feedback to authenticated",
    ),
    weakness(
        "W09",
        "user_profiles",
        "grant update (beta_tester_since) on public.user_profiles to authenticated",
    ),
    weakness("W10", "memories", "grant insert (created_at) on public.memories to authenticated"),
    weakness(
        "W10",
        "conversations",
        "grant update (message_count) on public.conversations to authenticated",
    ),
    weakness(
        "W11",
        "conversations",
        "alter table public.memories add column told_in uuid \
         references public.conversations (id) on delete cascade",
    ),
    // Rows of a deleted account must not become readable.
    weakness(
        "W11",
        "feedback",
        "alter policy \"Users read their own feedback\" on public.feedback \
         using ((select auth.uid()) = user_id or user_id is null)",
    ),
    // Raises different errors for another user's id and for one that does not exist.
    weakness(
        "W12",
        "messages",
        "create function public.check_context() returns trigger language plpgsql \
         security definer set search_path = '' as $$ begin \
         if exists (select from unnest(new.context_memories) as u (id) where not exists \
         (select from public.memories as m where m.id = u.id)) \
         then raise exception 'no such memory'; end if; return new; end $$; \
         create trigger check_context before insert on public.messages \
         for each row execute function public.check_context()",
    ),
    weakness(
        "W13",
        "conversations",
        "create function public.touch_all() returns trigger language plpgsql \
         security definer set search_path = '' as $$ begin \
         update public.memories set is_archived = true; return null; end $$; \
         create trigger touch_all after update on public.conversations \
         for each statement execute function public.touch_all()",
    ),
    weakness(
        "W14",
        "feedback",
        "alter table public.feedback \
         add column about uuid references public.memories (id) on delete set null; \
         grant update (about) on public.feedback to authenticated; \
         create function public.reports_on(memory uuid) returns boolean language sql stable \
         security definer set search_path = '' as $$ select exists (select from public.feedback \
         where about = memory and user_id = auth.uid()) $$; \
         grant execute on function public.reports_on(uuid) to authenticated; \
         alter policy \"Users read their own memories\" on public.memories \
         using ((select auth.uid()) = user_id or public.reports_on(id))",
    ),
];
