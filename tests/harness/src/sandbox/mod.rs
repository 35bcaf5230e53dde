//! Sandbox databases: the platform, the migrations and the rows of all personas, made once as a
//! template and cloned for each caller.

mod bare;
mod regimes;
mod state;
mod template;

pub use self::regimes::Regimes;
pub use self::state::State;
pub use self::template::LOCK_ROLES;

use serde::de::DeserializeOwned;
use tokio_postgres::Config;

use self::template::make;
use crate::catalog::facets::Facets;
use crate::database::{ADMIN_OPTIONS, Client, NoticeConnection, apply, connect};
use crate::error::{CannotRun, describe};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::server::{Cloned, Server};
use crate::source::{SourceFile, short_hash};

/// A migrated database with the world's rows in it, dropped when this value is.
pub struct Database {
    server: &'static Server,
    name: Cloned,
}

impl Database {
    /// A clone of the template for `inputs` and `regime`.
    ///
    /// # Errors
    /// Why there is no server, or which statement of the platform or the migration failed.
    pub async fn of(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
        Self::on(Server::shared()?, inputs, regime).await
    }

    /// The same, with one more file run by the administrator when the template is made.
    ///
    /// # Errors
    /// Why there is no server, or which statement failed.
    pub async fn populated(
        inputs: &Inputs,
        regime: Regime,
        population: &SourceFile,
    ) -> Result<Self, CannotRun> {
        Self::made(Server::shared()?, inputs, regime, Some(population)).await
    }

    /// The same on a given server.
    ///
    /// # Errors
    /// Which statement of the platform or the migration failed.
    pub async fn on(
        server: &'static Server,
        inputs: &Inputs,
        regime: Regime,
    ) -> Result<Self, CannotRun> {
        Self::made(server, inputs, regime, None).await
    }

    async fn made(
        server: &'static Server,
        inputs: &Inputs,
        regime: Regime,
        population: Option<&SourceFile>,
    ) -> Result<Self, CannotRun> {
        let parts = [
            inputs.shim_sha256(),
            inputs.migrations_sha256(),
            format!("{:?}", inputs.contract),
            regime.name().to_owned(),
            population.map(|file| file.text.clone()).unwrap_or_default(),
        ];
        let key = short_hash(&parts.join(" "));
        let template = server
            .template(&key, async |config: Config| {
                make(server, &config, inputs, regime).await?;
                let Some(population) = population else { return Ok(()) };
                let admin = connect(&config).await?;
                apply(&admin, population, "the population").await?;
                // As autovacuum does in production: index-only scans need the visibility map.
                admin.batch_execute("vacuum").await.map_err(|error| {
                    CannotRun(format!("could not vacuum the population: {}", describe(&error)))
                })
            })
            .await?;
        Ok(Self { server, name: server.clone_of(&template).await? })
    }

    /// How to connect to it as `role`.
    pub fn login(&self, role: &str) -> Config {
        self.server.login(role, self.name.name())
    }

    /// A superuser's connection, whose errors are in English.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn admin(&self) -> Result<Client, CannotRun> {
        let mut config = self.login("supabase_admin");
        config.options(ADMIN_OPTIONS);
        connect(&config).await
    }

    /// A superuser's connection that collects the server's notices.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn admin_with_notices(&self) -> Result<NoticeConnection, CannotRun> {
        let mut config = self.login("supabase_admin");
        config.options(ADMIN_OPTIONS);
        NoticeConnection::connect(&config).await
    }

    /// A document that was stored when the template was made, see [`State`].
    ///
    /// # Errors
    /// The server's answer.
    pub async fn state<T: DeserializeOwned>(
        &self,
        admin: &Client,
        name: State,
    ) -> Result<T, CannotRun> {
        let could_not = |why: String| CannotRun(format!("could not read the world: {why}"));
        let query = "select document from identra_harness.state where name = $1";
        let row = admin.query_one(query, &[&name.name()]).await;
        let row = row.map_err(|error| could_not(describe(&error)))?;
        serde_json::from_value(row.get(0)).map_err(|error| could_not(error.to_string()))
    }
}

/// Facets as the template stores them.
pub type Baseline = Facets;
