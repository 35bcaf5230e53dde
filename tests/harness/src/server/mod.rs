//! A disposable PostgreSQL server: found or started by the first process that needs it, shared
//! by all processes of a run, and removed after the last of them ends.

/// The user that a server runs as.
pub mod account;
/// What a process needs to know of a server.
mod address;
/// PostgreSQL binaries on this machine, and whether they can be used.
mod binaries;
/// Which server a run gets, and the line that says why.
mod choice;
/// Databases made once and copied often.
mod databases;
/// A server in a container.
mod docker;
/// A server of the machine's own binaries.
mod embedded;
mod extensions;
/// Whether a URL may be used at all.
pub mod guard;
/// The directory of one server, and its two locks.
pub mod home;
/// Whether a server has what the schema needs.
mod inspect;
/// psql, pg_dump and their like.
mod programs;
/// A server that runs, whatever its kind.
mod running;
/// What the environment asks for.
mod settings;
/// Connections of the harness's own.
mod sql;
/// The process that owns a server.
pub mod supervisor;
/// What the machine offers; nothing is started.
pub mod survey;
/// A server that was there before.
mod url;

pub use address::{Kind, SUPERUSER};
pub use databases::{Cloned, Template};
pub use programs::Program;
pub use settings::{Settings, Wanted};

use crate::error::CannotRun;
use address::Address;
use databases::Databases;
use home::Home;
use std::fs::File;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;
use supervisor::Supervisor;
use tokio_postgres::Config;

/// Two supervisors may collide for a moment; this many collisions are no accident.
const ATTEMPTS: u32 = 500;

/// A PostgreSQL server that this process may use, and that is removed after its last user.
pub struct Server {
    address: Address,
    databases: Arc<Databases>,
    /// The lock that says that this process is a user.
    membership: File,
    /// Of a private server: waited for on drop.
    supervisor: Option<Supervisor>,
}

impl Server {
    /// The server of this run, found or started by the first caller among all threads and
    /// processes with the same environment. It blocks, and needs no runtime.
    ///
    /// # Errors
    /// Why there is none: what was tried, and what to install or set.
    pub fn shared() -> Result<&'static Self, CannotRun> {
        static SHARED: OnceLock<Result<Server, CannotRun>> = OnceLock::new();
        let found = SHARED.get_or_init(|| Self::shared_with(&Settings::from_environment()?));
        found.as_ref().map_err(Clone::clone)
    }

    /// A server of its own for a check that changes roles; stopped and removed on drop, and by its
    /// supervisor if this process dies.
    ///
    /// # Errors
    /// As [`Server::shared`]; and where the environment gives a server by URL, since there is no
    /// second one.
    pub fn private() -> Result<Self, CannotRun> {
        Self::private_with(&Settings::from_environment()?)
    }

    /// [`Server::shared`] with other settings than the environment's, once per call.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn shared_with(settings: &Settings) -> Result<Self, CannotRun> {
        Self::at_home(settings, &Home::named(&settings.root, &settings.key()), false)
    }

    /// [`Server::private`] with other settings than the environment's.
    ///
    /// # Errors
    /// As [`Server::private`].
    pub fn private_with(settings: &Settings) -> Result<Self, CannotRun> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if settings.wanted == Wanted::Url {
            return Err(CannotRun(
                "this check needs a server of its own, and a URL gives only one; \
                 set IDENTRA_POSTGRES to embedded or docker"
                    .to_owned(),
            ));
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let settings = Settings { grace: Duration::ZERO, ..settings.clone() };
        Self::at_home(&settings, &Home::named(&settings.root, &name), true)
    }

    fn at_home(settings: &Settings, home: &Home, private: bool) -> Result<Self, CannotRun> {
        let owner = account::owner();
        let mut supervisor = None;
        for _ in 0..ATTEMPTS {
            let joined = home.join(owner)?;
            if let Some(supervisor) = &supervisor {
                Supervisor::let_go(supervisor);
            }
            if let Some((address, membership)) = joined {
                let databases = Databases::on(address.clone());
                let supervisor = supervisor.filter(|_| private);
                return Ok(Self { address, databases, membership, supervisor });
            }
            supervisor = supervisor::start(settings, home)?;
            if supervisor.is_none() {
                thread::sleep(Duration::from_millis(10));
            }
        }
        Err(CannotRun(format!(
            "no server starts in {}, and no supervisor reports why; remove the directory",
            home.path().display()
        )))
    }

    /// What was chosen and why, on one line.
    pub fn choice(&self) -> &str {
        &self.address.choice
    }

    /// As the server reports it: `18.1`, or `17.6 (Debian 17.6-1)`.
    pub fn version(&self) -> &str {
        &self.address.version
    }

    /// As in `server_version_num`: 180001 is 18.1.
    pub fn version_num(&self) -> u32 {
        self.address.version_num
    }

    pub fn kind(&self) -> Kind {
        self.address.kind
    }

    /// How this role connects to this database. A role that the harness makes must have
    /// [`Server::role_password`].
    pub fn login(&self, role: &str, database: &str) -> Config {
        self.address.login(role, database)
    }

    /// The password that every role must have; none where the server trusts whoever reaches it.
    pub fn role_password(&self) -> Option<&str> {
        self.address.password.as_deref()
    }

    /// A database made once per server and key, by running `make` on a new empty one. Other
    /// callers, in any process, wait meanwhile.
    ///
    /// # Errors
    /// The error of `make`, after its incomplete database was dropped; or why the server
    /// refuses.
    pub async fn template<E: From<CannotRun>>(
        &self,
        key: &str,
        make: impl AsyncFnOnce(Config) -> Result<(), E>,
    ) -> Result<Template, E> {
        self.databases.template(key, make).await
    }

    /// A copy of the template, dropped with the guard.
    ///
    /// # Errors
    /// Why the server refuses.
    pub async fn clone_of(&self, template: &Template) -> Result<Cloned, CannotRun> {
        self.databases.clone_of(template).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread is starting has the file, too.
        let _ = self.membership.unlock();
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.wait();
        }
    }
}
