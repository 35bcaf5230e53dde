//! What stands for the checks of a table without rows, and of accounts that were refused: one
//! failed check each, which says why nothing of it was tried.

use crate::findings::ledger::{Entry, Finding, in_regime};
use crate::findings::rules::{self, Rule};
use crate::platform::Regime;
use crate::rows::{Cause, World};

/// A failed check for each thing that could not be made. A table that has no rows because
/// another has none is named by the other's.
pub fn entries(world: &World, regime: Regime) -> Vec<Entry> {
    let sign_up = world.refused_sign_up().map(|cause| {
        let (id, expected) = ("sign_up/accounts", "the account is made");
        entry(&rules::SIGN_UP, id, [expected, &cause.words], cause, regime)
    });
    let rows = world.all_unmade().map(|(table, cause, others)| {
        let mut observed = cause.words.clone();
        if !others.is_empty() {
            observed += &format!("; rows of {} must point at its rows", others.join(", "));
        }
        let id = format!("isolation/{table}/rows");
        entry(&rules::ROWS, &id, ["rows for everybody", &observed], cause, regime)
    });
    sign_up.into_iter().chain(rows).collect()
}

fn entry(rule: &Rule, id: &str, seen: [&str; 2], cause: &Cause, regime: Regime) -> Entry {
    let statement = Some(cause.statement.clone()).filter(|it| !it.is_empty());
    Entry {
        id: id.to_owned(),
        expected: seen[0].to_owned(),
        observed: in_regime(regime, seen[1]),
        findings: vec![Finding { statement, ..Finding::of(rule, &cause.object, id, seen, regime) }],
        cell: None,
    }
}
