//! What an attacker gains decides whether a finding fails the run.

use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::cli::draft::write;
use schema_harness::contract::Contract;
use schema_harness::findings::gain::severity;
use schema_harness::findings::ledger::Finding;
use schema_harness::findings::rules;
use schema_harness::findings::severity::Severity;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::report::Verdict;
use schema_harness::source::project;

#[rstest]
#[case::hole("isolation.cell", ["0 rows", "1 row"], Severity::Isolation)]
#[case::owner_refused("isolation.cell", ["1 row", "0 rows"], Severity::Blocked)]
#[case::more_than_the_owners("isolation.cell", ["3 rows", "6 rows"], Severity::Isolation)]
#[case::refused_otherwise("isolation.cell", ["no privilege", "0 rows"], Severity::Contract)]
#[case::fails("isolation.cell", ["0 rows", "failed 42501 denied"], Severity::Contract)]
#[case::reached_without_a_word("isolation.cell", ["no privilege", "1 row"], Severity::Isolation)]
#[case::sign_up("rows.sign_up_refused", ["the account is made", "no"], Severity::SignUp)]
#[case::undeclared("schema.undeclared", ["nothing", "a policy"], Severity::Contract)]
#[case::unknown("harness.could-not-run", ["0 rows", "no row"], Severity::Untried)]
#[case::read("attack.R01", ["nothing", "the answer shows"], Severity::Isolation)]
#[case::protected_column("attack.W09", ["nothing", "1 row"], Severity::Escalation)]
#[case::key_that_is_taken("attack.I01", ["nothing", "rows are absent"], Severity::Weakened)]
#[case::key_that_changes_rows("attack.I01", ["nothing", "rows changed: a"], Severity::Isolation)]
#[case::upsert_that_is_refused(
    "attack.W06",
    ["nothing", "rows are absent: duplicate key value"],
    Severity::Weakened
)]
#[case::upsert_that_shows_more("attack.W06", ["nothing", "the answer shows"], Severity::Isolation)]
#[case::sql_alone("attack.I06", ["nothing", "a leak"], Severity::Weakened)]
#[case::accounts_shown("lint.0002_auth_users_exposed", ["none", "one"], Severity::Isolation)]
#[case::missing_index("lint.0001_unindexed_foreign_keys", ["none", "one"], Severity::Style)]
fn severity_is_what_an_attacker_gains(
    #[case] rule: &str,
    #[case] seen: [&str; 2],
    #[case] expected: Severity,
) {
    let finding = Finding::of(&rules::CELL, "notes", "a/check", seen, Regime::Explicit);
    let finding = Finding { rule: rule.to_owned(), ..finding };
    assert_eq!(severity(&finding, false), expected);
    let by_sql = match rule {
        "attack.I01" | "attack.I06" | "attack.W06" => Severity::Isolation,
        _ => expected,
    };
    assert_eq!(severity(&finding, true), by_sql, "where clients have SQL");
}

/// A schema without a fault, whose foreign key has no index: advice.
#[rstest]
#[case::strict(true, Verdict::Findings)]
#[case::not_strict(false, Verdict::Proved)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn advice_fails_only_a_strict_run(#[case] strict: bool, #[case] expected: Verdict) {
    let out = TempDir::with_prefix("identra-severity-").expect("a directory of its own");
    let migrations = TempDir::with_prefix("identra-severity-").expect("a directory of its own");
    let fixtures = project().join("fixtures");
    std::fs::copy(
        fixtures.join("obstacles/01_uuid_ossp.sql"),
        migrations.path().join("1_notes.sql"),
    )
    .expect("a migration");
    let inputs = Inputs::without_contract(migrations.path(), &fixtures);
    let inputs = inputs.unwrap_or_else(|why| panic!("{why}"));
    write(&inputs, out.path(), None, false).await.unwrap_or_else(|why| panic!("{why}"));
    let contract = Contract::read(out.path()).unwrap_or_else(|why| panic!("{why}"));
    let job = Job { strict, ..Job::without_attacks(&[]) };
    let evidence = job::run(Arc::new(Inputs { contract, ..inputs }), &job).await;
    let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
    let severities: Vec<Severity> = evidence.findings.iter().map(|it| it.severity).collect();
    assert_eq!(severities, [Severity::Style], "{:#?}", evidence.findings);
    assert_eq!(evidence.verdict, expected);
}
