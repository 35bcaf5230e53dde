//! Page section of findings, grouped by object and rule.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::markup::{anchor, by_regime, count, link, listed, section as chapter, sql};
use crate::findings::ledger::{Finding, Location};
use crate::findings::severity::Severity;
use crate::report::Evidence;

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let mut objects: BTreeMap<(usize, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in &evidence.findings {
        let object = root(evidence, &finding.object);
        objects.entry((usize::from(object.1), object.0)).or_default().push(finding);
    }
    let content = html! {
        p {
            (count(evidence.findings.len(), "finding")) ", by object: "
            @for (at, ((_, object), all)) in objects.iter().enumerate() {
                @if at > 0 { ", " }
                a href={"#findings-" (anchor(object))} { (object) } " (" (all.len()) ")"
            }
            ". Begin with " code { "schema" } " findings: a missing policy or an excessive grant "
            "often explains the others."
        }
        @for ((_, object), findings) in &objects { (about(evidence, object, findings)) }
    };
    chapter("findings", "Findings by object and rule", &content)
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

/// A fault that several findings may be of: its rank, its rule and its object.
type Fault<'a> = ((Severity, usize), &'a str, &'a str);

/// The findings of one table, view, function or other object.
fn about(evidence: &Evidence, object: &str, findings: &[&Finding]) -> Markup {
    // What a persona observed is one fault for all columns; a fault of the catalog is one for each.
    let mut groups: BTreeMap<Fault<'_>, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let part = if finding.persona.is_some() { object } else { &finding.object };
        groups.entry((finding.rank(), &finding.rule, part)).or_default().push(finding);
    }
    html! {
        h3 id={"findings-" (anchor(object))} { (object) }
        @for (at, ((_, _, part), findings)) in groups.iter().enumerate() {
            (group(evidence, part, findings, at == 0))
        }
    }
}

/// One rule and one object: the first in full, the others in a line each.
fn group(evidence: &Evidence, object: &str, findings: &[&Finding], open: bool) -> Markup {
    let [first, others @ ..] = findings else { return html! {} };
    html! {
        details.line.finding open[open] {
            summary {
                b.bad { "✗ " (first.rule) } " " (object) ": " (first.title) " "
                span.soft { (count(findings.len(), "finding")) }
            }
            (whole(first))
            @if !others.is_empty() {
                details {
                    summary { (count(others.len(), "more finding")) " of the same rule and object" }
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

/// One of several that are alike: its statement is in its cell, if it is of the matrix.
fn line(evidence: &Evidence, finding: &Finding) -> Markup {
    let in_cell = evidence.matrix.iter().any(|cell| cell.id == finding.check);
    let observed = finding.regimes.iter().map(|it| (it.clone(), finding.observed.clone()));
    html! {
        li {
            (link(&finding.check)) ": expected " (finding.expected) ", observed "
            (by_regime(&observed.collect()))
            @if let (Some(statement), false) = (&finding.statement, in_cell) {
                details { summary { "statement" } (sql(statement)) }
            }
        }
    }
}
