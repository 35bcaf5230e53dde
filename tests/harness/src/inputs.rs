//! The inputs of a run: migrations, platform shim and contract are read from their directories
//! and fingerprinted.

use std::env;
use std::path::Path;

use super::contract::Contract;
use crate::contract::known_mutants::Known;
use crate::error::CannotRun;
use crate::platform::{DIRECTORY, Regime};
use crate::source::mistake::both;
use crate::source::{SourceFile, directory, fingerprint, project, shown, sql_files};

/// The files that make the platform in a database, in this order; the regime's file is next.
pub const PLATFORM: [&str; 5] =
    ["platform.sql", "supautils.sql", "auth.sql", "storage.sql", "realtime.sql"];

/// Everything that a verdict depends on, except the server.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The migrations, in the order in which they are applied.
    pub migrations: Vec<SourceFile>,
    /// The platform shim: roles, and what a database contains before its first migration.
    pub shim: Vec<SourceFile>,
    /// A project's own additions to the platform, in the order in which they are applied.
    pub additions: Vec<SourceFile>,
    /// The contract.
    pub contract: Contract,
    /// The files that the contract was read from.
    pub contract_files: Vec<SourceFile>,
    /// The entries of `mutants.toml`.
    pub mutants: Known,
    /// The prefix of a migration's name in messages: its directory, relative to the project's.
    pub migrations_at: String,
    /// The same for the contract's files.
    pub contract_at: String,
}

impl Inputs {
    /// Reads the directories that the environment names, `IDENTRA_MIGRATIONS` and
    /// `IDENTRA_FIXTURES`, or the project's own.
    ///
    /// # Errors
    /// What is missing or wrong, with file and line where there is one.
    pub fn from_environment() -> Result<Self, CannotRun> {
        let named = |variable: &str, default: &str| {
            directory(env::var_os(variable).as_deref().map(Path::new), default)
        };
        Self::read(
            &named("IDENTRA_MIGRATIONS", "migrations"),
            &named("IDENTRA_FIXTURES", "fixtures"),
        )
    }

    /// Reads the given directories. A `fixtures` without `supabase/` gets the project's own
    /// platform shim.
    ///
    /// # Errors
    /// What is missing or wrong, with file and line where there is one.
    pub fn read(migrations: &Path, fixtures: &Path) -> Result<Self, CannotRun> {
        let (contract, mutants) = both(Contract::read(fixtures), Known::read(fixtures))?;
        Ok(Self {
            contract,
            contract_files: Contract::files(fixtures)?,
            mutants,
            migrations: migrations_in(migrations)?,
            shim: shim_of(fixtures)?,
            additions: Vec::new(),
            migrations_at: shown(migrations),
            contract_at: shown(&fixtures.join("contract")),
        })
    }

    /// Reads only migrations and platform shim, to draft a contract.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn without_contract(migrations: &Path, fixtures: &Path) -> Result<Self, CannotRun> {
        Ok(Self {
            contract: Contract::default(),
            contract_files: Vec::new(),
            mutants: Known::default(),
            migrations: migrations_in(migrations)?,
            shim: shim_of(fixtures)?,
            additions: Vec::new(),
            migrations_at: shown(migrations),
            contract_at: String::new(),
        })
    }

    /// Adds the SQL files of that directory to the platform.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn with_additions(self, directory: &Path) -> Result<Self, CannotRun> {
        let advice = "name another directory with --platform";
        let additions = sql_files(directory, "the additions to the platform", advice)?;
        Ok(Self { additions, ..self })
    }

    /// Adds a last migration with this text, to plant a fault.
    pub fn followed_by(mut self, text: &str) -> Self {
        let name = "20990101_fault.sql".to_owned();
        self.migrations.push(SourceFile { name, text: text.to_owned() });
        self
    }

    /// Whether these are the project's own migrations.
    pub fn are_the_projects(&self) -> bool {
        let own = migrations_in(&project().join("migrations"));
        own.is_ok_and(|own| fingerprint(&own) == self.migrations_sha256())
    }

    /// The shim's file of that name.
    ///
    /// # Errors
    /// Says which file is missing.
    pub fn shim_file(&self, name: &str) -> Result<&SourceFile, CannotRun> {
        self.shim.iter().find(|file| file.name == name).ok_or_else(|| {
            CannotRun(format!("the platform shim has no {name}; see fixtures/supabase/README.md"))
        })
    }

    /// The files that make the platform in a database, in order: the imitation, a project's
    /// additions, the regime.
    ///
    /// # Errors
    /// Says which file is missing.
    pub fn platform(&self, regime: Regime) -> Result<Vec<&SourceFile>, CannotRun> {
        let mut files = Vec::new();
        for name in PLATFORM {
            files.push(self.shim_file(name)?);
        }
        files.extend(&self.additions);
        files.push(self.shim_file(&format!("{}.sql", regime.name()))?);
        Ok(files)
    }

    /// SHA-256 of the migrations: names and texts.
    pub fn migrations_sha256(&self) -> String {
        fingerprint(&self.migrations)
    }

    /// SHA-256 of the platform shim and of the additions: names and texts.
    pub fn shim_sha256(&self) -> String {
        fingerprint(&[&self.shim[..], &self.additions].concat())
    }
}

/// The migrations in the order of `sqlx::migrate!`: by version, without down migrations.
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

/// The platform shim in `fixtures`, or the library's own.
fn shim_of(fixtures: &Path) -> Result<Vec<SourceFile>, CannotRun> {
    let shim = fixtures.join("supabase");
    shim_in(if shim.is_dir() { &shim } else { Path::new(DIRECTORY) })
}

/// Reads a platform shim and checks that no file is missing.
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
