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
use crate::harness::CannotRun;
use crate::harness::inputs::{Regime, short_hash, shown_file};
use crate::harness::ledger::{Finding, Location};
use crate::harness::rules::{self, Rule};
use crate::harness::statements::line_of;

/// What is put up with, as a file says it.
pub(crate) struct Baseline {
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
pub(crate) fn fingerprint(findings: &[&Finding]) -> String {
    let told = |finding: &&Finding| {
        // What an attack quotes is not the same on every server.
        let quotes = ["attack.", "promise."].iter().any(|it| finding.rule.starts_with(it));
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
    pub(crate) fn read(path: &Path) -> Result<Self, CannotRun> {
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
    pub(crate) fn apply(&self, evidence: &mut Evidence, today: Date) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use time::macros::date;

    use super::{BTreeSet, Baseline, Date, Evidence, Finding, fingerprint};
    use crate::evidence::Verdict;
    use crate::harness::CannotRun;
    use crate::harness::inputs::Inputs;
    use crate::verify::{self, Job};

    const TODAY: Date = date!(2026 - 11 - 22);

    fn read(text: &str) -> Result<Baseline, CannotRun> {
        let ground = tempfile::TempDir::with_prefix("identra-baseline-").expect("a directory");
        let file = ground.path().join("baseline.toml");
        std::fs::write(&file, text).expect("a file of the ground");
        Baseline::read(&file)
    }

    fn known(rule: &str, object: &str, expires: &str) -> String {
        format!(
            "[[known]]\nrule = \"{rule}\"\nobject = \"{object}\"\nreason = \"old\"\n\
             expires = {expires}\n"
        )
    }

    /// The same with what is found.
    fn written(evidence: &Evidence, rule: &str, object: &str) -> String {
        let meant: Vec<&Finding> =
            evidence.findings.iter().filter(|it| it.rule == rule && it.object == object).collect();
        let findings = fingerprint(&meant);
        format!("{}findings = \"{findings}\"\n", known(rule, object, "2026-11-22"))
    }

    /// The rules and objects of what is left to mend.
    fn left(evidence: &Evidence) -> BTreeSet<(&str, &str)> {
        evidence.findings.iter().map(|it| (it.rule.as_str(), it.object.as_str())).collect()
    }

    /// An old schema with two faults, of which somebody knows.
    #[tokio::test(flavor = "multi_thread")]
    async fn known_findings_are_put_up_with_and_nothing_else() {
        let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
        let text = "drop index public.feedback_open_idx; \
                    alter policy \"Users read their own memories\" on public.memories using (true)";
        let inputs = inputs.followed_by(text);
        let evidence = verify::run(Arc::new(inputs), &Job::without_attacks(&[])).await;
        let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
        let judged = |baseline: &str| {
            let mut judged = evidence.clone();
            let baseline = read(baseline).unwrap_or_else(|why| panic!("{why}"));
            baseline.apply(&mut judged, TODAY);
            judged
        };
        let pairs = left(&evidence);
        assert!(pairs.len() > 2, "T02: {pairs:?}");
        let all: Vec<String> =
            pairs.iter().map(|(rule, object)| written(&evidence, rule, object)).collect();

        let judged_by_all = judged(&all.concat());
        assert_eq!(judged_by_all.verdict, Verdict::NothingNew, "{:?}", left(&judged_by_all));
        assert_eq!(judged_by_all.baseline.len(), evidence.findings.len());
        // One that is not in it is new.
        for (at, new) in pairs.iter().enumerate() {
            let mut others = all.clone();
            others.remove(at);
            let judged = judged(&others.concat());
            assert_eq!(judged.verdict, Verdict::Findings, "without {new:?}");
            assert_eq!(left(&judged), BTreeSet::from([*new]));
        }
        let expired = judged(&all.concat().replace("2026-11-22", "2026-11-21"));
        assert_eq!(expired.verdict, Verdict::Findings);
        assert_eq!(expired.baseline.len(), 0, "{:?}", left(&expired));
        assert!(left(&expired).iter().any(|(rule, _)| *rule == "baseline.expired"));

        let unused = known("schema.missing", "no.such.thing", "2030-01-01");
        let unused = judged(&(all.concat() + &unused));
        assert_eq!(unused.verdict, Verdict::Findings);
        let entry = ("baseline.unused", "schema.missing of no.such.thing");
        assert_eq!(left(&unused), BTreeSet::from([entry]));

        // A finding more, of a rule and an object that are known, is new.
        let mut worse = evidence.clone();
        let mut more = worse.findings[0].clone();
        more.check += "/more";
        worse.findings.push(more);
        let baseline = read(&all.concat()).unwrap_or_else(|why| panic!("{why}"));
        baseline.apply(&mut worse, TODAY);
        assert_eq!(worse.verdict, Verdict::Findings);
        assert!(left(&worse).iter().any(|(rule, _)| *rule == "baseline.changed"));

        // What was not made is not put up with.
        let mut incomplete = evidence.clone();
        let check = incomplete.checks[0].id.clone();
        incomplete.accounting.executed -= 1;
        incomplete.accounting.missing.insert(check, vec!["explicit".to_owned()]);
        let baseline = read(&all.concat()).unwrap_or_else(|why| panic!("{why}"));
        baseline.apply(&mut incomplete, TODAY);
        assert_eq!(incomplete.verdict, Verdict::Incomplete);
    }

    /// Each mistake is told with its line, and what would be right.
    #[rstest]
    #[case::no_day(
        "rule = \"a.b\"\nobject = \"c\"\nreason = \"d\"\nexpires = 10:00:00",
        "1: expires is no day"
    )]
    #[case::text_for_a_day(
        "rule = \"a.b\"\nobject = \"c\"\nreason = \"d\"\nexpires = \"soon\"",
        "5: "
    )]
    #[case::no_reason(
        "rule = \"a.b\"\nobject = \"c\"\nreason = \" \"\nexpires = 2030-01-01",
        "1: the reason is empty"
    )]
    #[case::without_a_reason(
        "rule = \"a.b\"\nobject = \"c\"\nexpires = 2030-01-01",
        "1: missing field `reason`"
    )]
    #[case::misspelt("rul = \"a.b\"", "2: unknown field `rul`")]
    #[case::not_known(
        "rule = \"harness.could-not-run\"\nobject = \"c\"\nreason = \"d\"\nexpires = 2030-01-01",
        "1: \"harness.could-not-run\" cannot be put up with"
    )]
    fn mistake_is_told_with_its_line(#[case] entry: &str, #[case] message: &str) {
        let Err(CannotRun(why)) = read(&format!("[[known]]\n{entry}\n")) else {
            panic!("it was read")
        };
        assert!(why.starts_with(&format!("baseline baseline.toml:{message}")), "{why}");
    }

    #[test]
    fn entry_that_stands_twice_is_refused() {
        let entry = known("a.b", "c", "2030-01-01");
        let Err(CannotRun(why)) = read(&(entry.clone() + &entry)) else { panic!("it was read") };
        assert_eq!(why, "baseline baseline.toml:6: a.b of c stands here twice; leave one");
    }
}
