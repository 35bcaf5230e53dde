//! Page section of mutants: which check caught which mutant, and which checks caught none.

use std::collections::{BTreeMap, BTreeSet};

use super::markup::{anchor, count, e, link, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{Check, MutantsRecord};

/// The outcomes, in the order of the report.
const OUTCOMES: [&str; 5] = ["caught", "unviable", "equivalent", "timeout", "missed"];

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
    let content = match &evidence.mutants {
        None => {
            "<p>No mutants were judged in this run. <code>scripts/verify --mutants</code> breaks \
                 every line that security rests on, one at a time, and sees a check turn red for \
                 each; its page shows here which check caught which mutant.</p>\n"
                .to_owned()
        }
        Some(mutants) => kill_map(evidence, mutants),
    };
    chapter("mutants", "Mutants: the kill map", &content)
}

/// The first part of a check's id.
fn family(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

fn kill_map(evidence: &Evidence, mutants: &MutantsRecord) -> String {
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
    let maps: String = families.iter().map(|(name, all)| map(name, all, mutants)).collect();
    let caught = mutants.caught_by.len();
    let missed: usize = mutants.families.values().filter_map(|it| it.get("missed")).sum();
    let result = if missed == 0 {
        "<b class=ok>✓ none was missed</b>".to_owned()
    } else {
        format!("<b class=bad>✗ {missed} missed</b>: nothing noticed what they break")
    };
    format!(
        "<p>{} judged, {caught} caught, {result}. Each breaks the schema in one place; a check has \
         to turn red. An unviable one the database refuses; an equivalent one changes nothing that \
         is promised.</p>\n{}{maps}{}",
        count(judged.len(), "mutant"),
        overview(mutants, &catchers),
        idle(mutants),
    )
}

/// Mutants by family, against outcomes and the families of checks that caught them.
fn overview(mutants: &MutantsRecord, catchers: &BTreeSet<&str>) -> String {
    let row = |(name, outcomes): (&String, &BTreeMap<String, usize>)| {
        let number = |number: usize, class: &str| match number {
            0 => "<td class=n><span class=soft>–</span></td>".to_owned(),
            _ => format!("<td class=\"n {class}\">{number}</td>"),
        };
        let outcomes: String = OUTCOMES
            .iter()
            .map(|outcome| {
                let class = if *outcome == "missed" { "bad" } else { "" };
                number(outcomes.get(*outcome).copied().unwrap_or_default(), class)
            })
            .collect();
        let by: String = catchers
            .iter()
            .map(|catcher| {
                let of_it = mutants.caught_by.iter().filter(|(id, by)| {
                    family(id) == name && by.iter().any(|check| family(check) == *catcher)
                });
                number(of_it.count(), "")
            })
            .collect();
        format!(
            "<tr><th scope=row><a href=\"#mutants-{0}\">{0}</a></th>{outcomes}{by}</tr>\n",
            e(name)
        )
    };
    let rows: String = mutants.families.iter().map(row).collect();
    let by: Vec<String> = catchers.iter().map(|catcher| format!("by {catcher}")).collect();
    let heads: Vec<&str> =
        ["family"].into_iter().chain(OUTCOMES).chain(by.iter().map(String::as_str)).collect();
    table("Mutants by family, and the checks that caught them", &heads, &rows)
}

/// One family: a line for each mutant, a column for each family of checks.
fn map(name: &str, all: &[(&str, &Check)], mutants: &MutantsRecord) -> String {
    let by = all.iter().filter_map(|(mutant, _)| mutants.caught_by.get(*mutant)).flatten();
    let catchers: BTreeSet<&str> = by.map(|check| family(check)).collect();
    let row = |(mutant, check): &(&str, &Check)| {
        let by = mutants.caught_by.get(*mutant);
        let outcome = check.observed.values().next().map_or("", String::as_str);
        let cells: String = if let Some(by) = by {
            catchers.iter().map(|catcher| caught(by, catcher)).collect()
        } else {
            let (class, sign) = if check.passed { ("soft", "–") } else { ("bad", "✗") };
            format!(
                "<td colspan={}><span class={class}>{sign} {}</span></td>",
                catchers.len().max(1),
                e(outcome)
            )
        };
        format!(
            "<tr id=\"{}\"><th scope=row>{}</th>{cells}</tr>\n",
            anchor(&check.id),
            e(mutant.strip_prefix(name).unwrap_or(mutant).trim_start_matches('/'))
        )
    };
    let rows: String = all.iter().map(row).collect();
    let failed = all.iter().filter(|(_, check)| !check.passed).count();
    let (open, result) = match failed {
        0 => ("", String::new()),
        _ => (" open", format!(" <b class=bad>✗ {failed} failed</b>")),
    };
    let heads: Vec<&str> = ["mutant"].into_iter().chain(catchers.iter().copied()).collect();
    format!(
        "<details class=line id=\"mutants-{0}\"{open}><summary><b>{0}</b> {1}{result}</summary>\n\
         {2}</details>\n",
        e(name),
        count(all.len(), "mutant"),
        table(&format!("Mutants of {name}, and the checks that caught each"), &heads, &rows)
    )
}

/// Who of one family of checks caught it.
fn caught(by: &[String], catcher: &str) -> String {
    match by.iter().find(|check| family(check) == catcher) {
        None => "<td></td>".to_owned(),
        Some(check) => {
            let short = check.strip_prefix(catcher).unwrap_or(check).trim_start_matches('/');
            format!("<td class=hit>● <a class=id href=\"#{}\">{}</a></td>", anchor(check), e(short))
        }
    }
}

/// Checks that noticed none, and what they are kept for.
fn idle(mutants: &MutantsRecord) -> String {
    if mutants.idle.is_empty() {
        return String::new();
    }
    let row = |(check, reason): (&String, &String)| {
        format!("<tr><th scope=row>{}</th><td>{}</td></tr>\n", link(check), e(reason))
    };
    let rows: String = mutants.idle.iter().map(row).collect();
    format!(
        "<details class=line><summary><b>idle</b> {} that noticed no mutant, and why they are kept\
         </summary>\n{}</details>\n",
        count(mutants.idle.len(), "check"),
        table("Checks that noticed no mutant", &["check", "kept because"], &rows)
    )
}
