//! First section of the page: the verdict, its inputs, and what it does not cover.

use super::markup::{count, e, listed, utc};
use super::sign;
use crate::report::document::{Fingerprint, Known};
use crate::report::{Evidence, Verdict};

/// The first screen.
pub(super) fn first_screen(evidence: &Evidence) -> String {
    let word = evidence.verdict.word();
    let (_, sign) = sign(evidence.verdict);
    format!(
        "<section id=verdict aria-labelledby=verdict-heading>\n\
         <p class=kicker>Row level security: the evidence</p>\n\
         <h1 id=verdict-heading><span aria-hidden=true>{sign}</span> {word}</h1>\n\
         <p class=lead>{}</p>\n{}{}{}<div class=columns>\n{}{}</div>\n{}</section>\n",
        sentence(evidence),
        figures(evidence),
        missing(evidence),
        tested(evidence),
        accepted(evidence),
        not_proved(evidence),
        baseline(&evidence.baseline),
    )
}

/// What the word means here.
fn sentence(evidence: &Evidence) -> String {
    let accounting = &evidence.accounting;
    let left = accounting.planned - accounting.executed;
    match evidence.verdict {
        Verdict::Proved => format!(
            "Every one of the {} planned checks was made, and every one passed. This is said of \
             the migration, the contract and the server below, and of no others.",
            accounting.planned
        ),
        Verdict::NothingNew => format!(
            "Every one of the {} planned checks was made. {} failed, with findings that a \
             baseline accepts until a date: nothing is wrong beside them, and where they are, \
             nothing is proved.",
            accounting.planned,
            count(accounting.failed, "check"),
        ),
        Verdict::Findings => format!(
            "{} of {} made failed: something is wrong with the schema or with its contract. \
             <a href=\"#findings\">{}</a>, told so that each can be seen again and mended.",
            count(accounting.failed, "check"),
            accounting.executed,
            count(evidence.findings.len(), "finding"),
        ),
        Verdict::Incomplete => format!(
            "{left} of {} {} not made, so nothing is proved.",
            count(accounting.planned, "planned check"),
            if left == 1 { "was" } else { "were" },
        ),
    }
}

/// Planned, executed, passed, failed, missing.
fn figures(evidence: &Evidence) -> String {
    let accounting = &evidence.accounting;
    let equal = if accounting.planned == accounting.executed { "=" } else { "≠" };
    let figure = |class: &str, number: usize, name: &str| {
        let class = if number == 0 { "none" } else { class };
        format!("<div class={class}><dt>{name}</dt><dd>{number}</dd></div>")
    };
    format!(
        "<dl class=figures>{}<div class=sign aria-hidden=true><dt></dt><dd>{equal}</dd></div>\
         {}{}{}{}</dl>\n",
        figure("plain", accounting.planned, "planned"),
        figure("plain", accounting.executed, "executed"),
        figure("good", accounting.passed, "passed"),
        figure("fault", accounting.failed, "failed"),
        figure("gap", accounting.missing.len(), "not made"),
    )
}

/// What was planned and not made, or made and not planned, by name.
fn missing(evidence: &Evidence) -> String {
    let accounting = &evidence.accounting;
    let mut text = String::new();
    if !accounting.missing.is_empty() {
        let all: String = accounting
            .missing
            .iter()
            .map(|(id, regimes)| {
                let regimes = e(&listed(regimes));
                format!("<li><code>{}</code> <span class=soft>in {regimes}</span></li>", e(id))
            })
            .collect();
        text += &format!(
            "<details class=note><summary>{} planned and not \
                made</summary><ul>{all}</ul></details>\n",
            count(accounting.missing.len(), "check")
        );
    }
    if !accounting.unplanned.is_empty() {
        let all: String = accounting
            .unplanned
            .iter()
            .map(|id| format!("<li><code>{}</code></li>", e(id)))
            .collect();
        text += &format!(
            "<details class=note open><summary>{} made and not planned</summary><ul>{all}</ul>\
             </details>\n",
            count(accounting.unplanned.len(), "check")
        );
    }
    text
}

