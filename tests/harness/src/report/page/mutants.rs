//! Page section of mutants: which check caught which mutant, and which checks caught none.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::markup::{anchor, count, link, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{Check, MutantsRecord};

/// The outcomes, in the order of the report.
const OUTCOMES: [&str; 5] = ["caught", "unviable", "equivalent", "timeout", "missed"];

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let content = html! {
        @if let Some(mutants) = &evidence.mutants {
            (all(evidence, mutants))
        } @else {
            p {
                "No mutants were judged in this run. " code { "scripts/verify --mutants" }
                " breaks every line that security rests on, one at a time, and expects a check to "
                "fail for each; its page shows here which check caught which mutant."
            }
        }
    };
    chapter("mutants", "Mutants", &content)
}

/// The first part of a check's id.
fn family(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

fn all(evidence: &Evidence, mutants: &MutantsRecord) -> Markup {
    let catchers: BTreeSet<&str> =
        mutants.caught_by.values().flatten().map(|check| family(check)).collect();
    let judged: Vec<(&str, &Check)> = evidence
        .checks
        .iter()
        .filter_map(|check| Some((check.id.strip_prefix("mutant/")?, check)))
        .collect();
    let mut families: BTreeMap<&str, Vec<(&str, &Check)>> = BTreeMap::new();
    for (mutant, check) in &judged {
        families.entry(family(mutant)).or_default().push((mutant, check));
    }
    let missed: usize = mutants.families.values().filter_map(|it| it.get("missed")).sum();
    html! {
        p {
            (count(judged.len(), "mutant")) " judged, " (mutants.caught_by.len()) " caught, "
            @if missed == 0 {
                b.ok { "✓ none was missed" }
            } @else {
                b.bad { "✗ " (missed) " missed" } ": no check failed for what they break"
            }
            ". Each breaks the schema in one place, and a check has to fail. The database refuses "
            "an unviable one; an equivalent one changes nothing that the contract states."
        }
        (overview(mutants, &catchers))
        @for (name, all) in &families { (outcomes(name, all, mutants)) }
        @if !mutants.idle.is_empty() {
            details.line {
                summary {
                    b { "idle" } " " (count(mutants.idle.len(), "check"))
                    " that caught no mutant, and why they are kept"
                }
                (table("Checks that caught no mutant", &["check", "kept because"], &html! {
                    @for (check, reason) in &mutants.idle {
                        tr { th scope="row" { (link(check)) } td { (reason) } }
                    }
                }))
            }
        }
    }
}

/// Mutants by family, against outcomes and the families of checks that caught them.
fn overview(mutants: &MutantsRecord, catchers: &BTreeSet<&str>) -> Markup {
    let number = |number: usize, is_bad: bool| {
        html! {
            @if number == 0 {
                td.n { span.soft { "–" } }
            } @else {
                td.n.bad[is_bad] { (number) }
            }
        }
    };
    let caught = |name: &str, catcher: &str| {
        let is_by = |by: &[String]| by.iter().any(|check| family(check) == catcher);
        mutants.caught_by.iter().filter(|(id, by)| family(id) == name && is_by(by)).count()
    };
    let by = catchers.iter().map(|catcher| format!("by {catcher}"));
    let heads: Vec<String> =
        ["family"].into_iter().chain(OUTCOMES).map(str::to_owned).chain(by).collect();
    let rows = html! {
        @for (name, outcomes) in &mutants.families {
            tr {
                th scope="row" { a href={"#mutants-" (name)} { (name) } }
                @for outcome in OUTCOMES {
                    @let judged = outcomes.get(outcome).copied().unwrap_or_default();
                    (number(judged, outcome == "missed"))
                }
                @for catcher in catchers { (number(caught(name, catcher), false)) }
            }
        }
    };
    table("Mutants by family, and the checks that caught them", &heads, &rows)
}

/// One family: a line for each mutant, a column for each family of checks.
fn outcomes(name: &str, all: &[(&str, &Check)], mutants: &MutantsRecord) -> Markup {
    let by = all.iter().filter_map(|(mutant, _)| mutants.caught_by.get(*mutant)).flatten();
    let catchers: BTreeSet<&str> = by.map(|check| family(check)).collect();
    let failed = all.iter().filter(|(_, check)| !check.passed).count();
    let heads: Vec<&str> = ["mutant"].into_iter().chain(catchers.iter().copied()).collect();
    let rows = html! {
        @for (mutant, check) in all {
            tr id=(anchor(&check.id)) {
                th scope="row" { (rest(mutant, name)) }
                @if let Some(by) = mutants.caught_by.get(*mutant) {
                    @for catcher in &catchers { (caught(by, catcher)) }
                } @else {
                    td colspan=(catchers.len().max(1)) {
                        span class=(if check.passed { "soft" } else { "bad" }) {
                            (if check.passed { "–" } else { "✗" }) " "
                            (check.observed.values().next().map_or("", String::as_str))
                        }
                    }
                }
            }
        }
    };
    html! {
        details.line id={"mutants-" (name)} open[failed > 0] {
            summary {
                b { (name) } " " (count(all.len(), "mutant"))
                @if failed > 0 { " " b.bad { "✗ " (failed) " failed" } }
            }
            (table(&format!("Mutants of {name}, and the checks that caught each"), &heads, &rows))
        }
    }
}

/// An id without its family.
fn rest<'a>(id: &'a str, family: &str) -> &'a str {
    id.strip_prefix(family).unwrap_or(id).trim_start_matches('/')
}

/// Which check of a family caught it.
fn caught(by: &[String], catcher: &str) -> Markup {
    html! {
        @if let Some(check) = by.iter().find(|check| family(check) == catcher) {
            td.hit { "● " a.id href={"#" (anchor(check))} { (rest(check, catcher)) } }
        } @else {
            td {}
        }
    }
}
