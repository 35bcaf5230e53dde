//! The rows of every table that a sender can read, as lines, from the database and from the
//! model.

use super::operation::{Actor, User, user_id};
use super::state::{At, State};

/// The relations that each sender may read.
const PRIVILEGES: &str = "
    select 'privileges: ' || pg_catalog.string_agg(c.relname, ',' order by c.relname)
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
        and pg_catalog.has_any_column_privilege(c.oid, 'select')";

const FLAGS: &str = "
    select 'feature_flags: ' || concat_ws(' ', name, enabled, rollout_percentage)
    from public.feature_flags";

/// A time as the model writes it.
macro_rules! at {
    ($column:literal) => {
        concat!(
            "case when ",
            $column,
            " is null then '-' when ",
            $column,
            " = now() then 'now' ",
            "else (extract(epoch from ",
            $column,
            " - timestamptz '2025-01-01 00:00:00+00'))::integer::text end"
        )
    };
}

/// What users and the back end may read.
const OWNED: &str = concat!(
    "
    select 'user_profiles: ' || concat_ws(' ', id, username) from public.user_profiles
    union all
    select 'memories: ' || concat_ws(' ', content, user_id, is_favorite, deleted_at is not null)
    from public.memories
    union all
    select 'memory_links: ' || concat_ws(' ',
        (select content from public.memories where id = source_memory_id),
        (select content from public.memories where id = target_memory_id),
        relationship_type, strength)
    from public.memory_links
    union all
    select 'conversations: ' || concat_ws(' ', title, user_id, is_pinned, message_count, ",
    at!("last_message_at"),
    ")
    from public.conversations
    union all
    select 'messages: ' || concat_ws(' ', m.content,
        (select c.title from public.conversations c where c.id = m.conversation_id), ",
    at!("m.created_at"),
    ",
        coalesce((
            select string_agg(coalesce(
                (select known.content from public.memories known where known.id = used), '?'), ',')
            from unnest(m.context_memories) as used
        ), '-'))
    from public.messages m
    union all
    select 'feedback: ' || concat_ws(' ', title, coalesce(user_id::text, '-'), rating, status)
    from public.feedback
    union all
    select 'user_sessions: ' || concat_ws(' ', device_info ->> 'label', user_id,
        expires_at <= now())
    from public.user_sessions
    union all
    select 'import_history: ' || concat_ws(' ', filename, user_id, status)
    from public.import_history
    union all
    select 'user_statistics: ' || concat_ws(' ', user_id, memory_count, favorite_memory_count,
        conversation_count, message_count, ",
    at!("last_activity_at"),
    ")
    from public.user_statistics"
);

/// What the back end alone may read.
const BACK_END: &str = "
    select 'feature_flags.target_user_ids: ' || concat_ws(' ', name, target_user_ids)
    from public.feature_flags
    union all
    select 'user_sessions.refresh_token_hash: ' || refresh_token_hash from public.user_sessions
    union all
    select 'system_metrics: ' || concat_ws(' ', metric_name, metric_value)
    from public.system_metrics";

/// The name of the prepared statement of a viewer.
pub(super) fn statement(viewer: Actor) -> &'static str {
    match viewer {
        Actor::User(_) => "model_view_of_a_user",
        Actor::Anon => "model_view_of_nobody",
        Actor::ServiceRole => "model_view_of_the_back_end",
    }
}

/// Prepares the statements: one for each role, because a plan belongs to one role.
pub(super) fn prepare() -> String {
    let parts = |viewer| match viewer {
        Actor::User(_) => vec![PRIVILEGES, FLAGS, OWNED],
        Actor::Anon => vec![PRIVILEGES, FLAGS],
        Actor::ServiceRole => vec![PRIVILEGES, FLAGS, OWNED, BACK_END],
    };
    let prepare = |viewer| {
        format!("prepare {} as {}; ", statement(viewer), parts(viewer).join(" union all "))
    };
    let all = [Actor::User(0), Actor::Anon, Actor::ServiceRole].map(prepare).concat();
    // The search_path of a request: with another one each statement would be planned again.
    format!("set search_path = public, extensions; {all}set search_path = ''")
}

impl State {
    /// The lines that a viewer should read.
    pub(super) fn seen_by(&self, viewer: Actor) -> Vec<String> {
        let mut seen = Vec::new();
        let see = |seen: &mut Vec<String>, table: &str, fields: &[&str]| {
            seen.push(format!("{table}: {}", fields.join(" ")));
        };
        see(
            &mut seen,
            "privileges",
            &[match viewer {
                Actor::Anon => "feature_flags",
                Actor::User(_) => {
                    "conversations,feature_flags,feedback,import_history,memories,memory_links,\
                 messages,user_profiles,user_sessions,user_statistics"
                }
                Actor::ServiceRole => {
                    "conversations,feature_flags,feedback,import_history,memories,memory_links,\
                 messages,system_metrics,user_profiles,user_sessions,user_statistics"
                }
            }],
        );
        for (label, flag) in &self.flags {
            let percentage = flag.percentage.to_string();
            let fields = [&*format!("flag{label}"), letter(flag.enabled), &percentage];
            see(&mut seen, "feature_flags", &fields);
        }
        for (user, name) in self.users.iter().filter(|(user, _)| viewer.owns(**user)) {
            see(&mut seen, "user_profiles", &[&user_id(*user), name]);
            see(&mut seen, "user_statistics", &[&user_id(*user), &self.statistics(*user)]);
        }
        for (label, memory) in self.memories.iter().filter(|(_, it)| viewer.owns(it.owner)) {
            let marks = [letter(memory.favorite), letter(memory.deleted)].join(" ");
            let owner = user_id(memory.owner);
            see(&mut seen, "memories", &[&format!("memory{label}"), &owner, &marks]);
        }
        for ((from, to), (kind, strength)) in &self.links {
            if viewer.owns(self.memories[from].owner) && viewer.owns(self.memories[to].owner) {
                let ends = format!("memory{from} memory{to}");
                see(&mut seen, "memory_links", &[&ends, kind, strength]);
            }
        }
        self.see_talk(viewer, &mut seen);
        for (label, session) in self.sessions.iter().filter(|(_, it)| viewer.owns(it.owner)) {
            let owner = user_id(session.owner);
            let fields = [&*format!("session{label}"), &owner, letter(session.expired)];
            see(&mut seen, "user_sessions", &fields);
        }
        for (label, (owner, status)) in self.imports.iter().filter(|(_, it)| viewer.owns(it.0)) {
            let fields = [&*format!("import{label}"), &user_id(*owner), status];
            see(&mut seen, "import_history", &fields);
        }
        if viewer == Actor::ServiceRole {
            for (label, flag) in &self.flags {
                let targets: Vec<String> = flag.target.into_iter().map(user_id).collect();
                let fields = [&*format!("flag{label}"), &format!("{{{}}}", targets.join(","))];
                see(&mut seen, "feature_flags.target_user_ids", &fields);
            }
            for label in self.sessions.keys() {
                see(&mut seen, "user_sessions.refresh_token_hash", &[&format!("hash{label}")]);
            }
            for (label, value) in &self.metrics {
                see(&mut seen, "system_metrics", &[&format!("metric{label}"), &value.to_string()]);
            }
        }
        seen.sort();
        seen
    }

    fn see_talk(&self, viewer: Actor, seen: &mut Vec<String>) {
        for (label, conversation) in &self.conversations {
            if !viewer.owns(conversation.owner) {
                continue;
            }
            let (count, last) = self.said_in(*label);
            let (owner, pinned) = (user_id(conversation.owner), letter(conversation.pinned));
            let last = text(last);
            seen.push(format!("conversations: talk{label} {owner} {pinned} {count} {last}"));
            for (number, message) in &self.messages {
                if message.conversation == *label {
                    let at = text(Some(message.at));
                    let context = message.context.map_or_else(
                        || "-".to_owned(),
                        |memory| match self.memories.get(&memory) {
                            Some(it) if viewer.owns(it.owner) => format!("memory{memory}"),
                            _ => "?".to_owned(),
                        },
                    );
                    seen.push(format!("messages: message{number} talk{label} {at} {context}"));
                }
            }
        }
        for (label, feedback) in &self.feedback {
            let mine = feedback.owner.is_some_and(|owner| viewer.owns(owner));
            if mine || viewer == Actor::ServiceRole {
                let owner = feedback.owner.map_or_else(|| "-".to_owned(), user_id);
                let (rating, status) = (feedback.rating, feedback.status);
                seen.push(format!("feedback: feedback{label} {owner} {rating} {status}"));
            }
        }
    }

    /// The number of messages of a conversation, and the time of the last.
    fn said_in(&self, conversation: u16) -> (usize, Option<At>) {
        let of_it = || self.messages.values().filter(|it| it.conversation == conversation);
        (of_it().count(), of_it().map(|it| it.at).max())
    }

    fn statistics(&self, user: User) -> String {
        let memories = || self.memories.values().filter(|it| it.owner == user);
        let live = || memories().filter(|it| !it.deleted);
        let conversations = || self.conversations.iter().filter(|(_, it)| it.owner == user);
        let said: Vec<_> = conversations().map(|(label, _)| self.said_in(*label)).collect();
        let messages: usize = said.iter().map(|(count, _)| count).sum();
        let remembered = memories().map(|it| it.at).max();
        let last = said.iter().map(|(_, last)| *last).chain([remembered]).max().flatten();
        let (live, favorites) = (live().count(), live().filter(|it| it.favorite).count());
        format!("{live} {favorites} {} {messages} {}", conversations().count(), text(last))
    }
}

fn letter(truth: bool) -> &'static str {
    if truth { "t" } else { "f" }
}

fn text(at: Option<At>) -> String {
    match at {
        None => "-".to_owned(),
        Some(At::Now) => "now".to_owned(),
        Some(At::Seconds(seconds)) => seconds.to_string(),
    }
}
