//! This file is which known faults of the engine's own row security a server still has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CannotRun;

/// A fault of the engine that concerns row security, as `fixtures/engine/cves.toml` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cve {
    /// Its number.
    pub(crate) id: String,
    /// What goes wrong, in a sentence.
    pub(crate) what: String,
    /// The first release of each major one that is right, as `18.7`.
    pub(crate) fixed: Vec<String>,
    /// Where this is said.
    pub(crate) source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cve: Vec<Cve>,
}

/// The faults that a server with this `server_version_num` does not have fixed.
///
/// # Errors
/// What is wrong in the data file.
pub(crate) fn unfixed(version_num: u32) -> Result<Vec<Cve>, CannotRun> {
    let could_not = |why: String| CannotRun(format!("could not read engine/cves.toml: {why}"));
    let text = include_str!("../../fixtures/engine/cves.toml");
    let file: File = toml::from_str(text).map_err(|error| could_not(error.to_string()))?;
    let mut unfixed = Vec::new();
    for cve in file.cve {
        if has(&cve, version_num).map_err(could_not)? {
            unfixed.push(cve);
        }
    }
    Ok(unfixed)
}

/// Whether a server has the fault: its major release is older than all that were mended, or
/// its minor one than the mended one of the same major.
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

#[cfg(test)]
mod tests {
    use super::unfixed;

    fn ids(version_num: u32) -> Vec<String> {
        let unfixed = unfixed(version_num).unwrap_or_else(|why| panic!("{why}"));
        unfixed.into_iter().map(|cve| cve.id).collect()
    }

    #[test]
    fn minor_releases_decide_within_a_major_release() {
        let of_2026 = [
            "CVE-2026-120154",
            "CVE-2026-116311",
            "CVE-2026-16237",
            "CVE-2026-116327",
            "CVE-2026-14666",
        ];
        assert_eq!(ids(180_001), of_2026);
        assert_eq!(ids(180_006), of_2026[..4]);
        assert_eq!(ids(180_007), Vec::<String>::new());
        assert_eq!(ids(170_005), [&of_2026[..], &["CVE-2025-8713"]].concat());
        assert_eq!(ids(150_002).len(), 11);
    }

    #[test]
    fn a_major_release_after_the_last_mended_one_was_never_wrong() {
        assert_eq!(ids(190_000), Vec::<String>::new());
    }
}
