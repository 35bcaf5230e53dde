//! Writes the evidence into its directory, all files or none.

use std::fs;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::Path;

use super::{Evidence, junit, markdown, page, sarif};
use crate::error::CannotRun;

const FILES: [&str; 6] =
    ["evidence.json", "index.html", "summary.md", "replay.sql", "results.sarif", "junit.xml"];

/// Removes the files of an earlier run, so that a run which is killed leaves no verdict.
///
/// # Errors
/// Which directory could not be emptied.
pub fn clear(out: &Path) -> Result<(), CannotRun> {
    for file in FILES {
        match fs::remove_file(out.join(file)) {
            Err(error) if ![NotFound, NotADirectory].contains(&error.kind()) => {
                return Err(could_not_write(out, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Creates the directory, and checks that it is writable, before the run.
///
/// # Errors
/// Which directory could not be created or written.
pub fn prepare(out: &Path) -> Result<(), CannotRun> {
    let tried = fs::create_dir_all(out).and_then(|()| tempfile::tempfile_in(out));
    tried.map(drop).map_err(|error| could_not_write(out, &error))
}

fn could_not_write(out: &Path, error: &dyn std::fmt::Display) -> CannotRun {
    let out = out.display();
    CannotRun(format!(
        "could not write the evidence to {out}: {error}; name another directory with --out or \
         IDENTRA_EVIDENCE"
    ))
}

/// Writes every file under a temporary name, and then renames it.
///
/// # Errors
/// Which file could not be written.
pub fn write(evidence: &Evidence, out: &Path) -> Result<(), CannotRun> {
    let json = serde_json::to_string_pretty(evidence).expect("the evidence is plain data") + "\n";
    let (page, sarif, junit) = (page::page(evidence), sarif::text(evidence), junit::text(evidence));
    let texts = [json, page, markdown(evidence), evidence.replay.clone(), sarif, junit];
    for (name, text) in FILES.into_iter().zip(texts) {
        let failed = |error: &dyn std::fmt::Display| could_not_write(out, error);
        let file = tempfile::NamedTempFile::new_in(out).map_err(|error| failed(&error))?;
        fs::write(file.path(), text).map_err(|error| failed(&error))?;
        file.persist(out.join(name)).map_err(|error| failed(&error))?;
    }
    Ok(())
}
