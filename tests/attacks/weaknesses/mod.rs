//! Each attack finds a weakness that is planted for it in a clone.

mod bypass;
mod engine;
mod harness_itself;
mod inference;
mod observed;
mod reading;
mod writing;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use schema_harness::checks::attacks::all;
use schema_harness::checks::attacks::runner::{Example, Kind};
use schema_harness::checks::isolation::Sandbox;
use schema_harness::database::connect;
use schema_harness::error::{CannotRun, describe};
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;

/// A weakness, and the attack that must find it.
pub(crate) struct Weakness {
    /// The attack's number.
    pub(crate) attack: &'static str,
    /// The object of the finding.
    pub(crate) object: &'static str,
    /// The role that plants it: `postgres`, as a migration would, or `supabase_admin`.
    pub(crate) by: &'static str,
    /// The statements that plant it.
    pub(crate) plant: &'static str,
}

/// The first weakness of an attack, and its observed outcome; none for an inherent channel.
pub(crate) fn example(attack: &str) -> Option<Example> {
    let observed = observed::OBSERVED.into_iter().find(|(of, _)| *of == attack);
    let weakness = weaknesses().find(|it| it.attack == attack);
    weakness.zip(observed).map(|(Weakness { object, plant, .. }, (_, observed))| Example {
        object,
        plant,
        observed,
    })
}

fn weaknesses() -> impl Iterator<Item = &'static Weakness> {
    reading::WEAKNESSES
        .iter()
        .chain(&inference::WEAKNESSES)
        .chain(&writing::WEAKNESSES)
        .chain(&bypass::WEAKNESSES)
        .chain(&engine::WEAKNESSES)
        .chain(&harness_itself::WEAKNESSES)
}

/// Plants a weakness in a clone, and returns the attack's findings: object and observed
/// outcome.
async fn found(weakness: &'static Weakness) -> Result<Vec<(String, String)>, CannotRun> {
    let inputs = Arc::new(Inputs::from_environment()?);
    let database = Database::of(&inputs, Regime::AutoExpose).await?;
    let client = connect(&database.login(weakness.by)).await?;
    client.batch_execute(weakness.plant).await.map_err(|error| {
        CannotRun(format!("could not plant {}: {}", weakness.plant, describe(&error)))
    })?;
    // What a migration grants is a finding of its own, which the platform's privileges are not.
    let inputs = Arc::new(Inputs::clone(&inputs).followed_by(weakness.plant));
    found_in(database, inputs, Regime::AutoExpose, weakness.attack).await
}

/// An attack's findings in a database: object and observed outcome. A number of the catalogue
/// may have several attacks.
async fn found_in(
    database: Database,
    inputs: Arc<Inputs>,
    regime: Regime,
    attack: &str,
) -> Result<Vec<(String, String)>, CannotRun> {
    let sandbox = Sandbox::within(database, inputs, regime).await?;
    let mut found = Vec::new();
    for attack in all().filter(|one| one.id == attack) {
        let findings = attack.run(&sandbox).await.into_iter().flat_map(|entry| entry.findings);
        found.extend(findings.map(|finding| (finding.object, finding.observed)));
    }
    Ok(found)
}

/// An attack that cannot fail would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attack_finds_the_weakness_it_looks_for() {
    // A server has a hundred connections, and an attack takes several.
    let turns = Arc::new(Semaphore::new(4));
    let mut jobs = JoinSet::new();
    for weakness in weaknesses() {
        let turns = Arc::clone(&turns);
        jobs.spawn(async move {
            let _turn = turns.acquire().await;
            (weakness, found(weakness).await)
        });
    }
    let mut missed = Vec::new();
    while let Some(done) = jobs.join_next().await {
        let (weakness, found) = done.expect("no attack panics");
        // A check that could not run has found nothing, unless the weakness is about that.
        let is_it = |(object, observed): &(String, String)| {
            let vain = ["could not run", "the control, "].iter().any(|why| observed.contains(why));
            object == weakness.object && (!vain || weakness.attack.starts_with('T'))
        };
        let hit = found.as_ref().is_ok_and(|found| found.iter().any(is_it));
        // `explain` shows what this finding says.
        let example = example(weakness.attack).filter(|it| it.plant == weakness.plant);
        let is_told = |found: &Vec<(String, String)>| {
            example.is_none_or(|it| {
                found.iter().any(|(_, told)| observed::matches_pattern(told, it.observed))
            })
        };
        if !hit || !found.as_ref().is_ok_and(is_told) {
            missed.push(format!("{} {}\n  {found:?}", weakness.attack, weakness.plant));
        }
    }
    assert!(missed.is_empty(), "weaknesses that were not found:\n{}", missed.join("\n"));
}

/// Every attack of the catalogue has a weakness that it finds, except those on inherent
/// channels.
#[test]
fn every_attack_has_a_weakness_to_find() {
    let shown: BTreeSet<&str> = weaknesses().map(|weakness| weakness.attack).collect();
    let shut = all().filter(|attack| !matches!(attack.kind, Kind::Accepted(..)));
    let without_weakness: Vec<&str> =
        shut.map(|attack| attack.id).filter(|id| !shown.contains(id)).collect();
    assert_eq!(without_weakness, Vec::<&str>::new(), "attacks without a weakness");
}
