//! Files with their names and fingerprints, and the directories that they are read from.

pub mod mistake;
pub mod toml_file;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::error::CannotRun;

/// A file and its text.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its file name; of a contract's file, below the contract's directory.
    pub name: String,
    /// Its text.
    pub text: String,
}

static PROJECT: OnceLock<PathBuf> = OnceLock::new();

/// Sets the project's directory. Must be called before [`project`] is.
pub fn set_project(directory: &Path) {
    // Already set: another test of the same project was first.
    let _ = PROJECT.set(directory.to_owned());
}

/// The project's directory: the one that was set, else the directory of the package under test,
/// else the current directory.
pub fn project() -> &'static Path {
    PROJECT.get_or_init(|| match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => PathBuf::from(package),
        None => env::current_dir().unwrap_or_default(),
    })
}

/// A directory as messages name it: relative to the project's, with a slash at the end. A
/// directory outside the project gives an empty text, because its path means nothing on another
/// machine.
pub fn shown(directory: &Path) -> String {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = real(directory);
    match directory.strip_prefix(real(project())) {
        Ok(inside) if inside != Path::new("") => format!("{}/", inside.display()),
        _ => String::new(),
    }
}

/// The same for a file; one outside the project is named without its directory.
pub fn shown_file(file: &Path) -> String {
    let directory = file.parent().unwrap_or(file);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("{}{name}", shown(directory))
}

/// The named directory, or the project's default. An empty name counts as none.
pub fn directory(named: Option<&Path>, default: &str) -> PathBuf {
    match named {
        Some(path) if !path.as_os_str().is_empty() => path.to_owned(),
        _ => project().join(default),
    }
}

/// The SQL files of a directory, by name; `advice` says what to do where there is none.
pub fn sql_files(dir: &Path, what: &str, advice: &str) -> Result<Vec<SourceFile>, CannotRun> {
    if !dir.is_dir() {
        return Err(CannotRun(format!(
            "could not find {what}: {} is not a directory; {advice}",
            dir.display()
        )));
    }
    let unreadable = |path: &Path, error: std::io::Error| {
        CannotRun(format!("could not read {what} from {}: {error}", path.display()))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        let path = entry.map_err(|error| unreadable(dir, error))?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(CannotRun(format!(
            "could not find {what}: {} holds no file that ends in .sql; {advice}",
            dir.display()
        )));
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SourceFile { name, text })
    };
    paths.iter().map(read).collect()
}

/// SHA-256 of files' names and texts.
pub fn fingerprint(files: &[SourceFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.name.as_bytes());
        hash.update([0]);
        hash.update(file.text.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize())
}

/// The first 16 hexadecimal digits of the SHA-256 of `text`.
pub fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))[..16].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
