//! Judges the mutants of the migrated database: each must be caught, unviable, or listed as
//! equivalent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::checks::mutants::run::{Judged, MutantRunner, Outcome};
use crate::checks::mutants::{Mutant, diff, report};
use crate::checks::properties::Property;
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::progress::Progress;

/// Which mutants are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those of statements that have changed since that commit.
    ChangedSince(String),
}

/// The outcome of a run of mutants.
pub struct Judgement {
    /// The ids of the checks: one for each mutant, and those of [`report::leftovers`].
    pub planned: Vec<String>,
    /// The judged mutants by id; fewer after Ctrl-C.
    pub judged: Vec<Judged>,
    /// Whether all mutants were to be judged and were.
    pub complete: bool,
}

/// Generates the mutants and judges them, with a progress line on a terminal.
///
/// # Errors
/// Why the server or git could not be asked, or that a check fails without a mutant.
pub fn judge(
    inputs: &Arc<Inputs>,
    properties: &[&'static Property],
    which: &Which,
    stopped: &Arc<AtomicBool>,
) -> Result<Judgement, CannotRun> {
    let runner = MutantRunner::new(inputs, properties);
    let mut mutants = runner.mutants()?;
    if let Which::ChangedSince(base) = which {
        let changed = diff::changed_since(inputs, base)?;
        mutants.retain(|mutant| diff::touches(&changed, mutant));
    }
    let mut planned: Vec<String> = mutants.iter().map(|it| report::check(&it.id)).collect();
    let count = mutants.len();
    let counted = Counted::of(count);
    let known = |mutant: &Mutant| inputs.mutants.reason(&mutant.id).is_some();
    let stopped = || stopped.load(Ordering::Relaxed);
    let judged = runner.judge(mutants, &known, &stopped, &|one| counted.tell(one))?;
    counted.progress.end();
    let complete = *which == Which::All && judged.len() == count;
    if complete {
        planned.extend([report::UNKNOWN, report::IDLE].map(str::to_owned));
    }
    Ok(Judgement { planned, judged, complete })
}

/// The progress: a line on a terminal, else a line now and then.
struct Counted {
    all: usize,
    began: Instant,
    progress: Progress,
    done: AtomicUsize,
    missed: AtomicUsize,
}

/// The number of mutants between two lines without a terminal.
const BETWEEN_LINES: usize = 500;

impl Counted {
    fn of(all: usize) -> Self {
        let (done, missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { all, began: Instant::now(), progress: Progress::on_terminal(), done, missed }
    }

    fn tell(&self, judged: &Judged) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let is_missed = usize::from(judged.outcome == Outcome::Missed);
        let missed = self.missed.fetch_add(is_missed, Ordering::Relaxed) + is_missed;
        let seconds = self.began.elapsed().as_secs().max(1);
        let rate = u64::try_from(done).unwrap_or(u64::MAX) / seconds;
        let line = format!("{done} of {} mutants, {rate}/s, {missed} missed", self.all);
        if self.progress.is_seen() {
            self.progress.show(|| line);
        } else if done.is_multiple_of(BETWEEN_LINES) || done == self.all {
            eprintln!("{line}");
        }
    }
}
