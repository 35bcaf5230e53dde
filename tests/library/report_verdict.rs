//! The verdict on checks that were planned and executed.

use std::collections::BTreeMap;

use schema_harness::findings::ledger::Finding;
use schema_harness::findings::rules;
use schema_harness::platform::Regime;
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

/// Whatever else was found, and whatever a baseline accepts.
#[test]
fn negative_control_that_stayed_green_comes_before_any_other_verdict() {
    let finding = |rule| Finding::of(rule, "notes", "a/check", ["one", "other"], Regime::Explicit);
    let broken = [finding(&rules::CELL), finding(&rules::HARNESS_BROKEN)];
    assert_eq!(verdict(&accounting(2, 1), &broken, &[], false), Verdict::HarnessBroken);
    assert_eq!(verdict(&accounting(2, 1), &broken[..1], &[], false), Verdict::Findings, "control");
}
