//! This file is what a run is about: migrations, platform shim and contract, read from their
//! directories and fingerprinted.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::CannotRun;
use super::contract::Contract;
use super::mutants::known::Known;

/// A file and its text.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Its file name; of a contract's file, below the contract's directory.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// Which default privileges the platform gives to what a migration creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Regime {
    /// Nothing until a GRANT says so: projects since 30 May 2026.
    Explicit,
    /// Everything to every API role: projects before that.
    AutoExpose,
}

impl Regime {
    /// Both of them.
    pub(crate) const ALL: [Self; 2] = [Self::Explicit, Self::AutoExpose];

    /// The word in file names and in the evidence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::AutoExpose => "auto-expose",
        }
    }
}

/// Everything that a verdict depends on, server apart.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    /// The migrations, in the order in which they are applied.
    pub(crate) migrations: Vec<SourceFile>,
    /// The platform: roles, then what a database holds before its first migration.
    pub(crate) shim: Vec<SourceFile>,
    /// What is intended.
    pub(crate) contract: Contract,
    /// The files that say so.
    pub(crate) contract_files: Vec<SourceFile>,
    /// What is known of mutants.
    pub(crate) mutants: Known,
    /// What stands before a migration's name in messages: its directory, from the project's on.
    pub(crate) migrations_at: String,
    /// The same for the contract's files.
    pub(crate) contract_at: String,
}

impl Inputs {
    /// Reads the directories that the environment names, `IDENTRA_MIGRATIONS` and
    /// `IDENTRA_FIXTURES`, or the project's own.
    ///
    /// # Errors
    /// What is missing or wrong, with file and line where there is one.
    pub(crate) fn from_environment() -> Result<Self, CannotRun> {
        Self::read(
            &directory("IDENTRA_MIGRATIONS", "migrations"),
            &directory("IDENTRA_FIXTURES", "fixtures"),
        )
    }

    /// Reads the given directories. A `fixtures` without `supabase/` gets the project's own
    /// platform shim.
    ///
    /// # Errors
    /// What is missing or wrong, with file and line where there is one.
    pub(crate) fn read(migrations: &Path, fixtures: &Path) -> Result<Self, CannotRun> {
        let own_shim = project().join("fixtures/supabase");
        let shim = fixtures.join("supabase");
        Ok(Self {
            contract: Contract::read(fixtures)?,
            contract_files: Contract::files(fixtures)?,
            mutants: Known::read(fixtures)?,
            migrations: migrations_in(migrations)?,
            shim: shim_in(if shim.is_dir() { &shim } else { &own_shim })?,
            migrations_at: shown(migrations),
            contract_at: shown(&fixtures.join("contract")),
        })
    }

    /// Migrations and platform shim alone, for a draft of the contract: those that the
    /// environment names, or the project's own.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub(crate) fn without_contract() -> Result<Self, CannotRun> {
        let migrations = directory("IDENTRA_MIGRATIONS", "migrations");
        let shim = directory("IDENTRA_FIXTURES", "fixtures").join("supabase");
        let own_shim = project().join("fixtures/supabase");
        Ok(Self {
            contract: Contract::default(),
            contract_files: Vec::new(),
            mutants: Known::default(),
            migrations: migrations_in(&migrations)?,
            shim: shim_in(if shim.is_dir() { &shim } else { &own_shim })?,
            migrations_at: shown(&migrations),
            contract_at: String::new(),
        })
    }

    /// The same with one more migration behind the others, for a fault that is planted.
    pub(crate) fn followed_by(mut self, text: &str) -> Self {
        let name = "20990101_fault.sql".to_owned();
        self.migrations.push(SourceFile { name, text: text.to_owned() });
        self
    }

    /// Whether these are the project's own migrations.
    pub(crate) fn are_the_projects(&self) -> bool {
        let own = migrations_in(&project().join("migrations"));
        own.is_ok_and(|own| fingerprint(&own) == self.migrations_sha256())
    }

    /// The shim's file of that name.
    ///
    /// # Errors
    /// Says which file is missing.
    pub(crate) fn shim_file(&self, name: &str) -> Result<&SourceFile, CannotRun> {
        self.shim.iter().find(|file| file.name == name).ok_or_else(|| {
            CannotRun(format!("the platform shim has no {name}; see fixtures/supabase/README.md"))
        })
    }

    /// SHA-256 of the migrations: names and texts.
    pub(crate) fn migrations_sha256(&self) -> String {
        fingerprint(&self.migrations)
    }

    /// SHA-256 of the platform shim: names and texts.
    pub(crate) fn shim_sha256(&self) -> String {
        fingerprint(&self.shim)
    }
}

