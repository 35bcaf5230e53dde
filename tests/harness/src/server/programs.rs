//! Client programs such as psql and pg_dump: finds them and runs them with a login.

use super::settings::Settings;
use super::{Server, binaries};
use crate::error::CannotRun;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A program that logs in to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    /// Its major version.
    major: u32,
}

impl Server {
    /// The program of that name whose version is nearest to the server's, and not older than
    /// `oldest`: beside the binaries that a server can be made of, or in `PATH`.
    ///
    /// # Errors
    /// What was found instead, and what to install.
    pub fn program(&self, name: &str, oldest: u32) -> Result<Program, CannotRun> {
        let mut found = Program::found(name, &Settings::from_environment()?);
        found.sort_by_key(|program| program.major.abs_diff(self.major()));
        let fits = |program: &&Program| program.major >= oldest;
        found.iter().find(fits).cloned().ok_or_else(|| {
            let described =
                found.iter().map(|it| format!("{} is of {}", it.path.display(), it.major));
            let described: Vec<String> = described.collect();
            let instead =
                if described.is_empty() { "there is none".into() } else { described.join(", ") };
            let major = self.major();
            let which = match oldest {
                0 => String::new(),
                _ => format!(" of PostgreSQL {oldest} or later"),
            };
            CannotRun(format!(
                "could not find {name}{which}: {instead}; install \
                 postgresql-client-{major}, or name a directory with IDENTRA_PG_BINDIR"
            ))
        })
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.version_num() / 10_000
    }
}

impl Display for Program {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{} of PostgreSQL {}", self.path.display(), self.major)
    }
}

impl Program {
    /// A program of the project's own, which has no version.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), major: 0 }
    }

    /// Every program of that name, in the order in which they are looked for.
    pub(super) fn found(name: &str, settings: &Settings) -> Vec<Self> {
        let own = settings.bindir.clone().into_iter();
        let directories = own.chain(binaries::candidates(settings)).chain(settings.path.clone());
        let paths = directories.map(|directory| directory.join(name));
        paths.filter_map(Self::inspect).collect()
    }

    /// Whether both are one file.
    pub(super) fn is_the_same_as(&self, other: &Self) -> bool {
        let [one, other] = [self, other].map(|it| std::fs::canonicalize(&it.path).ok());
        one.is_some() && one == other
    }

    fn inspect(path: PathBuf) -> Option<Self> {
        let known = path.is_file().then_some(Self { path, major: 0 })?;
        let output = known.command().arg("--version").output().ok()?;
        let (major, _) = binaries::parse(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { major, ..known })
    }

    /// Runs it on the database of that login, and returns what it wrote.
    ///
    /// # Errors
    /// Its error output.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        login: &Config,
        arguments: &[A],
    ) -> Result<String, CannotRun> {
        let mut command = self.command();
        if let Some(host) = login.get_hosts().first() {
            match host {
                Host::Tcp(name) => command.env("PGHOST", name),
                Host::Unix(directory) => command.env("PGHOST", directory),
            };
        }
        let password = login.get_password().map(String::from_utf8_lossy);
        let given = [
            ("PGPORT", login.get_ports().first().map(u16::to_string)),
            ("PGUSER", login.get_user().map(str::to_owned)),
            ("PGDATABASE", login.get_dbname().map(str::to_owned)),
            ("PGPASSWORD", password.map(String::from)),
        ];
        command.envs(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let cannot = |problem: String| {
            let arguments: Vec<_> =
                arguments.iter().map(|it| it.as_ref().to_string_lossy()).collect();
            let line = format!("{} {}", self.path.display(), arguments.join(" "));
            CannotRun(format!("could not run {line}: {}", problem.trim()))
        };
        let output = command.args(arguments).output();
        let output = output.map_err(|problem| cannot(problem.to_string()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(cannot(String::from_utf8_lossy(&output.stderr).into_owned()))
        }
    }

    /// A command with the program's own libraries and none of the caller's environment but
    /// `PATH`.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .env("LC_ALL", "C")
            .env("LD_LIBRARY_PATH", self.path.with_file_name("../lib"))
            .stdin(Stdio::null());
        command
    }
}
