//! First section of the page: the verdict, its inputs, and what it does not cover.

use maud::{Markup, html};

use super::markup::{count, lines, listed, utc};
use crate::report::document::{Fingerprint, Known};
use crate::report::summary::{denials, negative_controls};
use crate::report::{Evidence, Verdict};

/// A verdict's class and sign.
pub(super) fn sign(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Proved => ("proved", "✓"),
        Verdict::NothingNew => ("open", "!"),
        Verdict::Findings | Verdict::HarnessBroken => ("wrong", "✗"),
        Verdict::Incomplete => ("open", "?"),
    }
}

/// The first screen.
pub(super) fn first_screen(evidence: &Evidence) -> Markup {
    let (_, sign) = sign(evidence.verdict);
    html! {
        section #verdict aria-labelledby="verdict-heading" {
            p.kicker { "Row level security: the evidence" }
            h1 #verdict-heading {
                span aria-hidden="true" { (sign) } " " (evidence.verdict.word())
            }
            p.lead { (sentence(evidence)) }
            (figures(evidence))
            (missing(evidence))
            (tested(evidence))
            div.columns {
                div {
                    h2.small { "Accepted, and why" }
                    (list(evidence.accepted.iter().map(|it| html! {
                        b { (it.object) } ": " (it.channel) ", "
                        span.soft { "because " (it.reason) }
                    }).collect()))
                }
                div {
                    h2.small { "Not proved" }
                    (list(evidence.not_proved.iter().map(|it| html! { (it) }).collect()))
                }
            }
            (baseline(&evidence.baseline))
        }
    }
}

fn list(all: Vec<Markup>) -> Markup {
    html! {
        @if all.is_empty() { p { "Nothing." } } @else { ul { @for it in all { li { (it) } } } }
    }
}

/// What the word means here.
fn sentence(evidence: &Evidence) -> Markup {
    let accounting = &evidence.accounting;
    let planned = accounting.planned;
    let left = planned - accounting.executed;
    html! {
        @match evidence.verdict {
            Verdict::Proved if !evidence.findings.is_empty() => {
                "Every one of the " (planned) " planned checks was executed, and none shows a row of "
                "another user's, or an owner who is blocked. "
                a href="#findings" { (count(evidence.findings.len(), "remark")) }
                " on weakened defences and style are below. This holds for the migration, the "
                "contract and the server below, and for no others."
            }
            Verdict::Proved => {
                "Every one of the " (planned) " planned checks was executed, and every one passed. "
                "This holds for the migration, the contract and the server below, and for no "
                "others."
            }
            Verdict::NothingNew => {
                "Every one of the " (planned) " planned checks was executed. "
                (count(accounting.failed, "check")) " failed, with findings that the baseline "
                "accepts until a date: there is no other finding, and what these are about is not "
                "proved."
            }
            Verdict::Findings => {
                (count(accounting.failed, "check")) " of " (accounting.executed)
                " executed failed: something is wrong with the schema or with its contract. "
                a href="#findings" { (count(evidence.findings.len(), "finding")) }
                ", each with what reproduces it and its remedy."
            }
            Verdict::HarnessBroken => {
                (evidence.controls.found) " of "
                (count(evidence.controls.planted, "planted weakness"))
                " were found, so that no outcome below can be relied on. The harness itself is to "
                "be repaired, and not the schema."
            }
            Verdict::Incomplete if left == 0 => {
                "What could not be tried is among the findings, so nothing is proved."
            }
            Verdict::Incomplete => {
                (left) " of " (count(planned, "planned check")) " "
                (if left == 1 { "was" } else { "were" }) " not executed, so nothing is proved."
            }
        }
    }
}

/// Planned, executed, passed, failed, missing.
fn figures(evidence: &Evidence) -> Markup {
    let accounting = &evidence.accounting;
    let equal = if accounting.planned == accounting.executed { "=" } else { "≠" };
    let figure = |class: &str, number: usize, name: &str| {
        html! {
            div class=(if number == 0 { "none" } else { class }) { dt { (name) } dd { (number) } }
        }
    };
    html! {
        dl.figures {
            (figure("plain", accounting.planned, "planned"))
            div.sign aria-hidden="true" { dt {} dd { (equal) } }
            (figure("plain", accounting.executed, "executed"))
            (figure("good", accounting.passed, "passed"))
            (figure("fault", accounting.failed, "failed"))
            (figure("gap", accounting.missing.len(), "not executed"))
        }
        p.soft { (sentences(&[negative_controls(evidence), denials(evidence)])) }
    }
}

