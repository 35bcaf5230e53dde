//! The directory of one server, and the two locks that tell whether it is still in use.

use super::address::Address;
use crate::error::CannotRun;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The prefix of every directory of the harness.
const PREFIX: &str = "identra-";

/// Locked by the supervisor for its life.
const SUPERVISOR: &str = "supervisor.lock";

/// Locked, shared, by each process that uses the server; exclusively while it starts or stops.
const USERS: &str = "users.lock";

/// A server's [`Address`], from the moment it can be used.
const ADDRESS: &str = "server.json";

/// A directory without locks is being made or removed, unless it has been so for this long.
const ABANDONED: Duration = Duration::from_mins(1);

/// `identra-<uid>-<name>`: mode 0700, the kernel drops its locks whenever their holder dies.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// A supervisor's hold on a home.
pub(super) struct Claim {
    pub(super) supervisor: File,
    pub(super) users: File,
}

/// What a supervisor finds where it wants to make a home.
pub(super) enum Claimed {
    /// A new home, which no process can join before its server runs.
    New(Claim),
    /// Another supervisor is in charge.
    Taken,
    /// The home of a supervisor that died.
    Orphan(Claim),
}

impl Home {
    /// The home of that name in `root`, whether it exists or not.
    pub fn named(root: &Path, name: &str) -> Self {
        let user = rustix::process::geteuid().as_raw();
        Self(root.join(format!("{PREFIX}{user}-{name}")))
    }

    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The other homes of this user in the same root; a draft only if nobody works on it.
    pub(super) fn siblings(&self) -> Vec<Self> {
        let prefix = format!("{PREFIX}{}-", rustix::process::geteuid().as_raw());
        let entries = self.0.parent().and_then(|root| fs::read_dir(root).ok());
        let homes = entries.into_iter().flatten().flatten().filter_map(|entry| {
            let ours = entry.file_name().to_string_lossy().starts_with(&prefix);
            ours.then(|| Self(entry.path()))
        });
        homes
            .filter(|home| home.0 != self.0)
            .filter(|home| home.0.extension().is_none() || home.is_abandoned())
            .collect()
    }

    /// Makes the home with both its locks held, so that no process finds it unlocked; or says
    /// who holds it.
    pub(super) fn claim(&self, owner: Option<(u32, u32)>) -> io::Result<Claimed> {
        let draft = Self(self.0.with_extension(std::process::id().to_string()));
        DirBuilder::new().mode(0o700).create(&draft.0)?;
        let made = draft.furnish(owner).and_then(|claim| {
            fs::rename(&draft.0, &self.0)?;
            Ok(claim)
        });
        match made {
            Ok(claim) => Ok(Claimed::New(claim)),
            Err(problem) => {
                draft.remove()?;
                match problem.kind() {
                    ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => self.inherit(),
                    _ => Err(problem),
                }
            }
        }
    }

