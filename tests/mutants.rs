//! This file is whether the proofs would notice: every mutant of the migrated database is
//! caught, refused by the database, or known to change nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::harness::CannotRun;
use crate::harness::inputs::Inputs;
use crate::harness::mutants::run::{Judged, Laboratory, Outcome};
use crate::harness::mutants::{Mutant, diff, report};
use crate::harness::progress::Progress;
use crate::harness::property::Property;

/// Which mutants are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// Those of what has changed since that commit.
    ChangedSince(String),
}

impl Which {
    /// What `--mutants` and `--in-diff` say: `IDENTRA_MUTANTS` is `all` or a commit.
    pub(crate) fn from_environment() -> Option<Self> {
        match std::env::var("IDENTRA_MUTANTS") {
            Ok(all) if all == "all" => Some(Self::All),
            Ok(base) if !base.is_empty() => Some(Self::ChangedSince(base)),
            _ => None,
        }
    }
}

/// What came of mutants.
pub(crate) struct Judgement {
    /// The ids of the checks: one for each mutant, and what is left over at the end.
    pub(crate) planned: Vec<String>,
    /// Those that were judged, by id; fewer where somebody pressed Ctrl-C.
    pub(crate) judged: Vec<Judged>,
    /// Whether all mutants were to be judged and were.
    pub(crate) complete: bool,
}

/// Makes the mutants and judges them, with a progress line where somebody looks on.
///
/// # Errors
/// Why the server or git could not be asked, or that a check is red without a mutant.
pub(crate) fn judge(
    inputs: &Arc<Inputs>,
    properties: &[&'static Property],
    which: &Which,
    stopped: &Arc<AtomicBool>,
) -> Result<Judgement, CannotRun> {
    let laboratory = Laboratory::new(inputs, properties);
    let mut mutants = laboratory.mutants()?;
    if let Which::ChangedSince(base) = which {
        let changed = diff::changed_since(inputs, base)?;
        mutants.retain(|mutant| diff::touches(&changed, mutant));
    }
    let mut planned: Vec<String> = mutants.iter().map(|it| report::check(&it.id)).collect();
    let count = mutants.len();
    let counted = Counted::of(count);
    let known = |mutant: &Mutant| inputs.mutants.reason(&mutant.id).is_some();
    let stopped = || stopped.load(Ordering::Relaxed);
    let judged = laboratory.judge(mutants, &known, &stopped, &|one| counted.tell(one))?;
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
            self.progress.tell(|| line);
        } else if done.is_multiple_of(BETWEEN_LINES) || done == self.all {
            eprintln!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        Arc, AtomicBool, Inputs, Judged, Judgement, Laboratory, Mutant, Outcome, Property, Which,
        judge, report,
    };
    use crate::harness::ledger::Finding;
    use crate::harness::mutants::Scope;
    use crate::harness::mutants::known::{Equivalent, Known};
    use crate::properties;

    fn inputs() -> Inputs {
        Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"))
    }

    fn judged(inputs: Inputs, properties: &[&'static Property]) -> (Arc<Inputs>, Judgement) {
        let inputs = Arc::new(inputs);
        let going_on = Arc::new(AtomicBool::new(false));
        let judged = judge(&inputs, properties, &Which::All, &going_on);
        (Arc::clone(&inputs), judged.unwrap_or_else(|why| panic!("{why}")))
    }

    #[test]
    fn every_mutant_is_noticed_or_known_to_change_nothing() {
        let properties: Vec<_> = properties::all().collect();
        let (inputs, judgement) = judged(inputs(), &properties);
        assert!(judgement.complete && judgement.judged.len() >= 500, "T02: mutants");
        let entries = report::entries(&judgement.judged, &inputs.mutants);
        let rest = report::leftovers(&judgement.judged, &inputs.mutants, &BTreeSet::new());
        let found = entries.iter().chain(&rest).flat_map(|entry| &entry.findings);
        let found: Vec<String> = found.map(|it| format!("{}: {}", it.check, it.observed)).collect();
        assert_eq!(found, [""; 0], "mutants that are not as they should be");
    }

    /// Who looks at nothing misses everything: of a body only properties can tell.
    #[test]
    fn mutant_that_no_check_notices_is_a_finding() {
        let inputs = Arc::new(inputs());
        let laboratory = Laboratory::new(&inputs, &[]);
        let mutants = laboratory.mutants().unwrap_or_else(|why| panic!("{why}"));
        let of_cleanup = |it: &Mutant| it.id.starts_with("bodies/cleanup_expired_sessions/");
        let mutants = mutants.into_iter().filter(of_cleanup).collect();
        let judged = laboratory.judge(mutants, &|_| false, &|| false, &|_| {});
        let judged = judged.unwrap_or_else(|why| panic!("{why}"));
        let entries = report::entries(&judged, &inputs.mutants);
        let found: Vec<&Finding> = entries.iter().flat_map(|entry| &entry.findings).collect();
        assert_ne!(found.len(), 0, "findings");
        assert!(found.iter().all(|finding| finding.rule == "mutant.missed"), "{found:#?}");
        let statement = found[0].statement.as_deref().unwrap_or_default();
        assert!(statement.starts_with("begin;\nCREATE OR REPLACE FUNCTION"), "{statement}");
    }

    /// What is caught is not equivalent, whoever says so; nor is what does not exist.
    #[test]
    fn false_equivalent_is_a_finding() {
        let mutant = Mutant {
            id: "policies/notes/dropped".to_owned(),
            object: "notes".to_owned(),
            ddl: "drop policy p on public.notes".to_owned(),
            scope: Scope::Looks,
        };
        let by = vec!["schema/notes/policies/p".to_owned()];
        let took = std::time::Duration::ZERO;
        let judged = [Judged { mutant, outcome: Outcome::Caught(by), took }];
        let equivalent = |mutant: &str| Equivalent {
            mutant: mutant.to_owned(),
            reason: "nobody can tell".to_owned(),
        };
        let known = Known {
            equivalent: vec![equivalent("policies/notes/dropped"), equivalent("bodies/none/x")],
            idle: Vec::new(),
        };
        let entries = report::entries(&judged, &known);
        assert_eq!(entries[0].findings[0].rule, "mutant.not-equivalent");
        let checks = BTreeSet::from(["isolation/notes/select/bob/own".to_owned()]);
        let rest = report::leftovers(&judged, &known, &checks);
        let observed: Vec<&str> =
            rest.iter().flat_map(|entry| &entry.findings).map(|it| it.observed.as_str()).collect();
        assert_eq!(observed, ["bodies/none/x", "isolation/notes"]);
    }

    /// Ctrl-C: what is not begun is left out, and the verdict cannot be that all is proved.
    #[test]
    fn interrupted_run_is_not_complete() {
        let inputs = Arc::new(inputs());
        let stopped = Arc::new(AtomicBool::new(true));
        let judgement = judge(&inputs, &[], &Which::All, &stopped);
        let judgement = judgement.unwrap_or_else(|why| panic!("{why}"));
        assert!(!judgement.complete && judgement.judged.is_empty());
        assert!(judgement.planned.len() >= 500, "every mutant was planned");
    }
}
