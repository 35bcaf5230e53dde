//! This file is `mutants.toml`: mutants that change nothing that is promised, and checks that
//! notice no mutant, each with the reason that somebody wrote down.

use std::path::Path;

use serde::Deserialize;

use crate::error::CannotRun;

/// What is known of mutants beforehand.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Mutants that change nothing that is promised.
    #[serde(default)]
    pub equivalent: Vec<Equivalent>,
    /// Checks that notice no mutant and are kept.
    #[serde(default)]
    pub idle: Vec<Idle>,
}

/// A mutant that changes nothing that is promised.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// Its id.
    pub mutant: String,
    /// Why nobody can tell.
    pub reason: String,
}

/// Checks that notice no mutant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// What their ids begin with.
    pub checks: String,
    /// What they are kept for.
    pub reason: String,
}

impl Known {
    /// Reads `mutants.toml` in a directory of fixtures; without one nothing is known.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn read(fixtures: &Path) -> Result<Self, CannotRun> {
        let path = fixtures.join("mutants.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|why| CannotRun(format!("could not read mutants.toml: {why}"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(CannotRun(format!("could not read mutants.toml: {error}"))),
        }
    }

    /// Why that mutant changes nothing.
    pub fn reason(&self, mutant: &str) -> Option<&str> {
        let known = self.equivalent.iter().find(|known| known.mutant == mutant);
        known.map(|known| known.reason.as_str())
    }
}
