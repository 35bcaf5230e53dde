-- The Identra schema: everything that the product keeps in its database.
--
-- Runs as `postgres` on a Supabase project, PostgreSQL 15 and later, in any of
-- three ways: pasted whole, with psql statement by statement, or by a runner
-- such as sqlx::migrate!. So it has no transaction control of its own, each
-- statement may run again after any interruption, and no name depends on the
-- search path.
--
-- Whom a row belongs to:
--
--     auth.users (the platform's)
--       └─ user_profiles
--            ├─ memories ── memory_links
--            ├─ conversations ── messages
--            ├─ feedback            stays when its author goes
--            ├─ user_sessions
--            └─ import_history
--     feature_flags, system_metrics   nobody's
--     user_statistics                 a view, one row per caller
--
-- Who may do what is said twice, on purpose: a privilege says whether a role
-- may use a command or a column at all, a policy which rows. What a role has no
-- business with is not granted; a filter is never the only thing in the way.
-- `service_role`, the back end, may do everything and bypasses the policies.

-- Foundations -----------------------------------------------------------------

-- Before the default privileges are closed, so that PUBLIC may execute their
-- functions also where `postgres` itself owns them.
create extension if not exists vector with schema extensions;
create extension if not exists pg_trgm with schema extensions;

-- Closed before the first table is made: on older projects a new table is open
-- to the API from the moment it exists, before a policy can protect it. The
-- same holds for what a later migration makes and forgets to close. Everything
-- is revoked first so that the outcome does not depend on what was there.
alter default privileges in schema public
    revoke all on tables from public, anon, authenticated, service_role;
alter default privileges in schema public
    revoke all on sequences from public, anon, authenticated, service_role;
alter default privileges in schema public
    revoke all on functions from public, anon, authenticated, service_role;
-- Without a schema: PostgreSQL's own grant to PUBLIC cannot be revoked per
-- schema.
alter default privileges revoke execute on functions from public;

-- The back end gets all that a later migration makes.
alter default privileges in schema public grant all on tables to service_role;
alter default privileges in schema public grant all on sequences to service_role;
alter default privileges in schema public grant all on functions to service_role;

-- The table in which sqlx::migrate! keeps its history is older than the lines
-- above, so on older projects it is open.
do $$
begin
    if to_regclass('public._sqlx_migrations') is not null then
        revoke all on public._sqlx_migrations from public, anon, authenticated, service_role;
        alter table public._sqlx_migrations enable row level security;
    end if;
end
$$;

-- The trigger of every table that has updated_at. What the statement says of
-- either time is discarded, whoever sends it.
create or replace function public.update_updated_at_column()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    new.created_at := old.created_at;
    new.updated_at := old.updated_at;
    -- Compares what is stored, so a change that "=" overlooks counts too (1.0,
    -- 1.00).
    if new *<> old then
        -- A clock that was set back must not make a row older.
        new.updated_at := greatest(now(), old.updated_at);
    end if;
    return new;
end
$$;
comment on function public.update_updated_at_column() is
    'Keeps created_at, and sets updated_at to the time of the transaction on every real change.';
-- A trigger fires without EXECUTE, so nobody needs it.
revoke all on function public.update_updated_at_column()
    from public, anon, authenticated, service_role;

-- User profiles ---------------------------------------------------------------
-- One per account, with the account's id. The sign-up trigger at the end of
-- this file creates it; deleting the account deletes it and all that leads to
-- it.

create table if not exists public.user_profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    -- A public handle: that one is taken may be learned by trying to change to
    -- it.
    username text not null unique check (char_length(username) between 1 and 50),
    -- Null: not told.
    full_name text,
    avatar_url text,
    bio text,
    preferences jsonb not null default '{
        "theme": "dark",
        "default_model": "claude",
        "language": "en",
        "notifications_enabled": true,
        "email_notifications": false,
        "shortcuts": {
            "launcher": "CommandOrControl+Space",
            "new_chat": "CommandOrControl+N",
            "search": "CommandOrControl+K"
        }
    }',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Null: never.
    last_login timestamptz,
    onboarding_completed boolean not null default false,
    -- Null: not in the beta programme.
    beta_tester_since timestamptz
);
comment on table public.user_profiles is
    'A user''s profile, preferences and settings; has the id of the account.';

alter table public.user_profiles enable row level security;

revoke all on public.user_profiles from public, anon, authenticated, service_role;
grant all on public.user_profiles to service_role;
-- No insert or delete: a profile comes and goes with its account.
grant select on public.user_profiles to authenticated;
grant update (username, full_name, avatar_url, bio, preferences, onboarding_completed)
    on public.user_profiles to authenticated;

