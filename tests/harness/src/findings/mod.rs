//! What the checks record: outcomes by check id, findings by rule, families of checks.

pub mod families;
pub mod ledger;
pub mod rules;