    fn furnish(&self, owner: Option<(u32, u32)>) -> io::Result<Claim> {
        let lock = |name| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(self.0.join(name))?;
            file.lock()?;
            Ok::<_, io::Error>(file)
        };
        let claim = Claim { supervisor: lock(SUPERVISOR)?, users: lock(USERS)? };
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(&self.0, Some(user), Some(group))?;
        }
        Ok(claim)
    }

    /// Takes over a home that a dead supervisor left, without waiting.
    pub(super) fn inherit(&self) -> io::Result<Claimed> {
        match File::open(self.0.join(SUPERVISOR)) {
            Ok(supervisor) => match supervisor.try_lock() {
                Ok(()) => self.orphan(supervisor),
                Err(TryLockError::WouldBlock) => Ok(Claimed::Taken),
                Err(TryLockError::Error(problem)) => Err(problem),
            },
            Err(problem) if problem.kind() == ErrorKind::NotFound => {
                if self.is_abandoned() {
                    self.remove()?;
                }
                Ok(Claimed::Taken)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Takes over the home as soon as its supervisor is gone.
    pub(super) fn succeed(&self) -> io::Result<Claimed> {
        let supervisor = File::open(self.0.join(SUPERVISOR))?;
        supervisor.lock()?;
        self.orphan(supervisor)
    }

    fn orphan(&self, supervisor: File) -> io::Result<Claimed> {
        if !self.holds(SUPERVISOR, &supervisor)? {
            return Ok(Claimed::Taken);
        }
        match File::open(self.0.join(USERS)) {
            Ok(users) => Ok(Claimed::Orphan(Claim { supervisor, users })),
            Err(problem) if problem.kind() == ErrorKind::NotFound => {
                self.remove()?;
                Ok(Claimed::Taken)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Becomes a user: waits until the server has started, and keeps it until the file is closed.
    /// None where there is no server to use.
    ///
    /// # Errors
    /// The directory belongs to another user.
    pub fn join(&self, owner: Option<(u32, u32)>) -> Result<Option<(Address, File)>, CannotRun> {
        let cannot = |problem: io::Error| self.cannot("use", &problem);
        let Ok(metadata) = fs::symlink_metadata(&self.0) else {
            return Ok(None);
        };
        let own = rustix::process::geteuid().as_raw();
        let trusted = [Some(own), owner.map(|(user, _)| user)].contains(&Some(metadata.uid()));
        if !metadata.is_dir() || !trusted || metadata.mode() & 0o077 != 0 {
            return Err(CannotRun(format!(
                "{} was not made by this harness for this user; remove it",
                self.0.display()
            )));
        }
        let users = match File::open(self.0.join(USERS)) {
            Ok(users) => users,
            Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
            Err(problem) => return Err(cannot(problem)),
        };
        users.lock_shared().map_err(cannot)?;
        if !self.holds(USERS, &users).map_err(cannot)? || !self.is_supervised().map_err(cannot)? {
            return Ok(None);
        }
        Ok(self.address().filter(Address::answers).map(|address| (address, users)))
    }

    /// Whether a supervisor will remove the home after its last user.
    fn is_supervised(&self) -> io::Result<bool> {
        let file = match File::open(self.0.join(SUPERVISOR)) {
            Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match file.try_lock() {
            // Closing is not enough: a process that another thread is starting has the file, too.
            Ok(()) => file.unlock().map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(problem)) => Err(problem),
        }
    }

    /// Whether the file is the one that has this name in the home now.
    fn holds(&self, name: &str, file: &File) -> io::Result<bool> {
        let opened = file.metadata()?;
        match fs::metadata(self.0.join(name)) {
            Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
            Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    pub(super) fn address(&self) -> Option<Address> {
        serde_json::from_slice(&fs::read(self.0.join(ADDRESS)).ok()?).ok()
    }

    pub(super) fn set_address(&self, address: &Address) -> io::Result<()> {
        fs::write(self.0.join(ADDRESS), serde_json::to_vec(address)?)
    }

    fn is_abandoned(&self) -> bool {
        let changed = fs::metadata(&self.0).and_then(|metadata| metadata.modified());
        changed.is_ok_and(|then| {
            SystemTime::now().duration_since(then).is_ok_and(|age| age > ABANDONED)
        })
    }

    /// Removes the directory with its contents, the locks last. While a process still writes
    /// into it, removing is retried for some seconds.
    pub(super) fn remove(&self) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let data = fs::remove_dir_all(self.0.join("data"));
            let removed = match data {
                Err(problem) if problem.kind() != ErrorKind::NotFound => Err(problem),
                _ => fs::remove_dir_all(&self.0),
            };
            match removed {
                Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(()),
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                result => return result,
            }
        }
    }

    pub(super) fn cannot(&self, what: &str, problem: &io::Error) -> CannotRun {
        CannotRun(format!("could not {what} {}: {problem}", self.0.display()))
    }
}
