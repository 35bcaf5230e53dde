//! The properties of this schema hold, each notices faults that are planted, and the contract names
//! them all.

mod cleanup_expired_sessions;
mod constraints;
mod handle_new_user;
mod is_feature_enabled;
mod model;
mod search_memories_semantic;
mod update_conversation_stats;
mod update_updated_at_column;

use identra_properties::all;
use schema_harness::checks::properties::plan::are_known;
use schema_harness::checks::properties::{self, Property};
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;

/// Tries to break a property of the schema.
///
/// # Panics
/// The smallest input that breaks it, and its statements.
fn holds(property: &Property) {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let tried = property.attempt(&inputs, Regime::Explicit).unwrap_or_else(|why| panic!("{why}"));
    if let Err(broken) = tried.result {
        let (claim, seed) = (property.claim, tried.seed);
        panic!(
            "not so: {claim}\n{}\nsmallest input: {}\nPROPTEST_RNG_SEED={seed}\n{}",
            broken.reason, broken.input, broken.script
        );
    }
    assert_ne!(tried.cases.len(), 0, "T02: cases were tried");
}

/// Tries to break a property of a schema with a fault in it.
///
/// # Panics
/// The property does not fail.
fn notices(property: &Property, fault: &str) {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let tried = property.attempt_with(&inputs, Regime::Explicit, fault);
    let tried = tried.unwrap_or_else(|why| panic!("{why}"));
    assert!(tried.result.is_err(), "{} did not notice {fault}", property.id);
}

/// A fault: the function as the migration creates it, with a piece of its text replaced.
///
/// # Panics
/// No migration creates it, or it has no such piece.
pub(crate) fn with_replaced(function: &str, piece: &str, by: &str) -> String {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let begin = format!("create or replace function public.{function}(");
    let end = format!("comment on function public.{function}(");
    let text = inputs.migrations.iter().find_map(|file| {
        let text = &file.text[file.text.find(&begin)?..];
        text.find(&end).map(|length| text[..length].to_owned())
    });
    let text = text.unwrap_or_else(|| panic!("no migration makes {function}"));
    assert!(text.contains(piece), "{function} has no {piece:?}");
    text.replace(piece, by)
}

/// A property that no contract names would never run in the main job.
#[test]
fn contract_names_every_property() {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let left_out = all().filter(|property| !property.applies(&inputs.contract));
    let left_out: Vec<&str> = left_out.map(|property| property.id).collect();
    assert_eq!(left_out, [""; 0], "properties that no file of the contract names");
}

/// A property that the contract names must exist.
#[test]
fn contract_names_no_unknown_property() {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let all = properties::all(&all().collect::<Vec<_>>());
    are_known(&inputs.contract, &all).unwrap_or_else(|why| panic!("control: {why}"));
    let why = are_known(&inputs.contract, &all[1..]).expect_err("one is not there").0;
    assert!(why.starts_with("error: unknown property `model/everybody-sees-"), "{why}");
}
