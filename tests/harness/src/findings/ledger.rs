//! This file is the ledger: every check that was planned, and what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::Rule;
use crate::platform::Regime;

/// Something that is wrong, told so that it can be seen again and mended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule's stable id.
    pub rule: String,
    /// What the rule means.
    pub title: String,
    /// What it is about: `memories`, `memories.content`, …
    pub object: String,
    /// What the contract says.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Who saw it, where somebody did.
    pub persona: Option<String>,
    /// What to paste into psql to see it again.
    pub statement: Option<String>,
    /// How to mend it.
    pub remedy: String,
    /// The statement of a migration behind it, or else the line of the contract.
    pub location: Option<Location>,
    /// Weakness numbers.
    pub references: Vec<String>,
    /// The check that found it.
    pub check: String,
    /// The privilege regimes in which it was seen.
    pub regimes: Vec<String>,
}

/// Where a statement stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// The file, from the project's directory on; of a directory elsewhere, its name alone.
    pub file: String,
    /// The first line, from 1.
    pub line: usize,
    /// The first character in it, from 1.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Finding {
    /// What is to be mended: of a cell's column, the table, whose policy all columns have.
    pub fn subject(&self) -> &str {
        match self.object.split_once('.') {
            Some((table, _)) if self.rule.starts_with("isolation.") => table,
            _ => &self.object,
        }
    }

    /// Where it stands among others: the plainest cause first.
    pub fn rank(&self) -> usize {
        let family = self.rule.split('.').next().unwrap_or_default();
        ["schema", "isolation", "sign_up"].iter().position(|it| *it == family).unwrap_or(3)
    }

    /// That the same was seen in other privilege regimes.
    pub fn seen_in(&mut self, regimes: Vec<String>) {
        self.regimes.extend(regimes);
        self.regimes.sort();
        self.regimes.dedup();
    }

    /// That a check saw something else than what was to be, by a rule.
    pub fn of(
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CellRecord {
    /// The table or view.
    pub table: String,
    /// Who tried.
    pub persona: String,
    /// `select`, `insert`, `update` or `delete`.
    pub command: String,
    /// Whose row, in the words of the grid.
    pub target: String,
    /// The column, where the cell is about one.
    pub column: Option<String>,
    /// What the grid says.
    pub expected: String,
    /// What was tried.
    pub statement: String,
    /// What the control got with the same statement, where this is a denial.
    pub control: Option<String>,
    /// By privilege regime, the rows that it changed: `memories of alice`.
    pub changed: BTreeMap<String, Vec<String>>,
}

/// What came of one check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its stable id.
    pub id: String,
    /// What was to be.
    pub expected: String,
    /// What was, by privilege regime; one entry, `both`, where the regime does not matter.
    pub observed: BTreeMap<String, String>,
    /// What is wrong; nothing if it passed.
    pub findings: Vec<Finding>,
    /// The cell, where it is one of the matrix.
    pub cell: Option<CellRecord>,
}

impl Entry {
    /// A check that passes if what was seen is what was to be; else the rule is broken.
    pub fn compared(
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
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds what another regime showed for the same check.
    pub fn absorb(&mut self, other: Self) {
        self.observed.extend(other.observed);
        if let (Some(cell), Some(other)) = (&mut self.cell, other.cell) {
            cell.changed.extend(other.changed);
        }
        for finding in other.findings {
            let same = |known: &&mut Finding| {
                (&known.rule, &known.observed) == (&finding.rule, &finding.observed)
            };
            match self.findings.iter_mut().find(same) {
                Some(known) => known.seen_in(finding.regimes),
                None => self.findings.push(finding),
            }
        }
    }
}

/// What one regime showed.
pub fn in_regime(regime: Regime, text: impl Into<String>) -> BTreeMap<String, String> {
    BTreeMap::from([(regime.name().to_owned(), text.into())])
}

/// Every check that was planned, and what came of each.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The privilege regimes in which each check is to be made, by id.
    planned: BTreeMap<String, BTreeSet<Regime>>,
    entries: BTreeMap<String, Entry>,
    probes: Vec<Duration>,
    attacks: Vec<(usize, Duration)>,
}

impl Ledger {
    /// Says beforehand that the check of that id will be made in that regime.
    pub fn plan(&mut self, id: String, regime: Regime) {
        self.planned.entry(id).or_default().insert(regime);
    }

    /// Writes down what came of a check; of one in two regimes, both.
    pub fn record(&mut self, entry: Entry) {
        match self.entries.get_mut(&entry.id) {
            Some(known) => known.absorb(entry),
            None => {
                self.entries.insert(entry.id.clone(), entry);
            }
        }
    }

    /// Writes down how long a probe took.
    pub fn time(&mut self, took: Duration) {
        self.probes.push(took);
    }

    /// Writes down how many acts the attacks of one regime played, and how long they took.
    pub fn time_attacks(&mut self, played: usize, took: Duration) {
        self.attacks.push((played, took));
    }

    /// The acts that the attacks played in all regimes, and how long the slowest regime took.
    pub fn attacks(&self) -> (usize, Duration) {
        let played = self.attacks.iter().map(|(played, _)| played).sum();
        (played, self.attacks.iter().map(|(_, took)| *took).max().unwrap_or_default())
    }

    /// How long each probe took, in order of length.
    pub fn probes(&self) -> Vec<Duration> {
        let mut probes = self.probes.clone();
        probes.sort();
        probes
    }

    /// All entries by id.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The id of every check that was planned.
    pub fn planned(&self) -> impl ExactSizeIterator<Item = &String> {
        self.planned.keys()
    }

    /// Ids that were planned, and the regimes in which they have no outcome.
    pub fn missing(&self) -> BTreeMap<String, Vec<String>> {
        let silent = |(id, regimes): (&String, &BTreeSet<Regime>)| {
            let known = self.entries.get(id);
            let silent = regimes
                .iter()
                .map(|regime| regime.name())
                .filter(|regime| known.is_none_or(|entry| !entry.observed.contains_key(*regime)));
            (id.clone(), silent.map(str::to_owned).collect())
        };
        let all = self.planned.iter().map(silent);
        all.filter(|(_, regimes): &(String, Vec<String>)| !regimes.is_empty()).collect()
    }

    /// Ids that have an outcome and were not planned.
    pub fn unplanned(&self) -> Vec<String> {
        let unplanned = self.entries.keys().filter(|id| !self.planned.contains_key(*id));
        unplanned.cloned().collect()
    }

    /// What is wrong, without repetitions, by rule and object.
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> =
            self.entries().flat_map(|entry| &entry.findings).collect();
        findings.sort_by_key(|f| (&f.rule, &f.object, &f.check));
        findings
    }
}
