//! Makes the template of a sandbox database: the platform, the migrations, and the rows of all
//! personas.

use std::collections::BTreeMap;

use tokio_postgres::Config;

use super::State;
use crate::catalog::facets::Facets;
use crate::catalog::{Catalog, EVERYTHING, Relation};
use crate::contract::BUCKETS;
use crate::database::{Client, apply, connect};
use crate::error::{CannotRun, describe};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::rows::World;
use crate::server::Server;
use crate::sql::quote;

/// Makes a template: platform, baseline, migration, world.
pub(super) async fn make(
    server: &Server,
    config: &Config,
    inputs: &Inputs,
    regime: Regime,
) -> Result<(), CannotRun> {
    let as_role = |role: &str| server.login(role, config.get_dbname().unwrap_or_default());
    let admin = make_platform(server, config, inputs, regime).await?;
    let prepare = "set search_path = ''; set timezone = 'UTC'; \
                   create schema identra_harness; \
                   create table identra_harness.state (name text primary key, document jsonb)";
    admin.batch_execute(prepare).await.map_err(|error| {
        CannotRun(format!("could not prepare the database: {}", describe(&error)))
    })?;
    let mut baseline = Catalog::read(&admin, EVERYTHING).await?.facets();
    // A role that the platform does not have is not expected, even if this server has it.
    let roles = &inputs.shim_file("roles.sql")?.text;
    let is_platforms = |id: &str| match id.strip_prefix("database/roles/") {
        Some(role) => roles.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == role),
        None => true,
    };
    baseline.retain(|id, _| is_platforms(id));
    store(&admin, State::Baseline, &baseline).await?;

    // Each in a session of its own: what one sets for its session is not in force in the next.
    for file in &inputs.migrations {
        let mut session = as_role("postgres");
        session.options(format!("-c statement_timeout={MIGRATION}"));
        apply(&connect(&session).await?, file, "the migration").await?;
    }

    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    store(&admin, State::Seeds, &seeds(&admin, &catalog, &baseline).await?).await?;
    let auth = connect(&as_role("supabase_auth_admin")).await?;
    for session in [&admin, &auth] {
        limit(session, ROW).await?;
    }
    let world = World::make(&admin, &auth, &catalog, &inputs.contract).await;
    let world: Result<World, String> = world.map_err(|why| why.to_string());
    limit(&admin, "0").await?;
    store(&admin, State::World, &world).await
}

/// How long a statement of a migration may take: one that never ends has to be told.
const MIGRATION: &str = "60s";
/// The same for a row of the world, whose triggers are the migration's.
const ROW: &str = "20s";

async fn limit(session: &Client, time: &str) -> Result<(), CannotRun> {
    let statement = format!("set statement_timeout = '{time}'");
    session.batch_execute(&statement).await.map_err(|error| {
        CannotRun(format!("could not limit the time of statements: {}", describe(&error)))
    })
}

/// Makes a database as it is before the first migration, over the connection that it returns.
pub(super) async fn make_platform(
    server: &Server,
    config: &Config,
    inputs: &Inputs,
    regime: Regime,
) -> Result<Client, CannotRun> {
    make_roles(server, inputs).await?;
    let database = config.get_dbname().unwrap_or_default();
    let admin = connect(&server.login("supabase_admin", database)).await?;
    for file in inputs.platform(regime)? {
        apply(&admin, file, "the platform shim").await?;
    }
    Ok(admin)
}

/// Two transactions that change one role at once fail with `tuple concurrently updated`, whichever
/// databases they are in.
pub const LOCK_ROLES: &str = "lock table pg_catalog.pg_authid, pg_catalog.pg_auth_members, \
                              pg_catalog.pg_db_role_setting in exclusive mode";

/// Makes the platform's roles, which belong to the whole server, one caller at a time.
async fn make_roles(server: &Server, inputs: &Inputs) -> Result<(), CannotRun> {
    let admin = connect(&server.login("supabase_admin", "postgres")).await?;
    let could_not = |error: tokio_postgres::Error| {
        CannotRun(format!("could not make the platform's roles: {}", describe(&error)))
    };
    admin.batch_execute(&format!("begin; {LOCK_ROLES}")).await.map_err(could_not)?;
    apply(&admin, inputs.shim_file("roles.sql")?, "the platform shim").await?;
    if let Some(password) = server.role_password() {
        for role in ["authenticator", "postgres", "supabase_auth_admin"] {
            let statement = format!("alter role {role} password {}", quote(password));
            admin.batch_execute(&statement).await.map_err(could_not)?;
        }
    }
    admin.batch_execute("commit").await.map_err(could_not)
}

async fn store(
    admin: &Client,
    name: State,
    document: &impl serde::Serialize,
) -> Result<(), CannotRun> {
    let document = serde_json::to_value(document).expect("the document is plain data");
    let statement = "insert into identra_harness.state values ($1, $2)";
    admin.execute(statement, &[&name.name(), &document]).await.map_err(|error| {
        CannotRun(format!("could not store the {}: {}", name.name(), describe(&error)))
    })?;
    Ok(())
}

/// The rows that migrations left in their own tables, and the buckets, as JSON.
async fn seeds(
    admin: &Client,
    catalog: &Catalog,
    baseline: &Facets,
) -> Result<BTreeMap<String, Vec<serde_json::Value>>, CannotRun> {
    let mut seeds = BTreeMap::new();
    let is_own = |it: &&Relation| {
        !baseline.contains_key(&format!("{}/kind", it.id())) || it.declared_name() == BUCKETS
    };
    let tables = catalog.relations.iter().filter(|it| it.is_table() && !it.is_partition());
    for table in tables.filter(is_own) {
        let query = format!("select pg_catalog.to_jsonb(r) from {} r", table.qualified());
        let rows = admin.query(&query, &[]).await.map_err(|error| {
            CannotRun(format!("could not read {}: {}", table.name, describe(&error)))
        })?;
        seeds.insert(table.declared_name(), rows.iter().map(|row| row.get(0)).collect());
    }
    Ok(seeds)
}
