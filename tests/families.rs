//! Every planned check belongs to a family, and every family has checks.

use std::collections::BTreeSet;
use std::sync::Arc;

use schema_harness::checks::attacks;
use schema_harness::checks::controls::{self, CONTROLS};
use schema_harness::checks::mutants::report;
use schema_harness::checks::properties::plan::PropertyChecks;
use schema_harness::checks::schema::Comparison;
use schema_harness::checks::{isolation, lint, sign_up};
use schema_harness::error::CannotRun;
use schema_harness::findings::families::{self, Family};
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;

/// The ids of the checks that the main job plans, one mutant's and one table's among them.
async fn planned() -> Result<Vec<String>, CannotRun> {
    let inputs = Arc::new(Inputs::from_environment()?);
    let database = Database::of(&inputs, Regime::Explicit).await?;
    let all: Vec<_> = identra_properties::all().collect();
    let promises = PropertyChecks::new(&inputs, &Regime::ALL, &all, &database).await?;
    let facets = Comparison::read_in(&database, &inputs.contract, Regime::Explicit).await?;
    let relations = inputs.contract.relations();
    let cells = relations.flat_map(|(name, declared)| isolation::cells::cells(name, declared));
    let mutants = [report::check("policies"), report::UNKNOWN.into(), report::IDLE.into()];
    let ids = facets.ids().into_iter().cloned();
    let ids = ids.chain(cells.map(|cell| cell.id));
    let ids = ids.chain(attacks::all().map(|attack| format!("attack/{}", attack.id)));
    let ids = ids.chain(promises.plan().into_iter().map(|(id, _)| id));
    // Its checks are planned if the server has it.
    let ids = ids.chain(["plpgsql_check/function".to_owned()]);
    let ids = ids.chain(controls::ids(CONTROLS));
    Ok(ids.chain(lint::ids()).chain(sign_up::ids()).chain(mutants).collect())
}

#[tokio::test]
async fn every_planned_check_is_of_a_family_and_every_family_has_one() {
    let planned = planned().await.unwrap_or_else(|why| panic!("{why}"));
    let without_family: Vec<&String> =
        planned.iter().filter(|id| families::of_check(id).is_none()).collect();
    assert_eq!(without_family, Vec::<&String>::new(), "checks of no family");
    let of = |id: &String| families::of_check(id).map(|family| family.name);
    let seen: BTreeSet<&str> = planned.iter().filter_map(of).collect();
    let all = families::ALL.iter().map(|family| family.name);
    // Findings about a baseline are made after the run.
    let all: BTreeSet<&str> = all.filter(|name| *name != "baseline").collect();
    assert_eq!(seen, all, "families with checks, and all families");
}

/// Only the first word of an id determines the family.
#[test]
fn family_is_the_first_word_of_an_id() {
    let name = |id: &str| families::of_check(id).map(|family| family.name);
    assert_eq!(name("isolation/notes/select/bob/alices-row"), Some("isolation"));
    assert_eq!(name("attack/W04"), Some("attack"));
    assert_eq!(name("isolations/notes"), None);
    assert_eq!(name(""), None);
}

/// Requirements are cited in the form of their standards.
#[test]
fn requirements_are_written_as_their_standards_cite_them() {
    let is_number = |text: &str, parts: usize| {
        let numbers: Vec<&str> = text.split('.').collect();
        numbers.len() == parts && numbers.iter().all(|it| it.parse::<u16>().is_ok())
    };
    for Family { name, what, asvs, cwe, cis } in &families::ALL {
        let asvs = asvs
            .iter()
            .all(|it| it.strip_prefix("v5.0.0-").is_some_and(|number| is_number(number, 3)));
        let cwe = cwe.iter().all(|it| it.strip_prefix("CWE-").is_some_and(|it| is_number(it, 1)));
        let cis = cis.iter().all(|it| {
            it.split_once(' ')
                .is_some_and(|(number, title)| is_number(number, 2) && !title.is_empty())
        });
        assert!(asvs && cwe && cis && !what.is_empty(), "{name}");
    }
}
