//! Schema verification as tests: every declared object exists, and every object is declared.

use rstest::rstest;

use schema_harness::checks::schema::Comparison;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;

/// No object is missing, undeclared or different.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn catalog_and_contract_are_equal(#[case] regime: Regime) {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let comparison = Comparison::read(&inputs, regime).await.unwrap_or_else(|why| panic!("{why}"));
    let entries = comparison.entries([]);
    assert_ne!(entries.len(), 0, "T02: facets");
    let differences: Vec<String> = entries
        .iter()
        .flat_map(|entry| &entry.findings)
        .map(|f| format!("{} {}: {} / {}", f.rule, f.check, f.expected, f.observed))
        .collect();
    assert_eq!(differences, Vec::<String>::new(), "facets that differ: contract / database");
}
