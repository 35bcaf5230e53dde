//! This file is the main job: every proof, one verdict, and the evidence for it.

use std::env;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::evidence::{self, Evidence, Verdict};
use crate::harness::database::Database;
use crate::harness::inputs::{Inputs, Regime};
use crate::harness::ledger::{Entry, Ledger};
use crate::harness::matrix::{self, plan};
use crate::harness::schema::Comparison;
use crate::harness::server::Server;
use crate::harness::{CannotRun, flow};

/// Plans every check, makes it, and judges.
///
/// # Errors
/// Why nothing can be said: no server, a migration that does not apply, a mistake in the
/// contract.
pub(crate) async fn run(inputs: Arc<Inputs>) -> Result<Evidence, CannotRun> {
    let began = Instant::now();
    let server = Server::shared()?;
    let mut ledger = Ledger::default();
    let mut compared = Vec::new();
    for regime in Regime::ALL {
        let comparison = Comparison::read(&inputs, regime).await?;
        comparison.ids().into_iter().for_each(|id| ledger.plan(id.clone()));
        compared.push(comparison);
    }
    for (name, declared) in inputs.contract.relations() {
        plan::cells(name, declared).into_iter().for_each(|cell| ledger.plan(cell.id));
    }
    if inputs.contract.database.accounts.is_some() {
        flow::ids().into_iter().for_each(|id| ledger.plan(id));
    }

    compared.iter().flat_map(Comparison::entries).for_each(|entry| ledger.record(entry));
    let mut jobs: JoinSet<Result<Vec<Entry>, CannotRun>> = JoinSet::new();
    for regime in Regime::ALL {
        for (name, _) in inputs.contract.relations() {
            let (inputs, name) = (Arc::clone(&inputs), name.clone());
            jobs.spawn(async move {
                let ran = matrix::run(&inputs, regime, &name).await?;
                Ok(ran.into_iter().map(|ran| ran.entry).collect())
            });
        }
        let inputs = Arc::clone(&inputs);
        jobs.spawn(async move {
            let Some(accounts) = &inputs.contract.database.accounts else { return Ok(Vec::new()) };
            let database = Database::of(&inputs, regime).await?;
            flow::run(&database, &inputs.contract, accounts, regime).await
        });
    }
    while let Some(done) = jobs.join_next().await {
        let entries = done.map_err(|error| CannotRun(format!("a check broke down: {error}")))??;
        entries.into_iter().for_each(|entry| ledger.record(entry));
    }
    Ok(Evidence::of(&ledger, &inputs, server, began.elapsed()))
}

/// Reads, runs and writes; what `scripts/verify` does.
fn job() -> Result<(Evidence, String), CannotRun> {
    let inputs = Inputs::from_environment()?;
    let out = inputs.out.clone();
    evidence::clear(&out)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CannotRun(format!("could not start a runtime: {error}")))?;
    let evidence = runtime.block_on(run(Arc::new(inputs)))?;
    evidence::write(&evidence, &out)?;
    let summary = evidence::terminal(&evidence, &out);
    Ok((evidence, summary))
}

/// With `IDENTRA_VERIFY` set this is `scripts/verify`: it prints to standard error, since
/// standard output is libtest's, and its exit status is the verdict.
#[test]
fn schema_is_proved() {
    let by_script = env::var_os("IDENTRA_VERIFY").is_some();
    let (status, text) = match job() {
        Ok((evidence, summary)) => (evidence.verdict.exit_status(), summary),
        Err(why) => (2, format!("COULD NOT RUN: {why}")),
    };
    if by_script {
        eprintln!("{text}");
        std::process::exit(status);
    }
    assert_eq!(status, Verdict::Proved.exit_status(), "{text}");
}
