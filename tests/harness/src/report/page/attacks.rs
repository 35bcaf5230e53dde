//! Page section of attacks: what was tried on which object, and the outcome.

use std::collections::BTreeMap;

use super::markup::{anchor, by_regime, count, e, mark, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{AttackRecord, Check};

/// The families of the catalogue, by the letter of their ids.
const FAMILIES: [(&str, &str); 6] = [
    ("R", "reading what is somebody else's"),
    ("I", "learning what cannot be read"),
    ("W", "writing what is somebody else's, or what nobody may write"),
    ("B", "ways around the policies"),
    ("E", "what the engine remembers, and what happens when two meet"),
    ("T", "the harness itself: ways to say \"proved\" of nothing"),
];

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
    let checks: BTreeMap<&str, &Check> =
        evidence.checks.iter().map(|check| (check.id.as_str(), check)).collect();
    // Two trials may share an id, and then its checks.
    let mut attacks: BTreeMap<&str, Vec<&AttackRecord>> = BTreeMap::new();
    for attack in &evidence.attacks {
        attacks.entry(attack.id.as_str()).or_default().push(attack);
    }
    let letter = |id: &str| id.chars().take_while(|c| !c.is_ascii_digit()).collect::<String>();
    let mut families: Vec<(String, &str)> =
        FAMILIES.iter().map(|(letter, name)| ((*letter).to_owned(), *name)).collect();
    for id in attacks.keys() {
        if !families.iter().any(|(known, _)| *known == letter(id)) {
            families.push((letter(id), "others"));
        }
    }
    let family = |(initial, name): &(String, &str)| {
        let of_it = attacks.iter().filter(|(id, _)| letter(id) == *initial);
        let of_it: String = of_it.map(|(_, records)| attack(records, &checks)).collect();
        if of_it.is_empty() {
            return String::new();
        }
        format!("<h3>{}: {}</h3>\n{of_it}", e(initial), e(name))
    };
    let families: String = families.iter().map(family).collect();
    let content = if evidence.attacks.is_empty() {
        "<p>No attack was tried in this run.</p>\n".to_owned()
    } else {
        format!(
            "<p>{} on worlds that differ in the victim's rows alone: neither the state nor an \
             answer may tell them apart. {} acts, {} ms.</p>\n{families}",
            count(attacks.len(), "attack"),
            evidence.tested.measured.attack_probes,
            evidence.tested.measured.attacks_ms,
        )
    };
    chapter("attacks", "Attack catalogue", &content)
}

/// All that have one id.
fn attack(records: &[&AttackRecord], checks: &BTreeMap<&str, &Check>) -> String {
    let [first, ..] = records else { return String::new() };
    let titles: Vec<String> = records.iter().map(|attack| e(&attack.title)).collect();
    let made: Vec<&Check> =
        first.checks.iter().filter_map(|id| checks.get(id.as_str()).copied()).collect();
    let passed = made.iter().filter(|check| check.passed).count();
    let result = if first.status.starts_with("not applicable") {
        "<span class=soft>– not applicable</span>".to_owned()
    } else if first.status != "executed" {
        format!("<b class=gap>? {}</b>", e(&first.status))
    } else if records.iter().all(|attack| attack.passed) {
        format!("<b class=ok>✓ {}</b>", count(passed, "check"))
    } else {
        format!("<b class=bad>✗ {} of {} failed</b>", made.len() - passed, made.len())
    };
    let open = if first.status == "executed" && passed < made.len() { " open" } else { "" };
    let rows: String = made.iter().map(|check| answer(&first.id, check)).collect();
    let answers = if rows.is_empty() {
        String::new()
    } else {
        table(&format!("Answers to {}", first.id), &["object", "result", "observed"], &rows)
    };
    format!(
        "<details class=line{open}><summary><b>{}</b> {} {result}</summary>\n<p>{}. \
         <span class=soft>{}</span></p>\n{answers}</details>\n",
        e(&first.id),
        titles.join("; "),
        e(&first.status),
        e(&first.references.join(", ")),
    )
}

fn answer(attack: &str, check: &Check) -> String {
    let whole = format!("attack/{attack}");
    let object = check.id.strip_prefix(&whole).unwrap_or(&check.id).trim_start_matches('/');
    format!(
        "<tr id=\"{}\"><th scope=row>{}</th><td>{}</td><td class=answers>{}{}</td></tr>\n",
        anchor(&check.id),
        if object.is_empty() { "the whole schema".to_owned() } else { e(object) },
        mark(check.passed),
        if check.passed { String::new() } else { format!("intended: {}<br>", e(&check.expected)) },
        // Each act on a line of its own.
        by_regime(&check.observed).replace("; ", ";\n"),
    )
}
