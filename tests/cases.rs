//! Schemas of others, each drafted and proved as a stranger would: every one is as its folder
//! expects.

use std::fs;

use rstest::rstest;
use tempfile::TempDir;

use crate::bad_input::script;

/// What `scripts/verify cases` prints of a folder, and whether every case is as expected.
fn judged(folder: &str, more: &[&str]) -> (bool, String) {
    let out = TempDir::with_prefix("identra-cases-").expect("a directory of the test's own");
    let place = out.path().to_string_lossy().into_owned();
    let arguments = [&["cases", folder, "--out", &place], more].concat();
    let output = script(&arguments).output().expect("the script runs");
    let text = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
    (output.status.success(), text.concat())
}

/// `.ci/run proofs` judges the other folder, which takes minutes.
#[test]
fn ordinary_schemas_are_as_expected() {
    let (are_as_expected, text) = judged("fixtures/obstacles", &[]);
    assert!(are_as_expected && text.contains("44 of 44 applied, "), "{text}");
}

/// What is not as expected is named behind its case, and the status is 1.
#[rstest]
#[case::stops("create tabel public.t (id int);", "", "a  does not apply", "it stops")]
#[case::does_not_stop(
    "create table public.t (id int);",
    "[a]\nstops = \"no\"",
    "a  FINDINGS",
    "it does not stop"
)]
#[case::finds_nothing(
    "create table public.t (id int);",
    "[a]\nfinds = [\"attack.W01 t\"]",
    "a  FINDINGS",
    "no finding attack.W01 t"
)]
#[case::is_not_proved(
    "create table public.t (id uuid primary key);",
    "[a]\nproved = true",
    "a  FINDINGS",
    "isolation.cell t"
)]
#[case::never_ends("select pg_sleep(3600);", "", "a  does not apply", "it stops")]
fn difference_is_named(
    #[case] migration: &str,
    #[case] expected: &str,
    #[case] begin: &str,
    #[case] wrong: &str,
) {
    let folder = TempDir::with_prefix("identra-cases-").expect("a directory of the test's own");
    fs::write(folder.path().join("a.sql"), migration).expect("a case");
    fs::write(folder.path().join("expected.toml"), expected).expect("what is expected of it");
    let limit = if migration.contains("sleep") { ["--limit", "3"] } else { ["--limit", "100"] };
    let (are_as_expected, text) = judged(&folder.path().to_string_lossy(), &limit);
    assert!(!are_as_expected && text.starts_with(begin), "{text}");
    assert!(text.contains(&format!("  NOT AS EXPECTED: {wrong}\n")), "{text}");
    assert!(text.contains("\n1 of 1 cases are not as expected: "), "{text}");
}
