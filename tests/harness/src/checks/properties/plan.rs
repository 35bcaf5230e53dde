//! The plan of properties: which properties test the invariants of functions and tables, their
//! results, and the coverage of each function.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::checks::properties::coverage::Coverage;
use crate::checks::properties::{Property, Tried};
use crate::contract::Contract;
use crate::database::plpgsql_check;
use crate::error::{CannotRun, of_panic};
use crate::findings::ledger::Entry;
use crate::findings::rules;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::progress::Progress;
use crate::sandbox::Database;
use crate::source::mistake::{Mistakes, Wrong};

/// The number of properties tried at the same time, each on its own connection.
const AT_ONCE: usize = 2;

/// The properties that a contract names, and the inputs and regimes of the run.
pub struct PropertyChecks {
    inputs: Arc<Inputs>,
    regimes: Vec<Regime>,
    properties: Vec<&'static Property>,
    /// Whether the server has `plpgsql_check`.
    pub has_plpgsql_check: bool,
}

/// A property that was tried, and its result.
pub type Try = (&'static Property, Regime, Tried);

/// The same, or why it could not be tried.
pub type Attempt = (&'static Property, Regime, Result<Tried, CannotRun>);

impl PropertyChecks {
    /// The properties among `all` that apply to the contract.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn new(
        inputs: &Arc<Inputs>,
        regimes: &[Regime],
        all: &[&'static Property],
        database: &Database,
    ) -> Result<Self, CannotRun> {
        let applies = |property: &&&Property| property.applies(&inputs.contract);
        let admin = database.admin().await?;
        Ok(Self {
            inputs: Arc::clone(inputs),
            regimes: regimes.to_vec(),
            properties: all.iter().filter(applies).copied().collect(),
            has_plpgsql_check: plpgsql_check::is_available(&admin).await?,
        })
    }

    /// The ids of its checks, and the regimes of each.
    pub fn plan(&self) -> Vec<(String, Regime)> {
        let properties = self.properties.iter().map(|property| property.check());
        let covered = self.covered().into_iter().map(|function| format!("coverage/{function}"));
        let linted = self.linted().into_iter().map(|function| format!("plpgsql_check/{function}"));
        let ids: Vec<String> = properties.chain(covered).chain(linted).collect();
        let everywhere = |id: String| self.regimes.iter().map(move |&regime| (id.clone(), regime));
        ids.into_iter().flat_map(everywhere).collect()
    }

    /// The functions that a property is about.
    fn covered(&self) -> BTreeSet<&str> {
        let functions = &self.inputs.contract.functions;
        let about = self.properties.iter().flat_map(|property| property.about).copied();
        about.filter(|name| functions.contains_key(*name)).collect()
    }

    /// The functions that `plpgsql_check` can check.
    fn linted(&self) -> BTreeSet<&str> {
        let functions = self.inputs.contract.functions.iter();
        let bodies = functions.filter(|(_, function)| function.language == "plpgsql");
        let names = bodies.map(|(name, _)| name.as_str());
        if self.has_plpgsql_check { names.collect() } else { BTreeSet::new() }
    }

    /// Tries all properties, several at once; one that breaks down has no result.
    pub fn attempt(&self, progress: &Progress) -> Vec<Attempt> {
        let everywhere = |&property| self.regimes.iter().map(move |&regime| (property, regime));
        let work = Mutex::new(self.properties.iter().flat_map(everywhere));
        let all = self.properties.len() * self.regimes.len();
        let begun = AtomicUsize::new(0);
        let next = || work.lock().expect("nobody panics with the lock").next();
        let worker = || {
            let mut tried = Vec::new();
            while let Some((property, regime)) = next() {
                let begun = begun.fetch_add(1, Ordering::Relaxed) + 1;
                progress.show(|| format!("property {begun} of {all}: {}", property.id));
                let attempt = || property.attempt(&self.inputs, regime);
                let attempt = catch_unwind(AssertUnwindSafe(attempt));
                let attempt = attempt.unwrap_or_else(|panic| Err(of_panic(&*panic)));
                tried.push((property, regime, attempt));
            }
            tried
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
            let mut all = Vec::new();
            for worker in workers {
                all.extend(worker.join().expect("a property's panic was caught"));
            }
            all
        })
    }

    /// The reports of `plpgsql_check`, if the server has it.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn lint(&self) -> Result<Vec<Entry>, CannotRun> {
        let mut entries = Vec::new();
        let linted = self.linted();
        if linted.is_empty() {
            return Ok(entries);
        }
        for &regime in &self.regimes {
            let database = Database::of(&self.inputs, regime).await?;
            let admin = database.admin().await?;
            plpgsql_check::install(&admin).await?;
            let reports = plpgsql_check::reports(&admin).await?;
            for &function in &linted {
                let observed = match reports.get(function) {
                    Some(lines) if lines.is_empty() => NOTHING.to_owned(),
                    Some(lines) => lines.join("; "),
                    None => "there is no such function".to_owned(),
                };
                let id = format!("plpgsql_check/{function}");
                let seen = [NOTHING, &observed];
                entries.push(Entry::compared(&rules::BODY, function, &id, seen, regime));
            }
        }
        Ok(entries)
    }

    /// Whether the properties have reached every statement of the functions they are about.
    pub fn coverage(&self, tries: &[Try]) -> Vec<Entry> {
        let mut entries = Vec::new();
        for &regime in &self.regimes {
            let coverage = coverage(tries, regime);
            for function in self.covered() {
                let (expected, observed) = reached(&coverage, function);
                let id = format!("coverage/{function}");
                let seen = [expected, &observed];
                entries.push(Entry::compared(&rules::COVERAGE, function, &id, seen, regime));
            }
        }
        entries
    }
}

