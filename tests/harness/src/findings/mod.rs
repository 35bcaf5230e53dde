//! What the checks record: outcomes by check id, findings by rule, families of checks.

pub mod families;
pub mod gain;
pub mod ledger;
pub mod rules;
pub mod severity;
