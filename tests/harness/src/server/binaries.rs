//! PostgreSQL binaries on this machine, and whether they can be used.

use super::account;
use super::settings::Settings;
use crate::error::CannotRun;
use rustix::process::{Pid, Signal, kill_process};
use std::cmp::Reverse;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest major version that has everything the schema uses.
pub(super) const OLDEST: u32 = 15;

/// What the schema needs and a server may lack.
pub(super) const EXTENSIONS: [&str; 2] = ["vector", "pg_trgm"];

/// A directory with `initdb` and `postgres` that has what the schema needs.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
    /// As in `18.1`.
    version: (u32, u32),
}

impl Binaries {
    /// The newest usable ones, and why others are not.
    ///
    /// # Errors
    /// The reasons against each that was found.
    pub(super) fn find(settings: &Settings) -> Result<(Self, Vec<String>), Vec<String>> {
        let (mut usable, mut reasons) = (Vec::new(), Vec::new());
        for directory in candidates(settings) {
            match Self::inspect(&directory) {
                Ok(binaries) => usable.push(binaries),
                Err(reason) => reasons.push(reason),
            }
        }
        // The sort is stable: of two with the same version, the one that is searched first.
        usable.sort_by_key(|binaries| Reverse(binaries.version));
        match usable.into_iter().next() {
            Some(newest) => Ok((newest, reasons)),
            None => Err(reasons),
        }
    }

    /// The binaries in this directory.
    ///
    /// # Errors
    /// One reason why they cannot be used.
    pub(super) fn inspect(directory: &Path) -> Result<Self, String> {
        let unknown = Self { directory: directory.to_owned(), version: (0, 0) };
        let place = directory.display();
        for program in ["initdb", "postgres"] {
            if !directory.join(program).is_file() {
                return Err(format!("{place} has no {program}"));
            }
        }
        let text = unknown.answer("postgres", "--version")?;
        let version = parse(&text).ok_or_else(|| format!("{place} has no version: {text}"))?;
        let binaries = Self { version, ..unknown };
        if binaries.major() < OLDEST {
            return Err(format!("{binaries} is older than {OLDEST}"));
        }
        match EXTENSIONS.into_iter().find(|extension| !binaries.has(extension)) {
            Some(extension) => Err(format!("{binaries} has no extension {extension}")),
            None => Ok(binaries),
        }
    }

    /// Whether it can create that extension.
    pub(super) fn has(&self, extension: &str) -> bool {
        let control = format!("extension/{extension}.control");
        self.shares().iter().any(|share| share.join(&control).is_file())
    }

    pub(super) fn major(&self) -> u32 {
        self.version.0
    }

    /// The program as the server's user, with its own libraries and nothing of the caller's
    /// settings.
    pub(super) fn command(&self, program: &str) -> Command {
        self.command_of(&self.directory.join(program))
    }

    /// The same for a program that lies elsewhere.
    pub(super) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", &self.directory)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("LD_LIBRARY_PATH", self.directory.join("../lib"))
            .stdin(Stdio::null());
        if let Some((user, group)) = account::owner() {
            command.uid(user).gid(group).current_dir("/");
        }
        command
    }

    fn answer(&self, program: &str, option: &str) -> Result<String, String> {
        let place = self.directory.display();
        let output = self.command(program).arg(option).output();
        let output = output.map_err(|problem| match account::owner() {
            Some((user, _)) => {
                format!("{place}/{program} cannot be run by the server's user {user}: {problem}")
            }
            None => format!("{place}/{program} cannot be run: {problem}"),
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{place}/{program} cannot be run: {}", stderr.trim()))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the libraries of extensions lie, as `pg_config` says.
    pub(super) fn library(&self) -> Option<PathBuf> {
        self.answer("pg_config", "--pkglibdir").ok().map(PathBuf::from)
    }

    /// Where extensions may lie: what `pg_config` says, else the usual neighbours.
    pub(super) fn shares(&self) -> Vec<PathBuf> {
        let reported = self.answer("pg_config", "--sharedir").map(PathBuf::from);
        let neighbours = ["../share", "../share/postgresql"];
        reported.into_iter().chain(neighbours.map(|share| self.directory.join(share))).collect()
    }
}

impl std::fmt::Display for Binaries {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor) = self.version;
        write!(out, "PostgreSQL {major}.{minor} in {}", self.directory.display())
    }
}