/// The expected report of `plpgsql_check`.
const NOTHING: &str = "nothing";

/// Whether every property that the contract names is among `all`.
///
/// # Errors
/// Those that are not, with file and line.
pub fn are_known(contract: &Contract, all: &[&Property]) -> Result<(), CannotRun> {
    let mut mistakes = Mistakes::default();
    let mut check = |file: &str, claims: &[String], begin: &str| {
        let known = all.iter().filter_map(|property| property.id.strip_prefix(begin));
        let known: Vec<&str> = known.collect();
        for (at, claim) in claims.iter().enumerate() {
            if !known.contains(&claim.as_str()) {
                let file = &contract.sources[file];
                let at = file.value(&["proved_by", &at.to_string()]);
                let wrong = Wrong::unknown("property", claim, known.iter().copied());
                mistakes.add(file.mistake(at, wrong));
            }
        }
    };
    for (name, function) in &contract.functions {
        check(&function.file, &function.proved_by, &format!("{name}/"));
    }
    check("database.toml", &contract.database.proved_by, "");
    mistakes.told()
}

/// The coverage in a regime.
pub fn coverage(tries: &[Try], regime: Regime) -> Coverage {
    let mut coverage = Coverage::default();
    for (_, _, tried) in tries.iter().filter(|(_, of, _)| *of == regime) {
        coverage.absorb(tried.coverage.clone());
    }
    coverage
}

/// The expected and the observed coverage of a function.
pub fn reached(coverage: &Coverage, function: &str) -> (&'static str, String) {
    let Some(statements) = coverage.statements.get(function) else {
        let calls = coverage.calls.get(function).copied().unwrap_or_default();
        return ("called", if calls > 0 { "called" } else { "never called" }.to_owned());
    };
    let missed: Vec<String> = statements
        .values()
        .filter(|statement| statement.executed == 0)
        .map(|statement| format!("line {} ({})", statement.line, statement.kind))
        .collect();
    let expected = "every statement executed";
    match missed.as_slice() {
        [] => (expected, expected.to_owned()),
        missed => (expected, format!("never executed: {}", missed.join(", "))),
    }
}
