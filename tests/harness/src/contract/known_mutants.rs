//! `mutants.toml`: equivalent mutants, and checks that catch no mutant, each with a reason.

use std::path::Path;

use serde::Deserialize;

use crate::error::CannotRun;
use crate::source::toml_file::TomlFile;

/// The entries of `mutants.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Equivalent mutants: they change no declared behaviour.
    #[serde(default)]
    pub equivalent: Vec<Equivalent>,
    /// Checks that catch no mutant and are kept.
    #[serde(default)]
    pub idle: Vec<Idle>,
}

/// An equivalent mutant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// Its id.
    pub mutant: String,
    /// Why no check can catch it.
    pub reason: String,
}

/// Checks that catch no mutant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// The prefix of their ids.
    pub checks: String,
    /// Why they are kept.
    pub reason: String,
}

impl Known {
    /// Reads `mutants.toml` in a directory of fixtures; a missing file has no entries.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn read(fixtures: &Path) -> Result<Self, CannotRun> {
        let path = fixtures.join("mutants.toml");
        match TomlFile::read(&path) {
            Ok(file) => file.parse().map_err(|mistake| mistake.told()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(CannotRun(format!("could not read mutants.toml: {error}"))),
        }
    }

    /// Why that mutant is equivalent.
    pub fn reason(&self, mutant: &str) -> Option<&str> {
        let known = self.equivalent.iter().find(|known| known.mutant == mutant);
        known.map(|known| known.reason.as_str())
    }
}
