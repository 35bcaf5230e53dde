//! The constraints of this schema are as declared, and each property of them catches a fault.

use rstest::rstest;
use schema_harness::checks::properties::Property;
use schema_harness::checks::properties::constraints::{
    CHECKS, KEYS, NOT_NULL, ON_DELETE, REFERENCES,
};

use super::{holds, notices};

#[rstest]
#[case::checks(&CHECKS)]
#[case::not_null(&NOT_NULL)]
#[case::keys(&KEYS)]
#[case::references(&REFERENCES)]
#[case::on_delete(&ON_DELETE)]
fn constraints_are_as_declared(#[case] property: &Property) {
    holds(property);
}

/// A constraint that is another, or none.
fn other(table: &str, constraint: &str, by: &str) -> String {
    let add = if by.is_empty() { String::new() } else { format!(", add {by}") };
    format!("alter table public.{table} drop constraint {constraint}{add}")
}

#[rstest]
#[case::no_check("feedback", "feedback_rating_check", "")]
#[case::a_check_that_is_wider_by_one(
    "feedback",
    "feedback_rating_check",
    "check (rating between 1 and 6)"
)]
#[case::a_check_that_is_narrower_by_one(
    "user_profiles",
    "user_profiles_username_check",
    "check (char_length(username) between 2 and 50)"
)]
#[case::a_check_that_leaves_out_its_bound(
    "memory_links",
    "memory_links_strength_check",
    "check (strength >= 0 and strength < 1)"
)]
#[case::a_check_of_bytes(
    "conversations",
    "conversations_folder_check",
    "check (octet_length(folder) <= 100)"
)]
#[case::another_word(
    "messages",
    "messages_role_check",
    "check (role in ('user', 'assistant', 'system', 'tool'))"
)]
#[case::equal_ends("memory_links", "memory_links_distinct_ends_check", "")]
fn checks_catch(#[case] table: &str, #[case] constraint: &str, #[case] by: &str) {
    notices(&CHECKS, &other(table, constraint, by));
}

#[rstest]
#[case::nullable("alter table public.memories alter column content drop not null")]
#[case::nullable_with_a_default("alter table public.memories alter column tags drop not null")]
#[case::not_nullable(
    "update public.memories set summary = 'short' where summary is null; \
     alter table public.memories alter column summary set not null"
)]
fn null_is_caught_where(#[case] fault: &str) {
    notices(&NOT_NULL, fault);
}

const PAIR: &str = "memory_links_source_memory_id_target_memory_id_key";

#[rstest]
#[case::it_is_not_unique("user_profiles", "user_profiles_username_key", "")]
#[case::a_pair_is_not_unique("memory_links", PAIR, "")]
#[case::there_is_no_primary_key("messages", "messages_pkey", "")]
fn keys_catch_that(#[case] table: &str, #[case] constraint: &str, #[case] by: &str) {
    notices(&KEYS, &other(table, constraint, by));
}

#[test]
fn keys_catch_that_half_of_a_pair_is_unique() {
    let twice = "delete from public.memory_links as l using public.memory_links as k \
                 where l.source_memory_id = k.source_memory_id and l.id > k.id";
    let fault = other("memory_links", PAIR, "unique (source_memory_id)");
    notices(&KEYS, &format!("{twice}; {fault}"));
}

/// A reference of messages to conversations, with another action.
fn on_delete(action: &str) -> String {
    let reference = "foreign key (conversation_id) references public.conversations (id) on delete";
    other("messages", "messages_conversation_id_fkey", &format!("{reference} {action}"))
}

#[test]
fn references_catch_a_missing_constraint() {
    let fault = other("import_history", "import_history_user_id_fkey", "");
    notices(&REFERENCES, &fault);
    notices(&ON_DELETE, &fault);
}

#[rstest]
#[case::nothing("no action")]
#[case::restricted("restrict")]
#[case::set_null("set null")]
fn another_action_is_caught(#[case] action: &str) {
    notices(&ON_DELETE, &on_delete(action));
}
