//! A disposable PostgreSQL: found or started by whoever asks first, shared by all processes of a
//! run, and gone when the last of them is.

/// PostgreSQL binaries on this machine, and whether they can be used.
mod binaries;
/// Which server a run gets, and the line that says why not another.
mod choice;
/// Databases made once and copied often.
mod databases;
/// A server in a container.
mod docker;
/// A server of the machine's own binaries.
mod embedded;
mod extensions;
/// Whether a URL may be used at all.
mod guard;
/// The directory of one server, and its two locks.
mod home;
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
pub(crate) mod supervisor;
/// What the machine has, by looking alone.
pub(crate) mod survey;
/// A server that was there before.
mod url;

pub(crate) use databases::{Cloned, Template};
pub(crate) use programs::Program;
pub(crate) use settings::{Settings, Wanted};

use databases::Databases;
use home::Home;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;
use supervisor::Supervisor;
use tokio_postgres::Config;

/// The bootstrap superuser: on the platform, `postgres` is none.
pub(crate) const SUPERUSER: &str = "supabase_admin";

/// Two supervisors may get into each other's way for a moment; this often it is no accident.
const ATTEMPTS: u32 = 500;

/// Why nothing can be proved at all, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CannotRun(pub(crate) String);

impl Display for CannotRun {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for CannotRun {}

/// How a server came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Started from binaries on this machine.
    Embedded,
    /// Started in a container.
    Docker,
    /// It was there before, and somebody marked it disposable.
    Url,
}

/// A socket's directory, or a host; and the port.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Where {
    host: String,
    port: u16,
}

/// What a process needs to know of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Address {
    kind: Kind,
    place: Where,
    password: Option<String>,
    choice: String,
    version: String,
    version_num: u32,
    /// Drawn anew for each start: what this run makes on the server bears it.
    run: u64,
}

impl Address {
    fn new(kind: Kind, place: Where, choice: String) -> Self {
        let run = RandomState::new().build_hasher().finish();
        let version = String::new();
        Self { kind, place, choice, password: None, version, version_num: 0, run }
    }

    fn login(&self, role: &str, database: &str) -> Config {
        let mut config = Config::new();
        config.host(&self.place.host).port(self.place.port).user(role).dbname(database);
        config.application_name("identra").connect_timeout(Duration::from_secs(10));
        if let Some(password) = &self.password {
            config.password(password);
        }
        config
    }

    /// Whether somebody listens there.
    fn answers(&self) -> bool {
        let Where { host, port } = &self.place;
        if host.starts_with('/') {
            return UnixStream::connect(Path::new(host).join(format!(".s.PGSQL.{port}"))).is_ok();
        }
        TcpStream::connect((host.as_str(), *port)).is_ok()
    }
}

/// A PostgreSQL that this process may use and that is gone when nobody does.
pub(crate) struct Server {
    address: Address,
    databases: Arc<Databases>,
    /// The lock that says that this process is a user.
    membership: File,
    /// Of a private server: waited for on drop.
    supervisor: Option<Supervisor>,
}

impl Server {
    /// The server of this run, found or started by whoever asks first among all threads and
    /// processes with the same environment. It blocks, and needs no runtime.
    ///
    /// # Errors
    /// Why there is none: what was tried, and what to install or set.
    pub(crate) fn shared() -> Result<&'static Self, CannotRun> {
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
    pub(crate) fn private() -> Result<Self, CannotRun> {
        Self::private_with(&Settings::from_environment()?)
    }

    /// [`Server::shared`] with other settings than the environment's, once per call.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub(crate) fn shared_with(settings: &Settings) -> Result<Self, CannotRun> {
        Self::at_home(settings, &Home::named(&settings.root, &settings.key()), false)
    }

    /// [`Server::private`] with other settings than the environment's.
    ///
    /// # Errors
    /// As [`Server::private`].
    pub(crate) fn private_with(settings: &Settings) -> Result<Self, CannotRun> {
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
        let owner = embedded::owner();
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
            "no server comes up in {} though none of its supervisors says why; remove the directory",
            home.path().display()
        )))
    }

    /// What was chosen and why not the others, on one line.
    pub(crate) fn choice(&self) -> &str {
        &self.address.choice
    }

    /// As the server says it: `18.1`, or `17.6 (Debian 17.6-1)`.
    pub(crate) fn version(&self) -> &str {
        &self.address.version
    }

    /// As in `server_version_num`: 180001 is 18.1.
    pub(crate) fn version_num(&self) -> u32 {
        self.address.version_num
    }

    pub(crate) fn kind(&self) -> Kind {
        self.address.kind
    }

    /// How this role connects to this database. A role that the harness makes must have
    /// [`Server::role_password`].
    pub(crate) fn login(&self, role: &str, database: &str) -> Config {
        self.address.login(role, database)
    }

    /// The password that every role must have; none where the server trusts whoever reaches it.
    pub(crate) fn role_password(&self) -> Option<&str> {
        self.address.password.as_deref()
    }

    /// A database made once per server and key, by running `make` on an empty new one; whoever
    /// asks for it meanwhile, in whatever process, waits.
    ///
    /// # Errors
    /// What `make` says, after the half-made database was dropped; or why the server refuses.
    pub(crate) async fn template<E: From<CannotRun>>(
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
    pub(crate) async fn clone_of(&self, template: &Template) -> Result<Cloned, CannotRun> {
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
