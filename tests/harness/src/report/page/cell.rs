//! One cell of the matrix: its outcome, and the details.

use std::collections::BTreeSet;

use super::markup::{anchor, by_regime, e, link, listed, sql};
use crate::report::Evidence;
use crate::report::document::MatrixCell;

/// A cell of a table, under the label that a narrow page shows in place of its column's head.
pub(super) fn cell(evidence: &Evidence, it: &MatrixCell, label: &str) -> String {
    let class = if it.passed { "" } else { " class=differs" };
    format!(
        "<td{class}><details><summary><span class=label>{}</span> {}</summary>\n\
         <div class=body id=\"{}\">{}</div></details></td>\n",
        e(label),
        words(evidence, it),
        anchor(&it.id),
        body(evidence, it),
    )
}

/// One word where all is as intended, and else both.
fn words(evidence: &Evidence, it: &MatrixCell) -> String {
    let expected = &it.cell.expected;
    let silent: Vec<&str> = silent(evidence, it);
    let gap = match silent.as_slice() {
        [] => String::new(),
        _ => format!(" <b class=gap>? not made in {}</b>", e(&listed(&silent))),
    };
    let as_intended = it.observed.values().all(|observed| observed == expected);
    if it.passed && as_intended {
        let reach = if is_a_refusal(expected) { "refused" } else { "reached" };
        return format!("<span class={reach}>{}</span> <b class=ok>✓</b>{gap}", e(expected));
    }
    let answers: BTreeSet<&str> = it.observed.values().map(String::as_str).collect();
    let observed = if answers.len() == 1 {
        e(answers.first().copied().unwrap_or_default())
    } else {
        by_regime(&it.observed)
    };
    let changed = it.cell.changed.values().any(|rows| !rows.is_empty());
    let more = match (as_intended, changed) {
        (true, true) => ", but rows changed",
        (true, false) => ", but see its finding",
        _ => "",
    };
    let mark = if it.passed { "<b class=ok>✓</b>" } else { "<b class=bad>✗</b>" };
    format!(
        "<span class=both><span>intended <em class=intended>{}</em></span> <span>observed \
         <strong class=observed>{observed}</strong>{more} {mark}</span></span>{gap}",
        e(expected)
    )
}

/// Whether nothing is reached.
fn is_a_refusal(outcome: &str) -> bool {
    ["0 rows", "no privilege", "policy violation", "failed"].contains(&outcome)
}

/// The regimes in which it has no outcome.
fn silent<'a>(evidence: &'a Evidence, it: &MatrixCell) -> Vec<&'a str> {
    let regimes = evidence.tested.regimes.iter().map(String::as_str);
    regimes.filter(|regime| !it.observed.contains_key(*regime)).collect()
}

/// Persona, answers, control, state, statement.
fn body(evidence: &Evidence, it: &MatrixCell) -> String {
    let cell = &it.cell;
    let column =
        cell.column.as_ref().map(|column| format!(", column {}", e(column))).unwrap_or_default();
    let control = cell.control.as_deref().map_or_else(
        || "none is needed: this is no refusal".to_owned(),
        |control| format!("{} with the same statement", e(control)),
    );
    let state: Vec<String> = evidence
        .tested
        .states
        .iter()
        .map(|(regime, state)| format!("<code>{}</code> ({})", e(state), e(regime)))
        .collect();
    let changed = evidence.tested.states.keys().map(|regime| {
        let changed = match cell.changed.get(regime).map(Vec::as_slice) {
            None => "it is not known what changed".to_owned(),
            Some([]) => "no row of anybody changed".to_owned(),
            Some(rows) => format!("changed and rolled back: {}", listed(rows)),
        };
        (regime.clone(), changed)
    });
    let changed = by_regime(&changed.collect());
    format!(
        "<dl><dt>Check<dd>{}<dt>Tried<dd>{} by {}, row: {}{column}<dt>Intended<dd>{}<dt>Observed\
         <dd>{}<dt>Control<dd>{control}<dt>Before<dd>{}<dt>Changed<dd>{changed}{}</dl>{}",
        link(&it.id),
        e(&cell.command),
        e(&cell.persona),
        e(&cell.target),
        e(&cell.expected),
        by_regime(&it.observed),
        listed(&state),
        findings(evidence, it),
        sql(&cell.statement),
    )
}

/// What is wrong, where something is.
fn findings(evidence: &Evidence, it: &MatrixCell) -> String {
    let about = evidence.findings.iter().filter(|finding| finding.check == it.id);
    about
        .map(|finding| {
            format!(
                "<dt>Finding<dd><b class=bad>✗ {}</b> {}: intended {}, observed {}",
                e(&finding.rule),
                e(&finding.title),
                e(&finding.expected),
                e(&finding.observed)
            )
        })
        .collect()
}
