//! The verdict on checks that were planned and executed.

use std::collections::BTreeMap;

use schema_harness::report::document::Accounting;
use schema_harness::report::{Verdict, verdict};

fn accounting(planned: usize, executed: usize) -> Accounting {
    let (missing, unplanned) = (BTreeMap::new(), Vec::new());
    Accounting { planned, executed, passed: executed, failed: 0, missing, unplanned }
}

/// T02: a suite that collects nothing is not a suite that passes.
#[test]
fn run_without_planned_checks_proves_nothing() {
    assert_eq!(verdict(&accounting(0, 0), &[], &[], true), Verdict::Incomplete);
}

#[test]
fn planned_check_that_was_not_executed_makes_the_verdict_incomplete() {
    assert_eq!(verdict(&accounting(2, 1), &[], &[], true), Verdict::Incomplete);
    assert_eq!(verdict(&accounting(2, 2), &[], &[], true), Verdict::Proved, "control");
}
