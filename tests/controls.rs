//! Negative controls: each weakness that a run plants is found; a run that overlooks one, or finds
//! one where there is none, says that the harness is broken.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rstest::rstest;

use crate::adopting::example;
use schema_harness::checks::controls::{self, CONTROLS, Check, Control};
use schema_harness::findings::ledger::Entry;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::report::{Evidence, Verdict, terminal};

/// A leak of the access matrix.
const LEAK: Control = Control {
    plant: "alter policy \"Users read their own notes\" on public.notes using (true)",
    rule: "isolation.cell",
    check: Check::Cell("notes", "isolation/notes/select/bob/alices-row"),
};

/// The same, and what leaks nothing stands for it: a check that overlooks the weakness.
const OVERLOOKED: Control = Control { plant: "select 1", ..LEAK };

/// What stops it is no outcome of the check.
const NOT_PLANTED: Control = Control { plant: "alter policy nowhere", ..LEAK };

const INDEX: Control = Control {
    plant: "drop index public.notes_user_id_idx",
    rule: "lint.0001_unindexed_foreign_keys",
    check: Check::Lint("lint/0001_unindexed_foreign_keys"),
};

async fn evidence(controls: &'static [Control], inputs: Inputs) -> Evidence {
    let job = Job { controls, ..Job::without_attacks(&[]) };
    job::run(Arc::new(inputs), &job).await.unwrap_or_else(|why| panic!("{why}"))
}

/// The rule, the check and the outcome of each finding of these entries.
fn found(entries: &[Entry]) -> Vec<[&str; 3]> {
    let all = entries.iter().flat_map(|entry| &entry.findings);
    all.map(|it| [it.rule.as_str(), it.check.as_str(), it.observed.as_str()]).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_planted_weakness_is_found(
    #[values(Regime::Explicit, Regime::AutoExpose)] regime: Regime,
) {
    let entries = controls::run(CONTROLS, &example(), regime).await;
    assert_eq!(found(&entries), [[""; 3]; 0]);
    let planted = entries.iter().filter(|it| controls::is_planted(&it.id)).count();
    assert_eq!(planted, CONTROLS.len());
    assert_eq!(entries.len(), CONTROLS.len() + 1, "and one without a weakness");
}

#[test]
fn each_family_of_checks_has_a_control() {
    let rules = CONTROLS.iter().map(|it| it.rule);
    let families: BTreeSet<&str> = rules.clone().filter_map(|it| it.split('.').next()).collect();
    let expected = ["attack", "isolation", "lint", "property", "schema", "sign_up"];
    assert_eq!(families.into_iter().collect::<Vec<_>>(), expected);
    let attacks: BTreeSet<&str> =
        rules.filter_map(|it| it.strip_prefix("attack.")).map(|it| &it[..1]).collect();
    assert_eq!(attacks.into_iter().collect::<Vec<_>>(), ["B", "E", "I", "R", "W"]);
    for command in ["select", "insert", "update", "delete"] {
        for persona in ["alice", "bob"] {
            let begins = format!("isolation/notes/{command}/{persona}/");
            let is_it =
                |it: &Control| it.rule == "isolation.cell" && it.check.id().starts_with(&begins);
            assert!(CONTROLS.iter().any(is_it), "no control of {begins}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn weakness_that_is_overlooked_means_that_the_harness_is_broken() {
    let broken = evidence(&[OVERLOOKED], example()).await;
    assert_eq!(broken.verdict, Verdict::HarnessBroken);
    assert_eq!(broken.verdict.exit_status(), 3);
    let told = terminal(&broken, Path::new("evidence"));
    let control = "control/isolation.cell/isolation/notes/select/bob/alices-row";
    for words in [
        "harness.broken: the harness: a check overlooked a weakness that the run planted",
        &format!("check     {control}\n"),
        "expected  isolation.cell by isolation/notes/select/bob/alices-row, where this is \
         planted: select 1",
        "observed  no finding",
        "remedy    rely on nothing that this run says",
        "negative controls: 0 of 1 red",
        "\nHARNESS BROKEN, negative controls: 0 of 1 red, nothing that this run says",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let control = evidence(&[LEAK], example()).await;
    assert_eq!(control.verdict, Verdict::Proved, "control");
    let told = terminal(&control, Path::new("evidence"));
    assert!(told.contains("negative controls: 1 of 1 red"), "{told}");
}

/// A finding of the schema's own does not stand before it.
#[tokio::test(flavor = "multi_thread")]
async fn broken_harness_comes_before_any_finding() {
    let fault = "drop policy \"Members see their teams\" on public.teams";
    let broken = evidence(&[OVERLOOKED], example().followed_by(fault)).await;
    assert_eq!(broken.verdict, Verdict::HarnessBroken);
    assert_eq!(broken.findings[0].rule, "harness.broken");
    let control = evidence(&[LEAK], example().followed_by(fault)).await;
    assert_eq!(control.verdict, Verdict::Findings, "control");
}

/// The near miss of every control: the same checks without a weakness.
#[tokio::test(flavor = "multi_thread")]
async fn finding_without_a_weakness_means_that_the_harness_is_broken() {
    let mut inputs = example();
    let regime = inputs.shim.iter_mut().find(|it| it.name == "explicit.sql").expect("a regime");
    regime.text += "\ncreate table public.left_over (id uuid primary key);";
    let entries = controls::run(&[INDEX], &inputs, Regime::Explicit).await;
    let observed = "only lint.0013_rls_disabled_in_public by lint/0013_rls_disabled_in_public";
    assert_eq!(found(&entries), [["harness.broken", "control/nothing-planted", observed]]);
    let control = controls::run(&[INDEX], &example(), Regime::Explicit).await;
    assert_eq!(found(&control), [[""; 3]; 0], "control");
}

#[tokio::test(flavor = "multi_thread")]
async fn weakness_that_cannot_be_planted_is_a_check_that_could_not_run() {
    let entries = controls::run(&[NOT_PLANTED, LEAK], &example(), Regime::Explicit).await;
    let [[rule, check, observed]] = found(&entries)[..] else { panic!("{:?}", found(&entries)) };
    assert_eq!(rule, "harness.could-not-run");
    assert_eq!(check, "control/isolation.cell/isolation/notes/select/bob/alices-row");
    assert!(observed.starts_with("could not plant a weakness: "), "{observed}");
}
