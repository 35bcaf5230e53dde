//! `cleanup_expired_sessions` has its properties, and faults in it are noticed.

use identra_properties::cleanup_expired_sessions::{FOR_THE_BACK_END_ALONE, REMOVES_THE_EXPIRED};
use rstest::rstest;
use schema_harness::checks::properties::Property;

use super::{holds, notices};

#[rstest]
#[case::removes_exactly_the_expired(&REMOVES_THE_EXPIRED)]
#[case::is_for_the_back_end_alone(&FOR_THE_BACK_END_ALONE)]
fn cleanup_of_sessions(#[case] property: &Property) {
    holds(property);
}

/// A body for the function, with one thing wrong.
fn with_body(body: &str) -> String {
    format!(
        "create or replace function public.cleanup_expired_sessions() returns integer \
         language plpgsql set search_path = '' as $$ declare removed integer; begin {body}; \
         get diagnostics removed = row_count; return removed; end $$"
    )
}

#[rstest]
#[case::that_all_go("delete from public.user_sessions")]
#[case::that_none_goes("perform from public.user_sessions where expires_at <= now()")]
#[case::that_the_last_moment_counts_as_live(
    "delete from public.user_sessions where expires_at < now()"
)]
fn cleanup_of_sessions_catches(#[case] body: &str) {
    notices(&REMOVES_THE_EXPIRED, &with_body(body));
}

#[test]
fn cleanup_of_sessions_catches_that_clients_may_call_it() {
    let grant = "grant execute on function public.cleanup_expired_sessions() to anon";
    notices(&FOR_THE_BACK_END_ALONE, grant);
}
