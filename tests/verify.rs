//! The main job on this schema: passes the project's properties and examples to the harness's
//! command line.

#[path = "attacks/weaknesses/mod.rs"]
#[expect(dead_code, unused_imports, reason = "their tests are in `schema`")]
mod weaknesses;

use std::process::ExitCode;

use schema_harness::Project;

fn main() -> ExitCode {
    Project::new(env!("CARGO_MANIFEST_DIR"))
        .with_properties(identra_properties::ALL)
        .with_examples(weaknesses::example)
        .main()
}
