//! The attack catalogue: families of attacks on a schema, each tried on every object that it
//! applies to.

pub mod bypass;
mod engine;
mod harness_itself;
pub mod inference;
mod procedures;
mod reading;
pub mod runner;
mod schedules;
mod writing;

use crate::checks::attacks::runner::Attack;

/// Every attack, in the order of the catalogue.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    reading::ATTACKS
        .iter()
        .chain(&inference::ATTACKS)
        .chain(&writing::ATTACKS)
        .chain(&bypass::ATTACKS)
        .chain(&engine::ATTACKS)
        .chain(&harness_itself::ATTACKS)
}
