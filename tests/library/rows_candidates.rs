//! Values that a check suggests.

use schema_harness::rows::candidates::{matching, numbers, strings};

#[test]
fn constants_are_read_from_a_check() {
    let check = "((source = ANY (ARRAY['manual'::text, 'it''s'::text])) OR (n >= '-5'::integer))";
    assert_eq!(strings(check), ["manual", "it's", "-5"]);
    assert_eq!(numbers(check), [-5.0]);
    assert_eq!(numbers("(char_length(a1) <= 50)"), [50.0]);
}

#[test]
fn text_is_made_that_a_regular_expression_matches() {
    let made = matching("^[a-z]{3,20}$");
    assert!(made.len() > 4, "{made:?}");
    assert!(made.iter().all(|it| it.trim_matches('\'').chars().all(|c| c.is_ascii_lowercase())));
    assert_eq!(matching("manual"), [""; 0]);
}
