//! Template databases, made once and cloned often, and dropped when nobody uses them.

use super::address::{Address, SUPERUSER};
use super::sql;
use crate::error::CannotRun;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config};

/// A complete database that accepts no connections, to be cloned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// A clone. It is dropped, with all its connections, shortly after this guard; what cannot be
/// dropped then is removed with the server, or at the end of the run on a server by URL.
pub struct Cloned {
    name: String,
    databases: Arc<Databases>,
}

impl Cloned {
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Cloned {
    fn drop(&mut self) {
        let (name, databases) = (std::mem::take(&mut self.name), Arc::clone(&self.databases));
        BACKGROUND.spawn(async move {
            let client = databases.client().await?;
            drop_database(&client, &name).await?;
            databases.put_back(client);
            Ok::<_, CannotRun>(())
        });
    }
}

/// The runtime of the harness's own connections: a connection of a test ends with the test's
/// runtime, and a guard may be dropped outside of any.
static BACKGROUND: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("identra").enable_all();
    builder.build().expect("start a thread for the harness's own connections")
});

/// The databases of one server.
pub(super) struct Databases {
    address: Address,
    /// Idle sessions of the superuser.
    idle: Mutex<Vec<Client>>,
}

impl Databases {
    pub(super) fn on(address: Address) -> Arc<Self> {
        Arc::new(Self { address, idle: Mutex::default() })
    }

    pub(super) async fn template<E: From<CannotRun>>(
        &self,
        key: &str,
        make: impl AsyncFnOnce(Config) -> Result<(), E>,
    ) -> Result<Template, E> {
        let number = hash(key);
        let name = name(self.address.run, &format!("template_{number:016x}"));
        // A separate session, whose lock is released however it ends.
        let admin = self.connect().await?;
        sql::run(&admin, &lock(number ^ self.address.run)).await?;
        let found = "select datallowconn from pg_database where datname = $1";
        let found = admin.query_opt(found, &[&name]).await.map_err(|it| sql::cannot(found, &it))?;
        match found.map(|row| row.get(0)) {
            Some(false) => return Ok(Template(name)),
            // Whoever was making it died.
            Some(true) => drop_database(&admin, &name).await?,
            None => (),
        }
        self.create(&admin, &name, "template0", SUPERUSER).await?;
        if let Err(problem) = make(self.address.login(SUPERUSER, &name)).await {
            drop_database(&admin, &name).await?;
            return Err(problem);
        }
        sql::run(&admin, &format!("alter database {name} allow_connections false")).await?;
        Ok(Template(name))
    }

    pub(super) async fn clone_of(
        self: &Arc<Self>,
        template: &Template,
    ) -> Result<Cloned, CannotRun> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = name(self.address.run, &format!("clone_{}_{number}", process::id()));
        let client = self.client().await?;
        // Its owner is not copied with it.
        let question = "select pg_get_userbyid(datdba)::text from pg_database where datname = $1";
        let owner = client.query_one(question, &[&template.0]).await;
        let owner: String = owner.map_err(|it| sql::cannot(question, &it))?.get(0);
        self.create(&client, &name, &template.0, &owner).await?;
        self.put_back(client);
        Ok(Cloned { name, databases: Arc::clone(self) })
    }

    async fn create(
        &self,
        admin: &Client,
        name: &str,
        template: &str,
        owner: &str,
    ) -> Result<(), CannotRun> {
        let stamp = stamp(self.address.run);
        let create = format!(
            "create database {name} owner {owner} template {template} strategy file_copy \
             connection limit {stamp}"
        );
        sql::run(admin, &create).await
    }

    /// An idle session, or a new one.
    async fn client(&self) -> Result<Client, CannotRun> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(client) if !client.is_closed() => Ok(client),
            _ => self.connect().await,
        }
    }

    fn put_back(&self, client: Client) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
    }

    async fn connect(&self) -> Result<Client, CannotRun> {
        let login = self.address.login(SUPERUSER, sql::MAINTENANCE);
        let connecting = BACKGROUND.spawn(async move { sql::session(&login).await });
        let (client, _) = connecting.await.map_err(|problem| CannotRun(problem.to_string()))??;
        Ok(client)
    }
}

/// The name of a database of a run, whose random number keeps it unique.
fn name(run: u64, what: &str) -> String {
    format!("identra_{run:016x}_{what}")
}

/// The run that a database's name belongs to.
fn run_of(name: &str) -> Option<u64> {
    let (run, what) = name.strip_prefix("identra_")?.split_once('_')?;
    let ours = run.len() == 16 && (what.starts_with("template_") || what.starts_with("clone_"));
    ours.then(|| u64::from_str_radix(run, 16).ok()).flatten()
}

/// The connection limit that marks a run's databases. It is set by the statement that creates
/// them, so that none is unmarked, and is too high to limit anything.
fn stamp(run: u64) -> i32 {
    let digits = i32::try_from(run % 1_000_000_000).unwrap_or_default();
    1_000_000_000 + digits
}

/// The statement that waits for the advisory lock of this number.
pub(super) fn lock(number: u64) -> String {
    format!("select pg_advisory_lock({})", number.cast_signed())
}

/// Drops the databases of a run.
///
/// # Errors
/// The server's error for the first that cannot be dropped.
pub(super) async fn drop_run(admin: &Client, run: u64) -> Result<(), CannotRun> {
    for (name, _) in stamped(admin).await?.iter().filter(|(_, it)| *it == run) {
        drop_database(admin, name).await?;
    }
    Ok(())
}

/// Drops the databases of each dead run: one whose advisory lock is free.
///
/// # Errors
/// The server's error for the first that cannot be dropped.
pub(super) async fn drop_abandoned(admin: &Client) -> Result<(), CannotRun> {
    for (name, run) in stamped(admin).await? {
        let number = run.cast_signed();
        let question = "select pg_try_advisory_lock($1)";
        let free = admin.query_one(question, &[&number]).await;
        let free = free.map_err(|problem| sql::cannot(question, &problem))?;
        // A session may take its own lock twice, so the one that sweeps must hold no run's
        // lock.
        if free.get(0) {
            drop_database(admin, &name).await?;
            sql::run(admin, &format!("select pg_advisory_unlock({number})")).await?;
        }
    }
    Ok(())
}

/// The databases that a harness made, with their runs.
async fn stamped(admin: &Client) -> Result<Vec<(String, u64)>, CannotRun> {
    let question = "select datname::text, datconnlimit from pg_database";
    let rows = admin.query(question, &[]).await;
    let rows = rows.map_err(|problem| sql::cannot(question, &problem))?;
    let found = rows.iter().filter_map(|row| {
        let (name, limit): (String, i32) = (row.get(0), row.get(1));
        let run = run_of(&name).filter(|run| stamp(*run) == limit)?;
        Some((name, run))
    });
    Ok(found.collect())
}

async fn drop_database(admin: &Client, name: &str) -> Result<(), CannotRun> {
    sql::run(admin, &format!("drop database if exists {name} with (force)")).await
}

/// The same in every process of this binary.
fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
