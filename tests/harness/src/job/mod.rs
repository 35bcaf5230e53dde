//! The main job: plans and runs every check, and makes the evidence with one verdict.

pub mod job;

pub use self::job::{Job, Part};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::checks::attacks::runner::Attack;
use crate::checks::isolation::{self, Sandbox};
use crate::checks::lint::{self, Offenders};
use crate::checks::mutants::judge::{self, Judgement, Which};
use crate::checks::mutants::report as mutants_report;
use crate::checks::properties::Property;
use crate::checks::properties::plan::{PropertyChecks, Try};
use crate::checks::schema::Comparison;
use crate::checks::sign_up;
use crate::error::CannotRun;
use crate::findings::ledger::{Entry, Ledger};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::progress::Progress;
use crate::report::{self, Evidence};
use crate::sandbox::Database;
use crate::server::Server;

/// Plans every check, runs those of the job's parts, and gives the verdict.
///
/// # Errors
/// Why there is no verdict: no server, a migration that cannot be applied, a mistake in the
/// contract.
pub async fn run(inputs: Arc<Inputs>, job: &Job) -> Result<Evidence, CannotRun> {
    let Job { attacks, properties, .. } = job;
    let began = Instant::now();
    job.progress.show(|| "starting a server, and applying the migrations".to_owned());
    let server = Server::shared()?;
    let mut ledger = Ledger::default();
    let [explicit, auto_expose] = Regime::ALL.map(|regime| open(&inputs, regime));
    let (explicit, auto_expose) = tokio::try_join!(explicit, auto_expose)?;
    let regimes = [explicit, auto_expose];
    let compared = began.elapsed();
    let facets: BTreeSet<&String> = regimes.iter().flat_map(|(_, facets)| facets.ids()).collect();
    let equal = regimes[0].0.catalog == regimes[1].0.catalog;
    let shares = shares(attacks, equal);
    // If the catalogs of both regimes are equal, properties run in one.
    let property_regimes = if equal { &Regime::ALL[..1] } else { &Regime::ALL[..] };
    let property_checks =
        PropertyChecks::new(&inputs, property_regimes, properties, &regimes[0].0.database).await?;
    for (id, regime) in property_checks.plan() {
        ledger.plan(id, regime);
    }
    for ((sandbox, _), attacks) in regimes.iter().zip(&shares) {
        plan(&mut ledger, sandbox, &facets, attacks);
    }
    if job.does(Part::Schema) {
        let [explicit, auto_expose] = &regimes;
        let linted = tokio::try_join!(lint(&explicit.0), lint(&auto_expose.0))?;
        let exceptions = &inputs.contract.database.lint_exceptions;
        let linted = lint::entries(&[linted.0, linted.1], exceptions);
        let compared = regimes.iter().flat_map(|(_, it)| it.entries(facets.iter().copied()));
        for entry in compared.chain(linted) {
            ledger.record(entry);
        }
    }
    let states = regimes.iter().map(|(sandbox, _)| {
        (sandbox.regime().name().to_owned(), sandbox.prober.initial().fingerprint())
    });
    let states = states.collect();
    let (catalog, world) = (regimes[0].0.catalog.clone(), regimes[0].0.world.clone());

    let (records, mut recorded) = unbounded_channel();
    let mut jobs: JoinSet<Result<(), CannotRun>> = JoinSet::new();
    for ((sandbox, _), attacks) in regimes.into_iter().zip(shares) {
        let attacks = if job.does(Part::Attacks) { attacks } else { Vec::new() };
        jobs.spawn(check(sandbox, attacks, job.does(Part::Isolation), records.clone()));
    }
    drop(records);
    while let Some(record) = recorded.recv().await {
        job.progress.show(|| {
            format!("{} of {} checks made", ledger.entries().count(), ledger.planned().len())
        });
        match record {
            Record::Entry(entry) => ledger.record(*entry),
            Record::Cell(took) => ledger.time(took),
            Record::Attacks(attempts, took) => ledger.time_attacks(attempts, took),
        }
    }
    while let Some(done) = jobs.join_next().await {
        done.map_err(|error| CannotRun(format!("a check panicked: {error}")))??;
    }
    // After the attacks, because each would slow down the other.
    let has_plpgsql_check = property_checks.has_plpgsql_check;
    let tries = if job.does(Part::Properties) {
        run_properties(property_checks, &mut ledger, &job.progress).await?
    } else {
        vec![]
    };
    let mutants = match &job.mutants {
        Some(which) => Some(judge_mutants(&inputs, properties, which, &mut ledger).await?),
        None => None,
    };
    let run = report::Run {
        inputs: &inputs,
        server,
        attacks,
        parts: job.parts.iter().map(|part| part.name().to_owned()).collect(),
        states,
        catalog,
        world,
        tries,
        has_plpgsql_check,
        mutants,
        compared,
        took: began.elapsed(),
    };
    Ok(Evidence::of(&ledger, &run))
}

