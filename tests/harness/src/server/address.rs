//! The address of a server: what a process needs to know to use it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_postgres::Config;

/// The bootstrap superuser: on the platform, `postgres` is none.
pub const SUPERUSER: &str = "supabase_admin";

/// Where a server comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Started from binaries on this machine.
    Embedded,
    /// Started in a container.
    Docker,
    /// Given by URL, and marked as disposable.
    Url,
}

/// A socket's directory, or a host; and the port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Where {
    pub(super) host: String,
    pub(super) port: u16,
}

/// What a process needs to know of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub(super) kind: Kind,
    pub(super) place: Where,
    pub(super) password: Option<String>,
    pub(super) choice: String,
    pub(super) version: String,
    pub(super) version_num: u32,
    /// A random number for each start, part of the name of everything that this run makes.
    pub(super) run: u64,
}

impl Address {
    pub(super) fn new(kind: Kind, place: Where, choice: String) -> Self {
        let run = RandomState::new().build_hasher().finish();
        let version = String::new();
        Self { kind, place, choice, password: None, version, version_num: 0, run }
    }

    pub(super) fn login(&self, role: &str, database: &str) -> Config {
        let mut config = Config::new();
        config.host(&self.place.host).port(self.place.port).user(role).dbname(database);
        config.application_name("identra").connect_timeout(Duration::from_secs(10));
        if let Some(password) = &self.password {
            config.password(password);
        }
        config
    }

    /// Whether a server listens there.
    pub fn answers(&self) -> bool {
        let Where { host, port } = &self.place;
        if host.starts_with('/') {
            return UnixStream::connect(Path::new(host).join(format!(".s.PGSQL.{port}"))).is_ok();
        }
        TcpStream::connect((host.as_str(), *port)).is_ok()
    }
}
