//! Page section of functions: the invariant of each, and the properties that test it.

use std::collections::BTreeMap;

use super::markup::{by_regime, count, e, link, mark, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::{Check, FunctionRecord};

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
    let checks: BTreeMap<&str, &Check> =
        evidence.checks.iter().map(|check| (check.id.as_str(), check)).collect();
    let functions: String =
        evidence.functions.iter().map(|(name, it)| function(name, it, &checks)).collect();
    let content = if functions.is_empty() {
        "<p>The contract declares no function.</p>\n".to_owned()
    } else {
        format!(
            "<p>A property looks for a generated case that breaks an invariant. The seed tries the \
             same cases again.</p>\n{functions}"
        )
    };
    chapter("functions", "Functions", &content)
}

fn function(name: &str, it: &FunctionRecord, checks: &BTreeMap<&str, &Check>) -> String {
    let row = |id: &String| match checks.get(id.as_str()) {
        None => format!(
            "<tr><th scope=row><code>{}</code></th><td><b class=gap>? not made</b></td><td></td>\
             <td></td></tr>\n",
            e(id)
        ),
        Some(check) => format!(
            "<tr><th scope=row>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            link(id),
            mark(check.passed),
            e(&check.expected),
            by_regime(&check.observed)
        ),
    };
    let rows: String = it.checks.iter().map(row).collect();
    let properties = if rows.is_empty() {
        "<p><b class=gap>? No property was tried, so the invariant is not proved.</b></p>\n"
            .to_owned()
    } else {
        let caption = format!("Properties of {name}");
        table(&caption, &["check", "result", "what is to hold", "observed"], &rows)
    };
    format!(
        "<h3 id=\"function-{0}\">{0}</h3>\n<p>{1}</p>\n{properties}{2}",
        e(name),
        e(&it.invariant),
        coverage(name, it)
    )
}

/// Which statements the properties reached.
fn coverage(name: &str, it: &FunctionRecord) -> String {
    if it.statements.is_empty() {
        return "<p class=soft>Statement coverage: this server cannot tell, or the body has no \
                statements; see what is not proved.</p>\n"
            .to_owned();
    }
    let reached = it.statements.iter().filter(|statement| statement.executed).count();
    let rows: String = it
        .statements
        .iter()
        .map(|statement| {
            let executed = if statement.executed {
                "<b class=ok>✓ executed</b>"
            } else {
                "<b class=bad>✗ not reached</b>"
            };
            format!(
                "<tr><th scope=row class=n>{}</th><td>{}</td><td>{executed}</td></tr>\n",
                statement.line,
                e(&statement.kind)
            )
        })
        .collect();
    format!(
        "<details><summary>Statement coverage: {reached} of {} executed</summary>\n{}</details>\n",
        count(it.statements.len(), "statement"),
        table(&format!("Statements of {name}"), &["line", "statement", "reached"], &rows)
    )
}