/// Every directory with a `postgres`, each once, in the order in which they are looked for.
pub(super) fn candidates(settings: &Settings) -> Vec<PathBuf> {
    let configured =
        settings.path.iter().filter_map(|directory| bindir(&directory.join("pg_config")));
    let linked = settings.path.iter().filter_map(|directory| {
        let program = fs::canonicalize(directory.join("postgres")).ok()?;
        program.parent().map(Path::to_owned)
    });
    let (cache, usual) = settings.places.split_at(usize::from(settings.cache.is_some()));
    let mut found: Vec<PathBuf> = Vec::new();
    let all = cache
        .iter()
        .flat_map(|pattern| expand(pattern))
        .chain(configured)
        .chain(linked)
        .chain(usual.iter().flat_map(|pattern| expand(pattern)));
    for directory in all {
        let real = fs::canonicalize(&directory).unwrap_or(directory);
        if real.join("postgres").is_file() && !found.contains(&real) {
            found.push(real);
        }
    }
    found
}

/// The `bindir` that this `pg_config` reports.
fn bindir(program: &Path) -> Option<PathBuf> {
    let output = Command::new(program).arg("--bindir").stdin(Stdio::null()).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// The directories that match a pattern; a component has at most one `*`.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_string_lossy();
        found = match text.split_once('*') {
            None => found.into_iter().map(|path| path.join(component)).collect(),
            Some((start, end)) => {
                let entries =
                    found.iter().flat_map(|path| fs::read_dir(path).into_iter().flatten());
                let matching = entries.flatten().filter(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.len() >= start.len() + end.len()
                        && name.starts_with(start)
                        && name.ends_with(end)
                });
                matching.map(|entry| entry.path()).collect()
            }
        };
    }
    found
}

/// `postgres (PostgreSQL) 18.1 (Debian …)` is 18.1; of a beta, the minor version is 0.
pub(super) fn parse(text: &str) -> Option<(u32, u32)> {
    let number =
        text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    Some((digits(major)?, digits(minor).unwrap_or(0)))
}

/// What `scripts/fetch-postgres` brings.
pub(super) const FETCHED: &str = "PostgreSQL 18 with pgvector (30 MB, once)";

/// Whether `scripts/fetch-postgres` has what it needs on this machine. Nothing is fetched.
///
/// # Errors
/// What is missing.
pub(super) fn can_fetch(settings: &Settings) -> Result<(), String> {
    let cannot = |problem: &str| Err(format!("could not fetch PostgreSQL: {problem}"));
    if settings.cache.is_none() {
        return cannot("there is no directory to put it; set HOME");
    }
    let pip = |directory: &PathBuf| {
        let mut python = Command::new(directory.join("python3"));
        let asked = python.args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
        asked.is_ok_and(|output| output.status.success())
    };
    if settings.path.iter().any(pip) {
        return Ok(());
    }
    cannot("there is no python3 with pip; install python3 and python3-pip")
}

/// Runs `scripts/fetch-postgres`; `note` is called with a message before.
///
/// # Errors
/// The script's last line.
pub(super) async fn fetch(
    settings: &Settings,
    note: impl Fn(String),
) -> Result<Binaries, CannotRun> {
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/fetch-postgres"));
    let cannot = |problem: String| CannotRun(format!("could not fetch PostgreSQL: {problem}"));
    let Some(cache) = &settings.cache else {
        return Err(cannot("there is no directory to put it; set HOME".to_owned()));
    };
    note("fetching PostgreSQL with pgvector (30 MB), once".to_owned());
    let unusable = |problem| cannot(format!("{}: {problem}; install python3", script.display()));
    let fetching = tokio::process::Command::new(script)
        .arg("--cache")
        .arg(cache)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(unusable)?;
    let asked_to_end = EndUnlessDone(fetching.id());
    let output = fetching.wait_with_output().await.map_err(unusable)?;
    asked_to_end.done();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(cannot(stderr.trim().to_owned()));
    }
    let directory = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Binaries::inspect(Path::new(&directory)).map_err(cannot)
}

/// Sends SIGTERM to a process when nobody waits for it any longer, so that it can clean up.
struct EndUnlessDone(Option<u32>);

impl EndUnlessDone {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for EndUnlessDone {
    fn drop(&mut self) {
        if let Some(pid) = self.0.and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}
