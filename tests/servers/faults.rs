//! Each failure is one message, and leaves nothing behind.

use super::{Holder, Workspace, could_not_run};
use rstest::rstest;
use schema_harness::server::{Server, Settings, Wanted};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The message that a server with these settings fails with; nothing is left.
fn refusal(workspace: &Workspace, settings: &Settings) -> String {
    let refusal = Server::shared_with(settings).err().expect("a refusal").0;
    assert_eq!(workspace.entries(), [""; 0], "what is left");
    refusal
}

/// Binaries that say they are this version, with these extensions and this `initdb`.
fn binaries(place: &Path, version: &str, extensions: &[&str], initdb: &str) -> PathBuf {
    let (bin, share) = (place.join("bin"), place.join("share/extension"));
    fs::create_dir_all(&bin).expect("bin");
    fs::create_dir_all(&share).expect("share");
    for extension in extensions {
        fs::write(share.join(format!("{extension}.control")), "").expect("a control file");
    }
    let answer = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
    for (program, text) in [("postgres", answer), ("initdb", format!("#!/bin/sh\n{initdb}\n"))] {
        fs::write(bin.join(program), text).expect("a program");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(bin.join(program), executable).expect("an executable program");
    }
    bin
}

/// A directory for binaries, beside the ones of servers.
fn shelf() -> Workspace {
    Workspace::new()
}

const BOTH: [&str; 2] = ["vector", "pg_trgm"];

#[rstest]
#[case::without_vector("16.4", &["pg_trgm"], "has no extension vector")]
#[case::without_trigrams("16.4", &["vector"], "has no extension pg_trgm")]
#[case::too_old("14.19", &BOTH, "is older than 15")]
#[case::no_version("of old", &BOTH, "has no version")]
fn binaries_that_lack_something_are_refused(
    #[case] version: &str,
    #[case] extensions: &[&str],
    #[case] reason: &str,
) {
    let (workspace, shelf) = (Workspace::new(), shelf());
    let bindir = Some(binaries(shelf.path(), version, extensions, "true"));
    let refusal = refusal(&workspace, &Settings { bindir, ..workspace.settings.clone() });
    assert!(refusal.contains(reason), "{refusal}");
    assert!(refusal.contains("IDENTRA_PG_BINDIR"), "what to change: {refusal}");
}

#[test]
fn directory_without_binaries_is_refused() {
    let workspace = Workspace::new();
    let bindir = Some(PathBuf::from("/nowhere"));
    let refusal = refusal(&workspace, &Settings { bindir, ..workspace.settings.clone() });
    assert!(refusal.contains("/nowhere has no initdb"), "{refusal}");
}

/// The newest has no vector, so the one before it serves, and the message says why.
#[test]
fn newest_usable_binaries_are_chosen() {
    let (workspace, shelf) = (Workspace::new(), shelf());
    let old = binaries(&shelf.path().join("a"), "16.9", &BOTH, "echo oldest >&2; exit 1");
    let new = binaries(&shelf.path().join("b"), "17.6", &BOTH, "echo chosen >&2; exit 1");
    let newest = binaries(&shelf.path().join("c"), "18.1", &["pg_trgm"], "echo newest >&2; exit 1");
    let settings =
        Settings { path: vec![], places: vec![old, newest, new], ..workspace.settings.clone() };
    let refusal = refusal(&workspace, &settings);
    assert!(refusal.contains("chosen"), "{refusal}");
}

#[rstest]
#[case::full("echo 'could not write: No space left on device' >&2; exit 1", "free 100 MB in")]
#[case::other("echo 'invalid locale settings' >&2; exit 1", "invalid locale settings")]
fn initdb_that_fails_is_quoted(#[case] initdb: &str, #[case] words: &str) {
    let (workspace, shelf) = (Workspace::new(), shelf());
    let bindir = Some(binaries(shelf.path(), "18.1", &BOTH, initdb));
    let refusal = refusal(&workspace, &Settings { bindir, ..workspace.settings.clone() });
    assert!(refusal.contains(words), "{refusal}");
}

#[test]
fn server_that_does_not_start_is_quoted() {
    let (workspace, shelf) = (Workspace::new(), shelf());
    let bindir = Some(binaries(shelf.path(), "18.1", &BOTH, "exit 0"));
    let refusal = refusal(&workspace, &Settings { bindir, ..workspace.settings.clone() });
    assert!(refusal.contains("the server failed"), "{refusal}");
}

#[test]
fn missing_temporary_directory_is_named() {
    let workspace = Workspace::new();
    let root = workspace.path().join("missing");
    let refusal = refusal(&workspace, &Settings { root, ..workspace.settings.clone() });
    assert!(refusal.contains("/missing/identra-"), "{refusal}");
}

#[test]
fn unwritable_temporary_directory_is_named() {
    let workspace = Workspace::new();
    // No user can create a directory there, not even root.
    let root = PathBuf::from("/proc/self");
    let refusal = refusal(&workspace, &Settings { root, ..workspace.settings.clone() });
    assert!(refusal.contains("could not make /proc/self/identra-"), "{refusal}");
}

/// Another user could create a directory of that name with a server of their own.
#[test]
fn directory_that_others_can_enter_is_not_trusted() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let home = workspace.path().join(&workspace.entries()[0]);
    drop(server);
    workspace.is_left_empty();
    fs::create_dir(&home).expect("a directory of that name");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).expect("for all to enter");
    let refusal = Server::shared_with(&workspace.settings).err().expect("a refusal").0;
    assert!(refusal.contains("was not made by this harness"), "{refusal}");
}

/// A real file system of 8 MB, in a mount namespace that ends with the process.
#[test]
fn full_file_system_is_one_message() {
    let workspace = Workspace::new();
    let small = r#"mount -t tmpfs -o size=8m,mode=711 tmpfs "$0" || exit; "$@"; ls -A "$0""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", small]).arg(workspace.path());
    let holder = Holder::command(&workspace.settings);
    let tried = command
        .arg(holder.get_program())
        .args(holder.get_args())
        .envs(holder.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output();
    let said = tried.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let Some((_, refusal)) = said.as_deref().unwrap_or_default().split_once("refused ") else {
        could_not_run("only root may mount a small file system");
        return;
    };
    assert!(refusal.contains("free 100 MB in"), "{refusal}");
    assert!(!refusal.contains("\nidentra-"), "what is left: {refusal}");
}

/// No binaries, no daemon, no fetch: one message with all that was tried.
#[test]
fn nothing_to_use_is_one_message() {
    let workspace = Workspace::new();
    let settings = Settings {
        wanted: Wanted::Auto,
        path: vec![],
        places: vec![],
        cache: None,
        image: "identra.invalid/none:none".to_owned(),
        ..workspace.settings.clone()
    };
    let refusal = refusal(&workspace, &settings);
    for part in ["install PostgreSQL 15 or later with pgvector", "not docker:", "could not fetch"] {
        assert!(refusal.contains(part), "{refusal} does not say {part}");
    }
}
