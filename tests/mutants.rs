//! Every mutant of the migrated database is caught, unviable, or listed as equivalent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use schema_harness::checks::mutants::Scope;
use schema_harness::checks::mutants::judge::{Judgement, Which, judge};
use schema_harness::checks::mutants::run::{Judged, MutantRunner, Outcome};
use schema_harness::checks::mutants::{Mutant, report};
use schema_harness::checks::properties::{Property, all};
use schema_harness::contract::known_mutants::{Equivalent, Known};
use schema_harness::findings::ledger::Finding;
use schema_harness::inputs::Inputs;

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
fn every_mutant_is_caught_unviable_or_equivalent() {
    let properties = all(&identra_properties::all().collect::<Vec<_>>());
    let (inputs, judgement) = judged(inputs(), &properties);
    assert!(judgement.complete && judgement.judged.len() >= 500, "T02: mutants");
    let entries = report::entries(&judgement.judged, &inputs.mutants);
    let rest = report::leftovers(&judgement.judged, &inputs.mutants, &BTreeSet::new());
    let found = entries.iter().chain(&rest).flat_map(|entry| &entry.findings);
    let found: Vec<String> = found.map(|it| format!("{}: {}", it.check, it.observed)).collect();
    assert_eq!(found, [""; 0], "mutants that are not as they should be");
}

/// Without properties a mutant of a body is missed.
#[test]
fn mutant_that_no_check_catches_is_a_finding() {
    let inputs = Arc::new(inputs());
    let runner = MutantRunner::new(&inputs, &[]);
    let mutants = runner.mutants().unwrap_or_else(|why| panic!("{why}"));
    let of_cleanup = |it: &Mutant| it.id.starts_with("bodies/cleanup_expired_sessions/");
    let mutants = mutants.into_iter().filter(of_cleanup).collect();
    let judged = runner.judge(mutants, &|_| false, &|| false, &|_| {});
    let judged = judged.unwrap_or_else(|why| panic!("{why}"));
    let entries = report::entries(&judged, &inputs.mutants);
    let found: Vec<&Finding> = entries.iter().flat_map(|entry| &entry.findings).collect();
    assert_ne!(found.len(), 0, "findings");
    assert!(found.iter().all(|finding| finding.rule == "mutant.missed"), "{found:#?}");
    let statement = found[0].statement.as_deref().unwrap_or_default();
    assert!(statement.starts_with("begin;\nCREATE OR REPLACE FUNCTION"), "{statement}");
}

/// A caught mutant listed as equivalent is a finding, and so is an entry without a mutant.
#[test]
fn false_equivalent_is_a_finding() {
    let mutant = Mutant {
        id: "policies/notes/dropped".to_owned(),
        object: "notes".to_owned(),
        ddl: "drop policy p on public.notes".to_owned(),
        scope: Scope::Catalog,
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

/// Ctrl-C: mutants that have not begun are left out, and the verdict is not PROVED.
#[test]
fn interrupted_run_is_not_complete() {
    let inputs = Arc::new(inputs());
    let stopped = Arc::new(AtomicBool::new(true));
    let judgement = judge(&inputs, &[], &Which::All, &stopped);
    let judgement = judgement.unwrap_or_else(|why| panic!("{why}"));
    assert!(!judgement.complete && judgement.judged.is_empty());
    assert!(judgement.planned.len() >= 500, "every mutant was planned");
}
