//! Baseline: known findings of an existing schema, each accepted for a reason and until a date.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use time::Date;
use time::macros::format_description;

use super::document::Known;
use super::{Evidence, verdict};
use crate::error::CannotRun;
use crate::findings::ledger::{Finding, Location};
use crate::findings::rules::{self, Rule};
use crate::platform::Regime;
use crate::source::{short_hash, shown_file};
use crate::sql::statements::line_of;

/// The accepted findings, as read from a file.
pub struct Baseline {
    /// The file, as messages name it.
    file: String,
    entries: Vec<Entry>,
}

struct Entry {
    line: usize,
    rule: String,
    object: String,
    reason: String,
    expires: Date,
    /// The fingerprint of the findings when it was written.
    findings: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    known: Vec<toml::Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rule: String,
    object: String,
    reason: String,
    expires: toml::value::Datetime,
    findings: Option<String>,
}

/// A fingerprint of findings, which changes when there are more or their outcomes differ.
pub fn fingerprint(findings: &[&Finding]) -> String {
    let line = |finding: &&Finding| {
        // The quotes of an attack differ between servers.
        let quotes = ["attack.", "property."].iter().any(|it| finding.rule.starts_with(it));
        let observed = if quotes { "" } else { &finding.observed };
        format!("{} {:?} {observed}", finding.check, finding.persona)
    };
    let mut line: Vec<String> = findings.iter().map(line).collect();
    line.sort();
    short_hash(&line.join("\n"))
}

/// Rules whose findings mean that an outcome is unknown, which cannot be accepted.
const NEVER: [&str; 4] = ["harness.", "baseline.", rules::GUARD.id, rules::CONTROL.id];

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, with its line and the remedy.
    pub fn read(path: &Path) -> Result<Self, CannotRun> {
        let file = shown_file(path);
        let text = fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            CannotRun(format!(
                "could not read the baseline {path}: {error}; name another file with --baseline"
            ))
        })?;
        let wrong = |at: usize, why: &str| {
            CannotRun(format!("baseline {file}:{}: {why}", line_of(&text, at)))
        };
        let document: Document = toml::from_str(&text)
            .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        let entry = |written: toml::Spanned<Written>| {
            let at = written.span().start;
            let Written { rule, object, reason, expires, findings } = written.into_inner();
            if NEVER.iter().any(|never| rule.starts_with(never)) {
                return Err(wrong(
                    at,
                    &format!(
                        "\"{rule}\" cannot be accepted: it means that an outcome is unknown; fix \
                            its cause"
                    ),
                ));
            }
            if reason.trim().is_empty() {
                return Err(wrong(at, "the reason is empty; say why this is accepted"));
            }
            let day = format_description!("[year]-[month]-[day]");
            let expires = Date::parse(&expires.to_string(), &day).map_err(|_| {
                wrong(at, "expires is no date; say the last day, such as 2027-01-31")
            })?;
            Ok(Entry { line: line_of(&text, at), rule, object, reason, expires, findings })
        };
        let entries: Vec<Entry> =
            document.known.into_iter().map(entry).collect::<Result<_, CannotRun>>()?;
        let mut seen = BTreeSet::new();
        for entry in &entries {
            if !seen.insert((&entry.rule, &entry.object)) {
                let (rule, object, line) = (&entry.rule, &entry.object, entry.line);
                return Err(CannotRun(format!(
                    "baseline {file}:{line}: {rule} of {object} is listed twice; remove one"
                )));
            }
        }
        Ok(Self { file, entries })
    }

    /// Moves the findings that are accepted today out of the findings. An entry that matches
    /// none, or has expired, is a finding itself.
    pub fn apply(&self, evidence: &mut Evidence, today: Date) {
        for entry in &self.entries {
            let matches = |it: &Finding| (&it.rule, &it.object) == (&entry.rule, &entry.object);
            let matching: Vec<&Finding> =
                evidence.findings.iter().filter(|it| matches(it)).collect();
            let found = fingerprint(&matching);
            if let [first, ..] = matching.as_slice()
                && entry.findings.as_ref() != Some(&found)
            {
                let expected = entry.findings.as_deref().unwrap_or("no fingerprint");
                let (count, check) = (matching.len(), &first.check);
                let observed = format!("findings = \"{found}\": {count}, the first by {check}");
                evidence.findings.push(self.finding(&rules::CHANGED, entry, [expected, &observed]));
            } else if matching.is_empty() {
                let seen = ["a finding that it matches", "none"];
                evidence.findings.push(self.finding(&rules::UNUSED, entry, seen));
            } else if entry.expires < today {
                let last = format!("in force on {today}");
                let seen = [last.as_str(), &format!("its last day was {}", entry.expires)];
                evidence.findings.push(self.finding(&rules::EXPIRED, entry, seen));
            } else {
                let known = evidence.findings.extract_if(.., |it| matches(it));
                evidence.baseline.extend(known.map(|finding| Known {
                    reason: entry.reason.clone(),
                    expires: entry.expires.to_string(),
                    finding,
                }));
            }
        }
        evidence.verdict = verdict(&evidence.accounting, &evidence.findings, &evidence.baseline);
    }

    fn finding(&self, rule: &Rule, entry: &Entry, seen: [&str; 2]) -> Finding {
        let check = format!("{}/{}/{}", rule.id.replace('.', "/"), entry.rule, entry.object);
        let text = format!("rule = \"{}\", object = \"{}\"", entry.rule, entry.object);
        let location = Location {
            file: self.file.clone(),
            line: entry.line,
            column: 1,
            end_line: entry.line,
            text,
        };
        let object = format!("{} of {}", entry.rule, entry.object);
        Finding {
            location: Some(location),
            regimes: Vec::new(),
            ..Finding::of(rule, &object, &check, seen, Regime::Explicit)
        }
    }
}