-- The select around auth.uid(), here and below, makes the planner call it once
-- per statement and not once per row. Without a token it is null, and no row
-- matches.
drop policy if exists "Users read their own profile" on public.user_profiles;
create policy "Users read their own profile" on public.user_profiles
    for select to authenticated
    using ((select auth.uid()) = id);

drop policy if exists "Users edit their own profile" on public.user_profiles;
create policy "Users edit their own profile" on public.user_profiles
    for update to authenticated
    using ((select auth.uid()) = id)
    with check ((select auth.uid()) = id);

create or replace trigger user_profiles_set_updated_at
    before update on public.user_profiles
    for each row execute function public.update_updated_at_column();

-- Memories --------------------------------------------------------------------
-- What a user asked to remember. A soft-deleted one stays visible to its owner,
-- who can restore it; search leaves it out.

create table if not exists public.memories (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null default auth.uid()
        references public.user_profiles (id) on delete cascade,
    content text not null,
    -- Null: not summarised.
    summary text,
    -- Null: not computed yet; search finds it from then on.
    embedding extensions.vector(384),
    metadata jsonb not null default '{}',
    tags text[] not null default '{}',
    -- Null: not in the vault. The client encrypts; the server never has the
    -- key.
    encrypted_data text,
    source text not null default 'manual' check (source in ('manual', 'chat', 'vault', 'import')),
    is_favorite boolean not null default false,
    is_archived boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Null: live.
    deleted_at timestamptz
);
comment on table public.memories is 'What a user asked to remember, with its embedding.';

create index if not exists memories_user_id_created_at_idx
    on public.memories (user_id, created_at desc);
create index if not exists memories_user_id_favorite_idx
    on public.memories (user_id, created_at desc) where is_favorite;
-- These two are the back end's. Under the policies neither can serve: @>, ilike
-- and % are not known to be leakproof, so a client's own rows are found through
-- user_id first, and then filtered.
create index if not exists memories_tags_idx
    on public.memories using gin (tags);
create index if not exists memories_content_idx
    on public.memories using gin (content extensions.gin_trgm_ops);
-- Its lists are chosen from the rows that it is built on, so it wants a REINDEX
-- once there are some; on an empty table the server remarks on that in a
-- NOTICE.
create index if not exists memories_embedding_idx
    on public.memories using ivfflat (embedding extensions.vector_cosine_ops) with (lists = 100);

alter table public.memories enable row level security;

revoke all on public.memories from public, anon, authenticated, service_role;
grant all on public.memories to service_role;
grant select, delete on public.memories to authenticated;
-- Not id: a chosen key could collide with another user's row and so reveal it.
grant insert (
    user_id, content, summary, embedding, metadata, tags, encrypted_data, source, is_favorite,
    is_archived, deleted_at
) on public.memories to authenticated;
grant update (
    content, summary, embedding, metadata, tags, encrypted_data, source, is_favorite, is_archived,
    deleted_at
) on public.memories to authenticated;

drop policy if exists "Users read their own memories" on public.memories;
create policy "Users read their own memories" on public.memories
    for select to authenticated
    using ((select auth.uid()) = user_id);

drop policy if exists "Users create their own memories" on public.memories;
create policy "Users create their own memories" on public.memories
    for insert to authenticated
    with check ((select auth.uid()) = user_id);

drop policy if exists "Users edit their own memories" on public.memories;
create policy "Users edit their own memories" on public.memories
    for update to authenticated
    using ((select auth.uid()) = user_id)
    with check ((select auth.uid()) = user_id);

drop policy if exists "Users delete their own memories" on public.memories;
create policy "Users delete their own memories" on public.memories
    for delete to authenticated
    using ((select auth.uid()) = user_id);

create or replace trigger memories_set_updated_at
    before update on public.memories
    for each row execute function public.update_updated_at_column();

