//! This file is whether the attacks can fail: for each, a weakness that it looks for is
//! planted in a scratch copy, and it is found.

mod engine;
mod harness_itself;
mod reading;
mod writing;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::all;
use crate::harness::attack::Attack;
use crate::harness::database::{Database, connect};
use crate::harness::inputs::{Inputs, Regime};
use crate::harness::matrix::Arena;
use crate::harness::{CannotRun, describe};

/// A weakness, and the attack that must find it.
pub(super) struct Weakness {
    /// The attack's number.
    pub(super) attack: &'static str,
    /// The object under whose name it must be found.
    pub(super) object: &'static str,
    /// Who plants it: `postgres`, as a migration would, or `supabase_admin`.
    pub(super) by: &'static str,
    /// The statements that plant it.
    pub(super) plant: &'static str,
}

fn weaknesses() -> impl Iterator<Item = &'static Weakness> {
    reading::WEAKNESSES
        .iter()
        .chain(&writing::WEAKNESSES)
        .chain(&engine::WEAKNESSES)
        .chain(&harness_itself::WEAKNESSES)
}

/// Plants a weakness in a clone and says what the attack finds there: objects, each with what
/// was seen of it.
async fn found(weakness: &'static Weakness) -> Result<Vec<(String, String)>, CannotRun> {
    let inputs = Arc::new(Inputs::from_environment()?);
    let database = Database::of(&inputs, Regime::AutoExpose).await?;
    let client = connect(&database.login(weakness.by)).await?;
    client.batch_execute(weakness.plant).await.map_err(|error| {
        CannotRun(format!("could not plant {}: {}", weakness.plant, describe(&error)))
    })?;
    let arena = Arena::within(database, inputs, Regime::AutoExpose).await?;
    let is_it = |attack: &&Attack| attack.id == weakness.attack;
    let attack = all()
        .find(is_it)
        .ok_or_else(|| CannotRun(format!("there is no attack {}", weakness.attack)))?;
    let entries = attack.run(&arena).await;
    let findings = entries.into_iter().flat_map(|entry| entry.findings);
    Ok(findings.map(|finding| (finding.object, finding.observed)).collect())
}

/// An attack that cannot fail is worth nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attack_finds_the_weakness_it_looks_for() {
    let mut jobs = JoinSet::new();
    for weakness in weaknesses() {
        jobs.spawn(async move { (weakness, found(weakness).await) });
    }
    let mut missed = Vec::new();
    while let Some(done) = jobs.join_next().await {
        let (weakness, found) = done.expect("no attack breaks down");
        // A check that could not be made has found nothing.
        let is_it = |(object, observed): &(String, String)| {
            object == weakness.object
                && !["could not run", "the control, "].iter().any(|why| observed.contains(why))
        };
        let hit = found.as_ref().is_ok_and(|found| found.iter().any(is_it));
        if !hit {
            missed.push(format!("{} {}\n  {found:?}", weakness.attack, weakness.plant));
        }
    }
    assert!(missed.is_empty(), "weaknesses that were not found:\n{}", missed.join("\n"));
}

/// Every attack of the catalogue has a weakness that shows that it bites.
#[test]
fn every_attack_has_a_weakness_to_find() {
    let shown: BTreeSet<&str> = weaknesses().map(|weakness| weakness.attack).collect();
    let unshown: Vec<&str> =
        all().map(|attack| attack.id).filter(|id| !shown.contains(id)).collect();
    assert_eq!(unshown, Vec::<&str>::new(), "attacks without a weakness");
}
