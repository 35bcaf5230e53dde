//! The SQL statement of an operation, and its sender.

use super::operation::{Actor, Mark, Operation, user_id};
use super::state::{Label, first_name};
use schema_harness::checks::properties::Sender;
use schema_harness::platform::persona::{NoToken, ServiceRole};

impl Actor {
    /// As the gateway presents them.
    pub(super) fn who(self) -> Sender {
        match self {
            Self::User(user) => Sender::user(user_id(user).parse().expect("a uuid")),
            Self::Anon => Sender::persona(NoToken),
            Self::ServiceRole => Sender::persona(ServiceRole),
        }
    }
}

/// An id that the administrator has looked up, because an attacker may know ids.
const A: &str = "nullif(current_setting('model.a'), '')::uuid";
const B: &str = "nullif(current_setting('model.b'), '')::uuid";

/// A statement, and the ids that the administrator looks up for it.
pub(super) struct Sql {
    /// Queries for an id each, stored as the settings `model.a` and `model.b`.
    pub(super) ids: Vec<String>,
    pub(super) statement: String,
}

impl Sql {
    /// The statement that stores the ids.
    pub(super) fn look_up(&self) -> String {
        let ids = ["model.a", "model.b"].iter().zip(&self.ids);
        let keep = |(name, id)| {
            format!("select pg_catalog.set_config('{name}', coalesce(({id}), ''), true); ")
        };
        ids.map(keep).collect()
    }

    /// All of it as the administrator.
    pub(super) fn by_hand(&self) -> String {
        format!("{}{}; ", self.look_up(), self.statement)
    }
}

impl Operation {
    /// The sender; operations of the auth server count as the back end's.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Rename { by, .. }
            | Self::Remember { by, .. }
            | Self::Mark { by, .. }
            | Self::Forget { by, .. }
            | Self::Link { by, .. }
            | Self::Weigh { by, .. }
            | Self::Unlink { by, .. }
            | Self::Converse { by, .. }
            | Self::Pin { by, .. }
            | Self::End { by, .. }
            | Self::Say { by, .. }
            | Self::Unsay { by, .. }
            | Self::Complain { by, .. }
            | Self::Rate { by, .. }
            | Self::SignOut { by, .. }
            | Self::CleanUp { by } => *by,
            Self::Trespass { by, .. } => Actor::User(*by),
            _ => Actor::ServiceRole,
        }
    }

    /// Whether the auth server sends it.
    pub(super) fn is_the_auth_servers(&self) -> bool {
        matches!(self, Self::SignUp(_) | Self::DeleteAccount(_))
    }

    /// The highest label that it gives to a new row.
    pub(super) fn label(&self) -> Option<Label> {
        match self {
            Self::Remember { label, .. }
            | Self::Converse { label, .. }
            | Self::Say { label, .. }
            | Self::Complain { label, .. }
            | Self::LogIn { label, .. }
            | Self::StartImport { label, .. }
            | Self::Flag { label, .. }
            | Self::Measure { label, .. } => Some(*label),
            Self::Import { labels, .. } => Some(labels[1]),
            _ => None,
        }
    }

    /// The statement.
    pub(super) fn sql(&self) -> Sql {
        let (ids, statement) =
            self.accounts().or_else(|| self.talk()).unwrap_or_else(|| self.rest());
        Sql { ids, statement }
    }

    fn accounts(&self) -> Option<(Vec<String>, String)> {
        let none = Vec::new();
        Some(match self {
            Self::SignUp(user) => (none, sign_up(*user)),
            Self::DeleteAccount(user) => {
                (none, format!("delete from auth.users where id = '{}'", user_id(*user)))
            }
            Self::Rename { of, to, .. } => (
                none,
                format!(
                    "update public.user_profiles set username = 'name{to}' where id = '{}'",
                    user_id(*of)
                ),
            ),
            Self::Remember { owner, label, favorite, at, .. } => {
                let (column, at) = match at {
                    Some(at) => (", created_at", format!(", {}", instant(*at))),
                    None => ("", String::new()),
                };
                let insert = format!(
                    "insert into public.memories (user_id, content, is_favorite{column}) \
                     values ('{}', 'memory{label}', {favorite}{at})",
                    user_id(*owner)
                );
                (none, insert)
            }
            Self::Mark { memory, mark, .. } => {
                let set = match mark {
                    Mark::Favorite(favorite) => format!("is_favorite = {favorite}"),
                    Mark::Deleted(true) => "deleted_at = now()".to_owned(),
                    Mark::Deleted(false) => "deleted_at = null".to_owned(),
                };
                aimed(*memory, &MEMORIES, &format!("update public.memories set {set}"))
            }
            Self::Forget { memory, .. } => aimed(*memory, &MEMORIES, "delete from public.memories"),
            Self::Link { ends, kind, .. } => (
                both(*ends),
                format!(
                    "insert into public.memory_links \
                     (source_memory_id, target_memory_id, relationship_type) \
                     values ({A}, {B}, '{kind}')"
                ),
            ),
            Self::Weigh { ends, strength, .. } => (
                both(*ends),
                format!("update public.memory_links set strength = {strength} where {BETWEEN}"),
            ),
            Self::Unlink { ends, .. } => {
                (both(*ends), format!("delete from public.memory_links where {BETWEEN}"))
            }
            _ => return None,
        })
    }

    fn talk(&self) -> Option<(Vec<String>, String)> {
        Some(match self {
            Self::Converse { owner, label, .. } => (
                Vec::new(),
                format!(
                    "insert into public.conversations (user_id, title) \
                     values ('{}', 'talk{label}')",
                    user_id(*owner)
                ),
            ),
            Self::Pin { conversation, pinned, .. } => {
                let update = format!("update public.conversations set is_pinned = {pinned}");
                aimed(*conversation, &CONVERSATIONS, &update)
            }
            Self::End { conversation, .. } => {
                aimed(*conversation, &CONVERSATIONS, "delete from public.conversations")
            }
            Self::Say { conversation, label, context, .. } => {
                let ids =
                    [Some((&CONVERSATIONS, *conversation)), context.map(|it| (&MEMORIES, it))];
                let ids = ids.into_iter().flatten().map(|(named, label)| named.id(label));
                let used = if context.is_some() { format!("array[{B}]") } else { "'{}'".into() };
                (
                    ids.collect(),
                    format!(
                        "insert into public.messages \
                         (conversation_id, role, content, context_memories) \
                         values ({A}, 'user', 'message{label}', {used})"
                    ),
                )
            }
            Self::Import { conversation, labels: [first, second], at } => (
                vec![CONVERSATIONS.id(*conversation)],
                format!(
                    "insert into public.messages (conversation_id, role, content, created_at) \
                     values ({A}, 'user', 'message{first}', {}), \
                     ({A}, 'assistant', 'message{second}', {})",
                    instant(at[0]),
                    instant(at[1])
                ),
            ),
            Self::Unsay { message, .. } => {
                aimed(*message, &MESSAGES, "delete from public.messages")
            }
            Self::Complain { owner, label, .. } => (
                Vec::new(),
                format!(
                    "insert into public.feedback (user_id, type, title, content, rating) \
                     values ('{}', 'bug', 'feedback{label}', 'it is broken', 1)",
                    user_id(*owner)
                ),
            ),
            Self::Rate { feedback, rating, .. } => {
                let update = format!("update public.feedback set rating = {rating}");
                aimed(*feedback, &FEEDBACK, &update)
            }
            Self::Answer { feedback, status } => {
                let update = format!("update public.feedback set status = '{status}'");
                aimed(Some(*feedback), &FEEDBACK, &update)
            }
            _ => return None,
        })
    }

    fn rest(&self) -> (Vec<String>, String) {
        let statement = match self {
            Self::LogIn { owner, label, expired } => {
                let expires = if *expired { "now()" } else { "now() + interval '1 hour'" };
                format!(
                    "insert into public.user_sessions \
                     (user_id, device_info, refresh_token_hash, expires_at) \
                     values ('{}', '{{\"label\": \"session{label}\"}}', 'hash{label}', {expires})",
                    user_id(*owner)
                )
            }
            Self::SignOut { session, .. } => {
                return aimed(*session, &SESSIONS, "delete from public.user_sessions");
            }
            Self::StartImport { owner, label } => format!(
                "insert into public.import_history (user_id, source, filename) \
                 values ('{}', 'notes', 'import{label}')",
                user_id(*owner)
            ),
            Self::FinishImport { import } => {
                let update = "update public.import_history set status = 'completed'";
                return aimed(Some(*import), &IMPORTS, update);
            }
            Self::Flag { label, enabled, percentage, target } => {
                let target = target.map(|user| format!("'{}'", user_id(user)));
                format!(
                    "insert into public.feature_flags \
                     (name, enabled, rollout_percentage, target_user_ids) \
                     values ('flag{label}', {enabled}, {percentage}, array[{}]::uuid[])",
                    target.unwrap_or_default()
                )
            }
            Self::Measure { label, value } => format!(
                "insert into public.system_metrics (metric_name, metric_value) \
                 values ('metric{label}', {value})"
            ),
            Self::Trespass { statement, .. } => (*statement).to_owned(),
            _ => "select public.cleanup_expired_sessions()".to_owned(),
        };
        (Vec::new(), statement)
    }
}

