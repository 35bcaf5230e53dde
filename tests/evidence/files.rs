//! This file is how the evidence is put into its directory: all of it or nothing.

use std::fs;
use std::path::Path;

use super::{Evidence, markdown};
use crate::harness::CannotRun;

const FILES: [&str; 2] = ["evidence.json", "summary.md"];

/// Takes away what an earlier run wrote, so that a run which dies leaves no verdict.
///
/// # Errors
/// Which file could not be removed, or which directory not be made.
pub(crate) fn clear(out: &Path) -> Result<(), CannotRun> {
    let failed = |error: std::io::Error| {
        CannotRun(format!("could not write the evidence to {}: {error}", out.display()))
    };
    fs::create_dir_all(out).map_err(failed)?;
    for file in FILES {
        match fs::remove_file(out.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes `evidence.json` and `summary.md`, each under another name first.
///
/// # Errors
/// Which file could not be written.
pub(crate) fn write(evidence: &Evidence, out: &Path) -> Result<(), CannotRun> {
    let json = serde_json::to_string_pretty(evidence).expect("the evidence is plain data") + "\n";
    for (name, text) in FILES.into_iter().zip([json, markdown(evidence)]) {
        let failed = |error: &dyn std::fmt::Display| {
            CannotRun(format!("could not write the evidence to {}: {error}", out.display()))
        };
        let file = tempfile::NamedTempFile::new_in(out).map_err(|error| failed(&error))?;
        fs::write(file.path(), text).map_err(|error| failed(&error))?;
        file.persist(out.join(name)).map_err(|error| failed(&error))?;
    }
    Ok(())
}
