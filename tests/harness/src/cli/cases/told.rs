//! What is told of the cases: a line for each, what is not as expected, and the sums.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::{Done, Expected, Outcome};
use crate::findings::ledger::Finding;
use crate::findings::rules;
use crate::report::{Evidence, Verdict};

impl Done {
    /// Whether nothing that was found of it can be relied on.
    pub(super) fn is_by_a_broken_harness(&self) -> bool {
        let Outcome::Judged(evidence) = &self.outcome else { return false };
        evidence.verdict == Verdict::HarnessBroken
    }

    /// What is not as expected, in short.
    pub(super) fn wrong(&self) -> Option<String> {
        let Expected { stops, finds, tells, proved, tolerates, .. } = &self.case.expected;
        if self.is_by_a_broken_harness() {
            return Some("the harness is broken".to_owned());
        }
        match (&self.outcome, stops) {
            (Outcome::Stopped(why), Some(words)) if why.contains(words) => None,
            (Outcome::Stopped(_), _) => Some("it stops".to_owned()),
            (Outcome::Judged(_), Some(_)) => Some("it does not stop".to_owned()),
            (Outcome::Judged(evidence), None) => {
                let has = |wanted: &&String| evidence.findings.iter().any(|it| is(it, wanted));
                if let Some(lacking) = finds.iter().find(|it| !has(it)) {
                    return Some(format!("no finding {lacking}"));
                }
                if self.case.has_a_fault() {
                    let open = "expected.toml does not say what it has to find";
                    return finds.is_empty().then(|| open.to_owned());
                }
                let expected = |finding: &Finding| {
                    finds.iter().chain(tells).any(|it| is(finding, it))
                        || tolerates.contains(&finding.rule)
                };
                let wrong = |it: &&Finding| it.severity.fails() && !expected(it);
                let wrong = evidence.findings.iter().find(wrong);
                let wrong = wrong.map(|it| format!("{} {}", it.rule, it.object));
                let is_proved = evidence.verdict.exit_status() == 0;
                wrong.or_else(|| (*proved && !is_proved).then(|| "it is not proved".to_owned()))
            }
        }
    }
}

/// Whether a finding is meant by `rule object` or `rule object persona`.
fn is(finding: &Finding, words: &str) -> bool {
    let Some(rest) = words.strip_prefix(&finding.rule) else { return false };
    let rest = rest.trim_start();
    let who = finding.persona.as_deref().unwrap_or_default();
    rest == finding.object || rest == format!("{} {who}", finding.object)
}

/// Whether a rule says that something was not tried.
fn is_of_the_untried(rule: &str) -> bool {
    [rules::COULD_NOT_RUN.id, rules::ROWS.id].contains(&rule)
}

/// The number of findings of each rule.
fn by_rule(evidence: &Evidence) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for finding in &evidence.findings {
        *counts.entry(finding.rule.as_str()).or_default() += 1;
    }
    counts
}

impl Display for Done {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        match &self.outcome {
            Outcome::Stopped(why) => write!(f, "does not apply  {seconds:>5.1} s  {why}")?,
            Outcome::Judged(evidence) => {
                let (tried, all) = (evidence.tables_tried(), evidence.tables.len());
                let rules = by_rule(evidence);
                let untried: usize =
                    rules.iter().filter(|(rule, _)| is_of_the_untried(rule)).map(|(_, n)| n).sum();
                let rules: Vec<String> =
                    rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
                write!(
                    f,
                    "{:<10}  {tried:>3} of {all:>3} tables  {untried:>3} could not run  \
                     {seconds:>5.1} s  {}",
                    evidence.verdict.word(),
                    rules.join(", ")
                )?;
            }
        }
        match self.wrong() {
            Some(wrong) => write!(f, "  NOT AS EXPECTED: {wrong}"),
            None => Ok(()),
        }
    }
}

/// The sums of all cases.
pub(super) fn totals<'a>(done: impl Iterator<Item = &'a Done>) -> String {
    let all: Vec<&Done> = done.collect();
    let (mut cases, mut applied, mut proved, mut tried, mut tables, mut untried) =
        (0, 0, 0, 0, 0, 0);
    for one in &all {
        cases += 1;
        let Outcome::Judged(evidence) = &one.outcome else { continue };
        applied += 1;
        proved += usize::from(evidence.verdict.exit_status() == 0);
        tried += evidence.tables_tried();
        tables += evidence.tables.len();
        untried += evidence.findings.iter().filter(|it| is_of_the_untried(&it.rule)).count();
    }
    let sum = format!(
        "{applied} of {cases} applied, {proved} proved, {tried} of {tables} tables tried, \
         {untried} could not run"
    );
    let (faults, correct): (Vec<&Done>, Vec<&Done>) =
        all.into_iter().partition(|one| one.case.has_a_fault());
    let right = |of: &[&Done]| of.iter().filter(|one| one.wrong().is_none()).count();
    match faults.len() {
        0 => sum,
        of_faults => format!(
            "{sum}\n{} of {of_faults} faults found; {} of {} correct schemas without a false \
             finding",
            right(&faults),
            right(&correct),
            correct.len()
        ),
    }
}