fn sentences(all: &[String]) -> String {
    all.iter().map(|it| format!("{it}. ")).collect()
}

/// What was planned and not executed, or executed and not planned, by name.
fn missing(evidence: &Evidence) -> Markup {
    let accounting = &evidence.accounting;
    html! {
        @if !accounting.missing.is_empty() {
            details.note {
                summary { (count(accounting.missing.len(), "check")) " planned and not executed" }
                ul {
                    @for (id, regimes) in &accounting.missing {
                        li { code { (id) } " " span.soft { "in " (listed(regimes)) } }
                    }
                }
            }
        }
        @if !accounting.unplanned.is_empty() {
            details.note open {
                summary { (count(accounting.unplanned.len(), "check")) " executed and not planned" }
                ul { @for id in &accounting.unplanned { li { code { (id) } } } }
            }
        }
    }
}

/// What was tested, on what and when.
fn tested(evidence: &Evidence) -> Markup {
    let tested = &evidence.tested;
    let server = &tested.server;
    html! {
        h2.small { "What was tested" }
        dl.facts {
            dt { "Migration" } dd { (fingerprint(&tested.migrations)) }
            dt { "Contract" } dd { (fingerprint(&tested.contract)) }
            dt { "Platform shim" } dd { (fingerprint(&tested.platform_shim)) }
            dt { "Server" }
            dd {
                "PostgreSQL " (server.version) ", " (server.kind)
                @for cve in &server.unfixed {
                    br;
                    b.gap { "! " (cve.id) } " is not fixed in it: " (cve.what) " "
                    span.soft { "(fixed in " (listed(&cve.fixed)) "; " (cve.source) ")" }
                }
                @if server.unfixed.is_empty() {
                    br;
                    span.soft { "Every known vulnerability of row level security is fixed in it." }
                }
            }
            @if !server.stand_ins.is_empty() {
                dt { "Stand-ins for extensions" } dd { (listed(&server.stand_ins)) }
            }
            dt { "Privilege regimes" } dd {
                (listed(&tested.regimes)) ", " span.soft { (tested.regimes_because) }
            }
            dt { "Commit" } dd { code { (tested.commit.as_deref().unwrap_or("unknown")) } }
            dt { "Tested" }
            dd {
                (utc(tested.at)) ", in " (tested.measured.total_ms / 1000) " s; parts done: "
                (listed(&evidence.parts.iter().collect::<Vec<_>>()))
            }
        }
    }
}

/// A SHA-256, and the files behind it: few by name, many on demand.
fn fingerprint(of: &Fingerprint) -> Markup {
    let files = || of.files.iter().map(|file| html! { code { (file) } });
    html! {
        span.soft { "SHA-256" } " " code.sha { (of.sha256) }
        @if of.files.len() > 2 {
            details.files { summary { (count(of.files.len(), "file")) } (lines(files())) }
        } @else {
            br;
            @for (at, file) in files().enumerate() { @if at > 0 { ", " } (file) }
        }
    }
}

/// Findings that a baseline accepts until a date.
fn baseline(known: &[Known]) -> Markup {
    html! {
        @if !known.is_empty() {
            h2.small { "Accepted until a date" }
            p {
                (count(known.len(), "finding")) " of the baseline. Each is wrong, and does not "
                "count for the verdict until its last day."
            }
            ul {
                @for Known { finding, expires, reason, .. } in known {
                    li {
                        b.gap { "! " (finding.rule) ": " (finding.object) } " until " (expires) ", "
                        span.soft { "because " (reason) } br;
                        "expected " (finding.expected) ", observed " (finding.observed) " "
                        code { (finding.check) }
                    }
                }
            }
        }
    }
}
