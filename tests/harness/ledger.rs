//! This file is the ledger: every check that was planned, and what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::inputs::Regime;
use super::rules::Rule;

/// Something that is wrong, told so that it can be seen again and mended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The rule's stable id.
    pub(crate) rule: String,
    /// What the rule means.
    pub(crate) title: String,
    /// What it is about: `memories`, `memories.content`, …
    pub(crate) object: String,
    /// What the contract says.
    pub(crate) expected: String,
    /// What was seen.
    pub(crate) observed: String,
    /// Who saw it, where somebody did.
    pub(crate) persona: Option<String>,
    /// What to paste into psql to see it again.
    pub(crate) statement: Option<String>,
    /// How to mend it.
    pub(crate) remedy: String,
    /// The migration's file and line behind it, as `file:line`.
    pub(crate) location: Option<String>,
    /// Weakness numbers.
    pub(crate) references: Vec<String>,
    /// The check that found it.
    pub(crate) check: String,
    /// The privilege regimes in which it was seen.
    pub(crate) regimes: Vec<String>,
}

impl Finding {
    /// That a check saw something else than what was to be, by a rule.
    pub(crate) fn of(
        rule: &Rule,
        object: &str,
        check: &str,
        [expected, observed]: [&str; 2],
        regime: Regime,
    ) -> Self {
        Self {
            rule: rule.id.to_owned(),
            title: rule.title.to_owned(),
            object: object.to_owned(),
            expected: expected.to_owned(),
            observed: observed.to_owned(),
            persona: None,
            statement: None,
            remedy: rule.remedy.to_owned(),
            location: None,
            references: rule.references.iter().map(|&r| r.to_owned()).collect(),
            check: check.to_owned(),
            regimes: vec![regime.name().to_owned()],
        }
    }
}

/// One cell of the access matrix.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CellRecord {
    /// The table or view.
    pub(crate) table: String,
    /// Who tried.
    pub(crate) persona: String,
    /// `select`, `insert`, `update` or `delete`.
    pub(crate) command: String,
    /// Whose row, in the words of the grid.
    pub(crate) target: String,
    /// The column, where the cell is about one.
    pub(crate) column: Option<String>,
    /// What the grid says.
    pub(crate) expected: String,
    /// What was tried.
    pub(crate) statement: String,
    /// What the control got with the same statement, where this is a denial.
    pub(crate) control: Option<String>,
}

/// What came of one check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its stable id.
    pub(crate) id: String,
    /// What was to be.
    pub(crate) expected: String,
    /// What was, by privilege regime; one entry, `both`, where the regime does not matter.
    pub(crate) observed: BTreeMap<String, String>,
    /// What is wrong; nothing if it passed.
    pub(crate) findings: Vec<Finding>,
    /// The cell, where it is one of the matrix.
    pub(crate) cell: Option<CellRecord>,
}

impl Entry {
    /// A check that passes if what was seen is what was to be; else the rule is broken.
    pub(crate) fn compared(
        rule: &Rule,
        object: &str,
        id: &str,
        [expected, observed]: [&str; 2],
        regime: Regime,
    ) -> Self {
        let finding = || Finding::of(rule, object, id, [expected, observed], regime);
        Self {
            id: id.to_owned(),
            expected: expected.to_owned(),
            observed: in_regime(regime, observed),
            findings: (expected != observed).then(finding).into_iter().collect(),
            cell: None,
        }
    }

    /// Whether nothing was wrong.
    pub(crate) fn passed(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds what another regime showed for the same check.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.observed.extend(other.observed);
        for finding in other.findings {
            let same = |known: &&mut Finding| {
                (&known.rule, &known.observed) == (&finding.rule, &finding.observed)
            };
            match self.findings.iter_mut().find(same) {
                Some(known) => known.regimes.extend(finding.regimes),
                None => self.findings.push(finding),
            }
        }
    }
}

/// What one regime showed.
pub(crate) fn in_regime(regime: Regime, text: impl Into<String>) -> BTreeMap<String, String> {
    BTreeMap::from([(regime.name().to_owned(), text.into())])
}

/// Every check that was planned, and what came of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// The privilege regimes in which each check is to be made, by id.
    planned: BTreeMap<String, BTreeSet<Regime>>,
    entries: BTreeMap<String, Entry>,
    probes: Vec<Duration>,
    attacks: Vec<(usize, Duration)>,
}

impl Ledger {
    /// Says beforehand that the check of that id will be made in that regime.
    pub(crate) fn plan(&mut self, id: String, regime: Regime) {
        self.planned.entry(id).or_default().insert(regime);
    }

    /// Writes down what came of a check; of one in two regimes, both.
    pub(crate) fn record(&mut self, entry: Entry) {
        match self.entries.get_mut(&entry.id) {
            Some(known) => known.absorb(entry),
            None => {
                self.entries.insert(entry.id.clone(), entry);
            }
        }
    }

    /// Writes down how long a probe took.
    pub(crate) fn time(&mut self, took: Duration) {
        self.probes.push(took);
    }

    /// Writes down how many acts the attacks of one regime played, and how long they took.
    pub(crate) fn time_attacks(&mut self, played: usize, took: Duration) {
        self.attacks.push((played, took));
    }

    /// The acts that the attacks played in all regimes, and how long the slowest regime took.
    pub(crate) fn attacks(&self) -> (usize, Duration) {
        let played = self.attacks.iter().map(|(played, _)| played).sum();
        (played, self.attacks.iter().map(|(_, took)| *took).max().unwrap_or_default())
    }

    /// How long each probe took, in order of length.
    pub(crate) fn probes(&self) -> Vec<Duration> {
        let mut probes = self.probes.clone();
        probes.sort();
        probes
    }

    /// All entries by id.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many checks were planned.
    pub(crate) fn planned(&self) -> usize {
        self.planned.len()
    }

    /// How many of the planned checks have an outcome in each of the regimes they were to run in.
    pub(crate) fn executed(&self) -> usize {
        self.planned.iter().filter(|(id, regimes)| self.ran_in(id, regimes)).count()
    }

    /// Ids that were planned and have no outcome, or have one and were not planned.
    pub(crate) fn unaccounted(&self) -> Vec<&String> {
        let silent = self.planned.iter().filter(|(id, regimes)| !self.ran_in(id, regimes));
        let unplanned = self.entries.keys().filter(|id| !self.planned.contains_key(*id));
        silent.map(|(id, _)| id).chain(unplanned).collect()
    }

    fn ran_in(&self, id: &str, regimes: &BTreeSet<Regime>) -> bool {
        let outcome = |regime: &Regime| {
            self.entries.get(id).is_some_and(|entry| entry.observed.contains_key(regime.name()))
        };
        regimes.iter().all(outcome)
    }

    /// What is wrong, without repetitions, by rule and object.
    pub(crate) fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> =
            self.entries().flat_map(|entry| &entry.findings).collect();
        findings.sort_by_key(|f| (&f.rule, &f.object, &f.check));
        findings
    }
}
