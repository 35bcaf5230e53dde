//! What the doctor says of programs.

use schema_harness::cli::doctor::tools::tools;
use schema_harness::server::survey::Standing;

#[test]
fn machine_without_programs_lacks_what_builds() {
    let facts = tools("/nowhere");
    let standing: Vec<Standing> = facts.iter().map(|fact| fact.standing).collect();
    assert_eq!(standing[..2], [Standing::Missing; 2], "cargo and cc");
    assert_eq!(standing[2..], [Standing::Optional; 5], "the others");
    assert_eq!(
        facts[2].what,
        "no python3 or pip: fetches PostgreSQL where there is none, and the linters"
    );
    assert!(facts.iter().all(|fact| fact.remedy.is_some()), "{facts:?}");
}

#[test]
fn program_tells_its_version() {
    let facts = tools(&std::env::var("PATH").unwrap_or_default());
    assert!(facts[0].what.starts_with("cargo 1."), "{facts:?}");
}
