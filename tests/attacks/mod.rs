//! This file is the attack catalogue: every entry, one family per file.

mod bypass;
mod claims;
mod engine;
mod harness_itself;
mod inference;
mod reading;
mod schedules;
pub(crate) mod weaknesses;
mod writing;

use crate::harness::attack::Attack;

/// Every attack, in the order of the catalogue.
pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    reading::ATTACKS
        .iter()
        .chain(&inference::ATTACKS)
        .chain(&writing::ATTACKS)
        .chain(&bypass::ATTACKS)
        .chain(&engine::ATTACKS)
        .chain(&harness_itself::ATTACKS)
}
