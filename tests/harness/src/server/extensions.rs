//! Extensions that the platform has and a server lacks, or keeps for superusers: puts control
//! files for both where the server looks for them.
//!
//! PostgreSQL 18 looks in further directories. An older server runs as a copy of its program, so
//! that the directory beside it, which it finds by its own place, is one of the harness's.

use super::address::{Address, SUPERUSER};
use super::binaries::Binaries;
use super::{account, sql};
use crate::error::CannotRun;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major release with `extension_control_path`.
const WITH_A_PATH: u32 = 18;

/// The text of each file of that name, which is part of the program: it may run elsewhere.
macro_rules! texts {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../../fixtures/supabase/extensions/", $name)))),+]
    };
}

/// The stand-ins, and the names of the extensions that the platform lets `postgres` create.
const FILES: [(&str, &str); 37] = texts![
    "http--1.0.sql",
    "http.control",
    "hypopg--1.0.sql",
    "hypopg.control",
    "index_advisor--1.0.sql",
    "index_advisor.control",
    "pg_cron--1.0.sql",
    "pg_cron.control",
    "pg_graphql--1.0.sql",
    "pg_graphql.control",
    "pg_hashids--1.0.sql",
    "pg_hashids.control",
    "pg_jsonschema--1.0.sql",
    "pg_jsonschema.control",
    "pg_net--1.0.sql",
    "pg_net.control",
    "pg_repack--1.0.sql",
    "pg_repack.control",
    "pg_stat_monitor--1.0.sql",
    "pg_stat_monitor.control",
    "pg_tle--1.0.sql",
    "pg_tle.control",
    "pgaudit--1.0.sql",
    "pgaudit.control",
    "pgjwt--1.0.sql",
    "pgjwt.control",
    "pgmq--1.0.sql",
    "pgmq.control",
    "pgsodium--1.0.sql",
    "pgsodium.control",
    "plpgsql_check--1.0.sql",
    "plpgsql_check.control",
    "privileged.txt",
    "supabase_vault--1.0.sql",
    "supabase_vault.control",
    "uuid-ossp--1.0.sql",
    "uuid-ossp.control",
];

/// The files that a server of another kind is given: name and text.
pub(super) fn files() -> impl Iterator<Item = (String, String)> {
    FILES.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned()))
}

/// What a server of this machine's binaries is started with.
pub(super) struct Completed {
    /// Where its control files are looked for first.
    directory: PathBuf,
    /// Another program than the binaries' own.
    program: Option<PathBuf>,
    /// Settings of the server.
    pub(super) settings: Vec<String>,
    /// Stand-ins for extensions that the server has, which may not work.
    doubtful: Vec<String>,
    files: BTreeMap<String, String>,
}

impl Completed {
    /// Puts the files into a directory below `place`.
    ///
    /// # Errors
    /// What could not be written.
    pub(super) fn make(binaries: &Binaries, place: &Path) -> Result<Self, CannotRun> {
        let files: BTreeMap<String, String> = files().collect();
        let made = Self::write(binaries, &place.join("extensions"), files);
        made.map_err(|problem| {
            CannotRun(format!("could not put extensions into {}: {problem}", place.display()))
        })
    }

