//! This file is the attack catalogue: every entry, one family per file.

mod reading;
mod weaknesses;

use crate::harness::attack::Attack;

/// Every attack, in the order of the catalogue.
pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    reading::ATTACKS.iter()
}
