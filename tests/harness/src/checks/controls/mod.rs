//! Negative controls: weaknesses that every run plants in a schema of the harness's own, each of
//! which has to be found by the check that is there for it. The checks are those of the main job,
//! and so are the prober, the judges and the ledger.

pub mod catalogue;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::{join, join_all};

pub use self::catalogue::{CONTROLS, Check, Control};
use crate::catalog::{Catalog, EVERYTHING};
use crate::checks::attacks;
use crate::checks::isolation::Sandbox;
use crate::checks::lint;
use crate::checks::properties::constraints;
use crate::checks::schema::Comparison;
use crate::checks::sign_up;
use crate::database::{batch, connect};
use crate::error::{CannotRun, describe};
use crate::findings::ledger::{Entry, Ledger};
use crate::findings::rules;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::sandbox::Database;

/// The schema that is broken, and its contract.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/controls");

/// The check that nothing is found where nothing is planted.
const NOTHING_PLANTED: &str = "control/nothing-planted";

impl Control {
    /// The id of its check.
    pub fn id(&self) -> String {
        format!("control/{}/{}", self.rule, self.check.id())
    }
}

/// The ids of their checks.
pub fn ids(controls: &[Control]) -> Vec<String> {
    let unplanted = (!controls.is_empty()).then(|| NOTHING_PLANTED.to_owned());
    controls.iter().map(Control::id).chain(unplanted).collect()
}

/// Whether the check is of a weakness that is planted.
pub fn is_planted(id: &str) -> bool {
    id.starts_with("control/") && id != NOTHING_PLANTED
}

/// Plants each weakness, on the platform of these inputs, and looks whether it is found; and
/// whether nothing is found where none is planted.
pub async fn run(controls: &[Control], inputs: &Inputs, regime: Regime) -> Vec<Entry> {
    if controls.is_empty() {
        return Vec::new();
    }
    let mut checks: Vec<Check> = Vec::new();
    for control in controls {
        if !checks.iter().any(|it| it.is_made_with(control.check)) {
            checks.push(control.check);
        }
    }
    let (in_clones, together) = checks.into_iter().partition(|it| it.takes_a_clone());
    let in_clones: Vec<Check> = in_clones;
    let unplanted = in_clones.into_iter().map(|it| vec![it]).chain([together]);
    let mut trials: Vec<Trial> = unplanted.map(|checks| Trial { plant: "", checks }).collect();
    let first = trials.len();
    trials.extend(controls.iter().map(|it| Trial { plant: it.plant, checks: vec![it.check] }));
    let mut made = match Bench::open(inputs, regime).await {
        Ok(mut bench) => bench.make(&trials).await,
        Err(why) => trials.iter().map(|_| Err(CannotRun(why.0.clone()))).collect(),
    };
    let planted = made.split_off(first);
    let unplanted: Result<Vec<Vec<Entry>>, CannotRun> = made.into_iter().collect();
    let unplanted = unplanted.map(|it| told(&found(it.into_iter().flatten())));
    let entries = controls.iter().zip(planted).map(|(it, made)| it.judged(made, regime));
    entries.chain([entry(NOTHING_PLANTED, "", NOTHING, unplanted, regime)]).collect()
}

/// The outcome where there is no finding.
const NOTHING: &str = "no finding";

impl Control {
    /// Its own entry, by the entries of the check that was to find the weakness.
    fn judged(&self, made: Result<Vec<Entry>, CannotRun>, regime: Regime) -> Entry {
        let expected = format!("{} by {}", self.rule, self.check.id());
        let observed = made.map(|entries| {
            let found = found(entries.into_iter());
            if found.contains(&expected) { expected.clone() } else { told(&found) }
        });
        entry(&self.id(), self.plant, &expected, observed, regime)
    }
}

/// The findings of these entries in a ledger: `rule by check`.
fn found(entries: impl Iterator<Item = Entry>) -> Vec<String> {
    let mut ledger = Ledger::default();
    entries.for_each(|entry| ledger.record(entry));
    ledger.findings().into_iter().map(|it| format!("{} by {}", it.rule, it.check)).collect()
}

fn told(found: &[String]) -> String {
    if found.is_empty() { NOTHING.to_owned() } else { format!("only {}", found.join(", ")) }
}

fn entry(
    id: &str,
    plant: &str,
    expected: &str,
    observed: Result<String, CannotRun>,
    regime: Regime,
) -> Entry {
    let (rule, observed) = match observed {
        Ok(observed) => (&rules::HARNESS_BROKEN, observed),
        Err(CannotRun(why)) => (&rules::COULD_NOT_RUN, why),
    };
    let with = if plant.is_empty() { "nothing" } else { plant };
    let mut entry = Entry::compared(rule, "the harness", id, [expected, &observed], regime);
    for finding in &mut entry.findings {
        finding.expected = format!("{expected}, where this is planted: {with}");
    }
    entry
}

/// Checks that are made behind the same weakness.
struct Trial {
    plant: &'static str,
    checks: Vec<Check>,
}

impl Trial {
    fn takes_a_clone(&self) -> bool {
        self.checks.iter().any(|it| it.takes_a_clone())
    }
}

/// A clone of the schema in which weaknesses are planted and rolled back; those that other
/// connections have to see get clones of their own.
struct Bench {
    inputs: Arc<Inputs>,
    sandbox: Sandbox,
    comparison: Comparison,
}

