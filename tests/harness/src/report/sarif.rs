//! `results.sarif`: the findings at their lines of the migration, for code hosts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use serde_sarif::sarif::{
    ArtifactContent, ArtifactLocation, Invocation, Location, Message, MultiformatMessageString,
    Notification, PhysicalLocation, PropertyBag, Region, ReportingDescriptor, Result as Found,
    ResultLevel, Run, Sarif, Suppression, Tool, ToolComponent,
};

use super::document::Known;
use super::fold::{Fold, folds};
use super::{Evidence, Verdict};
use crate::findings::ledger::{self, Finding};
use crate::findings::severity::Severity;
use crate::source::short_hash;

/// The number of checks that a result names; the others are counted.
const SHOWN: usize = 5;

/// `results.sarif`.
pub fn text(evidence: &Evidence) -> String {
    let folds = folds(&evidence.findings);
    let findings = folds.iter().map(|fold| found(evidence, fold));
    let accepted = evidence.baseline.iter().map(|known| accepted(evidence, known));
    let driver = ToolComponent::builder()
        .name("Identra schema harness")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules(evidence))
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind("unicodeCodePoints")
        .invocations([invocation(evidence)])
        .results(findings.chain(accepted).collect::<Vec<_>>())
        .build();
    let log = Sarif::builder()
        .schema("https://json.schemastore.org/sarif-2.1.0.json")
        .version("2.1.0")
        .runs([run])
        .build();
    serde_json::to_string_pretty(&log).expect("the log is plain data") + "\n"
}

/// A root cause: the finding that leads, and where its consequences come from.
fn found(evidence: &Evidence, fold: &Fold<'_>) -> Found {
    let first = fold.lead;
    let mut text = format!("{}: {}.", first.subject(), first.title);
    if let Some(tells) = fold.tells() {
        text += &format!("\nIt tells {tells}.");
    }
    for finding in fold.all().take(SHOWN) {
        let who = finding.persona.as_deref().map(|who| format!(" as {who}")).unwrap_or_default();
        let (check, expected, observed) = (&finding.check, &finding.expected, &finding.observed);
        text += &format!("\n{check}{who}: expected {expected}, observed {observed}");
    }
    if fold.others.len() >= SHOWN {
        text += &format!("\n… and {} more", fold.others.len() + 1 - SHOWN);
    }
    text += &format!("\nRemedy: {}", first.remedy);
    let related = fold.places().into_iter().map(|(at, finding)| Location {
        message: Some(message(&format!("{}: {}", finding.rule, finding.object))),
        ..place(at)
    });
    let each = |text: fn(&Finding) -> &String| {
        let mut texts: Vec<&String> = fold.all().map(text).collect();
        texts.dedup();
        json!(texts)
    };
    let properties = BTreeMap::from([
        ("cause".to_owned(), json!(first.cause)),
        ("checks".to_owned(), each(|finding| &finding.check)),
        ("rules".to_owned(), each(|finding| &finding.rule)),
        ("regimes".to_owned(), json!(first.regimes)),
    ]);
    Found::builder()
        .rule_id(&first.rule)
        .level(match first.severity {
            Severity::Weakened => ResultLevel::Warning,
            Severity::Style => ResultLevel::Note,
            _ => ResultLevel::Error,
        })
        .message(message(&text))
        .locations([location(evidence, first)])
        .related_locations(related.collect::<Vec<_>>())
        .partial_fingerprints(fingerprint(first))
        .properties(PropertyBag::builder().additional_properties(properties).build())
        .build()
}

/// A result for an accepted finding, which is suppressed.
fn accepted(evidence: &Evidence, known: &Known) -> Found {
    let reason = format!("{} (until {})", known.reason, known.expires);
    let suppression = Suppression::builder().kind("external").justification(reason).build();
    let alone = Fold { lead: &known.finding, others: Vec::new() };
    Found { suppressions: Some(vec![suppression]), ..found(evidence, &alone) }
}

