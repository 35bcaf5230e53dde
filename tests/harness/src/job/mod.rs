//! The main job: plans and runs every check, and makes the evidence with one verdict.

pub mod accepted;
mod parts;

pub use self::parts::{Job, Part};

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::checks::attacks::runner::Attack;
use crate::checks::controls;
use crate::checks::isolation::{self, Sandbox};
use crate::checks::lint::{self, Offenders};
use crate::checks::mutants::judge::{self, Judgement, Which};
use crate::checks::mutants::report as mutants_report;
use crate::checks::properties::Property;
use crate::checks::properties::plan::{PropertyChecks, Try};
use crate::checks::schema::Comparison;
use crate::checks::sign_up;
use crate::error::{CannotRun, describe, of_panic};
use crate::findings::ledger::{Entry, Ledger};
use crate::findings::rules;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::progress::Progress;
use crate::report::{self, Evidence};
use crate::sandbox::{Database, Regimes};
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
    let wanted = job.regimes.as_deref().unwrap_or(&Regime::ALL);
    let mut regimes = try_join_all(wanted.iter().map(|&regime| open(&inputs, regime))).await?;
    let chosen = match &job.regimes {
        Some(wanted) => Regimes::wanted(wanted),
        None => Regimes::guess(&inputs, &regimes[0].0.catalog, &regimes[1].0.catalog),
    };
    regimes.retain(|(sandbox, _)| chosen.all.contains(&sandbox.regime()));
    let compared = began.elapsed();
    let facets: BTreeSet<&String> = regimes.iter().flat_map(|(_, facets)| facets.ids()).collect();
    let catalog = regimes[0].0.catalog.clone();
    let equal = regimes.iter().all(|(sandbox, _)| sandbox.catalog == catalog);
    let shares = shares(attacks, regimes.len(), equal);
    // If the catalogs of both regimes are equal, properties run in one.
    let property_regimes = if equal { &chosen.all[..1] } else { &chosen.all[..] };
    let property_checks =
        PropertyChecks::new(&inputs, property_regimes, properties, &regimes[0].0.database).await?;
    for (id, regime) in property_checks.plan() {
        ledger.plan(id, regime);
    }
    for ((sandbox, _), attacks) in regimes.iter().zip(&shares) {
        plan(&mut ledger, sandbox, &facets, attacks);
    }
    for id in controls::ids(job.controls) {
        ledger.plan(id, chosen.all[0]);
    }
    accepted::plan(&mut ledger, &inputs, job, chosen.all[0]);
    if job.does(Part::Schema) {
        let linted = try_join_all(regimes.iter().map(|(sandbox, _)| lint(sandbox))).await?;
        let linted = lint::entries(&linted, &inputs.contract.database.lint_exceptions);
        let compared = regimes.iter().flat_map(|(_, it)| it.entries(facets.iter().copied()));
        for entry in compared.chain(linted) {
            ledger.record(entry);
        }
    }
    let states = regimes.iter().map(|(sandbox, _)| {
        (sandbox.regime().name().to_owned(), sandbox.prober.initial().fingerprint())
    });
    let states = states.collect();
    let stand_ins = stand_ins(&regimes[0].0.database).await?;
    let world = regimes[0].0.world.clone();

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
    let controls = run_controls(job, &inputs, chosen.all[0], &mut ledger).await;
    let mutants = match &job.mutants {
        Some(which) => Some(judge_mutants(&inputs, properties, which, &mut ledger).await?),
        None => None,
    };
    ledger.leave_each_cause_once();
    accepted::apply(&mut ledger, &inputs, job, chosen.all[0]);
    let run = report::Run {
        inputs: &inputs,
        server,
        strict: job.strict,
        regimes: &chosen,
        stand_ins,
        attacks,
        parts: job.parts.iter().map(|part| part.name().to_owned()).collect(),
        states,
        catalog,
        world,
        tries,
        has_plpgsql_check,
        mutants,
        controls,
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
    let attempts = tokio::task::spawn_blocking(move || trying.attempt(&progress)).await;
    let attempts = attempts.map_err(|error| CannotRun(format!("no property ran: {error}")))?;
    let mut made = Vec::new();
    for (property, regime, attempt) in attempts {
        match attempt {
            Ok(tried) => {
                ledger.record(property.entry(&tried, regime));
                made.push((property, regime, tried));
            }
            Err(why) => {
                let about = property.about.first().copied().unwrap_or("the schema");
                ledger.record(broken_down(&property.check(), about, regime, &why));
            }
        }
    }
    for entry in property_checks.coverage(&made) {
        ledger.record(entry);
    }
    Ok(made)
}

