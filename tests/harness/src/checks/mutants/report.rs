//! The entries of mutants in the ledger, and their numbers in the evidence.

use std::collections::{BTreeMap, BTreeSet};

use super::run::{Judged, Outcome};
use crate::contract::known_mutants::Known;
use crate::findings::ledger::{Entry, Finding, in_regime};
use crate::findings::rules;
use crate::platform::Regime;

/// The id of a mutant's check.
pub fn check(mutant: &str) -> String {
    format!("mutant/{mutant}")
}

/// An entry for each judged mutant.
pub fn entries(judged: &[Judged], known: &Known) -> Vec<Entry> {
    judged.iter().map(|judged| entry(judged, known)).collect()
}

fn entry(judged: &Judged, known: &Known) -> Entry {
    let mutant = &judged.mutant;
    let reason = known.reason(&mutant.id);
    let (observed, rule) = match (&judged.outcome, reason) {
        (Outcome::Caught(by), None) => (format!("caught by {}", by.join(" and ")), None),
        (Outcome::Unviable(why), None) => (format!("unviable: {why}"), None),
        (Outcome::Timeout, None) => ("timeout".to_owned(), None),
        (Outcome::Missed, Some(reason)) => (format!("equivalent: {reason}"), None),
        (Outcome::Missed, None) => ("missed: no check failed".to_owned(), Some(&rules::MISSED)),
        (_, Some(_)) => (
            "caught or unviable, although mutants.toml lists it as equivalent".to_owned(),
            Some(&rules::NOT_EQUIVALENT),
        ),
    };
    let id = check(&mutant.id);
    let finding = rule.map(|rule| Finding {
        statement: Some(format!("begin;\n{};\nrollback;", mutant.ddl)),
        ..Finding::of(rule, &mutant.object, &id, [EXPECTED, &observed], Regime::Explicit)
    });
    Entry {
        id,
        expected: EXPECTED.to_owned(),
        observed: in_regime(Regime::Explicit, observed),
        findings: finding.into_iter().collect(),
        cell: None,
    }
}

const EXPECTED: &str = "caught, unviable or equivalent";

/// If all mutants were judged: entries of `mutants.toml` without a mutant, and checks that
/// caught none and are not listed there.
pub fn leftovers(judged: &[Judged], known: &Known, checks: &BTreeSet<String>) -> Vec<Entry> {
    let ids: BTreeSet<&str> = judged.iter().map(|one| one.mutant.id.as_str()).collect();
    let unknown: Vec<&str> = known
        .equivalent
        .iter()
        .map(|known| known.mutant.as_str())
        .filter(|mutant| !ids.contains(mutant))
        .collect();
    let idle = idle(judged, checks);
    let is_listed =
        |group: &&String| known.idle.iter().any(|known| group.starts_with(&known.checks));
    let unlisted: Vec<&str> =
        idle.iter().filter(|group| !is_listed(group)).map(String::as_str).collect();
    let entry = |id: &str, rule, offenders: &[&str]| {
        let observed = if offenders.is_empty() { "none".to_owned() } else { offenders.join("; ") };
        Entry::compared(rule, "mutants.toml", id, ["none", &observed], Regime::Explicit)
    };
    vec![entry(UNKNOWN, &rules::NOT_EQUIVALENT, &unknown), entry(IDLE, &rules::IDLE, &unlisted)]
}

/// The ids of these two checks.
pub const UNKNOWN: &str = "mutants/equivalents-that-are-none";
/// Checks that caught no mutant.
pub const IDLE: &str = "mutants/checks-that-noticed-none";

/// Groups of checks that caught no mutant, among those that judge mutants.
pub fn idle(judged: &[Judged], checks: &BTreeSet<String>) -> Vec<String> {
    let caught: BTreeSet<String> = judged
        .iter()
        .filter_map(|one| match &one.outcome {
            Outcome::Caught(by) => Some(by),
            _ => None,
        })
        .flatten()
        .filter_map(|check| group(check))
        .collect();
    let all: BTreeSet<String> = checks.iter().filter_map(|check| group(check)).collect();
    all.difference(&caught).cloned().collect()
}

/// The group of a check: the table of a cell, the kind of a facet, a property.
fn group(check: &str) -> Option<String> {
    let parts: Vec<&str> = check.split('/').collect();
    match parts.as_slice() {
        ["isolation", table, ..] => Some(format!("isolation/{table}")),
        ["schema", "functions", _, facet, ..] => Some(format!("schema/functions/{facet}")),
        ["schema", _, facet, ..] => Some(format!("schema/{facet}")),
        ["database", facet, ..] => Some(format!("database/{facet}")),
        ["property", ..] => Some(check.to_owned()),
        _ => None,
    }
}

/// The number of mutants by family and outcome.
pub fn tally(judged: &[Judged], known: &Known) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut tally: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for Judged { mutant, outcome, .. } in judged {
        let outcome = match outcome {
            Outcome::Caught(_) => "caught",
            Outcome::Unviable(_) => "unviable",
            Outcome::Timeout => "timeout",
            Outcome::Missed if known.reason(&mutant.id).is_some() => "equivalent",
            Outcome::Missed => "missed",
        };
        let family = mutant.id.split('/').next().unwrap_or_default();
        let outcomes = tally.entry(family.to_owned()).or_default();
        *outcomes.entry(outcome.to_owned()).or_default() += 1;
    }
    tally
}
