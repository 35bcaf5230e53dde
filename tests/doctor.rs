//! Tests of the doctor on machines that lack something: each report names the remedy.

mod tools;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::cli::doctor::{Chapter, chapters, known, variables, written};
use schema_harness::server::survey::Standing;
use schema_harness::server::{Settings, Wanted};

/// In two pieces, since no variable of that name is read.
const MISSPELT: &str = concat!("IDENTRA", "_PG_BINDR");

/// Settings with which nothing is found: no programs, no binaries, no image, no fetch.
fn bare() -> Settings {
    Settings {
        wanted: Wanted::Auto,
        bindir: None,
        image: "identra.invalid/none:none".to_owned(),
        url: None,
        allowed_hosts: Vec::new(),
        path: Vec::new(),
        places: Vec::new(),
        cache: None,
        ..Settings::from_environment().expect("settings")
    }
}

async fn report_for(settings: &Settings) -> (Vec<Chapter>, String) {
    let chapters = chapters(settings, Vec::new()).await;
    let text = written(&chapters);
    (chapters, text)
}

fn is_ready(chapters: &[Chapter]) -> bool {
    chapters.iter().flat_map(|(_, facts)| facts).all(|fact| fact.standing != Standing::Missing)
}

/// Binaries that say they are this version, with these extensions.
fn binaries(place: &Path, version: &str, extensions: &[&str]) -> PathBuf {
    let (bin, share) = (place.join("bin"), place.join("share/extension"));
    fs::create_dir_all(&bin).expect("bin");
    fs::create_dir_all(&share).expect("share");
    for extension in extensions {
        fs::write(share.join(format!("{extension}.control")), "").expect("a control file");
    }
    for program in ["postgres", "initdb", "psql", "pg_dump", "pg_restore"] {
        let text = format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n");
        fs::write(bin.join(program), text).expect("a program");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(bin.join(program), executable).expect("an executable program");
    }
    bin
}

/// A directory that the server's user may traverse.
fn shelf() -> TempDir {
    let shelf = TempDir::with_prefix("identra-doctor-").expect("a directory of the test's own");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(shelf.path(), open).expect("a directory for others to pass");
    shelf
}

#[tokio::test]
async fn bare_machine_is_told_what_to_install() {
    // A daemon may answer here, and would pull.
    let (chapters, text) = report_for(&Settings { wanted: Wanted::Embedded, ..bare() }).await;
    assert!(!is_ready(&chapters), "{text}");
    for part in [
        "optional  no PostgreSQL binaries on this machine\n",
        "to do: install PostgreSQL 15 or later with pgvector",
        "optional  no psql\n",
        "to do: install postgresql-client",
        "missing   could not fetch PostgreSQL: there is no directory to put it\n",
        "            set HOME\n",
        "to do: see \"What it needs\" in README.md\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in{text}");
    }
}

#[tokio::test]
async fn usable_binaries_are_chosen() {
    let shelf = shelf();
    let bindir = binaries(shelf.path(), "17.6", &["vector", "pg_trgm", "plpgsql_check"]);
    let settings = Settings { bindir: Some(bindir.clone()), ..bare() };
    let (chapters, text) = report_for(&settings).await;
    let place = format!("PostgreSQL 17.6 in {}", bindir.display());
    assert!(is_ready(&chapters), "{text}");
    for part in [
        format!("ok        {place}, with vector and pg_trgm, and plpgsql_check\n"),
        format!("ok        psql: {}/psql of PostgreSQL 17\n", bindir.display()),
        format!("ok        embedded: {place}\n"),
        "no others were looked for: IDENTRA_PG_BINDIR is set\n".to_owned(),
    ] {
        assert!(text.contains(&part), "{part:?} is not in{text}");
    }
}

#[rstest]
#[case::not_there(None, "/nowhere has no initdb")]
#[case::too_old(Some(("14.19", &["vector", "pg_trgm"][..])), "is older than 15")]
#[case::without_vector(Some(("16.4", &["pg_trgm"][..])), "has no extension vector")]
#[tokio::test]
async fn directory_that_cannot_be_used_is_missing(
    #[case] what: Option<(&str, &[&str])>,
    #[case] why: &str,
) {
    let shelf = shelf();
    let bindir = match what {
        Some((version, extensions)) => binaries(shelf.path(), version, extensions),
        None => PathBuf::from("/nowhere"),
    };
    let (chapters, text) = report_for(&Settings { bindir: Some(bindir), ..bare() }).await;
    assert!(!is_ready(&chapters), "{text}");
    assert!(text.contains(why) && text.contains("missing   IDENTRA_PG_BINDIR cannot"), "{text}");
    assert!(text.contains("to do: name a directory with PostgreSQL 15 or later"), "{text}");
}

