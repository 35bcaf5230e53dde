//! `scripts/verify` with wrong arguments, with another run at the same time, and with a harness
//! that prints nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use rstest::rstest;

use super::{CommandOutput, Workspace};
use schema_harness::report::Evidence;
use schema_harness::source::project;

pub(crate) fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new(project().join("scripts/verify"));
    for variable in ["IDENTRA_MIGRATIONS", "IDENTRA_FIXTURES", "IDENTRA_EVIDENCE"] {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(project());
    command
}

#[rstest]
#[case::unknown(
    &["--migration", "x"],
    "error: unexpected argument '--migration' found\n\n  tip: a similar argument exists: \
        '--migrations'"
)]
#[case::not_an_option(&["migrations"], "error: unrecognized subcommand 'migrations'\n")]
#[case::without_a_value(&["--out"], "error: a value is required for '--out <DIR>' but none was")]
#[case::with_an_option_for_a_value(
    &["--out", "--migrations", "x"],
    "error: a value is required for '--out <DIR>' but none was supplied"
)]
#[case::of_a_subcommand(&["merge"], "error: the following required arguments were not provided:\n")]
#[case::of_another_subcommand(&["doctor", "--out", "x"], "error: unexpected argument '--out' \
    found")]
fn unknown_argument_is_refused(#[case] arguments: &[&str], #[case] message: &str) {
    let output = script(arguments).output().expect("the script runs");
    let said = CommandOutput::of(&output, &Workspace::empty());
    assert_eq!(said.status, Some(2), "{}", said.error);
    assert!(said.error.starts_with(message), "{}", said.error);
    assert!(said.error.ends_with("For more information, try '--help'."), "{}", said.error);
}

/// Former options still work.
#[rstest]
#[case::explain(&["--explain", "W04"], "attack.W04: ")]
#[case::explain_all(&["--explain"], "")]
fn older_spelling_is_accepted(#[case] arguments: &[&str], #[case] begin: &str) {
    let output = script(arguments).output().expect("the script runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.starts_with(begin), "{told}");
}

/// An example of the workspace has a main job of its own; the example of an attack shows whose ran.
#[test]
fn script_runs_the_main_job_of_its_own_project() {
    let output = script(&["explain", "W04"]).output().expect("the script runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("on public.memories to authenticated"), "{told}");
}

#[rstest]
#[case::main_job(&["--help"])]
#[case::draft(&["draft", "--help"])]
#[case::merge(&["merge", "--help"])]
#[case::explain(&["explain", "--help"])]
#[case::doctor(&["doctor", "--help"])]
fn help_has_an_example(#[case] arguments: &[&str]) {
    let output = script(arguments).output().expect("the script runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("\n  scripts/verify "), "{told}");
}

/// An explanation runs no check, so the evidence stays.
#[test]
fn explanation_leaves_the_evidence_alone() {
    let workspace = Workspace::empty();
    workspace.write("out/evidence.json", "{}");
    let out = workspace.path("out").display().to_string();
    let ask = |rule: &str| {
        let mut ask = script(&["explain", rule]);
        ask.env("IDENTRA_EVIDENCE", &out).output().expect("it runs")
    };
    let told = ask("w04");
    let page = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success() && page.starts_with("attack.W04: "), "{page}");
    let message = "there is no rule `attack.w44`; did you mean attack.W04 or attack.W14 or \
                   attack.R04? scripts/verify explain lists all";
    assert_eq!(
        CommandOutput::of(&ask("attack.w44"), &workspace),
        CommandOutput::could_not_run(message)
    );
    assert!(workspace.path("out/evidence.json").exists(), "the evidence");
}

/// T02: a program that checks nothing ends with status 0. Here cargo says that such a program
/// is the harness.
#[test]
fn harness_without_output_proves_nothing() {
    let workspace = Workspace::empty();
    let manifest = project().join("Cargo.toml").display().to_string();
    let says = format!(r#"{{"manifest_path":"{manifest}","executable":"/usr/bin/true"}}"#);
    workspace.write("bin/cargo", &format!("#!/bin/sh\necho '{says}'\n"));
    let everybody_may = fs::Permissions::from_mode(0o755);
    fs::set_permissions(workspace.path("bin/cargo"), everybody_may).expect("a program");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", workspace.path("bin").display());
    let out = workspace.path("out").display().to_string();
    let output = script(&["--out", &out]).env("PATH", path).output().expect("the script runs");
    let message = "cargo does not say where the harness is";
    assert_eq!(CommandOutput::of(&output, &workspace), CommandOutput::could_not_run(message));
}

/// The same: a harness that does not compile leaves no verdict of one that did.
#[test]
fn harness_that_does_not_compile_leaves_no_verdict_of_an_earlier_run() {
    let workspace = Workspace::empty();
    workspace.write("out/evidence.json", "{\n  \"verdict\": \"proved\"\n}");
    let out = workspace.path("out").display().to_string();
    let output = script(&["--out", &out]).env("CARGO", "false").env("RUSTC", "false").output();
    let said = CommandOutput::of(&output.expect("the script runs"), &workspace);
    assert_eq!(said.status, Some(2), "{}", said.error);
    let message = "COULD NOT RUN: the harness does not compile; see above";
    assert!(said.error.ends_with(message), "{}", said.error);
    assert!(!workspace.path("out/evidence.json").exists(), "evidence of the earlier run");
}

/// They share a server; neither waits for the other's verdict, and both write the same.
#[test]
fn two_runs_at_once_both_end_with_a_verdict() {
    let workspace = Workspace::empty();
    let outs = [workspace.path("one"), workspace.path("two")];
    let start = |out: &std::path::PathBuf| -> Child {
        let mut command = script(&["--out", &out.display().to_string()]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the script runs")
    };
    let running = outs.each_ref().map(start);
    let said = running.map(|run| {
        let output = run.wait_with_output().expect("the script ends");
        CommandOutput::of(&output, &workspace)
    });
    let made = said.iter().zip(&outs).map(|(said, out)| {
        assert_eq!(said.status, Some(0), "{}", said.error);
        let made = fs::read_to_string(out.join("evidence.json")).expect("the evidence");
        assert!(made.contains("\"verdict\": \"proved\""), "{}", said.error);
        let made: Evidence = serde_json::from_str(&made).expect("the evidence");
        made.lasting().to_string()
    });
    let made: Vec<String> = made.collect();
    assert!(made[0] == made[1], "the same input gave other evidence");
    for name in ["results.sarif", "junit.xml", "replay.sql"] {
        let [one, other] = outs.each_ref().map(|out| fs::read(out.join(name)).expect("a file"));
        assert!(one == other, "the same input gave another {name}");
    }
}
