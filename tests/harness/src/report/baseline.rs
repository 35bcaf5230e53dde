//! This file is the baseline of an old schema: findings that somebody puts up with, each for a
//! reason and until a day.

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

/// What is put up with, as a file says it.
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
    /// What was found when it was written.
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

/// A name for those findings, which is another where one more is found or one is worse.
pub fn fingerprint(findings: &[&Finding]) -> String {
    let told = |finding: &&Finding| {
        // What an attack quotes is not the same on every server.
        let quotes = ["attack.", "property."].iter().any(|it| finding.rule.starts_with(it));
        let observed = if quotes { "" } else { &finding.observed };
        format!("{} {:?} {observed}", finding.check, finding.persona)
    };
    let mut told: Vec<String> = findings.iter().map(told).collect();
    told.sort();
    short_hash(&told.join("\n"))
}

/// Rules whose findings say that something is not known, which nobody can put up with.
const NEVER: [&str; 4] = ["harness.", "baseline.", rules::GUARD.id, rules::CONTROL.id];

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, with its line and what would be right.
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
                        "\"{rule}\" cannot be put up with: it says that something is not known; mend it"
                    ),
                ));
            }
            if reason.trim().is_empty() {
                return Err(wrong(at, "the reason is empty; say why this is put up with"));
            }
            let day = format_description!("[year]-[month]-[day]");
            let expires = Date::parse(&expires.to_string(), &day).map_err(|_| {
                wrong(at, "expires is no day; say the last one, such as 2027-01-31")
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
                    "baseline {file}:{line}: {rule} of {object} stands here twice; leave one"
                )));
            }
        }
        Ok(Self { file, entries })
    }

    /// Takes what is put up with today out of the findings. An entry that is not needed, or no
    /// longer in force, is a finding itself.
    pub fn apply(&self, evidence: &mut Evidence, today: Date) {
        for entry in &self.entries {
            let is_meant = |it: &Finding| (&it.rule, &it.object) == (&entry.rule, &entry.object);
            let meant: Vec<&Finding> = evidence.findings.iter().filter(|it| is_meant(it)).collect();
            let found = fingerprint(&meant);
            if let [first, ..] = meant.as_slice()
                && entry.findings.as_ref() != Some(&found)
            {
                let expected = entry.findings.as_deref().unwrap_or("what was found is not said");
                let (count, check) = (meant.len(), &first.check);
                let observed = format!("findings = \"{found}\": {count}, the first by {check}");
                evidence.findings.push(self.complain(
                    &rules::CHANGED,
                    entry,
                    [expected, &observed],
                ));
            } else if meant.is_empty() {
                let seen = ["a finding that it is for", "none"];
                evidence.findings.push(self.complain(&rules::UNUSED, entry, seen));
            } else if entry.expires < today {
                let last = format!("in force on {today}");
                let seen = [last.as_str(), &format!("its last day was {}", entry.expires)];
                evidence.findings.push(self.complain(&rules::EXPIRED, entry, seen));
            } else {
                let known = evidence.findings.extract_if(.., |it| is_meant(it));
                evidence.baseline.extend(known.map(|finding| Known {
                    reason: entry.reason.clone(),
                    expires: entry.expires.to_string(),
                    finding,
                }));
            }
        }
        evidence.verdict = verdict(&evidence.accounting, &evidence.findings, &evidence.baseline);
    }

    fn complain(&self, rule: &Rule, entry: &Entry, seen: [&str; 2]) -> Finding {
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
