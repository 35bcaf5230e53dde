//! Folds findings of one root cause into one, which its consequences follow.

use std::collections::BTreeMap;

use super::words::listed;
use crate::findings::ledger::{Finding, Location};
use crate::findings::severity::Severity;

/// The findings of one root cause.
#[derive(Debug)]
pub struct Fold<'a> {
    /// The one that an attacker gains most by.
    pub lead: &'a Finding,
    /// Its consequences, and other signs of the same fault.
    pub others: Vec<&'a Finding>,
}

/// The findings by root cause, what an attacker gains most by first. A cause whose parts begin with
/// all those of another is folded into that.
pub fn folds(findings: &[Finding]) -> Vec<Fold<'_>> {
    let mut causes: BTreeMap<&[String], Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        causes.entry(&finding.cause).or_default().push(finding);
    }
    let mut folds: BTreeMap<&[String], Vec<&Finding>> = BTreeMap::new();
    for (cause, of_it) in &causes {
        let wider = (1..cause.len()).map(|parts| &cause[..parts]);
        let root = wider.into_iter().find(|it| causes.contains_key(it)).unwrap_or(cause);
        folds.entry(root).or_default().extend(of_it);
    }
    let mut folds: Vec<Fold<'_>> = folds.into_values().filter_map(fold).collect();
    folds.sort_by_key(|fold| (fold.lead.rank(), &fold.lead.cause));
    folds
}

fn fold(mut of_it: Vec<&Finding>) -> Option<Fold<'_>> {
    // Of equal gain, a finding of the cause itself leads those of its parts.
    of_it.sort_by_key(|it| (it.severity, it.cause.len(), it.rank()));
    let others = of_it.split_off(1.min(of_it.len()));
    of_it.pop().map(|lead| Fold { lead, others })
}

impl<'a> Fold<'a> {
    /// All of its findings.
    pub fn all(&self) -> impl Iterator<Item = &'a Finding> {
        [self.lead].into_iter().chain(self.others.iter().copied())
    }

    /// The consequences in short: each rule with its object, where that is another, and how often.
    pub fn consequences(&self) -> Vec<String> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for finding in &self.others {
            let of = match finding.subject() {
                object if object == self.lead.subject() => String::new(),
                object => format!(" {object}"),
            };
            let what = format!("{}{of}", finding.rule);
            match counts.iter_mut().find(|(known, _)| *known == what) {
                Some((_, count)) => *count += 1,
                None => counts.push((what, 1)),
            }
        }
        let text = |(what, count): (String, usize)| match count {
            1 => what,
            count => format!("{what} ({count})"),
        };
        counts.into_iter().map(text).collect()
    }

    /// What the fault is: what the contract says and the catalog does not, or else the object and
    /// its part.
    pub fn cause(&self) -> String {
        let is_declared = |it: &Finding| it.rule.starts_with("schema.");
        let declared = self.all().find(|it| is_declared(it) && !is_declared(self.lead));
        match declared {
            Some(Finding { check, expected, observed, .. }) => {
                format!("{check}: expected {expected}, observed {observed}")
            }
            None => self.lead.cause.join(", "),
        }
    }

    /// Of a key that clients choose: what it tells, and to whom.
    pub fn tells(&self) -> Option<String> {
        let key = self.lead.cause.last().and_then(|part| part.strip_prefix("key "))?;
        let mut who: Vec<&str> = self.all().filter_map(|it| it.persona.as_deref()).collect();
        who.sort_unstable();
        who.dedup();
        Some(format!("whether a value of {key} is taken, to {}", listed(&who)))
    }

    /// The statements of migrations that the others point at, each once.
    pub fn places(&self) -> Vec<(&'a Location, &'a Finding)> {
        let mut places: Vec<(&Location, &Finding)> = Vec::new();
        for finding in &self.others {
            let Some(at) = &finding.location else { continue };
            let is_known = |known: &Location| (&known.file, known.line) == (&at.file, at.line);
            if !self.lead.location.as_ref().is_some_and(is_known)
                && !places.iter().any(|(known, _)| is_known(known))
            {
                places.push((at, finding));
            }
        }
        places
    }
}

/// The number of causes of each severity, in words.
pub fn by_severity(folds: &[Fold<'_>]) -> String {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for fold in folds {
        *counts.entry(fold.lead.severity).or_default() += 1;
    }
    let texts = counts.iter().map(|(severity, count)| format!("{count} {severity}"));
    texts.collect::<Vec<_>>().join(", ")
}
