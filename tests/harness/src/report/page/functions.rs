//! Page section of functions: the invariant of each, and the properties that test it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::markup::{by_regime, count, link, mark, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{Check, FunctionRecord};

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let checks: BTreeMap<&str, &Check> =
        evidence.checks.iter().map(|check| (check.id.as_str(), check)).collect();
    let content = html! {
        @if evidence.functions.is_empty() {
            p { "The contract declares no function." }
        } @else {
            p {
                "A property looks for a generated case that breaks an invariant. Its seed "
                "generates the same cases again."
            }
            @for (name, it) in &evidence.functions { (function(name, it, &checks)) }
        }
    };
    chapter("functions", "Functions", &content)
}

fn function(name: &str, it: &FunctionRecord, checks: &BTreeMap<&str, &Check>) -> Markup {
    let rows = html! {
        @for id in &it.checks {
            tr {
                @if let Some(check) = checks.get(id.as_str()) {
                    th scope="row" { (link(id)) }
                    td { (mark(check.passed)) }
                    td { (check.expected) }
                    td { (by_regime(&check.observed)) }
                } @else {
                    th scope="row" { code { (id) } }
                    td { b.gap { "? not executed" } }
                    td {}
                    td {}
                }
            }
        }
    };
    html! {
        h3 id={"function-" (name)} { (name) }
        p { (it.invariant) }
        @if it.checks.is_empty() {
            p { b.gap { "? No property was checked, so the invariant is not proved." } }
        } @else {
            @let heads = ["check", "result", "expected", "observed"];
            (table(&format!("Properties of {name}"), &heads, &rows))
        }
        (coverage(name, it))
    }
}

/// Which statements the properties reached.
fn coverage(name: &str, it: &FunctionRecord) -> Markup {
    let executed = it.statements.iter().filter(|statement| statement.executed).count();
    let rows = html! {
        @for statement in &it.statements {
            tr {
                th.n scope="row" { (statement.line) }
                td { (statement.kind) }
                td {
                    @if statement.executed {
                        b.ok { "✓ executed" }
                    } @else {
                        b.bad { "✗ not executed" }
                    }
                }
            }
        }
    };
    html! {
        @if it.statements.is_empty() {
            p.soft {
                "Statement coverage: not available on this server, or the body has no statements; "
                "see what is not proved."
            }
        } @else {
            details {
                summary {
                    "Statement coverage: " (executed) " of "
                    (count(it.statements.len(), "statement")) " executed"
                }
                (table(&format!("Statements of {name}"), &["line", "statement", "result"], &rows))
            }
        }
    }
}
