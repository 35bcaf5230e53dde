//! Appendix of the page: checks that no other section has, measurements, and how to reproduce a
//! statement.

use std::collections::{BTreeMap, BTreeSet};

use super::markup::{anchor, by_regime, count, e, mark, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{Check, FamilyRecord};

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
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
    let lists: String = families
        .iter()
        .map(|(name, checks)| {
            list(name, checks.len(), &checks.iter().copied().filter(shown).collect::<Vec<_>>())
        })
        .collect();
    let content = format!(
        "{}{lists}{}{}{}",
        overview(&families),
        standards(evidence),
        masks(evidence),
        measured(evidence)
    );
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
        "mutant" => Some(("mutants", "kill map")),
        _ => None,
    }
}

fn overview(families: &BTreeMap<&str, Vec<&Check>>) -> String {
    let row = |(name, checks): (&&str, &Vec<&Check>)| {
        let passed = checks.iter().filter(|check| check.passed).count();
        let place = home(name).map_or_else(
            || format!("<a href=\"#checks-{0}\">below</a>", e(name)),
            |(place, title)| format!("<a href=\"#{place}\">{title}</a>"),
        );
        format!(
            "<tr><th scope=row>{}</th><td class=n>{passed}</td><td class=n>{}</td><td>{}</td>\
             <td>{place}</td></tr>\n",
            e(name),
            checks.len(),
            mark(passed == checks.len()),
        )
    };
    let rows: String = families.iter().map(row).collect();
    table("Checks by family", &["family", "passed", "of", "result", "each of them"], &rows)
}

/// What each family looks at, and which requirements of others' standards it speaks to.
fn standards(evidence: &Evidence) -> String {
    let row = |(name, family): (&String, &FamilyRecord)| {
        let listed = |all: &[String]| match all {
            [] => "none".to_owned(),
            all => e(&all.join(", ")),
        };
        format!(
            "<tr><th scope=row>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            e(name),
            e(&family.what),
            listed(&family.asvs),
            listed(&family.cwe),
            listed(&family.cis),
        )
    };
    let rows: String = evidence.families.iter().map(row).collect();
    let heads = ["family", "looks at", "OWASP ASVS", "CWE", "CIS PostgreSQL 17 v1.0.0"];
    let text = "<p>To speak to a requirement is not to fulfil it: an application is more than its \
                schema.</p>\n";
    format!("{}{text}", table("What families of checks speak to", &heads, &rows))
}

/// The checks of a family that are shown nowhere else.
fn list(name: &str, all: usize, checks: &[&Check]) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let failed = checks.iter().filter(|check| !check.passed).count();
    let result = match failed {
        0 => "<b class=ok>✓ all passed</b>".to_owned(),
        _ => format!("<b class=bad>✗ {failed} failed</b>"),
    };
    let rows: String = checks.iter().map(|check| line(check)).collect();
    let rest = if all > checks.len() {
        format!("<p>The other {} are in their chapter.</p>\n", all - checks.len())
    } else {
        String::new()
    };
    format!(
        "<details class=line id=\"checks-{0}\"><summary><b>{0}</b> {1} \
         {result}</summary>\n{rest}{2}</details>\n",
        e(name),
        count(checks.len(), "check"),
        table(&format!("Checks of {name}"), &["check", "result", "intended", "observed"], &rows)
    )
}

fn line(check: &Check) -> String {
    let same = check.passed && check.observed.values().all(|answer| *answer == check.expected);
    let observed = if same {
        "<span class=soft>the same</span>".to_owned()
    } else {
        by_regime(&check.observed)
    };
    format!(
        "<tr id=\"{}\"><th scope=row \
            class=id>{}</th><td>{}</td><td>{}</td><td>{observed}</td></tr>\n",
        anchor(&check.id),
        e(&check.id),
        mark(check.passed),
        e(&check.expected)
    )
}

/// What transcripts do not compare.
fn masks(evidence: &Evidence) -> String {
    let all: String = evidence.masks.iter().map(|mask| format!("<li>{}</li>\n", e(mask))).collect();
    format!("<h3>What attacks do not compare</h3>\n<ul>{all}</ul>\n")
}

fn measured(evidence: &Evidence) -> String {
    let measured = &evidence.tested.measured;
    let row = |name: &str, value: String| {
        format!("<tr><th scope=row>{}</th><td>{}</td></tr>\n", e(name), e(&value))
    };
    let mut rows = row("the server", evidence.tested.server.choice.clone());
    rows += &row("everything", format!("{} ms", measured.total_ms));
    rows += &row("until the catalogs were compared", format!("{} ms", measured.compared_ms));
    rows += &row(
        "cells",
        format!("{} statements, {} µs in the median", measured.probes, measured.probe_median_us),
    );
    rows +=
        &row("attacks", format!("{} acts in {} ms", measured.attack_probes, measured.attacks_ms));
    if measured.mutants > 0 {
        rows += &row(
            "mutants",
            format!("{} judged, {} ms in the median", measured.mutants, measured.mutant_median_ms),
        );
    }
    for (property, times) in &measured.properties {
        rows += &row(
            property,
            format!(
                "{} cases, {} µs in the median, {} ms in all",
                times.cases, times.case_median_us, times.total_ms
            ),
        );
    }
    format!(
        "<h3>What was measured</h3>\n{}",
        table("How long it took", &["what", "how long"], &rows)
    )
}

/// How to see any statement again.
pub(super) fn again(evidence: &Evidence) -> String {
    let states: Vec<String> = evidence
        .tested
        .states
        .iter()
        .map(|(regime, state)| format!("<code>{}</code> ({})", e(state), e(regime)))
        .collect();
    let content = format!(
        "<p>Every statement on this page is a whole script for <code>psql</code>: it becomes the \
         persona, tries, and rolls back. <code>replay.sql</code>, beside this page, makes the \
         database that it was tried on. On a server that was made with <code>initdb \
         --username=supabase_admin</code>, and that holds nothing else:</p>\n\
         <pre class=sql>\ncreatedb --username=supabase_admin replay\n\
         psql --username=supabase_admin --dbname=replay --file=replay.sql\n\
         psql --username=supabase_admin --dbname=replay</pre>\n\
         <p>Then paste a statement, as it is. The rows that it starts from have the fingerprint {}.\
         </p>\n",
        states.join(", ")
    );
    chapter("again", "How to see a statement again", &content)
}