/// What makes the platform in a database, in this order; then comes a regime.
pub(crate) const PLATFORM: [&str; 5] =
    ["platform.sql", "supautils.sql", "auth.sql", "storage.sql", "realtime.sql"];

/// The project's directory.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory as messages name it: from the project's on, with a slash; another's not at all,
/// since it is of this machine alone.
fn shown(directory: &Path) -> String {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = real(directory);
    match directory.strip_prefix(real(project())) {
        Ok(inside) if inside != Path::new("") => format!("{}/", inside.display()),
        _ => String::new(),
    }
}

/// A file likewise.
pub(crate) fn shown_file(file: &Path) -> String {
    let directory = file.parent().unwrap_or(file);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("{}{name}", shown(directory))
}

/// What a script asks by that variable of a process that it started for one test alone: a
/// variable that somebody exported must not end the other tests with this one's status.
pub(crate) fn asked(test: &str, variable: &str) -> Option<OsString> {
    env::args().any(|argument| argument == test).then(|| env::var_os(variable))?
}

fn directory(variable: &str, default: &str) -> PathBuf {
    match env::var_os(variable) {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => project().join(default),
    }
}

/// Where what is written goes: what `--out` says, or that directory of the project's.
pub(crate) fn out(default: &str) -> PathBuf {
    directory("IDENTRA_EVIDENCE", default)
}

/// The migrations in the order of `sqlx::migrate!`: by version, and without the ways back.
fn migrations_in(dir: &Path) -> Result<Vec<SourceFile>, CannotRun> {
    let mut files = sql_files(
        dir,
        "the migrations",
        "name another directory with --migrations or IDENTRA_MIGRATIONS",
    )?;
    files.retain(|file| !file.name.ends_with(".down.sql"));
    let version = |file: &SourceFile| {
        let digits = file.name.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u64>().unwrap_or(u64::MAX)
    };
    files.sort_by_key(|file| (version(file), file.name.clone()));
    Ok(files)
}

/// The platform shim, complete.
fn shim_in(dir: &Path) -> Result<Vec<SourceFile>, CannotRun> {
    let (what, advice) =
        ("the platform shim", "restore it, or remove the directory to use the project's own");
    let files = sql_files(dir, what, advice)?;
    let regimes = Regime::ALL.map(|regime| format!("{}.sql", regime.name()));
    let needed = ["roles.sql"].iter().chain(&PLATFORM).map(|name| (*name).to_owned());
    for name in needed.chain(regimes) {
        if !files.iter().any(|file| file.name == name) {
            let dir = dir.display();
            return Err(CannotRun(format!(
                "could not find {what}: {dir} holds no {name}; {advice}"
            )));
        }
    }
    Ok(files)
}

/// The SQL files of a directory, by name; `advice` says what to do where there is none.
fn sql_files(dir: &Path, what: &str, advice: &str) -> Result<Vec<SourceFile>, CannotRun> {
    if !dir.is_dir() {
        return Err(CannotRun(format!(
            "could not find {what}: {} is not a directory; {advice}",
            dir.display()
        )));
    }
    let unreadable = |path: &Path, error: std::io::Error| {
        CannotRun(format!("could not read {what} from {}: {error}", path.display()))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        let path = entry.map_err(|error| unreadable(dir, error))?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(CannotRun(format!(
            "could not find {what}: {} holds no file that ends in .sql; {advice}",
            dir.display()
        )));
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SourceFile { name, text })
    };
    paths.iter().map(read).collect()
}

/// SHA-256 of files' names and texts.
pub(crate) fn fingerprint(files: &[SourceFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.name.as_bytes());
        hash.update([0]);
        hash.update(file.text.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize())
}

/// The first 16 hexadecimal digits of the SHA-256 of `text`.
pub(crate) fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))[..16].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
