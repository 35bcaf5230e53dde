//! Properties of this schema: invariants of its functions and triggers.

#![expect(missing_docs, reason = "a property says in its claim what holds")]

pub mod cleanup_expired_sessions;
pub mod handle_new_user;
pub mod is_feature_enabled;
pub mod model;
pub mod search_memories_semantic;
pub mod update_conversation_stats;
pub mod update_updated_at_column;

use schema_harness::Property;

/// Every property, those that take longest first.
pub const ALL: &[&[Property]] = &[
    &model::PROPERTIES,
    &update_conversation_stats::PROPERTIES,
    &search_memories_semantic::PROPERTIES,
    &is_feature_enabled::PROPERTIES,
    &handle_new_user::PROPERTIES,
    &update_updated_at_column::PROPERTIES,
    &cleanup_expired_sessions::PROPERTIES,
];

/// The same, one after the other.
pub fn all() -> impl Iterator<Item = &'static Property> {
    ALL.iter().copied().flatten()
}
