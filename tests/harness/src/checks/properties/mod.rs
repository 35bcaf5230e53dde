//! Properties: invariants that generated cases try to break, and the results.

pub mod constraints;
pub mod coverage;
pub mod plan;
mod runner;
mod transaction;

use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngSeed, contextualize_config};

pub use self::runner::{PATIENCE, Runner, runtime};

pub use self::transaction::{CaseTransaction, Refused, Sender};

use self::coverage::Coverage;
use crate::contract::Contract;
use crate::error::CannotRun;
use crate::findings::ledger::{Entry, Finding, in_regime};
use crate::findings::rules;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::sandbox::Database;
use crate::source::short_hash;

/// All properties: the project's, and those of the constraints of any schema.
pub fn all(project: &[&'static Property]) -> Vec<&'static Property> {
    project.iter().copied().chain(&constraints::PROPERTIES).collect()
}

/// An invariant of the schema, and how to try to break it.
#[derive(Debug)]
pub struct Property {
    /// Its stable id, below `promise/`: what it is about, then the claim in short.
    pub id: &'static str,
    /// The claim, in a sentence.
    pub claim: &'static str,
    /// The functions and tables that it is about; a finding without another object names the
    /// first. It is tried if the contract names it, or if it is about none.
    pub about: &'static [&'static str],
    /// The number of generated cases, unless `PROPTEST_CASES` is set.
    pub cases: u32,
    /// Tries to break it.
    pub holds: fn(&Runner) -> Result<(), Broken>,
}

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The smallest input that breaks it.
    pub input: String,
    /// The observed outcome.
    pub reason: String,
    /// The statements of that case.
    pub script: String,
    /// The object of the finding, if it is not the first of the property's.
    pub object: Option<String>,
}

impl Broken {
    /// No case could be tried.
    pub fn untried(reason: String) -> Self {
        let input = "none: the case could not be set".to_owned();
        Self { input, reason, script: String::new(), object: None }
    }

    /// The same with another object.
    pub fn of(self, object: String) -> Self {
        Self { object: Some(object), ..self }
    }
}

impl From<Refused> for Broken {
    fn from(refused: Refused) -> Self {
        Self::untried(refused.to_string())
    }
}

impl From<CannotRun> for Broken {
    fn from(why: CannotRun) -> Self {
        Self::untried(why.to_string())
    }
}

/// The result of trying to break a property.
#[derive(Debug)]
pub struct Tried {
    /// Whether it held.
    pub result: Result<(), Broken>,
    /// The seed that the cases were generated from.
    pub seed: u64,
    /// How long each case took, from its first statement to its rollback.
    pub cases: Vec<Duration>,
    /// How long all of it took, the clone included.
    pub took: Duration,
    /// The coverage of each function.
    pub coverage: Coverage,
}

/// Tries a property against one fault after the other.
pub struct FaultRunner {
    property: &'static Property,
    runner: Runner,
}

impl FaultRunner {
    /// Whether the property fails with the fault; none if its cases commit, so that it cannot
    /// run here.
    ///
    /// # Errors
    /// Why the fault could not be planted, or the server not be reached.
    pub fn notices(&self, fault: &str) -> Result<Option<bool>, CannotRun> {
        self.runner.notices(fault, self.property.holds)
    }
}

impl Property {
    /// The id in the ledger.
    pub fn check(&self) -> String {
        format!("property/{}", self.id)
    }

    /// Whether it is tried: it is about every schema, or the contract names it.
    pub fn applies(&self, contract: &Contract) -> bool {
        self.about.is_empty() || contract.proofs().any(|id| id == self.id)
    }

    /// The seed of a run on these inputs: the same for the same inputs, so that two runs give
    /// the same evidence; `PROPTEST_RNG_SEED` sets another.
    pub fn seed(&self, inputs: &Inputs) -> u64 {
        match contextualize_config(Config::default()).rng_seed {
            RngSeed::Fixed(seed) => seed,
            RngSeed::Random => {
                let digest = short_hash(&format!("{} {}", inputs.migrations_sha256(), self.id));
                u64::from_str_radix(&digest, 16).expect("16 digits")
            }
        }
    }

    /// Tries to break it in a clone of its own.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub fn attempt(&self, inputs: &Inputs, regime: Regime) -> Result<Tried, CannotRun> {
        self.attempt_with(inputs, regime, "")
    }

    /// The same after the administrator has planted a fault, which must break the property.
    ///
    /// # Errors
    /// Why the fault could not be planted, or the server not be reached.
    pub fn attempt_with(
        &self,
        inputs: &Inputs,
        regime: Regime,
        fault: &str,
    ) -> Result<Tried, CannotRun> {
        let began = Instant::now();
        let runtime = runtime()?;
        let database = runtime.block_on(Database::of(inputs, regime))?;
        // Regressions of another schema, or of a planted fault, are not stored for this one.
        let keeps = fault.is_empty() && inputs.are_the_projects();
        let runner = Runner::open(self, runtime, database, inputs, keeps)?;
        runner.plant(fault)?;
        let result = (self.holds)(&runner);
        let coverage = runner.coverage()?;
        let (seed, cases) = (runner.seed(), runner.times());
        Ok(Tried { result, seed, cases, took: began.elapsed(), coverage })
    }

    /// A runner for faults, with at most that many cases, on which the property holds without a
    /// fault.
    ///
    /// # Errors
    /// That it does not hold, or why the server could not be reached.
    pub fn fault_runner(
        &'static self,
        inputs: &Inputs,
        regime: Regime,
        cases: u32,
    ) -> Result<FaultRunner, CannotRun> {
        let runtime = runtime()?;
        let database = runtime.block_on(Database::of(inputs, regime))?;
        let mut runner = Runner::open(self, runtime, database, inputs, false)?;
        runner.limit(cases);
        match (self.holds)(&runner) {
            Ok(()) => Ok(FaultRunner { property: self, runner }),
            Err(broken) => {
                let (check, reason) = (self.check(), broken.reason);
                Err(CannotRun(format!("{check} fails without any fault: {reason}")))
            }
        }
    }

    /// Its entry in the ledger.
    pub fn entry(&self, tried: &Tried, regime: Regime) -> Entry {
        let observed = match &tried.result {
            Ok(()) => format!("held in {} cases, seed {}", tried.cases.len(), tried.seed),
            Err(broken) => format!(
                "{}; smallest input: {}; seed {} (PROPTEST_RNG_SEED={} tries the same cases again)",
                broken.reason, broken.input, tried.seed, tried.seed
            ),
        };
        let about = self.about.first().copied().unwrap_or("the schema");
        let finding = tried.result.as_ref().err().map(|broken| {
            let object = broken.object.as_deref().unwrap_or(about);
            let seen = [self.claim, &observed];
            Finding {
                statement: Some(broken.script.clone()),
                ..Finding::of(&rules::BROKEN_PROPERTY, object, &self.check(), seen, regime)
            }
        });
        Entry {
            id: self.check(),
            expected: self.claim.to_owned(),
            observed: in_regime(regime, observed),
            findings: finding.into_iter().collect(),
            cell: None,
        }
    }
}
