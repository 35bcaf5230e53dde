//! The settings of the environment: which kind of server, from where, in which directory.

use crate::error::CannotRun;
use serde::{Deserialize, Serialize};
use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The image that `docker` uses unless `IDENTRA_PG_IMAGE` names another.
pub(super) const DEFAULT_IMAGE: &str = "pgvector/pgvector:pg17";

/// A server's directory may grow by its templates and clones.
const ROOM_BYTES: u64 = 512 << 20;

/// Where packages put PostgreSQL's binaries; `*` stands for one component or a part of it.
const USUAL_PLACES: [&str; 9] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/local/lib/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// The value of `IDENTRA_POSTGRES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wanted {
    Auto,
    Embedded,
    Docker,
    Url,
}

/// Everything that decides which server a run gets.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub struct Settings {
    pub wanted: Wanted,
    /// `IDENTRA_PG_BINDIR`.
    pub bindir: Option<PathBuf>,
    /// `IDENTRA_PG_IMAGE`, with its tag.
    pub image: String,
    /// `IDENTRA_DATABASE_URL`.
    pub url: Option<String>,
    /// `IDENTRA_ALLOW_HOSTS`, split at commas.
    pub allowed_hosts: Vec<String>,
    /// The directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// Patterns of directories with binaries: the cache and the usual places.
    pub places: Vec<PathBuf>,
    /// Where `scripts/fetch-postgres` puts binaries; without one, nothing is fetched.
    pub cache: Option<PathBuf>,
    /// The directory in which the server gets a directory of its own.
    pub root: PathBuf,
    /// How long a server waits for the next process after the last one.
    pub grace: Duration,
    /// How long a server may live, whatever happens.
    pub limit: Duration,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Which variable has an unknown value.
    pub fn from_environment() -> Result<Self, CannotRun> {
        let url = text("IDENTRA_DATABASE_URL");
        let wanted = match text("IDENTRA_POSTGRES").as_deref() {
            None | Some("auto") if url.is_some() => Wanted::Url,
            None | Some("auto") => Wanted::Auto,
            Some("embedded") => Wanted::Embedded,
            Some("docker") => Wanted::Docker,
            Some("url") => Wanted::Url,
            Some(other) => {
                return Err(CannotRun(format!(
                    "IDENTRA_POSTGRES is {other:?}; say auto, embedded, docker or url"
                )));
            }
        };
        let cache = cache();
        let places = cache.iter().map(|cache| cache.join("postgresql-*/bin"));
        let path = env::var_os("PATH").unwrap_or_default();
        // nextest gives each test a process of its own, with gaps between them.
        let gaps = env::var_os("NEXTEST").is_some();
        Ok(Self {
            wanted,
            bindir: text("IDENTRA_PG_BINDIR").map(PathBuf::from),
            image: text("IDENTRA_PG_IMAGE").unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
            url,
            allowed_hosts: text("IDENTRA_ALLOW_HOSTS")
                .map(|hosts| hosts.split(',').map(|host| host.trim().to_owned()).collect())
                .unwrap_or_default(),
            path: env::split_paths(&path).collect(),
            places: places.chain(USUAL_PLACES.map(PathBuf::from)).collect(),
            cache,
            root: root(),
            grace: Duration::from_secs(gaps.into()),
            limit: Duration::from_hours(2),
        })
    }

    /// The name of the server that processes of this program share if their settings are equal.
    pub(super) fn key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (self, env::current_exe().ok()).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// The variable's value; an empty one counts as not set.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The directory that `scripts/fetch-postgres` fills; the script computes the same.
fn cache() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/cache/identra"));
    }
    Some(dirs::cache_dir()?.join("identra"))
}

/// Shared memory, where clones cost a tenth of what they cost on a disk; else the temporary
/// directory.
fn root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let writable = rustix::fs::access(memory, rustix::fs::Access::WRITE_OK).is_ok();
    let roomy = rustix::fs::statvfs(memory)
        .is_ok_and(|system| system.f_bavail * system.f_frsize >= ROOM_BYTES);
    if writable && roomy && is_tmpfs(memory) { memory.to_owned() } else { env::temp_dir() }
}

#[cfg(target_os = "linux")]
fn is_tmpfs(directory: &Path) -> bool {
    const TMPFS_MAGIC: i128 = 0x0102_1994;
    rustix::fs::statfs(directory).is_ok_and(|system| i128::from(system.f_type) == TMPFS_MAGIC)
}

#[cfg(not(target_os = "linux"))]
fn is_tmpfs(_: &Path) -> bool {
    false
}
