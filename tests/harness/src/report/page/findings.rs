//! Page section of findings: each root cause with its consequences, by object.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::markup::{anchor, by_regime, count, link, listed, section as chapter, sql};
use crate::findings::ledger::{Finding, Location};
use crate::report::Evidence;
use crate::report::fold::{Fold, folds};

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let folds = folds(&evidence.findings);
    let mut objects: BTreeMap<(usize, &str), Vec<&Fold<'_>>> = BTreeMap::new();
    for fold in &folds {
        let object = root(evidence, &fold.lead.object);
        objects.entry((usize::from(object.1), object.0)).or_default().push(fold);
    }
    let consequences = evidence.findings.len() - folds.len();
    let content = html! {
        p {
            (count(folds.len(), "finding")) " with " (count(consequences, "consequence"))
            ", by object: "
            @for (at, ((_, object), all)) in objects.iter().enumerate() {
                @if at > 0 { ", " }
                a href={"#findings-" (anchor(object))} { (object) } " (" (all.len()) ")"
            }
            ". The consequences of a finding are other signs of the same fault; what an attacker "
            "gains most by stands first."
        }
        @for ((_, object), folds) in &objects {
            h3 id={"findings-" (anchor(object))} { (object) }
            @for (at, fold) in folds.iter().enumerate() { (folded(evidence, fold, at == 0)) }
        }
    };
    chapter("findings", "Findings by object", &content)
}

/// The table, view or function that an object is part of, and whether it is none of these.
fn root<'a>(evidence: &'a Evidence, object: &'a str) -> (&'a str, bool) {
    let names = evidence.tables.keys().chain(evidence.functions.keys());
    let is_part = |name: &&String| {
        object
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    names.filter(is_part).max_by_key(|name| name.len()).map_or((object, true), |it| (it, false))
}

/// A root cause: its first finding in full, the others in a line each.
fn folded(evidence: &Evidence, fold: &Fold<'_>, open: bool) -> Markup {
    let Fold { lead, others } = fold;
    html! {
        details.line.finding open[open] {
            summary {
                b.bad { "✗ " (lead.rule) } " " (lead.object) ": " (lead.title) " "
                span.soft {
                    (lead.severity)
                    @if !others.is_empty() { ", " (count(others.len(), "consequence")) }
                }
            }
            @if !others.is_empty() { p { "Cause: " (fold.cause()) } }
            @if let Some(tells) = fold.tells() { p { "It tells " (tells) "." } }
            (whole(lead))
            @if !others.is_empty() {
                details {
                    summary {
                        (count(others.len(), "consequence")) ": "
                        (fold.consequences().join(", "))
                    }
                    ul.more { @for finding in others { (line(evidence, finding)) } }
                }
            }
        }
    }
}

/// All that is known of a finding.
fn whole(finding: &Finding) -> Markup {
    html! {
        dl {
            dt { "Severity" } dd { (finding.severity) }
            dt { "Expected" } dd { (finding.expected) }
            dt { "Observed" }
            dd {
                strong.observed { (finding.observed) } " "
                span.soft { "(" (listed(&finding.regimes)) ")" }
            }
            @if let Some(persona) = &finding.persona { dt { "Persona" } dd { (persona) } }
            dt { "Check" } dd { (link(&finding.check)) }
            dt { "Remedy" } dd { (finding.remedy) }
            @if !finding.references.is_empty() {
                dt { "See" } dd { (finding.references.join(", ")) }
            }
        }
        @if let Some(location) = &finding.location { (lines(location)) }
        @if let Some(statement) = &finding.statement {
            p.over { "To reproduce it, as a superuser:" }
            (sql(statement))
        }
    }
}

/// The migration's lines, with their numbers.
fn lines(at: &Location) -> Markup {
    html! {
        p.over { "Its most likely origin: " code { (at.file) ":" (at.line) } }
        pre.lines {
            "\n"
            @for (index, text) in at.text.lines().enumerate() {
                span.number { (at.line + index) } (text) "\n"
            }
        }
    }
}

/// A consequence: its statement is in its cell, if it is of the matrix.
fn line(evidence: &Evidence, finding: &Finding) -> Markup {
    let in_cell = evidence.matrix.iter().any(|cell| cell.id == finding.check);
    let observed = finding.regimes.iter().map(|it| (it.clone(), finding.observed.clone()));
    html! {
        li {
            (finding.rule) " " (finding.object) ": " (link(&finding.check)) ": expected " (finding.expected) ", observed "
            (by_regime(&observed.collect()))
            @if let (Some(statement), false) = (&finding.statement, in_cell) {
                details { summary { "statement" } (sql(statement)) }
            }
        }
    }
}
