//! The ledger: every planned check, and the outcome of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{self, Rule};
use super::severity::Severity;
use crate::platform::Regime;

/// What stands before the reason in the outcome of a check that could not run.
pub const COULD_NOT_RUN: &str = "could not run: ";

/// A fault, with what is needed to reproduce and fix it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What an attacker gains by it.
    pub severity: Severity,
    /// The rule's stable id.
    pub rule: String,
    /// What the rule means.
    pub title: String,
    /// The object: `memories`, `memories.content`, …
    pub object: String,
    /// The root cause: what is at fault, and the part of it. Findings of one cause are consequences
    /// of one fault, as are those whose cause begins with all the parts of another.
    pub cause: Vec<String>,
    /// The expected outcome.
    pub expected: String,
    /// The observed outcome.
    pub observed: String,
    /// The persona that observed it, if one did.
    pub persona: Option<String>,
    /// The script that reproduces it in psql.
    pub statement: Option<String>,
    /// How to fix it.
    pub remedy: String,
    /// The statement of a migration that causes it, or else the line of the contract.
    pub location: Option<Location>,
    /// Weakness numbers.
    pub references: Vec<String>,
    /// The check that found it.
    pub check: String,
    /// The privilege regimes in which it was observed.
    pub regimes: Vec<String>,
}

/// The position of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// The file, relative to the project's directory; of another directory, its name alone.
    pub file: String,
    /// The first line, from 1.
    pub line: usize,
    /// The first character in it, from 1.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The text there.
    pub text: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Finding {
    /// The object to fix: for a cell of a column, its table, because policies are the table's.
    pub fn subject(&self) -> &str {
        match self.object.split_once('.') {
            Some((table, _)) if self.rule.starts_with("isolation.") => table,
            _ => &self.object,
        }
    }

    /// Of a check that could not run: why, without the statement that it was about.
    fn cause(&self) -> Option<&str> {
        let text = self.observed.rsplit(COULD_NOT_RUN).next()?;
        (self.rule == rules::COULD_NOT_RUN.id).then(|| text.lines().next().unwrap_or_default())
    }

    /// Its rank among findings: what makes the others void first, then what an attacker gains most
    /// by, and of that the most likely causes.
    pub fn rank(&self) -> (Severity, usize) {
        if self.rule == rules::HARNESS_BROKEN.id {
            return (Severity::default(), 0);
        }
        let family = self.rule.split('.').next().unwrap_or_default();
        let families = ["schema", "isolation", "sign_up"];
        (self.severity, families.iter().position(|it| *it == family).unwrap_or(3))
    }

    /// Adds the privilege regimes in which the same was observed.
    pub fn seen_in(&mut self, regimes: Vec<String>) {
        self.regimes.extend(regimes);
        self.regimes.sort();
        self.regimes.dedup();
    }

    /// A finding of a check that observed something else than expected, by a rule.
    pub fn of(
        rule: &Rule,
        object: &str,
        check: &str,
        [expected, observed]: [&str; 2],
        regime: Regime,
    ) -> Self {
        Self {
            severity: Severity::default(),
            rule: rule.id.to_owned(),
            title: rule.title.to_owned(),
            object: object.to_owned(),
            cause: vec![object.to_owned(), rule.id.to_owned()],
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
    /// The persona.
    pub persona: String,
    /// `select`, `insert`, `update` or `delete`.
    pub command: String,
    /// The target, in the terms of the grid.
    pub target: String,
    /// The column, where the cell is about one.
    pub column: Option<String>,
    /// The expected outcome.
    pub expected: String,
    /// The statement.
    pub statement: String,
    /// For a denial: the control.
    pub control: Option<ControlRecord>,
    /// By privilege regime, the rows that it changed: `memories of alice`.
    pub changed: BTreeMap<String, Vec<String>>,
}

/// The control of a denial: the same statement by somebody entitled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ControlRecord {
    /// Who, and the outcome.
    pub outcome: String,
    /// What that shows.
    pub shows: Shows,
}

/// What the control of a denial shows of its statement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// It has an effect.
    Effect,
    /// It reaches the row, and a constraint refuses everybody what would become of it.
    Constraint,
    /// The contract lets nobody do it: the control is refused in the declared way, too.
    Nobody,
    /// Nothing, which is a finding: a denial of it proves nothing.
    Nothing,
}