/// What was tested, on what and when.
fn tested(evidence: &Evidence) -> String {
    let tested = &evidence.tested;
    let seconds = tested.measured.total_ms / 1000;
    let unfixed: String = tested
        .server
        .unfixed
        .iter()
        .map(|cve| {
            format!(
                "<br><b class=gap>! {}</b> is not fixed in it: {} <span class=soft>(fixed in {}; \
                 {})</span>",
                e(&cve.id),
                e(&cve.what),
                e(&listed(&cve.fixed)),
                e(&cve.source),
            )
        })
        .collect();
    let row = |name: &str, value: &str| format!("<dt>{name}</dt><dd>{value}</dd>\n");
    let none = if tested.server.unfixed.is_empty() {
        "<br><span class=soft>It has fixed every known fault of row security.</span>"
    } else {
        ""
    };
    format!(
        "<h2 class=small>What was tested</h2>\n<dl class=facts>{}{}{}{}{}{}{}</dl>\n",
        row("Migration", &fingerprint(&tested.migrations)),
        row("Contract", &fingerprint(&tested.contract)),
        row("Platform shim", &fingerprint(&tested.platform_shim)),
        row(
            "Server",
            &format!(
                "PostgreSQL {}, {}{unfixed}{none}",
                e(&tested.server.version),
                e(&tested.server.kind)
            )
        ),
        row("Privilege regimes", &e(&listed(&tested.regimes))),
        row(
            "Commit",
            &format!("<code>{}</code>", e(tested.commit.as_deref().unwrap_or("unknown")))
        ),
        row(
            "Made",
            &format!(
                "{}, in {seconds} s; parts done: {}",
                e(&utc(tested.at)),
                e(&listed(&evidence.parts.iter().collect::<Vec<_>>()))
            )
        ),
    )
}

/// A SHA-256, and the files behind it: few by name, many on demand.
fn fingerprint(of: &Fingerprint) -> String {
    let files: Vec<String> =
        of.files.iter().map(|file| format!("<code>{}</code>", e(file))).collect();
    let files = match files.as_slice() {
        [] | [_] | [_, _] => format!("<br>{}", files.join(", ")),
        _ => format!(
            "<details class=files><summary>{}</summary>{}</details>",
            count(files.len(), "file"),
            files.join("<br>")
        ),
    };
    format!("<span class=soft>SHA-256</span> <code class=sha>{}</code>{files}", e(&of.sha256))
}

fn accepted(evidence: &Evidence) -> String {
    let one = |it: &crate::report::document::Accepted| {
        format!(
            "<li><b>{}</b>: {}, <span class=soft>because {}</span></li>\n",
            e(&it.object),
            e(&it.channel),
            e(&it.reason)
        )
    };
    let all: String = evidence.accepted.iter().map(one).collect();
    let all = if all.is_empty() { "<p>Nothing.</p>".to_owned() } else { format!("<ul>{all}</ul>") };
    format!("<div><h2 class=small>Accepted, and why</h2>\n{all}</div>\n")
}

fn not_proved(evidence: &Evidence) -> String {
    let all: String =
        evidence.not_proved.iter().map(|it| format!("<li>{}</li>\n", e(it))).collect();
    let all = if all.is_empty() { "<p>Nothing.</p>".to_owned() } else { format!("<ul>{all}</ul>") };
    format!("<div><h2 class=small>Not proved</h2>\n{all}</div>\n")
}

/// Findings that are accepted until a date.
fn baseline(known: &[Known]) -> String {
    if known.is_empty() {
        return String::new();
    }
    let one = |it: &Known| {
        format!(
            "<li><b class=gap>! {}: {}</b> until {}, <span class=soft>because {}</span><br>\
             intended {}, observed {} <code>{}</code></li>\n",
            e(&it.finding.rule),
            e(&it.finding.object),
            e(&it.expires),
            e(&it.reason),
            e(&it.finding.expected),
            e(&it.finding.observed),
            e(&it.finding.check),
        )
    };
    format!(
        "<h2 class=small>Accepted until a date</h2>\n<p>{} that a baseline knows. Each is wrong, \
         and is no part of the verdict until its last day.</p>\n<ul>{}</ul>\n",
        count(known.len(), "finding"),
        known.iter().map(one).collect::<String>()
    )
}
