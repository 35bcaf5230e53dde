//! The formats of the evidence: the published schema of `evidence.json`, SARIF's own schema,
//! and the locations of findings.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use time::macros::date;

use schema_harness::findings::ledger::Finding;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::report::baseline::fingerprint;
use schema_harness::report::{Baseline, Evidence, junit, sarif};
use schema_harness::source::project;

/// A fault on a line of its own, and not at its beginning; another of the same table's policies.
const FAULT: &str = "create policy more on public.memories for select to authenticated using (true);\n\n  \
     alter policy \"Users read their own memories\"\n    on public.memories using (true);\n\
     drop index public.feedback_open_idx;\n";

async fn faulty() -> Evidence {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let made = job::run(Arc::new(inputs.followed_by(FAULT)), &Job::without_attacks(&[])).await;
    made.unwrap_or_else(|why| panic!("{why}"))
}

/// What is wrong with a document, by a schema.
fn mistakes(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("the schema is one");
    validator.iter_errors(document).map(|it| format!("{}: {it}", it.instance_path())).collect()
}

/// The standard's own schema, which comes with the crate of its types.
fn sarif_schema() -> Value {
    let cargo = |arguments: &[&str]| {
        let program = std::env::var("CARGO").unwrap_or("cargo".to_owned());
        let output = Command::new(program).args(arguments).current_dir(project()).output();
        let output = output.expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Packages of other platforms are not available here.
    let version = cargo(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let metadata = ["metadata", "--format-version=1", "--offline", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&cargo(&metadata)).expect("cargo says JSON");
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|it| it["name"] == "serde-sarif").expect("it is a dependency");
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
    let text = std::fs::read_to_string(manifest.with_file_name("src/schema.json"));
    let text = text.expect("the schema is there");
    let mut schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    // Its patterns for languages have a surplus bracket, which not every engine accepts.
    for of in ["run", "toolComponent"] {
        schema["definitions"][of]["properties"]["language"] = json!({"type": "string"});
    }
    schema
}

/// The published schema is generated from the types, including their comments.
#[test]
fn published_schema_is_of_this_form() {
    let schema = schemars::schema_for!(Evidence);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain data") + "\n";
    let published = project().join("fixtures/evidence.schema.json");
    if std::fs::read_to_string(&published).ok().as_deref() != Some(&text) {
        let new = project().join("target/evidence.schema.json");
        std::fs::write(&new, text).expect("target can be written");
        panic!(
            "fixtures/evidence.schema.json is not what tests/evidence/document.rs says; if the \
             change is meant, count FORMAT up and copy target/evidence.schema.json there"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_is_valid_and_points_at_the_line() {
    let mut evidence = faulty().await;
    let published = std::fs::read_to_string(project().join("fixtures/evidence.schema.json"));
    let published: Value = serde_json::from_str(&published.expect("it is there")).expect("JSON");
    let document = serde_json::to_value(&evidence).expect("the evidence is plain data");
    assert_eq!(mistakes(&published, &document), [""; 0]);
    let mut wrong = document.clone();
    wrong["accounting"]["planned"] = json!("many");
    assert_ne!(mistakes(&published, &wrong), [""; 0], "control");

    let schema = sarif_schema();
    let log: Value = serde_json::from_str(&sarif::text(&evidence)).expect("JSON");
    assert_eq!(mistakes(&schema, &log), [""; 0]);
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["level"] = json!("terrible");
    assert_ne!(mistakes(&schema, &wrong), [""; 0], "control");

    let results = log["runs"][0]["results"].as_array().expect("a list");
    let region = |rule: &str, object: &str| {
        let mut of_it = results.iter().filter(|it| {
            it["ruleId"] == rule
                && it["message"]["text"].as_str().is_some_and(|text| text.starts_with(object))
        });
        let place = &of_it.next().expect("a result")["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "migrations/20990101_fault.sql", "{place}");
        let region = &place["region"];
        ["startLine", "startColumn", "endLine"].map(|field| region[field].as_u64().unwrap_or(0))
    };
    assert_eq!(region("isolation.cell", "memories: "), [3, 3, 4]);
    assert_eq!(region("schema.missing", "feedback.feedback_open_idx"), [5, 1, 5]);

    // What else is wrong with the same policies is not a result of its own.
    let rules = |it: &&Value| it["properties"]["rules"].as_array().map_or(0, Vec::len);
    let folded = results.iter().max_by_key(rules).expect("a result");
    assert_eq!(folded["properties"]["cause"], json!(["memories", "policies", "select"]));
    let related = &folded["relatedLocations"][0];
    assert_eq!(related["physicalLocation"]["region"]["startLine"], 1, "{related}");
    assert_eq!(related["message"]["text"], "schema.undeclared: memories.more");
    assert!(!results.iter().any(|it| it["ruleId"] == "schema.different"));

    let junit = quick_junit::Report::deserialize_from_str(&junit::text(&evidence));
    let junit = junit.expect("it is JUnit's XML");
    assert_eq!((junit.tests, junit.failures), (evidence.checks.len(), evidence.accounting.failed));
    assert_ne!(junit.failures, 0, "control");

    // An accepted finding is shown as suppressed, and does not count.
    let is_known = |it: &&Finding| it.object == "feedback.feedback_open_idx";
    let findings: Vec<&Finding> = evidence.findings.iter().filter(is_known).collect();
    let known = format!(
        "[[known]]\nrule = \"schema.missing\"\nobject = \"feedback.feedback_open_idx\"\n\
         reason = \"old\"\nexpires = 2026-12-31\nfindings = \"{}\"\n",
        fingerprint(&findings)
    );
    let workspace = tempfile::TempDir::with_prefix("identra-forms-").expect("a directory");
    let file = workspace.path().join("baseline.toml");
    std::fs::write(&file, known).expect("a file of the workspace");
    let baseline = Baseline::read(&file).unwrap_or_else(|why| panic!("{why}"));
    baseline.apply(&mut evidence, date!(2026 - 11 - 22));
    let log: Value = serde_json::from_str(&sarif::text(&evidence)).expect("JSON");
    assert_eq!(mistakes(&schema, &log), [""; 0]);
    let mut results = log["runs"][0]["results"].as_array().into_iter().flatten();
    let suppressed = results.find(|it| !it["suppressions"].is_null()).expect("one");
    assert_eq!(suppressed["suppressions"][0]["justification"], "old (until 2026-12-31)");
    let after = quick_junit::Report::deserialize_from_str(&junit::text(&evidence));
    assert_eq!(after.expect("XML").failures, junit.failures - 1);
    let document = serde_json::to_value(&evidence).expect("plain data");
    assert_eq!(mistakes(&published, &document), [""; 0]);
}
