//! Page section of attacks: what was tried on which object, and the outcome.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::markup::{anchor, by_regime, count, mark, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{AttackRecord, Check};

/// The families of the catalogue, by the letter of their ids.
const FAMILIES: [(&str, &str); 6] = [
    ("R", "reading another user's rows"),
    ("I", "inferring what cannot be read"),
    ("W", "writing another user's rows, or what no user may write"),
    ("B", "bypassing the policies"),
    ("E", "caches, plans and concurrent sessions of the server"),
    ("T", "the harness itself: ways to say \"proved\" without a proof"),
];

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let checks: BTreeMap<&str, &Check> =
        evidence.checks.iter().map(|check| (check.id.as_str(), check)).collect();
    // Two attacks may share an id, and then its checks.
    let mut attacks: BTreeMap<&str, Vec<&AttackRecord>> = BTreeMap::new();
    for attack in &evidence.attacks {
        attacks.entry(attack.id.as_str()).or_default().push(attack);
    }
    let mut families: Vec<(&str, &str)> = FAMILIES.to_vec();
    for id in attacks.keys() {
        if !families.iter().any(|(known, _)| *known == letter(id)) {
            families.push((letter(id), "others"));
        }
    }
    families.retain(|(initial, _)| attacks.keys().any(|id| letter(id) == *initial));
    let content = html! {
        @if evidence.attacks.is_empty() {
            p { "No attack was tried in this run." }
        } @else {
            p {
                (count(attacks.len(), "attack")) " on databases that differ only in the victim's "
                "rows: neither the state nor an outcome may differ between them. "
                (evidence.tested.measured.attack_probes) " probes, "
                (evidence.tested.measured.attacks_ms) " ms."
            }
            @for (initial, name) in families {
                h3 { (initial) ": " (name) }
                @for (_, records) in attacks.iter().filter(|(id, _)| letter(id) == initial) {
                    (attack(records, &checks))
                }
            }
        }
    };
    chapter("attacks", "Attack catalogue", &content)
}

/// What an id has before its number.
fn letter(id: &str) -> &str {
    id.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default()
}

/// All that have one id.
fn attack(records: &[&AttackRecord], checks: &BTreeMap<&str, &Check>) -> Markup {
    let [first, ..] = records else { return html! {} };
    let titles: Vec<&str> = records.iter().map(|attack| attack.title.as_str()).collect();
    let made: Vec<&Check> =
        first.checks.iter().filter_map(|id| checks.get(id.as_str()).copied()).collect();
    let passed = made.iter().filter(|check| check.passed).count();
    let executed = first.status == "executed";
    let rows = html! { @for check in &made { (answer(&first.id, check)) } };
    html! {
        details.line open[executed && passed < made.len()] {
            summary {
                b { (first.id) } " " (titles.join("; ")) " "
                @if first.status.starts_with("not applicable") {
                    span.soft { "– not applicable" }
                } @else if !executed {
                    b.gap { "? " (first.status) }
                } @else if records.iter().all(|attack| attack.passed) {
                    b.ok { "✓ " (count(passed, "check")) }
                } @else {
                    b.bad { "✗ " (made.len() - passed) " of " (made.len()) " failed" }
                }
            }
            p { (first.status) ". " span.soft { (first.references.join(", ")) } }
            @if !made.is_empty() {
                @let caption = format!("Outcomes of {}", first.id);
                (table(&caption, &["object", "result", "observed"], &rows))
            }
        }
    }
}

fn answer(attack: &str, check: &Check) -> Markup {
    let whole = format!("attack/{attack}");
    let object = check.id.strip_prefix(&whole).unwrap_or(&check.id).trim_start_matches('/');
    // Each statement's outcome is on a line of its own.
    let observed =
        check.observed.iter().map(|(regime, it)| (regime.clone(), it.replace("; ", ";\n")));
    html! {
        tr id=(anchor(&check.id)) {
            th scope="row" { @if object.is_empty() { "the whole schema" } @else { (object) } }
            td { (mark(check.passed)) }
            td.answers {
                @if !check.passed { "expected: " (check.expected) br; }
                (by_regime(&observed.collect()))
            }
        }
    }
}
