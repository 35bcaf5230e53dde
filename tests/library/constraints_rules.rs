//! Constraints as a contract words them.

use schema_harness::checks::properties::constraints::expression::{Check, Value};
use schema_harness::checks::properties::constraints::rules::reference;

#[test]
fn unsupported_forms_are_not_evaluated() {
    for expression in ["a like 'b%'", "length(a) > 1", "a <> b or c", "a in (1, 2)", "a"] {
        assert_eq!(Check::parse(expression), None, "{expression}");
    }
    assert_eq!(reference("public.a (b) on delete explode"), None, "an action");
}

#[test]
fn check_is_evaluated_like_the_server_does() {
    let accepts = |expression: &str, value: Value| {
        Check::parse(expression).is_some_and(|check| check.accepts(&value))
    };
    assert!(accepts("a between 1 and 5", Value::Integer(5)));
    assert!(!accepts("a between 1 and 5", Value::Integer(6)));
    assert!(accepts("char_length(a) <= 2", Value::Repeated('x', 2)));
    assert!(!accepts("char_length(a) <= 2", Value::Repeated('x', 3)));
    assert!(accepts("a in ('b', 'c')", Value::Text("c".into())));
    assert!(!accepts("a in ('b', 'c')", Value::Text("C".into())));
    assert!(!accepts("a <> b", Value::SameAs("b".into())));
    assert!(accepts("a >= 0", Value::Real(f32::NAN)), "NaN is greater than any number");
}
