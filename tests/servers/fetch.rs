//! The fetch gets the pinned file, or nothing.

use super::Workspace;
use rstest::rstest;
use std::fs;
use std::process::{Command, Output};

fn fetch(workspace: &Workspace, arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/fetch-postgres");
    let cache = workspace.path().join("cache");
    let mut command = Command::new(script);
    // No index of pip can be reached.
    command.env("PIP_CONFIG_FILE", "/dev/null").env_remove("PIP_FIND_LINKS");
    command.env("PIP_INDEX_URL", "http://127.0.0.1:9/").env("PIP_RETRIES", "0");
    command.arg("--cache").arg(cache).args(arguments).output().expect("run the script")
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success(), "it fails");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "standard output");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[rstest]
#[case::other_content(b"not what was pinned")]
#[case::cut_off(b"PK\x03\x04\x14\0\0\0")]
#[case::empty(b"")]
fn wheel_that_is_not_the_pinned_one_leaves_nothing(#[case] content: &[u8]) {
    let workspace = Workspace::new();
    let wheel = workspace.path().join("some.whl");
    fs::write(&wheel, content).expect("a wheel");
    let refusal = refusal(&fetch(&workspace, &["--wheel", wheel.to_str().expect("its path")]));
    assert!(refusal.contains("is pinned") && refusal.contains("download it again"), "{refusal}");
    assert_eq!(fs::read_dir(workspace.path().join("cache")).expect("the cache").count(), 0, "left");
}

#[test]
fn download_that_fails_leaves_nothing() {
    let workspace = Workspace::new();
    let refusal = refusal(&fetch(&workspace, &[]));
    assert!(refusal.contains("nothing was kept; try again"), "{refusal}");
    assert_eq!(fs::read_dir(workspace.path().join("cache")).expect("the cache").count(), 0, "left");
}

#[test]
fn cache_that_cannot_be_created_is_named() {
    let workspace = Workspace::new();
    fs::write(workspace.path().join("cache"), "").expect("a file in the way");
    let refusal = refusal(&fetch(&workspace, &[]));
    assert!(refusal.contains("/cache") && refusal.contains("--cache"), "{refusal}");
}
