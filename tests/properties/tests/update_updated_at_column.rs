//! `update_updated_at_column` has its properties, and faults in it are noticed.

use identra_properties::update_updated_at_column::{IN_MANY_TRANSACTIONS, IN_ONE_TRANSACTION};
use rstest::rstest;
use schema_harness::checks::properties::Property;

use super::{holds, notices, with_replaced};

#[rstest]
#[case::in_one_transaction(&IN_ONE_TRANSACTION)]
#[case::in_many_transactions(&IN_MANY_TRANSACTIONS)]
fn times_of_a_row(#[case] property: &Property) {
    holds(property);
}

#[rstest]
#[case::that_a_change_is_not_told(
    "new.updated_at := greatest(now(), old.updated_at)",
    "return new"
)]
#[case::that_created_at_may_be_sent("new.created_at := old.created_at;", "")]
#[case::that_updated_at_may_be_sent("new.updated_at := old.updated_at;", "")]
#[case::that_a_row_grows_older("greatest(now(), old.updated_at)", "now()")]
#[case::that_the_clock_runs_on("now()", "clock_timestamp()")]
#[case::that_statements_differ("now()", "statement_timestamp()")]
#[case::that_it_is_rounded("greatest(now()", "greatest(date_trunc('milliseconds', now())")]
#[case::that_equals_are_no_change("*<>", "<>")]
#[case::that_no_change_counts("new *<> old", "true")]
fn times_of_a_row_catch(#[case] piece: &str, #[case] by: &str) {
    let fault = with_replaced("update_updated_at_column", piece, by);
    notices(&IN_ONE_TRANSACTION, &fault);
}

/// It runs once per connection, so one transaction alone looks right.
#[test]
fn times_of_a_row_catch_that_a_later_transaction_keeps_the_time_of_the_first() {
    let fault = with_replaced(
        "update_updated_at_column",
        "greatest(now(), old.updated_at)",
        "greatest(coalesce(nullif(current_setting('identra.now', true), ''), \
         set_config('identra.now', now()::text, false))::timestamptz, old.updated_at)",
    );
    notices(&IN_MANY_TRANSACTIONS, &fault);
}

#[rstest]
fn times_of_a_row_catch_a_missing_trigger(
    #[values("user_profiles", "memories", "conversations", "feedback", "feature_flags")]
    table: &str,
) {
    let fault = format!("drop trigger {table}_set_updated_at on public.{table}");
    notices(&IN_ONE_TRANSACTION, &fault);
}