    fn write(
        binaries: &Binaries,
        root: &Path,
        files: BTreeMap<String, String>,
    ) -> io::Result<Self> {
        let has = |share: &PathBuf| share.join("extension/plpgsql.control").is_file();
        let share = binaries.shares().into_iter().find(has);
        let mut made = Self {
            directory: root.join("extension"),
            program: None,
            settings: Vec::new(),
            doubtful: Vec::new(),
            files,
        };
        let Some(share) = share else { return Ok(made) };
        let theirs = fs::canonicalize(share.join("extension"))?;
        if binaries.major() >= WITH_A_PATH {
            make_directory(&made.directory)?;
            made.settings.push(format!("extension_control_path={}:$system", root.display()));
        } else {
            let Some((program, directory)) = copy_program(binaries, &share, root)? else {
                return Ok(made);
            };
            (made.program, made.directory) = (Some(program), directory);
        }
        for name in made.stand_ins() {
            if theirs.join(format!("{name}.control")).is_file() {
                made.doubtful.push(name);
            } else {
                made.stand_in(&name)?;
            }
        }
        let privileged = made.files.get("privileged.txt").cloned().unwrap_or_default();
        for name in privileged.lines().filter(|line| !line.starts_with('#')) {
            let control = format!("{name}.control");
            let Ok(text) = fs::read_to_string(theirs.join(&control)) else { continue };
            let says = |word: &str| text.lines().any(|line| line.trim_start().starts_with(word));
            if !says("trusted") && !says("directory") {
                let theirs = theirs.display();
                let text = format!("{text}\ntrusted = true\ndirectory = '{theirs}'\n");
                replace(&made.directory.join(control), &text)?;
            }
        }
        Ok(made)
    }

    /// The server's program, ready to be started.
    pub(super) fn command(&self, binaries: &Binaries) -> Command {
        match &self.program {
            Some(program) => binaries.command_of(program),
            None => binaries.command("postgres"),
        }
    }

    /// Replaces what the server has and cannot create, such as an extension without its library.
    ///
    /// # Errors
    /// What the server says to other statements, or what could not be written.
    pub(super) async fn replace_what_fails(&self, address: &Address) -> Result<(), CannotRun> {
        let (client, _) = sql::session(&address.login(SUPERUSER, sql::MAINTENANCE)).await?;
        for name in &self.doubtful {
            sql::run(&client, "begin").await?;
            let create = format!("create extension \"{name}\" cascade");
            let works = client.batch_execute(&create).await.is_ok();
            sql::run(&client, "rollback").await?;
            if !works {
                self.stand_in(name).map_err(|problem| {
                    let place = self.directory.display();
                    CannotRun(format!("could not put an extension into {place}: {problem}"))
                })?;
            }
        }
        Ok(())
    }

    fn stand_ins(&self) -> Vec<String> {
        let names = self.files.keys().filter_map(|file| file.strip_suffix(".control"));
        names.map(str::to_owned).collect()
    }

    fn stand_in(&self, name: &str) -> io::Result<()> {
        for file in [format!("{name}.control"), format!("{name}--1.0.sql")] {
            let text = self.files.get(&file).map(String::as_str).unwrap_or_default();
            replace(&self.directory.join(file), text)?;
        }
        Ok(())
    }
}

/// A copy of the program below `root`, as deep as it lies, beside links to what it reads; and its
/// directory of extensions. Nothing where programs cannot be run.
fn copy_program(
    binaries: &Binaries,
    share: &Path,
    root: &Path,
) -> io::Result<Option<(PathBuf, PathBuf)>> {
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let bin = fs::canonicalize(binaries.directory())?;
    let share = fs::canonicalize(share)?;
    let (new_bin, new_share) = (below(&bin), below(&share));
    let extensions = new_share.join("extension");
    make_directory(&new_bin)?;
    make_directory(&extensions)?;
    if let Some(library) = binaries.library() {
        let library = fs::canonicalize(library)?;
        make_directory(below(&library).parent().unwrap_or(root))?;
        symlink(&library, below(&library))?;
    }
    for (from, to) in [(&share, &new_share), (&share.join("extension"), &extensions)] {
        for entry in fs::read_dir(from)?.flatten().filter(|it| it.file_name() != "extension") {
            symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    let program = new_bin.join("postgres");
    fs::copy(bin.join("postgres"), &program)?;
    give(&program)?;
    let runs = binaries.command_of(&program).arg("--version").output();
    Ok(runs.is_ok_and(|output| output.status.success()).then_some((program, extensions)))
}

/// Writes a file where a link may be.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
        _ => fs::write(path, text)?,
    }
    give(path)
}

/// Makes a directory with those above it.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directory(parent)?;
    }
    fs::create_dir(path)?;
    give(path)
}

/// Lets the server's user read it.
fn give(path: &Path) -> io::Result<()> {
    match account::owner() {
        Some((user, group)) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}
