//! Invariants of `update_conversation_stats`, for one session and for eight.

mod races;
mod sequences;

pub use self::races::IN_RACES;
pub use self::sequences::IN_SEQUENCES;
use schema_harness::checks::properties::Property;
use schema_harness::platform::persona::{Alice, Bob, Persona};

pub(super) const PROPERTIES: [Property; 2] = [IN_RACES, IN_SEQUENCES];

/// The owner of each conversation of a case; a conversation is an index of this list.
const OWNERS: [Persona; 4] = [Alice, Alice, Bob, Bob];

/// The id of a conversation.
fn id(conversation: usize) -> String {
    format!("c0de0000-0000-4000-8000-00000000000{conversation}")
}

/// The conversations' ids as an array.
fn ids() -> String {
    let ids: Vec<String> = (0..OWNERS.len()).map(id).collect();
    format!("'{{{}}}'::uuid[]", ids.join(","))
}

/// Statements that delete the messages of a case's conversations, without firing triggers.
fn arrange() -> String {
    let rows = OWNERS.iter().enumerate().map(|(at, owner)| {
        let user_id = owner.user_id().expect("owners have signed up");
        format!("('{}', '{user_id}', 'conversation {at}')", id(at))
    });
    format!(
        "set local session_replication_role = replica; \
         delete from public.messages where conversation_id = any ({0}); \
         delete from public.conversations where id = any ({0}); \
         insert into public.conversations (id, user_id, title) values {1}; \
         set local session_replication_role = origin",
        ids(),
        rows.collect::<Vec<_>>().join(", ")
    )
}