/// A fingerprint that depends neither on the line nor on which finding leads.
fn fingerprint(finding: &Finding) -> BTreeMap<String, String> {
    BTreeMap::from([("identra/v2".to_owned(), short_hash(&finding.cause.join("\n")))])
}

/// The finding's location; without one, the first line of the first migration, because code
/// hosts ignore results without a location.
fn location(evidence: &Evidence, finding: &Finding) -> Location {
    let nowhere = || ledger::Location {
        file: evidence.tested.migrations.files.first().cloned().unwrap_or_default(),
        line: 1,
        column: 1,
        end_line: 1,
        text: String::new(),
    };
    place(&finding.location.clone().unwrap_or_else(nowhere))
}

fn place(at: &ledger::Location) -> Location {
    let number = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
    let region = Region::builder()
        .start_line(number(at.line))
        .start_column(number(at.column))
        .end_line(number(at.end_line));
    let region = match at.text.as_str() {
        "" => region.build(),
        text => region.snippet(ArtifactContent::builder().text(text).build()).build(),
    };
    let artifact = ArtifactLocation::builder().uri(uri(&at.file)).build();
    let place = PhysicalLocation::builder().artifact_location(artifact).region(region).build();
    Location::builder().physical_location(place).build()
}

/// A path as a relative URI, percent-encoded.
fn uri(path: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    path.bytes().map(encoded).collect()
}

/// Each rule that a result names.
fn rules(evidence: &Evidence) -> Vec<ReportingDescriptor> {
    let accepted = evidence.baseline.iter().map(|known| &known.finding);
    let mut seen = BTreeSet::new();
    let all = evidence.findings.iter().chain(accepted);
    let mut rules: Vec<&Finding> = all.filter(|finding| seen.insert(&finding.rule)).collect();
    rules.sort_by_key(|finding| &finding.rule);
    let rule = |finding: &&Finding| {
        let text = |text: &str| MultiformatMessageString::builder().text(text).build();
        let cwe = |it: &String| it.strip_prefix("CWE-").map(|it| format!("external/cwe/cwe-{it}"));
        let mut tags = vec!["security".to_owned()];
        tags.extend(finding.references.iter().filter_map(cwe));
        let severity = [("security-severity".to_owned(), json!(severity(&finding.rule)))];
        let severity = BTreeMap::from(severity);
        let properties = PropertyBag::builder().tags(tags).additional_properties(severity).build();
        ReportingDescriptor::builder()
            .id(&finding.rule)
            .short_description(text(&finding.title))
            .full_description(text(&finding.title))
            .help(text(&format!("{}. scripts/verify explain {}", finding.remedy, finding.rule)))
            .properties(properties)
            .build()
    };
    rules.iter().map(rule).collect()
}

/// The severity of a rule for code hosts, of ten: faults that grant access rank before
/// potential ones.
fn severity(rule: &str) -> &'static str {
    match rule.split('.').next() {
        Some("attack" | "harness" | "isolation" | "property" | "schema" | "sign_up") => "8.0",
        _ => "5.0",
    }
}

/// Whether all planned checks were executed, and those that were not.
fn invocation(evidence: &Evidence) -> Invocation {
    let lost = |(id, regimes): (&String, &Vec<String>)| {
        let text = format!("planned and not made: {id} ({})", regimes.join(", "));
        Notification::builder().level("error").message(message(&text)).build()
    };
    let lost: Vec<Notification> = evidence.accounting.missing.iter().map(lost).collect();
    let is_complete = !matches!(evidence.verdict, Verdict::Incomplete | Verdict::HarnessBroken);
    Invocation::builder()
        .execution_successful(is_complete && lost.is_empty())
        .tool_execution_notifications(lost)
        .build()
}

fn message(text: &str) -> Message {
    Message::builder().text(text).build()
}