/// Runs the properties.
async fn run_properties(
    property_checks: PropertyChecks,
    ledger: &mut Ledger,
    progress: &Arc<Progress>,
) -> Result<Vec<Try>, CannotRun> {
    for entry in property_checks.lint().await? {
        ledger.record(entry);
    }
    let property_checks = Arc::new(property_checks);
    let (trying, progress) = (Arc::clone(&property_checks), Arc::clone(progress));
    let tries = tokio::task::spawn_blocking(move || trying.attempt(&progress)).await;
    let tries = tries.map_err(|error| CannotRun(format!("the properties panicked: {error}")))??;
    for (property, regime, tried) in &tries {
        ledger.record(property.entry(tried, *regime));
    }
    for entry in property_checks.coverage(&tries) {
        ledger.record(entry);
    }
    Ok(tries)
}

/// Judges mutants until Ctrl-C; the outcomes so far are kept.
async fn judge_mutants(
    inputs: &Arc<Inputs>,
    properties: &[&'static Property],
    which: &Which,
    ledger: &mut Ledger,
) -> Result<Judgement, CannotRun> {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    let interrupt_task = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let (judging, properties, which) = (Arc::clone(inputs), properties.to_vec(), which.clone());
    let judgement =
        tokio::task::spawn_blocking(move || judge::judge(&judging, &properties, &which, &stopped));
    let judgement = judgement.await;
    interrupt_task.abort();
    let broke_down = |error| CannotRun(format!("the mutants panicked: {error}"));
    let judgement = judgement.map_err(broke_down)??;
    for id in &judgement.planned {
        ledger.plan(id.clone(), Regime::Explicit);
    }
    for entry in mutants_report::entries(&judgement.judged, &inputs.mutants) {
        ledger.record(entry);
    }
    if judgement.complete {
        let checks = ledger.entries().map(|entry| entry.id.clone()).collect();
        for entry in mutants_report::leftovers(&judgement.judged, &inputs.mutants, &checks) {
            ledger.record(entry);
        }
    }
    Ok(judgement)
}

/// Which attacks run in which regime: all in both, unless the two catalogs are equal. Then the
/// results would be the same, and each attack runs in one.
fn shares(attacks: &[&'static Attack], equal: bool) -> [Vec<&'static Attack>; 2] {
    if !equal {
        return [attacks.to_vec(), attacks.to_vec()];
    }
    let turn = |first: usize| attacks.iter().skip(first).step_by(2).copied().collect();
    [turn(0), turn(1)]
}

/// A clone in that regime, and the comparison of its catalog with the contract.
async fn open(inputs: &Arc<Inputs>, regime: Regime) -> Result<(Sandbox, Comparison), CannotRun> {
    let sandbox = Sandbox::open(Arc::clone(inputs), regime).await?;
    let comparison = Comparison::read_in(&sandbox.database, &inputs.contract, regime).await?;
    Ok((sandbox, comparison))
}

/// The offenders of the linter's rules in that clone.
async fn lint(sandbox: &Sandbox) -> Result<(Regime, Offenders), CannotRun> {
    Ok((sandbox.regime(), lint::offenders(&sandbox.database.admin().await?).await?))
}

/// Plans the checks: every facet, rule, cell, attack and step of the sign-up.
fn plan(ledger: &mut Ledger, sandbox: &Sandbox, facets: &BTreeSet<&String>, attacks: &[&Attack]) {
    let (contract, regime) = (&sandbox.inputs.contract, sandbox.regime());
    for id in facets.iter().copied().cloned().chain(lint::ids()) {
        ledger.plan(id, regime);
    }
    for (name, declared) in contract.relations() {
        for cell in isolation::cells::cells(name, declared) {
            ledger.plan(cell.id, regime);
        }
    }
    for attack in attacks {
        for id in attack.plan(sandbox) {
            ledger.plan(id, regime);
        }
    }
    for id in contract.database.accounts.iter().flat_map(|_| sign_up::ids()) {
        ledger.plan(id, regime);
    }
}

/// A record for the ledger.
enum Record {
    /// The outcome of a check.
    Entry(Box<Entry>),
    /// How long a cell took.
    Cell(Duration),
    /// The number of attack statements in one regime, and how long they took.
    Attacks(usize, Duration),
}

/// Runs the checks in one regime, and sends their outcomes.
async fn check(
    sandbox: Sandbox,
    attacks: Vec<&'static Attack>,
    isolation: bool,
    records: UnboundedSender<Record>,
) -> Result<(), CannotRun> {
    let send = |record: Record| {
        records.send(record).map_err(|_| CannotRun("the ledger is closed".to_owned()))
    };
    let inputs = Arc::clone(&sandbox.inputs);
    for (name, _) in inputs.contract.relations().filter(|_| isolation) {
        for ran in sandbox.run(name).await? {
            send(Record::Cell(ran.took))?;
            send(Record::Entry(Box::new(ran.entry)))?;
        }
    }
    let (began, before) = (Instant::now(), sandbox.prober.attempts());
    for attack in attacks {
        for entry in attack.run(&sandbox).await {
            send(Record::Entry(Box::new(entry)))?;
        }
    }
    send(Record::Attacks(sandbox.prober.attempts() - before, began.elapsed()))?;
    // An attack that could not run is a finding; a lost server is an error.
    sandbox.prober.digest().await?;
    if let Some(accounts) = inputs.contract.database.accounts.as_ref().filter(|_| isolation) {
        let database = Database::of(&inputs, sandbox.regime()).await?;
        for entry in sign_up::run(&database, &inputs.contract, accounts, sandbox.regime()).await? {
            send(Record::Entry(Box::new(entry)))?;
        }
    }
    Ok(())
}
