//! One cell of the matrix: its outcome, and the details.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::markup::{anchor, by_regime, link, listed, sql, states};
use crate::report::Evidence;
use crate::report::document::MatrixCell;

/// A cell of a table, under the label that a narrow page shows in place of its column's head.
pub(super) fn cell(evidence: &Evidence, it: &MatrixCell, label: &str) -> Markup {
    html! {
        td class=[(!it.passed).then_some("differs")] {
            details {
                summary { span.label { (label) } " " (outcome(evidence, it)) }
                div.body id=(anchor(&it.id)) { (body(evidence, it)) }
            }
        }
    }
}

/// One outcome where all are as expected, and else the expected and the observed.
fn outcome(evidence: &Evidence, it: &MatrixCell) -> Markup {
    let expected = &it.cell.expected;
    let missing = missing(evidence, it);
    let as_expected = it.observed.values().all(|observed| observed == expected);
    let answers: BTreeSet<&String> = it.observed.values().collect();
    let changed = it.cell.changed.values().any(|rows| !rows.is_empty());
    html! {
        @if it.passed && as_expected {
            span class=(if is_a_refusal(expected) { "refused" } else { "reached" }) { (expected) }
            " " b.ok { "✓" }
        } @else {
            span.both {
                span { "expected " em.intended { (expected) } }
                " "
                span {
                    "observed "
                    strong.observed {
                        @match (answers.len(), answers.first()) {
                            (1, Some(answer)) => (answer),
                            _ => (by_regime(&it.observed)),
                        }
                    }
                    @match (as_expected, changed) {
                        (true, true) => ", but rows changed",
                        (true, false) => ", but see its finding",
                        _ => "",
                    }
                    " "
                    @if it.passed { b.ok { "✓" } } @else { b.bad { "✗" } }
                }
            }
        }
        @if !missing.is_empty() { " " b.gap { "? not executed in " (listed(&missing)) } }
    }
}

/// Whether nothing is reached.
fn is_a_refusal(outcome: &str) -> bool {
    ["0 rows", "no privilege", "policy violation", "failed"].contains(&outcome)
}

/// The regimes in which it has no outcome.
fn missing<'a>(evidence: &'a Evidence, it: &MatrixCell) -> Vec<&'a str> {
    let regimes = evidence.tested.regimes.iter().map(String::as_str);
    regimes.filter(|regime| !it.observed.contains_key(*regime)).collect()
}

/// Persona, outcomes, control, state, statement.
fn body(evidence: &Evidence, it: &MatrixCell) -> Markup {
    let cell = &it.cell;
    let changed = evidence.tested.states.keys().map(|regime| {
        let changed = match cell.changed.get(regime).map(Vec::as_slice) {
            None => "it is not known what changed".to_owned(),
            Some([]) => "no row changed".to_owned(),
            Some(rows) => format!("changed and rolled back: {}", listed(rows)),
        };
        (regime.clone(), changed)
    });
    html! {
        dl {
            dt { "Check" } dd { (link(&it.id)) }
            dt { "Command" }
            dd {
                (cell.command) " by " (cell.persona) ", row: " (cell.target)
                @if let Some(column) = &cell.column { ", column " (column) }
            }
            dt { "Expected" } dd { (cell.expected) }
            dt { "Observed" } dd { (by_regime(&it.observed)) }
            dt { "Control" }
            dd {
                @if let Some(control) = &cell.control {
                    (control.outcome) " with the same statement"
                } @else {
                    "none is needed: this is no refusal"
                }
            }
            dt { "State before" } dd { (states(evidence)) }
            dt { "Changed" } dd { (by_regime(&changed.collect())) }
            @for finding in evidence.findings.iter().filter(|finding| finding.check == it.id) {
                dt { "Finding" }
                dd {
                    b.bad { "✗ " (finding.rule) } " " (finding.title) ": expected "
                    (finding.expected) ", observed " (finding.observed)
                }
            }
        }
        (sql(&cell.statement))
    }
}
