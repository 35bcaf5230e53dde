//! Known vulnerabilities of PostgreSQL's row level security, and which of them a server's
//! version still has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::CannotRun;

/// A vulnerability of row level security, as listed in `fixtures/engine/cves.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cve {
    /// Its CVE id.
    pub id: String,
    /// What it allows, in a sentence.
    pub what: String,
    /// The first fixed release of each major version, such as `18.7`.
    pub fixed: Vec<String>,
    /// The URL of the advisory.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cve: Vec<Cve>,
}

/// The vulnerabilities that are not fixed in this `server_version_num`.
///
/// # Errors
/// What is wrong in the data file.
pub fn unfixed(version_num: u32) -> Result<Vec<Cve>, CannotRun> {
    let could_not = |why: String| CannotRun(format!("could not read engine/cves.toml: {why}"));
    let text = include_str!("../../../../fixtures/engine/cves.toml");
    let file: File = toml::from_str(text).map_err(|error| could_not(error.to_string()))?;
    let mut unfixed = Vec::new();
    for cve in file.cve {
        if has(&cve, version_num).map_err(could_not)? {
            unfixed.push(cve);
        }
    }
    Ok(unfixed)
}

/// Whether a server has the vulnerability: its release is older than the fixed one of the same
/// major version, or its major version is older than all fixed ones.
fn has(cve: &Cve, version_num: u32) -> Result<bool, String> {
    let (major, minor) = (version_num / 10_000, version_num % 10_000);
    let mut newer_than_all = true;
    for release in &cve.fixed {
        let numbers = release.split_once('.').and_then(|(fixed_major, fixed_minor)| {
            Some((fixed_major.parse::<u32>().ok()?, fixed_minor.parse::<u32>().ok()?))
        });
        let (fixed_major, fixed_minor) =
            numbers.ok_or_else(|| format!("{}: \"{release}\" is no release", cve.id))?;
        if fixed_major == major {
            return Ok(minor < fixed_minor);
        }
        newer_than_all &= major > fixed_major;
    }
    Ok(!newer_than_all)
}
