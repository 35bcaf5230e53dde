//! Appendix of the page: checks that no other section has, measurements, and how to reproduce a
//! statement.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::markup::{anchor, by_regime, count, mark, section as chapter, states, table};
use crate::report::Evidence;
use crate::report::document::Check;

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let elsewhere: BTreeSet<&str> = evidence
        .matrix
        .iter()
        .map(|cell| cell.id.as_str())
        .chain(evidence.attacks.iter().flat_map(|it| &it.checks).map(String::as_str))
        .collect();
    let mut families: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in &evidence.checks {
        families.entry(family(check)).or_default().push(check);
    }
    let shown = |check: &&Check| {
        let is_a_mutant = evidence.mutants.is_some() && family(check) == "mutant";
        !elsewhere.contains(check.id.as_str()) && !is_a_mutant
    };
    let content = html! {
        (overview(&families))
        @for (name, checks) in &families {
            (list(name, checks.len(), &checks.iter().copied().filter(shown).collect::<Vec<_>>()))
        }
        (standards(evidence))
        h3 { "What attacks do not compare" }
        ul { @for mask in &evidence.masks { li { (mask) } } }
        h3 { "What was measured" }
        (measured(evidence))
    };
    chapter("appendix", "Every check", &content)
}

/// The first part of a check's id.
fn family(check: &Check) -> &str {
    check.id.split('/').next().unwrap_or_default()
}

/// The chapter in which a family's checks are, where it is another.
fn home(family: &str) -> Option<(&'static str, &'static str)> {
    match family {
        "isolation" => Some(("matrix", "access matrix")),
        "attack" => Some(("attacks", "attack catalogue")),
        "mutant" => Some(("mutants", "mutants")),
        _ => None,
    }
}

fn overview(families: &BTreeMap<&str, Vec<&Check>>) -> Markup {
    let passed = |checks: &[&Check]| checks.iter().filter(|check| check.passed).count();
    let rows = html! {
        @for (name, checks) in families {
            tr {
                th scope="row" { (name) }
                td.n { (passed(checks)) }
                td.n { (checks.len()) }
                td { (mark(passed(checks) == checks.len())) }
                td {
                    @if let Some((place, title)) = home(name) {
                        a href={"#" (place)} { (title) }
                    } @else {
                        a href={"#checks-" (name)} { "below" }
                    }
                }
            }
        }
    };
    table("Checks by family", &["family", "passed", "of", "result", "each of them"], &rows)
}

/// What each family looks at, and which requirements of others' standards it speaks to.
fn standards(evidence: &Evidence) -> Markup {
    let heads = ["family", "looks at", "OWASP ASVS", "CWE", "CIS PostgreSQL 17 v1.0.0"];
    let rows = html! {
        @for (name, family) in &evidence.families {
            tr {
                th scope="row" { (name) }
                td { (family.what) }
                @for all in [&family.asvs, &family.cwe, &family.cis] {
                    td { @if all.is_empty() { "none" } @else { (all.join(", ")) } }
                }
            }
        }
    };
    html! {
        (table("What families of checks speak to", &heads, &rows))
        p {
            "To speak to a requirement is not to fulfil it: an application is more than its schema."
        }
    }
}

/// The checks of a family that are shown nowhere else.
fn list(name: &str, all: usize, checks: &[&Check]) -> Markup {
    if checks.is_empty() {
        return html! {};
    }
    let failed = checks.iter().filter(|check| !check.passed).count();
    let rows = html! { @for check in checks { (line(check)) } };
    html! {
        details.line id={"checks-" (name)} {
            summary {
                b { (name) } " " (count(checks.len(), "check")) " "
                @if failed == 0 {
                    b.ok { "✓ all passed" }
                } @else {
                    b.bad { "✗ " (failed) " failed" }
                }
            }
            @if all > checks.len() {
                p { "The other " (all - checks.len()) " are in their chapter." }
            }
            @let heads = ["check", "result", "expected", "observed"];
            (table(&format!("Checks of {name}"), &heads, &rows))
        }
    }
}

fn line(check: &Check) -> Markup {
    let same = check.passed && check.observed.values().all(|answer| *answer == check.expected);
    html! {
        tr id=(anchor(&check.id)) {
            th.id scope="row" { (check.id) }
            td { (mark(check.passed)) }
            td { (check.expected) }
            td { @if same { span.soft { "the same" } } @else { (by_regime(&check.observed)) } }
        }
    }
}

fn measured(evidence: &Evidence) -> Markup {
    let it = &evidence.tested.measured;
    let mut all = vec![
        ("the server", evidence.tested.server.choice.clone()),
        ("everything", format!("{} ms", it.total_ms)),
        ("until the catalogs were compared", format!("{} ms", it.compared_ms)),
        ("cells", format!("{} statements, {} µs in the median", it.probes, it.probe_median_us)),
        ("attacks", format!("{} probes in {} ms", it.attack_probes, it.attacks_ms)),
    ];
    if it.mutants > 0 {
        let mutants = format!("{} judged, {} ms in the median", it.mutants, it.mutant_median_ms);
        all.push(("mutants", mutants));
    }
    all.extend(it.properties.iter().map(|(property, times)| {
        let (cases, median, total) = (times.cases, times.case_median_us, times.total_ms);
        (&**property, format!("{cases} cases, {median} µs in the median, {total} ms in all"))
    }));
    let rows =
        html! { @for (name, value) in all { tr { th scope="row" { (name) } td { (value) } } } };
    table("How long it took", &["what", "how long"], &rows)
}

/// How to reproduce any statement.
pub(super) fn reproduction(evidence: &Evidence) -> Markup {
    let content = html! {
        p {
            "Every statement on this page is a whole script for " code { "psql" } ": it becomes "
            "the persona, runs the statement, and rolls back. " code { "replay.sql" } ", beside "
            "this page, makes the database that it was run on. On a server that was made with "
            code { "initdb --username=supabase_admin" } ", and that holds nothing else:"
        }
        pre.sql {
            "\ncreatedb --username=supabase_admin replay\n"
            "psql --username=supabase_admin --dbname=replay --file=replay.sql\n"
            "psql --username=supabase_admin --dbname=replay"
        }
        p {
            "Then paste a statement, as it is. The digest of the state before it is "
            (states(evidence)) "."
        }
    };
    chapter("reproduction", "How to reproduce a statement", &content)
}
