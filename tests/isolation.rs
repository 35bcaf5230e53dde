//! Access matrix as tests: one for each table and view, in both privilege regimes.

use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;

use schema_harness::checks::isolation::{Sandbox, observed_grid};
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;

/// The outcome of each command of each persona on each row is the grid's.
#[rstest]
#[tokio::test]
async fn observed_grid_equals_the_contracts(
    #[files("fixtures/contract/tables/**/*.toml")]
    #[files("fixtures/contract/views/**/*.toml")]
    file: PathBuf,
) {
    let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
    let inputs = Arc::new(Inputs::from_environment().unwrap_or_else(|why| panic!("{why}")));
    let intended = &inputs.contract.relation(&name).expect("the file declares it").grid_text;
    for regime in Regime::ALL {
        let sandbox = Sandbox::open(Arc::clone(&inputs), regime).await;
        let sandbox = sandbox.unwrap_or_else(|why| panic!("{why}"));
        let ran = sandbox.run(&name).await.unwrap_or_else(|why| panic!("{why}"));
        assert_ne!(ran.len(), 0, "T02: cells of {name}");
        let findings: Vec<String> = ran
            .iter()
            .flat_map(|ran| &ran.entry.findings)
            .map(|f| format!("{}: expected {}, observed {}", f.check, f.expected, f.observed))
            .collect();
        assert!(
            findings.is_empty(),
            "{name}, privileges {}\n\nintended\n{}\n\nobserved\n{}\n\n{}",
            regime.name(),
            intended.trim(),
            observed_grid(&ran),
            findings.join("\n"),
        );
    }
}
