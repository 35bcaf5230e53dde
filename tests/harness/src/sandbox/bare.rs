//! Databases without migrations: one with only the platform, and an empty one.

use tokio_postgres::Config;

use super::Database;
use super::template::make_platform;
use crate::database::connect;
use crate::error::{CannotRun, describe};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::server::Server;
use crate::source::short_hash;

impl Database {
    /// An empty database, without even the platform.
    ///
    /// # Errors
    /// Why there is no server.
    pub async fn empty() -> Result<Self, CannotRun> {
        let server = Server::shared()?;
        let template = server.template("empty", async |_| Ok::<(), CannotRun>(())).await?;
        Ok(Self { server, name: server.clone_of(&template).await? })
    }

    /// A clone of the platform as it is before the first migration.
    ///
    /// # Errors
    /// Why there is no server, or which statement of the platform failed.
    pub async fn bare(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
        let server = Server::shared()?;
        let key = short_hash(&format!("bare {} {}", inputs.shim_sha256(), regime.name()));
        let make = async |config: Config| {
            let admin = make_platform(server, &config, inputs, regime).await?;
            drop(admin);
            Ok(())
        };
        let template = server.template(&key, make).await?;
        Ok(Self { server, name: server.clone_of(&template).await? })
    }

    /// Copies the harness's state of `other`, whose rows were restored here.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn copy_state_from(&self, other: &Self) -> Result<(), CannotRun> {
        let could_not = |error: tokio_postgres::Error| {
            CannotRun(format!("could not store the world: {}", describe(&error)))
        };
        let all = "select name, document from identra_harness.state";
        let rows = other.admin().await?.query(all, &[]).await.map_err(could_not)?;
        let admin = connect(&self.login("supabase_admin")).await?;
        let prepare = "create schema identra_harness; \
                       create table identra_harness.state (name text primary key, document jsonb)";
        admin.batch_execute(prepare).await.map_err(could_not)?;
        for row in rows {
            let (name, document): (String, serde_json::Value) = (row.get(0), row.get(1));
            let insert = "insert into identra_harness.state values ($1, $2)";
            admin.execute(insert, &[&name, &document]).await.map_err(could_not)?;
        }
        Ok(())
    }
}
