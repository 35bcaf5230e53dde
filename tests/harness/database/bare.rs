//! This file is a platform that no migration has reached yet, and a database without one.

use tokio_postgres::Config;

use super::{Database, connect, make_platform};
use crate::harness::inputs::{Inputs, Regime, short_hash};
use crate::harness::server::Server;
use crate::harness::{CannotRun, describe};

impl Database {
    /// One that holds nothing at all, not even the platform.
    ///
    /// # Errors
    /// Why there is no server.
    pub(crate) async fn empty() -> Result<Self, CannotRun> {
        let server = Server::shared()?;
        let template = server.template("empty", async |_| Ok::<(), CannotRun>(())).await?;
        Ok(Self { server, name: server.clone_of(&template).await? })
    }

    /// A clone of the platform as it is before the first migration.
    ///
    /// # Errors
    /// Why there is no server, or which statement of the platform failed.
    pub(crate) async fn bare(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
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

    /// Remembers what `other` remembers, since its rows were brought here.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn remember_as(&self, other: &Self) -> Result<(), CannotRun> {
        let could_not = |error: tokio_postgres::Error| {
            CannotRun(format!("could not remember the world: {}", describe(&error)))
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
