//! The main job and the merge of its shards: reads, runs, writes the evidence and prints the
//! verdict.

use std::path::Path;
use std::process;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::Ended;
use super::options::{Merge, Verify};
use crate::checks::lint;
use crate::checks::mutants::judge::Which;
use crate::checks::properties::{Property, plan};
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::job::{self, Job, accepted};
use crate::progress::Progress;
use crate::report::{self, Baseline, Evidence};
use crate::source::mistake::both;

/// What the main job does.
pub(super) fn prove(
    properties: &[&'static Property],
    options: &Verify,
) -> Result<Ended, CannotRun> {
    let out = options.out.or("target/evidence");
    report::clear(&out)?;
    let baseline = options.baseline.file().map(|file| Baseline::read(&file)).transpose();
    let inputs = Inputs::read(&options.inputs.migrations(), &options.inputs.fixtures());
    let (baseline, inputs) = both(baseline, inputs)?;
    let inputs = options.inputs.complete(inputs)?;
    let job = Job::whole(properties);
    let rules = both(lint::are_known(&inputs), accepted::are_known(&inputs));
    both(rules, plan::are_known(&inputs.contract, &job.properties))?;
    report::prepare(&out)?;
    let mutants = options.mutants.then(|| match &options.in_diff {
        Some(base) => Which::ChangedSince(base.clone()),
        None => Which::All,
    });
    let progress = Arc::new(Progress::on_terminal());
    let (strict, regimes) = (options.strict, options.regime.wanted());
    let job = Job { mutants, strict, regimes, progress, ..job };
    let runtime =
        Runtime::new().map_err(|error| CannotRun(format!("could not start a runtime: {error}")))?;
    let evidence = runtime.block_on(async {
        stop_when_interrupted(job.mutants.is_some())?;
        job::run(Arc::new(inputs), &job).await
    });
    job.progress.end();
    ended(evidence?, baseline, &out)
}

/// What `merge` does.
pub(super) fn merge(options: &Merge) -> Result<Ended, CannotRun> {
    let out = options.out.or("target/evidence");
    if options.shards.contains(&out) {
        return Err(CannotRun(
            "a shard is also the directory to write to; name another with --out".to_owned(),
        ));
    }
    report::clear(&out)?;
    let baseline = options.baseline.file().map(|file| Baseline::read(&file)).transpose()?;
    report::prepare(&out)?;
    ended(report::merged(&options.shards)?, baseline, &out)
}

fn ended(
    mut evidence: Evidence,
    baseline: Option<Baseline>,
    out: &Path,
) -> Result<Ended, CannotRun> {
    if let Some(baseline) = baseline {
        baseline.apply(&mut evidence, OffsetDateTime::now_utc().date());
    }
    report::write(&evidence, out)?;
    Ok(Ended::done(evidence.verdict.exit_status(), report::terminal(&evidence, out)))
}

/// Ends the process, without a verdict, when somebody presses Ctrl-C or ends it; with mutants,
/// Ctrl-C keeps what is done. The server's supervisor removes the server.
fn stop_when_interrupted(judges_mutants: bool) -> Result<(), CannotRun> {
    let listen = |kind| {
        signal(kind)
            .map_err(|error| CannotRun(format!("could not listen for interruptions: {error}")))
    };
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => if judges_mutants { continue },
                _ = terminate.recv() => {}
            }
            eprintln!("COULD NOT RUN: interrupted, nothing is proved");
            process::exit(2);
        }
    });
    Ok(())
}
