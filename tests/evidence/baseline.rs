//! A baseline accepts the findings that it names, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use rstest::rstest;
use time::Date;
use time::macros::date;

use crate::bad_input::compact;
use schema_harness::error::CannotRun;
use schema_harness::findings::ledger::Finding;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::report::Verdict;
use schema_harness::report::baseline::fingerprint;
use schema_harness::report::{Baseline, Evidence};

const TODAY: Date = date!(2026 - 11 - 22);

fn read(text: &str) -> Result<Baseline, CannotRun> {
    let workspace = tempfile::TempDir::with_prefix("identra-baseline-").expect("a directory");
    let file = workspace.path().join("baseline.toml");
    std::fs::write(&file, text).expect("a file of the workspace");
    Baseline::read(&file)
}

/// The mistakes in it, by line.
fn mistakes_of(text: &str) -> String {
    let Err(CannotRun(why)) = read(text) else { panic!("it was read") };
    let told = compact(&why);
    let placed = |line: &str| {
        let (_, place) = line.split_once("/baseline.toml:").expect("the file's name");
        place.to_owned()
    };
    told.lines().map(placed).collect::<Vec<_>>().join("\n")
}

fn known(rule: &str, object: &str, expires: &str) -> String {
    format!(
        "[[known]]\nrule = \"{rule}\"\nobject = \"{object}\"\nreason = \"old\"\n\
         expires = {expires}\n"
    )
}

/// The same with the fingerprint of the findings.
fn written(evidence: &Evidence, rule: &str, object: &str) -> String {
    let meant: Vec<&Finding> =
        evidence.findings.iter().filter(|it| it.rule == rule && it.object == object).collect();
    let findings = fingerprint(&meant);
    format!("{}findings = \"{findings}\"\n", known(rule, object, "2026-11-22"))
}

/// The rules and objects of the remaining findings.
fn left(evidence: &Evidence) -> BTreeSet<(&str, &str)> {
    evidence.findings.iter().map(|it| (it.rule.as_str(), it.object.as_str())).collect()
}

/// A schema with two known faults.
#[tokio::test(flavor = "multi_thread")]
async fn baseline_accepts_known_findings_and_no_others() {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let text = "drop index public.feedback_open_idx; \
                alter policy \"Users read their own memories\" on public.memories using (true)";
    let inputs = inputs.followed_by(text);
    let evidence = job::run(Arc::new(inputs), &Job::without_attacks(&[])).await;
    let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
    let judged = |baseline: &str| {
        let mut judged = evidence.clone();
        let baseline = read(baseline).unwrap_or_else(|why| panic!("{why}"));
        baseline.apply(&mut judged, TODAY);
        judged
    };
    let pairs = left(&evidence);
    assert!(pairs.len() > 2, "T02: {pairs:?}");
    let all: Vec<String> =
        pairs.iter().map(|(rule, object)| written(&evidence, rule, object)).collect();

    let judged_by_all = judged(&all.concat());
    assert_eq!(judged_by_all.verdict, Verdict::NothingNew, "{:?}", left(&judged_by_all));
    assert_eq!(judged_by_all.baseline.len(), evidence.findings.len());
    // A finding that is not in the baseline is new.
    for (at, new) in pairs.iter().enumerate() {
        let mut others = all.clone();
        others.remove(at);
        let judged = judged(&others.concat());
        assert_eq!(judged.verdict, Verdict::Findings, "without {new:?}");
        assert_eq!(left(&judged), BTreeSet::from([*new]));
    }
    let expired = judged(&all.concat().replace("2026-11-22", "2026-11-21"));
    assert_eq!(expired.verdict, Verdict::Findings);
    assert_eq!(expired.baseline.len(), 0, "{:?}", left(&expired));
    assert!(left(&expired).iter().any(|(rule, _)| *rule == "baseline.expired"));

    let unused = known("schema.missing", "no.such.thing", "2030-01-01");
    let unused = judged(&(all.concat() + &unused));
    assert_eq!(unused.verdict, Verdict::Findings);
    let entry = ("baseline.unused", "schema.missing of no.such.thing");
    assert_eq!(left(&unused), BTreeSet::from([entry]));

    // A finding more, of a rule and an object that are known, is new.
    let mut worse = evidence.clone();
    let mut more = worse.findings[0].clone();
    more.check += "/more";
    worse.findings.push(more);
    let baseline = read(&all.concat()).unwrap_or_else(|why| panic!("{why}"));
    baseline.apply(&mut worse, TODAY);
    assert_eq!(worse.verdict, Verdict::Findings);
    assert!(left(&worse).iter().any(|(rule, _)| *rule == "baseline.changed"));

    // A check that was not executed is not accepted.
    let mut incomplete = evidence.clone();
    let check = incomplete.checks[0].id.clone();
    incomplete.accounting.executed -= 1;
    incomplete.accounting.missing.insert(check, vec!["explicit".to_owned()]);
    let baseline = read(&all.concat()).unwrap_or_else(|why| panic!("{why}"));
    baseline.apply(&mut incomplete, TODAY);
    assert_eq!(incomplete.verdict, Verdict::Incomplete);
}

#[rstest]
#[case::no_day(
    "rule = \"a.b\"\nobject = \"c\"\nreason = \"d\"\nexpires = 10:00:00",
    "5:11 [10:00:00] `expires` is no date; say the last day, such as `2027-01-31`"
)]
#[case::text_for_a_day(
    "rule = \"a.b\"\nobject = \"c\"\nreason = \"d\"\nexpires = \"soon\"",
    "5:11 [\"soon\"] invalid type: string \"soon\", expected a TOML datetime"
)]
#[case::no_reason(
    "rule = \"a.b\"\nobject = \"c\"\nreason = \" \"\nexpires = 2030-01-01",
    "4:10 [\" \"] the reason is empty; say why this is accepted"
)]
#[case::without_a_reason(
    "rule = \"a.b\"\nobject = \"c\"\nexpires = 2030-01-01",
    "1:1 [[[known]]] missing key `reason`; add `reason = …`"
)]
#[case::misspelt(
    "rul = \"a.b\"",
    "2:1 [rul] unknown key `rul`; there are `rule`, `object`, `reason`, `expires`, `findings`; \
     did you mean `rule`?"
)]
#[case::not_known(
    "rule = \"harness.could-not-run\"\nobject = \"c\"\nreason = \"d\"\nexpires = 2030-01-01",
    "2:8 [\"harness.could-not-run\"] `harness.could-not-run` cannot be accepted; it means that an \
     outcome is unknown; fix its cause"
)]
#[case::several(
    "rule = \"a.b\"\nobject = \"c\"\nreason = \"\"\nexpires = 10:00:00",
    "4:10 [\"\"] the reason is empty; say why this is accepted\n\
     5:11 [10:00:00] `expires` is no date; say the last day, such as `2027-01-31`"
)]
fn mistake_is_told_with_its_place(#[case] entry: &str, #[case] mistakes: &str) {
    assert_eq!(mistakes_of(&format!("[[known]]\n{entry}\n")), mistakes);
}

#[test]
fn duplicate_entry_is_refused() {
    let entry = known("a.b", "c", "2030-01-01");
    let mistake = "7:8 [\"a.b\"] `a.b` of `c` is listed twice; remove one";
    assert_eq!(mistakes_of(&(entry.clone() + &entry)), mistake);
}
