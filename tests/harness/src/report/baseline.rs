//! Baseline: known findings of an existing schema, each accepted for a reason and until a date.

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
use crate::source::mistake::{Mistakes, Wrong};
use crate::source::toml_file::TomlFile;
use crate::source::{short_hash, shown_file};

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
    known: Vec<Written>,
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

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// The mistakes in it, with place and remedy.
    pub fn read(path: &Path) -> Result<Self, CannotRun> {
        let toml = TomlFile::read(path).map_err(|error| {
            let path = path.display();
            CannotRun(format!(
                "could not read the baseline {path}: {error}; name another file with --baseline"
            ))
        })?;
        let document: Document = toml.parse().map_err(|mistake| mistake.told())?;
        let mut mistakes = Mistakes::default();
        let mut entries: Vec<Entry> = Vec::new();
        for (at, written) in document.known.into_iter().enumerate() {
            let at = at.to_string();
            let mut wrong = |key: &str, wrong: Wrong| {
                mistakes.add(toml.mistake(toml.value(&["known", &at, key]), wrong));
            };
            let Written { rule, object, reason, expires, findings } = written;
            if rules::UNKNOWN_OUTCOME.iter().any(|never| rule.starts_with(never)) {
                let never = Wrong::new(format!("`{rule}` cannot be accepted"));
                wrong(
                    "rule",
                    never.label("it means that an outcome is unknown").help("fix its cause"),
                );
            }
            if reason.trim().is_empty() {
                let empty = Wrong::new("the reason is empty");
                wrong("reason", empty.help("say why this is accepted"));
            }
            let twice = entries.iter().any(|it| (&it.rule, &it.object) == (&rule, &object));
            if twice {
                let twice = Wrong::new(format!("`{rule}` of `{object}` is listed twice"));
                wrong("rule", twice.help("remove one"));
            }
            let day = format_description!("[year]-[month]-[day]");
            let Ok(expires) = Date::parse(&expires.to_string(), &day) else {
                let day = Wrong::new("`expires` is no date");
                wrong("expires", day.help("say the last day, such as `2027-01-31`"));
                continue;
            };
            let line = toml.line(toml.value(&["known", &at]).start);
            entries.push(Entry { line, rule, object, reason, expires, findings });
        }
        mistakes.told()?;
        Ok(Self { file: shown_file(path), entries })
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
        let Evidence { accounting, findings, baseline, strict, .. } = &*evidence;
        evidence.verdict = verdict(accounting, findings, baseline, *strict);
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