impl Bench {
    async fn open(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
        let of = Path::new(DIRECTORY);
        let own = Inputs::read(&of.join("migrations"), of)?;
        let inputs = Arc::new(Inputs { shim: inputs.shim.clone(), ..own });
        let sandbox = Sandbox::open(Arc::clone(&inputs), regime).await?;
        let comparison = Comparison::read_in(&sandbox.database, &inputs.contract, regime).await?;
        sandbox.prober.nest(true);
        Ok(Self { inputs, sandbox, comparison })
    }

    /// The entries of each trial: of one after the other in a transaction, and at the same time of
    /// those that take a clone.
    async fn make(&mut self, trials: &[Trial]) -> Vec<Result<Vec<Entry>, CannotRun>> {
        let (inputs, regime) = (Arc::clone(&self.inputs), self.sandbox.regime());
        let in_clones = trials.iter().filter(|it| it.takes_a_clone());
        let in_clones = join_all(in_clones.map(|it| in_clone(&inputs, regime, it)));
        let in_transactions = async {
            let mut made = Vec::new();
            for trial in trials.iter().filter(|it| !it.takes_a_clone()) {
                made.push(self.in_transaction(trial).await);
            }
            made
        };
        let (in_clones, in_transactions) = join(in_clones, in_transactions).await;
        let (mut in_clones, mut in_transactions) =
            (in_clones.into_iter(), in_transactions.into_iter());
        let made = |it: &Trial| {
            let made = if it.takes_a_clone() { in_clones.next() } else { in_transactions.next() };
            made.expect("each was made")
        };
        trials.iter().map(made).collect()
    }

    async fn in_transaction(&mut self, trial: &Trial) -> Result<Vec<Entry>, CannotRun> {
        // An empty search_path, so that every name is printed with its schema.
        self.send("begin; set local search_path = ''").await?;
        let entries = async {
            self.send(&as_migration(trial.plant)).await?;
            if trial.checks.iter().any(|it| it.reads_the_catalog()) {
                let client = self.sandbox.prober.client();
                self.sandbox.catalog = Catalog::read(client, EVERYTHING).await?;
            }
            let mut entries = Vec::new();
            for check in &trial.checks {
                entries.extend(self.entries(*check).await?);
            }
            Ok(entries)
        };
        let entries = entries.await;
        self.send("rollback").await?;
        entries
    }

    async fn send(&self, statements: &str) -> Result<(), CannotRun> {
        match batch::run(self.sandbox.prober.client(), statements).await?.1 {
            None => Ok(()),
            Some(error) => Err(not_planted(statements, &error.to_string())),
        }
    }

    async fn entries(&self, check: Check) -> Result<Vec<Entry>, CannotRun> {
        let sandbox = &self.sandbox;
        Ok(match check {
            Check::Schema(_) => self.comparison.with(&sandbox.catalog).entries([]),
            Check::Lint(_) => {
                let offenders = lint::offenders(sandbox.prober.client()).await?;
                lint::entries(&[(sandbox.regime(), offenders)], &[])
            }
            Check::Cell(table, id) => {
                let ran = sandbox.run_those(table, |cell| cell.id == id).await?;
                ran.into_iter().map(|it| it.entry).collect()
            }
            Check::Attack(number, _) => attacked(sandbox, number).await,
            Check::SignUp(_) | Check::Property(_) => Vec::new(),
        })
    }
}

/// The entries of an attack; a number of the catalogue may have several.
async fn attacked(sandbox: &Sandbox, number: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for attack in attacks::all().filter(|it| it.id == number) {
        entries.extend(attack.run(sandbox).await);
    }
    entries
}

/// The entries of a check in a clone that has the weakness.
async fn in_clone(
    inputs: &Arc<Inputs>,
    regime: Regime,
    trial: &Trial,
) -> Result<Vec<Entry>, CannotRun> {
    let (plant, check) = (trial.plant, trial.checks[0]);
    if let Check::Property(id) = check {
        let property = constraints::PROPERTIES.iter().find(|it| it.check() == id);
        let property = property.ok_or_else(|| CannotRun(format!("there is no {id}")))?;
        let inputs = Arc::clone(inputs);
        let tried = move || property.attempt_with(&inputs, regime, plant);
        let tried = tokio::task::spawn_blocking(tried).await;
        let tried = tried.map_err(|error| CannotRun(format!("{id} panicked: {error}")))??;
        return Ok(vec![property.entry(&tried, regime)]);
    }
    let database = Database::of(inputs, regime).await?;
    let migration = connect(&database.login("postgres")).await?;
    let planted = migration.batch_execute(plant).await;
    planted.map_err(|error| not_planted(plant, &describe(&error)))?;
    let accounts = inputs.contract.database.accounts.as_ref();
    match (check, accounts) {
        (Check::SignUp(_), Some(accounts)) => {
            sign_up::run(&database, &inputs.contract, accounts, regime).await
        }
        (Check::Attack(number, _), _) => {
            let sandbox = Sandbox::within(database, Arc::clone(inputs), regime).await?;
            Ok(attacked(&sandbox, number).await)
        }
        _ => Ok(Vec::new()),
    }
}

/// The statements as those of a migration.
fn as_migration(statements: &str) -> String {
    format!(
        "set local session authorization postgres; {statements}; \
         set local session authorization default"
    )
}

fn not_planted(statements: &str, why: &str) -> CannotRun {
    CannotRun(format!("could not plant a weakness: {why}\n  {statements}"))
}
