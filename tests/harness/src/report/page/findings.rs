//! Page section of findings, grouped by object and rule.

use std::collections::BTreeMap;

use super::markup::{anchor, by_regime, count, e, link, listed, section as chapter, sql};
use crate::findings::ledger::{Finding, Location};
use crate::report::Evidence;

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
    let mut objects: BTreeMap<(usize, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in &evidence.findings {
        let object = root(evidence, &finding.object);
        objects.entry((usize::from(object.1), object.0)).or_default().push(finding);
    }
    let rules: String =
        objects.iter().map(|((_, object), findings)| about(evidence, object, findings)).collect();
    let objects: Vec<String> = objects
        .iter()
        .map(|((_, object), all)| {
            format!("<a href=\"#findings-{}\">{}</a> ({})", anchor(object), e(object), all.len())
        })
        .collect();
    let content = format!(
        "<p>{}, by what they are about: {}. Begin with <code>schema</code> findings: a missing \
         policy or a grant too many often explains the others.</p>\n{rules}",
        count(evidence.findings.len(), "finding"),
        objects.join(", "),
    );
    chapter("findings", "What is wrong", &content)
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

/// The findings of one table, view, function or other object.
fn about(evidence: &Evidence, object: &str, findings: &[&Finding]) -> String {
    // What a persona saw is one fault for all columns; what the catalog has, one for each.
    let mut groups: BTreeMap<(usize, &str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let part = if finding.persona.is_some() { object } else { &finding.object };
        groups.entry((finding.rank(), &finding.rule, part)).or_default().push(finding);
    }
    let groups: String = groups
        .iter()
        .enumerate()
        .map(|(at, ((_, _, part), findings))| group(evidence, part, findings, at == 0))
        .collect();
    format!("<h3 id=\"findings-{}\">{}</h3>\n{groups}", anchor(object), e(object))
}

/// One rule and one object: the first in full, the others in a line each.
fn group(evidence: &Evidence, object: &str, findings: &[&Finding], open: bool) -> String {
    let [first, others @ ..] = findings else { return String::new() };
    let open = if open { " open" } else { "" };
    let more = if others.is_empty() {
        String::new()
    } else {
        let lines: String = others.iter().map(|finding| line(evidence, finding)).collect();
        format!(
            "<details><summary>{} of the same rule and object</summary>\n<ul \
             class=more>{lines}</ul></details>\n",
            count(others.len(), "more finding")
        )
    };
    format!(
        "<details class=\"line finding\"{open}><summary><b class=bad>✗ {}</b> {}: {} <span \
         class=soft>{}</span></summary>\n{}{more}</details>\n",
        e(&first.rule),
        e(object),
        e(&first.title),
        count(findings.len(), "finding"),
        whole(first),
    )
}

/// All that is known of a finding.
fn whole(finding: &Finding) -> String {
    let persona = finding
        .persona
        .as_deref()
        .map(|persona| format!("<dt>Persona<dd>{}", e(persona)))
        .unwrap_or_default();
    let references = if finding.references.is_empty() {
        String::new()
    } else {
        format!("<dt>See<dd>{}", e(&finding.references.join(", ")))
    };
    let statement = finding
        .statement
        .as_deref()
        .map(|statement| {
            format!("<p class=over>To see it again, as a superuser:</p>{}", sql(statement))
        })
        .unwrap_or_default();
    format!(
        "<dl><dt>Intended<dd>{}<dt>Observed<dd><strong class=observed>{}</strong> <span \
         class=soft>({})</span>{persona}<dt>Check<dd>{}<dt>Remedy<dd>{}{references}</dl>\n{}{}",
        e(&finding.expected),
        e(&finding.observed),
        e(&listed(&finding.regimes)),
        link(&finding.check),
        e(&finding.remedy),
        finding.location.as_ref().map(lines).unwrap_or_default(),
        statement,
    )
}

/// The migration's lines, with their numbers.
fn lines(at: &Location) -> String {
    let numbered: String = at
        .text
        .lines()
        .enumerate()
        .map(|(index, text)| format!("<span class=number>{}</span>{}\n", at.line + index, e(text)))
        .collect();
    format!(
        "<p class=over>Where it most likely comes from: <code>{}:{}</code></p>\n\
         <pre class=lines>\n{numbered}</pre>\n",
        e(&at.file),
        at.line
    )
}

/// One of several that are alike: its statement is in its cell, if it is of the matrix.
fn line(evidence: &Evidence, finding: &Finding) -> String {
    let in_cell = evidence.matrix.iter().any(|cell| cell.id == finding.check);
    let statement = match &finding.statement {
        Some(statement) if !in_cell => {
            format!("<details><summary>statement</summary>{}</details>", sql(statement))
        }
        _ => String::new(),
    };
    let observed = finding.regimes.iter().map(|it| (it.clone(), finding.observed.clone()));
    format!(
        "<li>{}: intended {}, observed {}{statement}</li>\n",
        link(&finding.check),
        e(&finding.expected),
        by_regime(&observed.collect()),
    )
}
