//! Which statements of a function have run.

use std::collections::BTreeMap;

use schema_harness::checks::properties::coverage::{Coverage, Statement};
use schema_harness::checks::properties::plan::reached;

fn counted(executed: [u64; 2]) -> Coverage {
    let statement = |line, executed| Statement { line, kind: "RETURN".to_owned(), executed };
    let statements =
        BTreeMap::from([(1, statement(3, executed[0])), (2, statement(5, executed[1]))]);
    let statements = BTreeMap::from([("note_count".to_owned(), statements)]);
    Coverage { calls: BTreeMap::new(), statements }
}

#[test]
fn statement_that_never_ran_is_named() {
    let (expected, observed) = reached(&counted([2, 0]), "note_count");
    assert_eq!(observed, "never executed: line 5 (RETURN)");
    assert_ne!(observed, expected);
}

/// A statement that one property leaves out may be executed by another.
#[test]
fn statements_of_several_properties_add_up() {
    let mut coverage = counted([2, 0]);
    coverage.absorb(counted([0, 1]));
    let (expected, observed) = reached(&coverage, "note_count");
    assert_eq!(observed, expected);
}

#[test]
fn function_that_was_never_called_is_not_covered() {
    let (expected, observed) = reached(&Coverage::default(), "note_count");
    assert_eq!((expected, observed.as_str()), ("called", "never called"));
}
