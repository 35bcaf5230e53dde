//! Replay: psql gets the same outcome for every statement of the evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job, Part};
use schema_harness::platform::Regime;
use schema_harness::report::Evidence;
use schema_harness::report::document::MatrixCell;
use schema_harness::sandbox::Database;
use schema_harness::server::Server;

/// The outcome in psql of each pasted statement: `3 rows`, or its error.
fn pasted(database: &Database, regime: Regime, evidence: &Evidence) -> BTreeMap<String, String> {
    let workspace = tempfile::TempDir::with_prefix("identra-replay-").expect("a directory");
    let at = |name: &str| workspace.path().join(name).display().to_string();
    let paste = |cell: &MatrixCell| {
        let (id, script) = (&cell.id, &cell.cell.statement);
        let before = format!("\\echo @ {id}\n\\set LAST_ERROR_MESSAGE none");
        format!("{before}\n{script}\n\\echo :LAST_ERROR_MESSAGE\n")
    };
    let paste: String = evidence.matrix.iter().map(paste).collect();
    for (name, text) in [("replay.sql", &evidence.replay), ("paste.sql", &paste)] {
        std::fs::write(at(name), text).expect("a file of the workspace");
    }
    let regime = format!("regime={}", regime.name());
    let (replay, paste) = (at("replay.sql"), at("paste.sql"));
    let files = ["--no-psqlrc", "--set", &regime, "--file", &replay, "--file", &paste];
    let psql = Server::shared().and_then(|server| server.program("psql", server.major()));
    let said = psql.and_then(|psql| psql.run(&database.login("supabase_admin"), &files));
    let said = said.unwrap_or_else(|why| panic!("{why}"));
    said.split("@ ").skip(1).map(outcome).collect()
}

/// The id and the outcome in psql's output for one statement.
fn outcome(said: &str) -> (String, String) {
    let mut lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    let error = lines.pop().unwrap_or_default();
    let id = lines.first().copied().unwrap_or_default().to_owned();
    lines.retain(|line| !["BEGIN", "SET", "ROLLBACK"].contains(line));
    let last = lines.pop().unwrap_or_default();
    let digits = last.trim_end_matches(" rows)").trim_end_matches(" row)");
    let count = digits.rsplit([' ', '(']).next().unwrap_or_default();
    let outcome = if error.starts_with("permission denied for") {
        "no privilege".to_owned()
    } else if error.starts_with("new row violates row-level security policy") {
        "policy violation".to_owned()
    } else if error != "none" {
        error.to_owned()
    } else {
        format!("{count} row{}", if count == "1" { "" } else { "s" })
    };
    (id, outcome)
}

/// Every cell, in a database that was made with psql alone.
#[tokio::test(flavor = "multi_thread")]
async fn statement_that_is_pasted_gets_what_the_evidence_says() {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let job = Job { parts: vec![Part::Isolation], ..Job::without_attacks(&[]) };
    let evidence = job::run(Arc::new(inputs), &job).await;
    let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
    let differing = async |regime: Regime, evidence: &Evidence| {
        let database = Database::empty().await.unwrap_or_else(|why| panic!("{why}"));
        let observed = evidence
            .matrix
            .iter()
            .map(|cell| (cell.id.clone(), cell.observed[regime.name()].clone()));
        let observed: BTreeMap<String, String> = observed.collect();
        assert!(observed.len() > 1000, "T02: cells");
        let pasted = pasted(&database, regime, evidence);
        let differs = |(id, it): &(&String, &String)| pasted.get(*id) != Some(it);
        let told = |(id, it)| format!("{id}: {it}, psql: {:?}", pasted.get(id));
        observed.iter().filter(differs).map(told).collect::<Vec<String>>()
    };
    for regime in Regime::ALL {
        assert_eq!(differing(regime, &evidence).await, [""; 0], "{}", regime.name());
    }
    let mut other = evidence;
    other.replay += "drop policy \"Users read their own memories\" on public.memories;";
    assert_ne!(differing(Regime::Explicit, &other).await, [""; 0], "control");
}