/// The outcome of one check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its stable id.
    pub id: String,
    /// The expected outcome.
    pub expected: String,
    /// The observed outcome by privilege regime; one entry, `both`, if the regime does not
    /// matter.
    pub observed: BTreeMap<String, String>,
    /// The findings; none if it passed.
    pub findings: Vec<Finding>,
    /// The cell, if it is a check of the access matrix.
    pub cell: Option<CellRecord>,
}

impl Entry {
    /// A check that passes if `observed` equals `expected`, and else breaks the rule.
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

    /// Whether it has no findings.
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds the outcome of the same check in another regime.
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

/// An outcome in one regime.
pub fn in_regime(regime: Regime, text: impl Into<String>) -> BTreeMap<String, String> {
    BTreeMap::from([(regime.name().to_owned(), text.into())])
}

/// Every planned check, and the outcome of each.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The privilege regimes in which each check is to be made, by id.
    planned: BTreeMap<String, BTreeSet<Regime>>,
    entries: BTreeMap<String, Entry>,
    probes: Vec<Duration>,
    attacks: Vec<(usize, Duration)>,
}

impl Ledger {
    /// Plans the check of that id for that regime.
    pub fn plan(&mut self, id: String, regime: Regime) {
        self.planned.entry(id).or_default().insert(regime);
    }

    /// Records the outcome of a check, merged with that of another regime.
    pub fn record(&mut self, entry: Entry) {
        match self.entries.get_mut(&entry.id) {
            Some(known) => known.absorb(entry),
            None => {
                self.entries.insert(entry.id.clone(), entry);
            }
        }
    }

    /// Leaves each cause why a check could not run in one finding: the first check's. The others
    /// are not tried, and without an outcome.
    pub fn leave_each_cause_once(&mut self) {
        let mut known: BTreeSet<String> = BTreeSet::new();
        self.entries.retain(|_, entry| {
            let before = entry.findings.len();
            entry
                .findings
                .retain(|it| it.cause().is_none_or(|cause| known.insert(cause.to_owned())));
            before == 0 || !entry.findings.is_empty()
        });
    }

    /// Takes the findings that are accepted out of their entries, and adds a note to the outcomes;
    /// whether there were any.
    pub fn accept(&mut self, note: &str, is_accepted: impl Fn(&Finding) -> bool) -> bool {
        let mut any = false;
        for entry in self.entries.values_mut() {
            let before = entry.findings.len();
            entry.findings.retain(|finding| !is_accepted(finding));
            if entry.findings.len() < before {
                any = true;
                entry.observed.values_mut().for_each(|outcome| *outcome += note);
            }
        }
        any
    }

    /// Records how long a probe took.
    pub fn time(&mut self, took: Duration) {
        self.probes.push(took);
    }

    /// Records how many statements the attacks tried in one regime, and how long they took.
    pub fn time_attacks(&mut self, attempts: usize, took: Duration) {
        self.attacks.push((attempts, took));
    }

    /// The number of attack statements in all regimes, and how long the slowest regime took.
    pub fn attacks(&self) -> (usize, Duration) {
        let attempts = self.attacks.iter().map(|(attempts, _)| attempts).sum();
        (attempts, self.attacks.iter().map(|(_, took)| *took).max().unwrap_or_default())
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

    /// Planned ids without an outcome, with the regimes in which it is missing.
    pub fn missing(&self) -> BTreeMap<String, Vec<String>> {
        let unmade = |(id, regimes): (&String, &BTreeSet<Regime>)| {
            let known = self.entries.get(id);
            let unmade = regimes
                .iter()
                .map(|regime| regime.name())
                .filter(|regime| known.is_none_or(|entry| !entry.observed.contains_key(*regime)));
            (id.clone(), unmade.map(str::to_owned).collect())
        };
        let all = self.planned.iter().map(unmade);
        all.filter(|(_, regimes): &(String, Vec<String>)| !regimes.is_empty()).collect()
    }

    /// Ids with an outcome that were not planned.
    pub fn unplanned(&self) -> Vec<String> {
        let unplanned = self.entries.keys().filter(|id| !self.planned.contains_key(*id));
        unplanned.cloned().collect()
    }

    /// The findings, deduplicated, by rule and object.
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> =
            self.entries().flat_map(|entry| &entry.findings).collect();
        findings.sort_by_key(|f| (&f.rule, &f.object, &f.check));
        findings
    }
}