/// The sign-up of a user, as the auth server sends it.
fn sign_up(user: u8) -> String {
    format!(
        "insert into auth.users (id, aud, role, email, raw_user_meta_data) values ('{}', \
         'authenticated', 'authenticated', '{}@example.com', '{{}}')",
        user_id(user),
        first_name(user)
    )
}

/// A table and the text by which its rows are named.
struct Named {
    table: &'static str,
    text: &'static str,
    word: &'static str,
}

const MEMORIES: Named = Named { table: "memories", text: "content", word: "memory" };
const CONVERSATIONS: Named = Named { table: "conversations", text: "title", word: "talk" };
const MESSAGES: Named = Named { table: "messages", text: "content", word: "message" };
const FEEDBACK: Named = Named { table: "feedback", text: "title", word: "feedback" };
const SESSIONS: Named =
    Named { table: "user_sessions", text: "device_info ->> 'label'", word: "session" };
const IMPORTS: Named = Named { table: "import_history", text: "filename", word: "import" };

impl Named {
    fn id(&self, label: Label) -> String {
        let Self { table, text, word } = self;
        format!("select id::text from public.{table} where {text} = '{word}{label}'")
    }
}

const BETWEEN: &str = "source_memory_id = nullif(current_setting('model.a'), '')::uuid \
                       and target_memory_id = nullif(current_setting('model.b'), '')::uuid";

fn both((from, to): (Label, Label)) -> Vec<String> {
    vec![MEMORIES.id(from), MEMORIES.id(to)]
}

/// A statement for one row by its id; without a label, for all rows.
fn aimed(label: Option<Label>, named: &Named, statement: &str) -> (Vec<String>, String) {
    match label {
        Some(label) => (vec![named.id(label)], format!("{statement} where id = {A}")),
        None => (Vec::new(), statement.to_owned()),
    }
}

fn instant(seconds: i32) -> String {
    format!("timestamptz '2025-01-01 00:00:00+00' + {seconds} * interval '1 second'")
}
