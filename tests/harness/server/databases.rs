//! Databases that are made once and copied often, and dropped when nobody uses them.

use super::{Address, CannotRun, SUPERUSER, sql};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_postgres::{Client, Config};

/// A migrated database that nobody can connect to any more, to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(String);

impl Template {
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// A database of one's own; dropped, with whoever is connected, some time after this guard.
#[derive(Debug)]
pub(crate) struct Cloned {
    name: String,
    unused: UnboundedSender<String>,
}

impl Cloned {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Cloned {
    fn drop(&mut self) {
        // Where the janitor is gone, the database goes with the server.
        let _ = self.unused.send(std::mem::take(&mut self.name));
    }
}

/// The databases of one server.
pub(super) struct Databases {
    address: Address,
    unused: OnceLock<UnboundedSender<String>>,
}

impl Databases {
    pub(super) fn on(address: Address) -> Self {
        Self { address, unused: OnceLock::new() }
    }

    pub(super) async fn template<E: From<CannotRun>>(
        &self,
        key: &str,
        make: impl AsyncFnOnce(Config) -> Result<(), E>,
    ) -> Result<Template, E> {
        let number = hash(key);
        let name = format!("identra_template_{number:016x}");
        let admin = self.admin().await?;
        // Held by this session: the server gives it up when the session ends, however it ends.
        run(&admin, &format!("select pg_advisory_lock({})", number.cast_signed())).await?;
        let found = "select datistemplate from pg_database where datname = $1";
        let found = admin.query_opt(found, &[&name]).await.map_err(|it| sql::cannot(found, &it))?;
        match found.map(|row| row.get(0)) {
            Some(true) => return Ok(Template(name)),
            // Whoever made it died.
            Some(false) => drop_database(&admin, &name).await?,
            None => (),
        }
        run(&admin, &format!("create database {name} template template0 strategy file_copy"))
            .await?;
        match make(self.address.login(SUPERUSER, &name)).await {
            Ok(()) => {
                let closed =
                    format!("alter database {name} is_template true allow_connections false");
                run(&admin, &closed).await?;
                Ok(Template(name))
            }
            Err(problem) => {
                drop_database(&admin, &name).await?;
                Err(problem)
            }
        }
    }

    pub(super) async fn clone_of(&self, template: &Template) -> Result<Cloned, CannotRun> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("identra_clone_{}_{number}", process::id());
        let admin = self.admin().await?;
        let copy = format!("create database {name} template {} strategy file_copy", template.0);
        run(&admin, &copy).await?;
        let unused = self.unused.get_or_init(|| janitor(self.address.clone()));
        Ok(Cloned { name, unused: unused.clone() })
    }

    async fn admin(&self) -> Result<Client, CannotRun> {
        sql::connect(&self.address.login(SUPERUSER, sql::MAINTENANCE)).await
    }
}

/// A thread with a connection of its own: a clone may be dropped where no runtime is.
fn janitor(address: Address) -> UnboundedSender<String> {
    let (unused, names) = unbounded_channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(clear_away(&address, names)))
    });
    unused
}

async fn clear_away(address: &Address, mut names: UnboundedReceiver<String>) {
    let Ok(admin) = sql::connect(&address.login(SUPERUSER, sql::MAINTENANCE)).await else {
        return;
    };
    while let Some(name) = names.recv().await {
        // What cannot be dropped goes with the server.
        let _ = drop_database(&admin, &name).await;
    }
}

async fn drop_database(admin: &Client, name: &str) -> Result<(), CannotRun> {
    run(admin, &format!("drop database if exists {name} with (force)")).await
}

async fn run(admin: &Client, statement: &str) -> Result<(), CannotRun> {
    admin.batch_execute(statement).await.map_err(|problem| sql::cannot(statement, &problem))
}

/// The same in every process of this binary.
fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
