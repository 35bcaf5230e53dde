//! Checks as a draft words them.

use schema_harness::draft::checks::plain;

#[test]
fn common_forms_are_simplified() {
    for (printed, worded) in [
        ("(char_length(name) <= 100)", "char_length(name) <= 100"),
        ("((rating >= 1) AND (rating <= 5))", "rating between 1 and 5"),
        (
            "((share >= (0)::double precision) AND (share <= (1)::double precision))",
            "share between 0 and 1",
        ),
        ("(role = ANY (ARRAY['owner'::text, 'member'::text]))", "role in ('owner', 'member')"),
        ("(one <> other)", "one <> other"),
    ] {
        assert_eq!(plain(printed), worded);
    }
}

#[test]
fn other_forms_stay_unchanged() {
    assert_eq!(plain("((a > 1) OR (b > 2))"), "(a > 1) OR (b > 2)");
    assert_eq!(plain("(name ~ '^(a|b)$'::text)"), "name ~ '^(a|b)$'::text");
}
