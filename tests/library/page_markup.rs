//! Anchors, lists and times on the page.

use rstest::rstest;

use schema_harness::report::page::markup::{anchor, listed, utc};

/// What is written for a character cannot stand for itself.
#[test]
fn places_of_two_checks_differ() {
    assert_eq!(anchor("schema/a/Users read\u{17e}"), "schema/a/Users+read~17e~");
    assert_eq!(anchor("+~"), "~2b~~7e~");
}

#[test]
fn names_are_joined_as_in_a_sentence() {
    assert_eq!(listed(&["a"]), "a");
    assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
}

#[rstest]
#[case::beginning(0, "1970-01-01 00:00:00 UTC")]
#[case::leap_day(1_709_164_800, "2024-02-29 00:00:00 UTC")]
#[case::day_behind_it(1_709_251_199, "2024-02-29 23:59:59 UTC")]
#[case::end_of_a_year(1_798_761_599, "2026-12-31 23:59:59 UTC")]
fn time_is_told_as_a_date(#[case] at: u64, #[case] told: &str) {
    assert_eq!(utc(at), told);
}