/// Plants the negative controls; how long it took.
async fn run_controls(job: &Job, inputs: &Inputs, regime: Regime, ledger: &mut Ledger) -> Duration {
    let began = Instant::now();
    if job.does(Part::Controls) {
        let ran = Box::pin(async { Ok(controls::run(job.controls, inputs, regime).await) });
        let entries = contained(ran).await.unwrap_or_else(|why| {
            let first = controls::ids(job.controls).swap_remove(0);
            vec![broken_down(&first, "the harness", regime, &why)]
        });
        for entry in entries {
            ledger.record(entry);
        }
    }
    began.elapsed()
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

/// Which attacks run in which regime: all in each, unless their catalogs are equal. Then the
/// results would be the same, and each attack runs in one.
fn shares(attacks: &[&'static Attack], regimes: usize, equal: bool) -> Vec<Vec<&'static Attack>> {
    if !equal {
        return vec![attacks.to_vec(); regimes];
    }
    let turn = |first: usize| attacks.iter().skip(first).step_by(regimes).copied().collect();
    (0..regimes).map(turn).collect()
}

/// A clone in that regime, and the comparison of its catalog with the contract.
async fn open(inputs: &Arc<Inputs>, regime: Regime) -> Result<(Sandbox, Comparison), CannotRun> {
    let database = Database::of(inputs, regime).await?;
    let comparison = Comparison::read_in(&database, &inputs.contract, regime).await?;
    Ok((Sandbox::within(database, Arc::clone(inputs), regime).await?, comparison))
}

/// The extensions in that clone that only stand for the platform's own.
async fn stand_ins(database: &Database) -> Result<Vec<String>, CannotRun> {
    let query = "select e.extname::text from pg_catalog.pg_extension e \
                 join pg_catalog.pg_available_extensions a on a.name = e.extname \
                 where a.comment like 'stand-in:%' order by 1";
    let rows = database.admin().await?.query(query, &[]).await;
    let rows = rows.map_err(|error| {
        CannotRun(format!("could not list the extensions: {}", describe(&error)))
    })?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
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
    for entry in sandbox.world.iter().flat_map(|world| isolation::unmade::entries(world, regime)) {
        ledger.plan(entry.id, regime);
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

/// Runs the checks in one regime, and sends their outcomes. A check that breaks down is that
/// check's finding, and costs its sandbox: the others go on in a new one.
async fn check(
    mut sandbox: Sandbox,
    attacks: Vec<&'static Attack>,
    isolation: bool,
    records: UnboundedSender<Record>,
) -> Result<(), CannotRun> {
    let send = |record: Record| {
        records.send(record).map_err(|_| CannotRun("the ledger is closed".to_owned()))
    };
    let send_all = |entries: Vec<Entry>| {
        entries.into_iter().try_for_each(|entry| send(Record::Entry(Box::new(entry))))
    };
    let (inputs, regime) = (Arc::clone(&sandbox.inputs), sandbox.regime());
    let again = async || Sandbox::open(Arc::clone(&inputs), regime).await;
    let world = sandbox.world.iter().filter(|_| isolation);
    send_all(world.flat_map(|world| isolation::unmade::entries(world, regime)).collect())?;
    for (name, declared) in inputs.contract.relations().filter(|_| isolation) {
        match contained(sandbox.run(name)).await {
            Ok(all) => {
                for ran in all {
                    send(Record::Cell(ran.took))?;
                    send_all(vec![ran.entry])?;
                }
            }
            Err(why) => {
                let first = isolation::cells::cells(name, declared).into_iter().next();
                let id = first.map(|cell| cell.id);
                send_all(id.map(|id| broken_down(&id, name, regime, &why)).into_iter().collect())?;
                sandbox = again().await?;
            }
        }
    }
    let (began, mut attempts) = (Instant::now(), 0);
    let mut before = sandbox.prober.attempts();
    for attack in attacks {
        match contained(async { Ok(attack.run(&sandbox).await) }).await {
            Ok(entries) => send_all(entries)?,
            Err(why) => {
                let ids = attack.plan(&sandbox);
                send_all(vec![broken_down(&ids[0], attack.title, regime, &why)])?;
                attempts += sandbox.prober.attempts() - before;
                sandbox = again().await?;
                before = 0;
            }
        }
    }
    send(Record::Attacks(attempts + sandbox.prober.attempts() - before, began.elapsed()))?;
    // An attack that could not run is a finding; a lost server is an error.
    sandbox.prober.digest().await?;
    if let Some(accounts) = inputs.contract.database.accounts.as_ref().filter(|_| isolation) {
        let steps = async {
            let database = Database::of(&inputs, regime).await?;
            sign_up::run(&database, &inputs.contract, accounts, regime).await
        };
        send_all(match contained(steps).await {
            Ok(entries) => entries,
            Err(why) => vec![broken_down(&sign_up::ids()[0], &accounts.profile, regime, &why)],
        })?;
    }
    Ok(())
}

/// The outcome of a check, or why it broke down: a panic is one way.
async fn contained<T>(check: impl Future<Output = Result<T, CannotRun>>) -> Result<T, CannotRun> {
    AssertUnwindSafe(check).catch_unwind().await.unwrap_or_else(|panic| Err(of_panic(&*panic)))
}

/// The entry of a check that broke down, under the first id that it was planned with; the others
/// stay unmade.
fn broken_down(id: &str, object: &str, regime: Regime, why: &CannotRun) -> Entry {
    let seen = ["the check runs", &why.0];
    Entry::compared(&rules::COULD_NOT_RUN, object, id, seen, regime)
}
