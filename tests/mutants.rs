//! This file is whether the proofs would notice: every mutant of the migrated database is
//! caught, refused by the database, or known to change nothing.

use std::sync::Arc;

use crate::harness::inputs::Inputs;
use crate::harness::mutants::run::{Laboratory, Outcome};
use crate::properties;

#[test]
fn every_mutant_is_caught() {
    let inputs = Arc::new(Inputs::from_environment().unwrap_or_else(|why| panic!("{why}")));
    let properties: Vec<_> = properties::all().collect();
    let laboratory = Laboratory::new(&inputs, &properties);
    let mutants = laboratory.mutants().unwrap_or_else(|why| panic!("{why}"));
    eprintln!("{} mutants", mutants.len());
    let only = std::env::var("ONLY").unwrap_or_default();
    let mutants = mutants.into_iter().filter(|m| m.id.starts_with(&only)).collect();
    let began = std::time::Instant::now();
    let judged = laboratory.judge(mutants, &|_| false, &|| false, &|one| {
        let word = match &one.outcome {
            Outcome::Caught(by) => format!("caught {}", by.join(" | ")),
            other => format!("{other:?}"),
        };
        eprintln!("{}\t{}\t{}", one.took.as_millis(), one.mutant.id, word);
    });
    let judged = judged.unwrap_or_else(|why| panic!("{why}"));
    eprintln!("took {:?} for {}", began.elapsed(), judged.len());
}