/// Binaries that were not requested may lack an extension; then they are not used.
#[tokio::test]
async fn binaries_without_an_extension_are_told_which_package_has_it() {
    let shelf = shelf();
    let places = vec![binaries(shelf.path(), "16.4", &["pg_trgm"])];
    let (_, text) = report_for(&Settings { places, ..bare() }).await;
    assert!(text.contains("optional  PostgreSQL 16.4 in "), "{text}");
    assert!(
        text.contains("to do: install pgvector for it (Debian: postgresql-16-pgvector)"),
        "{text}"
    );
}

#[rstest]
#[case::ours(
    "postgres://supabase_admin:hunter2@127.0.0.1:5433/p",
    true,
    "supabase_admin at 127.0.0.1, port 5433"
)]
#[case::hosted("postgres://u:hunter2@db.abcdefgh.supabase.co/p", false, "hosted by supabase.co")]
#[case::elsewhere(
    "postgres://u:hunter2@db.example.org/p",
    false,
    "IDENTRA_ALLOW_HOSTS=db.example.org"
)]
#[case::no_url("hunter2", false, "cannot be read")]
#[tokio::test]
async fn url_is_told_without_its_password(
    #[case] url: &str,
    #[case] usable: bool,
    #[case] told: &str,
) {
    let settings = Settings { url: Some(url.to_owned()), wanted: Wanted::Url, ..bare() };
    let (chapters, text) = report_for(&settings).await;
    assert_eq!(is_ready(&chapters), usable, "{text}");
    assert!(text.contains(told) && !text.contains("hunter2"), "{text}");
}

#[test]
fn variables_are_told_with_what_is_wrong_about_them() {
    let environment = [
        ("IDENTRA_DATABASE_URL", "postgres://u:hunter2@127.0.0.1/p"),
        ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1/p"),
        (MISSPELT, "/usr/bin"),
        ("IDENTRA_MIGRATIONS", "/nowhere"),
        ("IDENTRA_SQLX_MIGRATOR", "/nowhere"),
        ("IDENTRA_PG_IMAGE", "some:image"),
        ("IDENTRA_FIXTURES", ""),
        ("HOME", "/nowhere"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let text = written(&[("Variables that are set", variables(environment.into_iter()))]);
    let expected = format!(
        "
Variables that are set
  optional  DATABASE_URL is set, and never read
            to do: the URL of a server that may be destroyed goes into IDENTRA_DATABASE_URL
  missing   IDENTRA_MIGRATIONS is /nowhere, which is no directory
            to do: name a directory that is there, or unset it
  optional  {MISSPELT} is none that a person sets
            to do: perhaps IDENTRA_PG_BINDIR is meant; otherwise unset it
  ok        IDENTRA_PG_IMAGE is some:image
  optional  IDENTRA_SQLX_MIGRATOR is /nowhere, which is no program
            to do: build it, see \"Tests that need more\" in tests/README.md, or unset it
"
    );
    assert_eq!(text, expected);
}

/// T02: a table that is read wrongly would make every variable unknown.
#[test]
fn variables_of_the_readme_are_known() {
    let all: Vec<&str> = known().collect();
    for name in ["IDENTRA_POSTGRES", "IDENTRA_DATABASE_URL", "IDENTRA_SQLX_MIGRATOR"] {
        assert!(all.contains(&name), "{name} is not among {all:?}");
    }
}

fn script(path: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/doctor"));
    command.args(arguments).env("PATH", path);
    let output = command.output().expect("the script runs");
    let report_for = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&report_for).into_owned())
}

/// Where there is nothing but a shell, what builds the harness is told with its remedy.
#[test]
fn machine_without_programs_is_told_what_to_install() {
    let shelf = shelf();
    let bash = ["/bin/bash", "/usr/bin/bash"].into_iter().find(|it| Path::new(it).exists());
    symlink(bash.expect("a shell"), shelf.path().join("bash")).expect("a PATH with a shell");
    let (status, text) = script(shelf.path(), &[]);
    assert_eq!(status, Some(1), "{text}");
    for part in [
        "missing   cargo, which builds the harness\n",
        "to do: install Rust",
        "missing   cc, a C compiler that Rust links with\n",
        "to do: install gcc",
        "NOT READY: the harness cannot be built",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn cargo_that_is_too_old_is_missing() {
    let shelf = shelf();
    let path = std::env::var("PATH").unwrap_or_default();
    let old = shelf.path().join("cargo");
    fs::write(&old, "#!/bin/sh\necho 'cargo 1.84.1 (66221abde 2024-11-19)'\n").expect("a cargo");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).expect("a program");
    let path = format!("{}:{path}", shelf.path().display());
    let (status, text) = script(Path::new(&path), &[]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("missing   cargo 1.84.1, and Cargo.toml asks for 1.95\n"), "{text}");
    assert!(text.contains("to do: rustup update"), "{text}");
}

#[test]
fn argument_that_means_nothing_is_refused() {
    let path = std::env::var("PATH").unwrap_or_default();
    let (status, text) = script(Path::new(&path), &["--all"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("error: unexpected argument '--all' found"), "{text}");
}
