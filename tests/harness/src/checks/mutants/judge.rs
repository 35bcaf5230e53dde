//! This file is whether the proofs would notice: every mutant of the migrated database is
//! caught, refused by the database, or known to change nothing.

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
    /// Those of what has changed since that commit.
    ChangedSince(String),
}

/// What came of mutants.
pub struct Judgement {
    /// The ids of the checks: one for each mutant, and what is left over at the end.
    pub planned: Vec<String>,
    /// Those that were judged, by id; fewer where somebody pressed Ctrl-C.
    pub judged: Vec<Judged>,
    /// Whether all mutants were to be judged and were.
    pub complete: bool,
}

/// Makes the mutants and judges them, with a progress line where somebody looks on.
///
/// # Errors
/// Why the server or git could not be asked, or that a check is red without a mutant.
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

/// How far it is: where nobody looks on, a line now and then.
struct Counted {
    all: usize,
    began: Instant,
    progress: Progress,
    done: AtomicUsize,
    missed: AtomicUsize,
}

/// Mutants between two lines where nobody looks on.
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
        let line = format!("{done} of {} mutants, {rate}/s, {missed} not noticed", self.all);
        if self.progress.is_seen() {
            self.progress.show(|| line);
        } else if done.is_multiple_of(BETWEEN_LINES) || done == self.all {
            eprintln!("{line}");
        }
    }
}
