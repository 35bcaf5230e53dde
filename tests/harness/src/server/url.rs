//! An existing server, given by URL: checks that it is marked as disposable, and owns this
//! run's databases on it.

use super::address::{Address, Kind, SUPERUSER, Where};
use super::settings::Settings;
use super::{databases, guard, sql};
use crate::error::CannotRun;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

/// The comment on the bootstrap superuser that marks a server as disposable. It belongs to the
/// server, so that no dump of a database copies it to another.
const MARK: &str = "identra may destroy everything on this server";

/// This run's use of a server. An advisory lock of its session tells other runs that its
/// databases are in use.
pub(super) struct Stay {
    admin: Client,
    session: JoinHandle<()>,
    run: u64,
}

impl Stay {
    /// Connects, checks the server, and drops the databases of dead runs.
    ///
    /// # Errors
    /// Why the server is not one to use, and the SQL that would change that.
    pub(super) async fn start(
        settings: &Settings,
        line: String,
    ) -> Result<(Self, Address), CannotRun> {
        let url = settings.url.as_deref().unwrap_or_default();
        let config = guard::judge(url, &settings.allowed_hosts)?;
        let address = address(&config, line)?;
        let user = config.get_user().unwrap_or_default();
        let (admin, session) = sql::session(&address.login(user, sql::MAINTENANCE)).await?;
        check(&admin).await?;
        let stay = Self { admin, session, run: address.run };
        stay.lock().await?;
        databases::drop_abandoned(&stay.admin).await?;
        Ok((stay, address))
    }

    /// Takes over from a supervisor that died.
    pub(super) async fn adopt(address: &Address) -> Result<Self, CannotRun> {
        let (admin, session) = sql::session(&address.login(SUPERUSER, sql::MAINTENANCE)).await?;
        let stay = Self { admin, session, run: address.run };
        stay.lock().await?;
        Ok(stay)
    }

    async fn lock(&self) -> Result<(), CannotRun> {
        sql::run(&self.admin, &databases::lock(self.run)).await
    }

    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.session).await;
    }

    /// Drops this run's databases, and nothing else.
    pub(super) async fn stop(self) {
        // On a server that no longer answers, nothing can be dropped.
        let _ = databases::drop_run(&self.admin, self.run).await;
    }
}

/// The address of the one host that the guard admitted.
fn address(config: &Config, line: String) -> Result<Address, CannotRun> {
    let host = match (config.get_hostaddrs(), config.get_hosts()) {
        ([address, ..], _) => address.to_string(),
        (_, [Host::Tcp(name), ..]) => name.clone(),
        (_, [Host::Unix(directory), ..]) => directory.display().to_string(),
        _ => return Err(CannotRun("IDENTRA_DATABASE_URL names no host".to_owned())),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let password = config.get_password().map(String::from_utf8_lossy).map(String::from);
    Ok(Address { password, ..Address::new(Kind::Url, Where { host, port }, line) })
}

async fn check(admin: &Client) -> Result<(), CannotRun> {
    let question = "select (select rolname::text from pg_roles where oid = 10), current_user::text,
                           coalesce(shobj_description(10, 'pg_authid'), '')";
    let row = admin.query_one(question, &[]).await.map_err(|it| sql::cannot(question, &it))?;
    let (bootstrap, user, mark): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    if bootstrap != SUPERUSER {
        return Err(CannotRun(format!(
            "the superuser that the server of IDENTRA_DATABASE_URL was made with is {bootstrap}, \
             but on the platform postgres is no superuser; make the server with \
             initdb --username={SUPERUSER} (or POSTGRES_USER={SUPERUSER} for an image)"
        )));
    }
    if user != SUPERUSER {
        return Err(CannotRun(format!(
            "IDENTRA_DATABASE_URL logs in as {user}; log in as {SUPERUSER}"
        )));
    }
    if mark != MARK {
        return Err(CannotRun(format!(
            "the server of IDENTRA_DATABASE_URL is not marked as disposable; if all that is on it \
             may be destroyed, say so as {SUPERUSER}:\n  comment on role {SUPERUSER} is '{MARK}';"
        )));
    }
    Ok(())
}