-- Security invoker: the caller's own policies decide what is found, so that
-- another user's id finds nothing.
--
-- Two ways to the answer. Up to 20,000 memories are all compared, which is
-- exact and takes 2 ms per thousand. For a larger user the planner may take
-- candidates from memories_embedding_idx instead, a fifth of its lists, which
-- is quicker when most rows are that user's and finds most of the nearest, not
-- always all. The index knows nothing of users, so this needs a pgvector that
-- goes on looking when the filter has rejected what it found (0.8 and later).
create or replace function public.search_memories_semantic(
    p_user_id uuid,
    p_embedding extensions.vector,
    p_limit integer default 10,
    p_threshold real default 0.3
)
returns table (
    id uuid,
    content text,
    summary text,
    tags text[],
    similarity real,
    created_at timestamptz
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
    -- A null is as good as left out; a negative limit asks for nothing.
    wanted constant integer := greatest(coalesce(p_limit, 10), 0);
    threshold constant real := coalesce(p_threshold, 0.3);
    iterative_scan constant text := current_setting('ivfflat.iterative_scan', true);
    probes constant text := current_setting('ivfflat.probes', true);
begin
    -- Said here and not by the operator, which would say it only if there are
    -- rows.
    if extensions.vector_dims(p_embedding) <> 384 then
        raise exception 'a memory''s embedding has 384 dimensions, not %',
            extensions.vector_dims(p_embedding)
            using errcode = 'data_exception';
    end if;

    if iterative_scan is not null
        and exists (select from public.memories as m where m.user_id = p_user_id offset 20000)
    then
        perform set_config('ivfflat.iterative_scan', 'relaxed_order', true);
        perform set_config('ivfflat.probes', '20', true);
        return query
            with nearest as materialized (
                select
                    m.id, m.content, m.summary, m.tags, m.created_at,
                    (1 - (m.embedding operator(extensions.<=>) p_embedding))::real as similarity
                from public.memories as m
                where m.user_id = p_user_id and m.deleted_at is null
                order by m.embedding operator(extensions.<=>) p_embedding
                limit wanted
            )
            select n.id, n.content, n.summary, n.tags, n.similarity, n.created_at
            from nearest as n
            where n.similarity > threshold and n.similarity <> 'NaN'
            order by n.similarity desc, n.id;
        perform set_config('ivfflat.iterative_scan', iterative_scan, true);
        perform set_config('ivfflat.probes', probes, true);
        return;
    end if;

    -- Materialised, so that each distance is computed once.
    return query
        with scored as materialized (
            select
                m.id,
                (1 - (m.embedding operator(extensions.<=>) p_embedding))::real as similarity
            from public.memories as m
            where m.user_id = p_user_id and m.deleted_at is null
        ),
        nearest as (
            select s.id, s.similarity
            from scored as s
            -- A zero vector has no direction and its similarity is NaN, which
            -- PostgreSQL holds greater than any number.
            where s.similarity > threshold and s.similarity <> 'NaN'
            order by s.similarity desc, s.id
            limit wanted
        )
        select m.id, m.content, m.summary, m.tags, n.similarity, m.created_at
        from nearest as n
        inner join public.memories as m on m.id = n.id
        order by n.similarity desc, n.id;
end
$$;
comment on function public.search_memories_semantic(uuid, extensions.vector, integer, real) is
    'Live memories of a user that the caller may see, nearest first: at most p_limit (null: 10; '
    'zero or less: none), with a cosine similarity above p_threshold (null: 0.3). A null user or '
    'embedding and a zero vector find nothing; an embedding of another length is an error.';
revoke all on function public.search_memories_semantic(uuid, extensions.vector, integer, real)
    from public, anon, authenticated, service_role;
grant execute on function public.search_memories_semantic(uuid, extensions.vector, integer, real)
    to authenticated, service_role;

-- Memory links ----------------------------------------------------------------
-- How one memory relates to another; whoever owns both owns the link.

create table if not exists public.memory_links (
    id uuid primary key default gen_random_uuid(),
    source_memory_id uuid not null references public.memories (id) on delete cascade,
    target_memory_id uuid not null references public.memories (id) on delete cascade,
    relationship_type text not null
        check (relationship_type in ('related', 'contradicts', 'clarifies', 'extends')),
    strength real not null default 0.5 check (strength between 0 and 1),
    created_at timestamptz not null default now(),
    constraint memory_links_distinct_ends_check check (source_memory_id <> target_memory_id),
    -- Serves look-ups by source as well.
    unique (source_memory_id, target_memory_id)
);
comment on table public.memory_links is
    'How one memory relates to another; owned through the memories at both ends.';

create index if not exists memory_links_target_memory_id_idx
    on public.memory_links (target_memory_id);

alter table public.memory_links enable row level security;

revoke all on public.memory_links from public, anon, authenticated, service_role;
grant all on public.memory_links to service_role;
grant select, delete on public.memory_links to authenticated;
grant insert (source_memory_id, target_memory_id, relationship_type, strength)
    on public.memory_links to authenticated;
-- Not the ends: a link that leads elsewhere is another link.
grant update (relationship_type, strength) on public.memory_links to authenticated;

-- The subqueries run under the caller's own policies on memories, so a memory
-- that is somebody else's and one that does not exist are the same to them.
drop policy if exists "Users read links between their own memories" on public.memory_links;
create policy "Users read links between their own memories" on public.memory_links
    for select to authenticated
    using (
        exists (select from public.memories as m where m.id = memory_links.source_memory_id)
        and exists (select from public.memories as m where m.id = memory_links.target_memory_id)
    );

drop policy if exists "Users create links between their own memories" on public.memory_links;
create policy "Users create links between their own memories" on public.memory_links
    for insert to authenticated
    with check (
        exists (select from public.memories as m where m.id = memory_links.source_memory_id)
        and exists (select from public.memories as m where m.id = memory_links.target_memory_id)
    );

drop policy if exists "Users edit links between their own memories" on public.memory_links;
create policy "Users edit links between their own memories" on public.memory_links
    for update to authenticated
    using (
        exists (select from public.memories as m where m.id = memory_links.source_memory_id)
        and exists (select from public.memories as m where m.id = memory_links.target_memory_id)
    )
    with check (
        exists (select from public.memories as m where m.id = memory_links.source_memory_id)
        and exists (select from public.memories as m where m.id = memory_links.target_memory_id)
    );

drop policy if exists "Users delete links between their own memories" on public.memory_links;
create policy "Users delete links between their own memories" on public.memory_links
    for delete to authenticated
    using (
        exists (select from public.memories as m where m.id = memory_links.source_memory_id)
        and exists (select from public.memories as m where m.id = memory_links.target_memory_id)
    );

-- Conversations ---------------------------------------------------------------
-- A thread of messages with a model.

create table if not exists public.conversations (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null default auth.uid()
        references public.user_profiles (id) on delete cascade,
    title text not null default 'New conversation',
    model text not null default 'claude',
    -- Null: the model's own.
    system_prompt text,
    temperature real not null default 0.7 check (temperature between 0 and 2),
    is_pinned boolean not null default false,
    is_archived boolean not null default false,
    -- Null: in no folder.
    folder text check (char_length(folder) <= 100),
    tags text[] not null default '{}',
    -- Both are kept by the triggers on messages.
    message_count integer not null default 0 check (message_count >= 0),
    -- Null: no message yet.
    last_message_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.conversations is 'A thread of messages with a model.';

create index if not exists conversations_user_id_last_message_at_idx
    on public.conversations (user_id, last_message_at desc nulls last);
-- The back end's, as those on memories are.
create index if not exists conversations_title_idx
    on public.conversations using gin (title extensions.gin_trgm_ops);

alter table public.conversations enable row level security;

revoke all on public.conversations from public, anon, authenticated, service_role;
grant all on public.conversations to service_role;
grant select, delete on public.conversations to authenticated;
-- Not the counters, which the triggers keep, and not id (see memories).
grant insert (
    user_id, title, model, system_prompt, temperature, is_pinned, is_archived, folder, tags
) on public.conversations to authenticated;
grant update (title, model, system_prompt, temperature, is_pinned, is_archived, folder, tags)
    on public.conversations to authenticated;

drop policy if exists "Users read their own conversations" on public.conversations;
create policy "Users read their own conversations" on public.conversations
    for select to authenticated
    using ((select auth.uid()) = user_id);

drop policy if exists "Users create their own conversations" on public.conversations;
create policy "Users create their own conversations" on public.conversations
    for insert to authenticated
    with check ((select auth.uid()) = user_id);

drop policy if exists "Users edit their own conversations" on public.conversations;
create policy "Users edit their own conversations" on public.conversations
    for update to authenticated
    using ((select auth.uid()) = user_id)
    with check ((select auth.uid()) = user_id);

drop policy if exists "Users delete their own conversations" on public.conversations;
create policy "Users delete their own conversations" on public.conversations
    for delete to authenticated
    using ((select auth.uid()) = user_id);

create or replace trigger conversations_set_updated_at
    before update on public.conversations
    for each row execute function public.update_updated_at_column();

-- Messages --------------------------------------------------------------------
-- What was said; whoever owns the conversation owns its messages.

create table if not exists public.messages (
    id uuid primary key default gen_random_uuid(),
    conversation_id uuid not null references public.conversations (id) on delete cascade,
    role text not null check (role in ('user', 'assistant', 'system')),
    content text not null,
    -- Null: not written by a model.
    model text,
    metadata jsonb not null default '{}',
    -- Null: not computed.
    embedding extensions.vector(384),
    -- The memories that the model was given. The ids of deleted ones remain, so
    -- this is no foreign key, which an array cannot have anyway.
    context_memories uuid[] not null default '{}',
    created_at timestamptz not null default now()
);
comment on table public.messages is
    'What was said in a conversation; owned through the conversation.';

create index if not exists messages_conversation_id_created_at_idx
    on public.messages (conversation_id, created_at);

alter table public.messages enable row level security;

revoke all on public.messages from public, anon, authenticated, service_role;
grant all on public.messages to service_role;
-- No update: what was said stays said.
grant select, delete on public.messages to authenticated;
grant insert (conversation_id, role, content, model, metadata, embedding, context_memories)
    on public.messages to authenticated;

-- The subqueries run under the caller's own policies on conversations.
drop policy if exists "Users read messages in their own conversations" on public.messages;
create policy "Users read messages in their own conversations" on public.messages
    for select to authenticated
    using (exists (select from public.conversations as c where c.id = messages.conversation_id));

-- A memory that is somebody else's, one that does not exist and a null all fail
-- alike: none is among the memories that the caller may read.
drop policy if exists "Users create messages in their own conversations" on public.messages;
create policy "Users create messages in their own conversations" on public.messages
    for insert to authenticated
    with check (
        exists (select from public.conversations as c where c.id = messages.conversation_id)
        and not exists (
            select from unnest(messages.context_memories) as used (memory_id)
            where not exists (select from public.memories as m where m.id = used.memory_id)
        )
    );

drop policy if exists "Users delete messages in their own conversations" on public.messages;
create policy "Users delete messages in their own conversations" on public.messages
    for delete to authenticated
    using (exists (select from public.conversations as c where c.id = messages.conversation_id));

-- Security definer, because clients may not write the counters that it keeps.
-- Safe, because it takes no input: it counts what is there, in the
-- conversations whose messages the statement touched.
create or replace function public.update_conversation_stats()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    -- Types are qualified because a type named in pg_temp would be found first.
    touched pg_catalog.uuid[];
begin
    if tg_op = 'INSERT' then
        select array_agg(distinct n.conversation_id) into touched from new_rows as n;
    elsif tg_op = 'DELETE' then
        select array_agg(distinct o.conversation_id) into touched from old_rows as o;
    else
        -- Only the messages that were moved or dated anew make a difference.
        select array_agg(distinct moved.conversation_id) into touched
        from (
            (
                select o.conversation_id, o.created_at from old_rows as o
                except all
                select n.conversation_id, n.created_at from new_rows as n
            )
            union all
            (
                select n.conversation_id, n.created_at from new_rows as n
                except all
                select o.conversation_id, o.created_at from old_rows as o
            )
        ) as moved;
    end if;
    if touched is null then
        return null;
    end if;

    -- One writer at a time per conversation, and always in the same order. NO
    -- KEY: a message that is being inserted elsewhere holds the conversation's
    -- key.
    perform from public.conversations as c
    where c.id = any (touched)
    order by c.id
    for no key update;

    -- A statement of its own: its snapshot is taken when the locks are held, so
    -- it sees all that those who held them before have done. It writes even
    -- what is right already: under repeatable read, where the snapshot is
    -- older, that is what makes the next writer fail and retry instead of
    -- counting the past.
    update public.conversations as c
    set message_count = said.message_count,
        last_message_at = said.last_message_at
    from (
        select
            t.id,
            count(m.conversation_id) as message_count,
            max(m.created_at) as last_message_at
        from unnest(touched) as t (id)
        left join public.messages as m on m.conversation_id = t.id
        group by t.id
    ) as said
    where c.id = said.id;
    return null;
end
$$;
comment on function public.update_conversation_stats() is
    'Keeps message_count and last_message_at of a conversation equal to what its messages say.';
revoke all on function public.update_conversation_stats()
    from public, anon, authenticated, service_role;

create or replace trigger messages_count_inserted
    after insert on public.messages
    referencing new table as new_rows
    for each statement execute function public.update_conversation_stats();
create or replace trigger messages_count_deleted
    after delete on public.messages
    referencing old table as old_rows
    for each statement execute function public.update_conversation_stats();
-- Clients update no message; the back end may.
create or replace trigger messages_count_updated
    after update on public.messages
    referencing old table as old_rows new table as new_rows
    for each statement execute function public.update_conversation_stats();

-- Feedback --------------------------------------------------------------------
-- What a user tells the makers. It stays when its author goes.

create table if not exists public.feedback (
    id uuid primary key default gen_random_uuid(),
    -- Null: the author's account was deleted, and no user sees it any more.
    user_id uuid default auth.uid() references public.user_profiles (id) on delete set null,
    type text not null check (type in ('feature', 'bug', 'general', 'praise')),
    title text not null,
    content text not null,
    -- Null: not rated.
    rating integer check (rating between 1 and 5),
    status text not null default 'pending'
        check (status in ('pending', 'reviewing', 'resolved', 'closed')),
    -- Null: not answered.
    admin_response text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.feedback is 'What a user tells the makers; outlives its author.';

create index if not exists feedback_user_id_idx on public.feedback (user_id);
create index if not exists feedback_open_idx on public.feedback (created_at)
    where status in ('pending', 'reviewing');

alter table public.feedback enable row level security;

revoke all on public.feedback from public, anon, authenticated, service_role;
grant all on public.feedback to service_role;
-- No delete: what was sent was sent. Not status, not admin_response: the back
-- end's.
grant select on public.feedback to authenticated;
grant insert (user_id, type, title, content, rating) on public.feedback to authenticated;
grant update (title, content, rating) on public.feedback to authenticated;

drop policy if exists "Users read their own feedback" on public.feedback;
create policy "Users read their own feedback" on public.feedback
    for select to authenticated
    using ((select auth.uid()) = user_id);

drop policy if exists "Users create their own feedback" on public.feedback;
create policy "Users create their own feedback" on public.feedback
    for insert to authenticated
    with check ((select auth.uid()) = user_id);

drop policy if exists "Users edit their own pending feedback" on public.feedback;
create policy "Users edit their own pending feedback" on public.feedback
    for update to authenticated
    using ((select auth.uid()) = user_id and status = 'pending')
    with check ((select auth.uid()) = user_id and status = 'pending');

create or replace trigger feedback_set_updated_at
    before update on public.feedback
    for each row execute function public.update_updated_at_column();

-- User sessions ---------------------------------------------------------------
-- The devices on which a user is signed in. The back end writes them.

create table if not exists public.user_sessions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.user_profiles (id) on delete cascade,
    device_info jsonb not null default '{}',
    -- Null: not known.
    ip_address inet,
    refresh_token_hash text not null,
    expires_at timestamptz not null,
    last_activity timestamptz not null default now(),
    created_at timestamptz not null default now()
);
comment on table public.user_sessions is 'The devices on which a user is signed in.';

create index if not exists user_sessions_user_id_idx on public.user_sessions (user_id);
create index if not exists user_sessions_expires_at_idx on public.user_sessions (expires_at);

alter table public.user_sessions enable row level security;

revoke all on public.user_sessions from public, anon, authenticated, service_role;
grant all on public.user_sessions to service_role;
-- By column: refresh_token_hash is not for clients, not even the user's own.
grant select (id, user_id, device_info, ip_address, expires_at, last_activity, created_at)
    on public.user_sessions to authenticated;
-- Deleting one signs the device out.
grant delete on public.user_sessions to authenticated;

drop policy if exists "Users read their own sessions" on public.user_sessions;
create policy "Users read their own sessions" on public.user_sessions
    for select to authenticated
    using ((select auth.uid()) = user_id);

drop policy if exists "Users delete their own sessions" on public.user_sessions;
create policy "Users delete their own sessions" on public.user_sessions
    for delete to authenticated
    using ((select auth.uid()) = user_id);

-- Security invoker: the only role that may call it may delete every session.
create or replace function public.cleanup_expired_sessions()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
    removed integer;
begin
    -- A session is over at the moment that expires_at names, as a JWT is.
    delete from public.user_sessions as s where s.expires_at <= now();
    get diagnostics removed = row_count;
    return removed;
end
$$;
comment on function public.cleanup_expired_sessions() is
    'Removes the sessions that have expired, and returns how many there were.';
revoke all on function public.cleanup_expired_sessions()
    from public, anon, authenticated, service_role;
grant execute on function public.cleanup_expired_sessions() to service_role;

-- Import history --------------------------------------------------------------
-- What a user brought in from elsewhere. The back end writes it.

create table if not exists public.import_history (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.user_profiles (id) on delete cascade,
    source text not null,
    -- Null: not from a file.
    filename text,
    status text not null default 'processing'
        check (status in ('processing', 'completed', 'failed')),
    total_items integer not null default 0 check (total_items >= 0),
    imported_items integer not null default 0 check (imported_items >= 0),
    failed_items integer not null default 0 check (failed_items >= 0),
    error_log jsonb not null default '[]',
    created_at timestamptz not null default now(),
    -- Null: still running.
    completed_at timestamptz
);
comment on table public.import_history is 'What a user brought in from elsewhere.';

create index if not exists import_history_user_id_created_at_idx
    on public.import_history (user_id, created_at desc);

alter table public.import_history enable row level security;

revoke all on public.import_history from public, anon, authenticated, service_role;
grant all on public.import_history to service_role;
grant select on public.import_history to authenticated;

drop policy if exists "Users read their own imports" on public.import_history;
create policy "Users read their own imports" on public.import_history
    for select to authenticated
    using ((select auth.uid()) = user_id);

-- System metrics --------------------------------------------------------------
-- Measurements of the system. For the back end alone: no policy, and nothing
-- granted to clients.

create table if not exists public.system_metrics (
    id uuid primary key default gen_random_uuid(),
    metric_name text not null,
    metric_value double precision not null,
    metric_metadata jsonb not null default '{}',
    recorded_at timestamptz not null default now()
);
comment on table public.system_metrics is 'Measurements of the system; for the back end alone.';

create index if not exists system_metrics_metric_name_recorded_at_idx
    on public.system_metrics (metric_name, recorded_at desc);

alter table public.system_metrics enable row level security;

revoke all on public.system_metrics from public, anon, authenticated, service_role;
grant all on public.system_metrics to service_role;

-- Feature flags ---------------------------------------------------------------
-- What is switched on, and for whom. Everybody may read the flags, nobody whom
-- they target.

create table if not exists public.feature_flags (
    id uuid primary key default gen_random_uuid(),
    name text not null unique,
    enabled boolean not null default false,
    -- Null: the name says it.
    description text,
    rollout_percentage integer not null default 0 check (rollout_percentage between 0 and 100),
    target_user_ids uuid[] not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.feature_flags is 'What is switched on, and for whom.';

alter table public.feature_flags enable row level security;

revoke all on public.feature_flags from public, anon, authenticated, service_role;
grant all on public.feature_flags to service_role;
-- By column: target_user_ids names other users.
grant select (name, enabled, description, rollout_percentage)
    on public.feature_flags to anon, authenticated;

-- Every row, because a flag is no secret.
drop policy if exists "Everyone reads feature flags" on public.feature_flags;
create policy "Everyone reads feature flags" on public.feature_flags
    for select to anon, authenticated
    using (true);

create or replace trigger feature_flags_set_updated_at
    before update on public.feature_flags
    for each row execute function public.update_updated_at_column();

-- A flag that is there already keeps what operators have made of it.
insert into public.feature_flags (name, enabled, rollout_percentage, description)
values
    ('oauth_google', true, 100, 'Sign in with Google'),
    ('oauth_github', true, 100, 'Sign in with GitHub'),
    ('export_markdown', true, 100, 'Export memories and conversations as Markdown'),
    ('voice_input', false, 0, 'Dictate instead of typing'),
    ('memory_sharing', false, 0, 'Share memories with other users'),
    ('advanced_analytics', false, 0, 'Statistics about one''s own use'),
    ('import_notion', false, 0, 'Import pages from Notion')
on conflict (name) do nothing;

-- Security definer, because callers may not read target_user_ids. Safe, because
-- the answer is one bit about the caller, and because the body is parsed now,
-- when no caller can shadow a name in it. For the same reason it reads the
-- claim itself: auth.uid() is parsed when it runs, here with this function's
-- rights, and a type "uuid" that the caller has made in pg_temp, with a check
-- of its own, would run.
--
-- A user's place in a flag's rollout is a hash of the two: the same at each
-- call, another for each flag, and a higher percentage only adds users.
-- Somebody without a user id has the last place: in at 100 %, out below.
create or replace function public.is_feature_enabled(p_name text)
returns boolean
language sql
stable
security definer
set search_path = ''
return coalesce(
    (
        select
            f.enabled
            and (
                coalesce(caller.id = any (f.target_user_ids), false)
                -- The mask makes the hash positive.
                or coalesce(
                    (hashtextextended(f.name || caller.id::text, 0) & 9223372036854775807) % 100,
                    99
                ) < f.rollout_percentage
            )
        from public.feature_flags as f
        cross join (
            -- As auth.uid() does; after a transaction the settings are '', not
            -- null.
            select coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            )::uuid as id
        ) as caller
        where f.name = p_name
    ),
    -- No such flag.
    false
);
comment on function public.is_feature_enabled(text) is
    'Whether the caller has the feature: on, and the caller is targeted or within the rollout.';
revoke all on function public.is_feature_enabled(text)
    from public, anon, authenticated, service_role;
grant execute on function public.is_feature_enabled(text) to anon, authenticated, service_role;

-- User statistics -------------------------------------------------------------
-- A row per profile that the caller may see. Security invoker, so that the
-- caller's own policies decide what is counted.

create or replace view public.user_statistics
with (security_invoker = true) as
select
    p.id as user_id,
    (
        select count(*) from public.memories as m
        where m.user_id = p.id and m.deleted_at is null
    ) as memory_count,
    (
        select count(*) from public.memories as m
        where m.user_id = p.id and m.deleted_at is null and m.is_favorite
    ) as favorite_memory_count,
    (
        select count(*) from public.conversations as c where c.user_id = p.id
    ) as conversation_count,
    (
        select coalesce(sum(c.message_count), 0) from public.conversations as c
        where c.user_id = p.id
    ) as message_count,
    -- Null: neither a memory nor a message yet.
    greatest(
        (select max(m.created_at) from public.memories as m where m.user_id = p.id),
        (select max(c.last_message_at) from public.conversations as c where c.user_id = p.id)
    ) as last_activity_at
from public.user_profiles as p;
comment on view public.user_statistics is
    'What a user has, in numbers; soft-deleted memories are not counted.';

revoke all on public.user_statistics from public, anon, authenticated, service_role;
grant select on public.user_statistics to authenticated, service_role;

-- Sign-up ---------------------------------------------------------------------
-- Every account gets its profile in the transaction that creates it.

-- Security definer, because the auth server, in whose session it runs, has no
-- privilege on public. Safe, because only the trigger runs it: what it inserts
-- is the new account's own profile, and what the client sent is no more than
-- text.
--
-- A sign-up must not fail because of a name, so anything that is not a usable
-- name is passed over, and a name that is taken gets a random ending. The last
-- ending is long enough never to be taken.
create or replace function public.handle_new_user()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    -- Types are qualified because a type named in pg_temp would be found first.
    candidate pg_catalog.text;
    wanted pg_catalog.text := 'user';
    blanks constant pg_catalog.text :=
        '[\s\u0085\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000]+';
    ending_length integer;
begin
    foreach candidate in array array[
        -- Only a string is a name; metadata may hold any JSON, or none.
        case when jsonb_typeof(new.raw_user_meta_data -> 'username') = 'string'
            then new.raw_user_meta_data ->> 'username' end,
        split_part(new.email, '@', 1)
    ]
    loop
        -- Blanks around it, of any script, are not part of a name.
        candidate := left(regexp_replace(candidate, '^' || blanks, ''), 50);
        candidate := regexp_replace(candidate, blanks || '$', '');
        if candidate <> '' then
            wanted := candidate;
            exit;
        end if;
    end loop;

    foreach ending_length in array array[0, 4, 8, 32]
    loop
        -- Waits for a sign-up that is about to take the same name.
        insert into public.user_profiles (id, username)
        values (
            new.id,
            case when ending_length = 0 then wanted
                else left(wanted, 49 - ending_length) || '-'
                    || left(replace(gen_random_uuid()::pg_catalog.text, '-', ''), ending_length)
            end
        )
        on conflict (username) do nothing;
        exit when found;
    end loop;
    return null;
end
$$;
comment on function public.handle_new_user() is
    'Gives a new account its profile, under a username of its own.';
revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;

-- Replaced and never dropped: only the owner of auth.users may drop a trigger.
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row execute function public.handle_new_user();

-- Accounts that are older than the trigger go the same way as new ones, through
-- a table with the same trigger.
do $$
begin
    create temporary table account_without_profile as
        select u.id, u.email, u.raw_user_meta_data from auth.users as u limit 0;
    create trigger on_account_added
        after insert on pg_temp.account_without_profile
        for each row execute function public.handle_new_user();
    insert into pg_temp.account_without_profile
        select u.id, u.email, u.raw_user_meta_data from auth.users as u
        where not exists (select from public.user_profiles as p where p.id = u.id)
        order by u.created_at, u.id
        -- None of them may be deleted before it has its profile.
        for key share of u;
    drop table pg_temp.account_without_profile;
end
$$;
