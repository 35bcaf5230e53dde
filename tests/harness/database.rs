//! This file is a database of one's own: the platform, the migration and the world's rows,
//! made once as a template and cloned for whoever asks.

mod bare;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::stream::poll_fn;
use futures_util::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
/// A connection, by a name that tests may use.
pub(crate) use tokio_postgres::Client;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Config, NoTls, SimpleQueryMessage};

use super::catalog::facets::Facets;
use super::catalog::{Catalog, EVERYTHING};
use super::inputs::{Inputs, PLATFORM, Regime, SourceFile, short_hash};
use super::rows::World;
use super::server::{Cloned, Server};
use super::{CannotRun, describe, statements};

/// A migrated database with the world's rows in it, dropped when this value is.
pub(crate) struct Database {
    server: &'static Server,
    name: Cloned,
}

impl Database {
    /// A clone of what `inputs` make under `regime`.
    ///
    /// # Errors
    /// Why there is no server, or which statement of the platform or the migration failed.
    pub(crate) async fn of(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
        Self::on(Server::shared()?, inputs, regime).await
    }

    /// The same after the administrator has run one more file in it, which the template
    /// keeps.
    ///
    /// # Errors
    /// Why there is no server, or which statement failed.
    pub(crate) async fn populated(
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
    pub(crate) async fn on(
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
                // As the server does by itself in production: an index alone answers then.
                admin.batch_execute("vacuum").await.map_err(|error| {
                    CannotRun(format!("could not vacuum the population: {}", describe(&error)))
                })
            })
            .await?;
        Ok(Self { server, name: server.clone_of(&template).await? })
    }

    /// How to connect to it as `role`.
    pub(crate) fn login(&self, role: &str) -> Config {
        self.server.login(role, self.name.name())
    }

    /// A superuser's connection, whose errors are in English.
    ///
    /// # Errors
    /// Why the server refused.
    pub(crate) async fn admin(&self) -> Result<Client, CannotRun> {
        let mut config = self.login("supabase_admin");
        config.options(ADMIN_OPTIONS);
        connect(&config).await
    }

    /// A superuser's connection that keeps what the server says beside its answers.
    ///
    /// # Errors
    /// Why the server refused.
    pub(crate) async fn listening_admin(&self) -> Result<Listening, CannotRun> {
        let mut config = self.login("supabase_admin");
        config.options(ADMIN_OPTIONS);
        Listening::connect(&config).await
    }

    /// What the database was when the migration came, and what the harness put into it.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn state<T: DeserializeOwned>(
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

/// What a template remembers, beside its tables.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State {
    /// The catalog's facets before the migration.
    Baseline,
    /// The rows that migrations left in each table: table to rows as JSON.
    Seeds,
    /// The rows of the world, or why there are none.
    World,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Seeds => "seeds",
            Self::World => "world",
        }
    }
}

/// Opens a connection, and keeps it going in the background.
///
/// # Errors
/// Why the server refused.
pub(crate) async fn connect(config: &Config) -> Result<Client, CannotRun> {
    let (client, connection) = config.connect(NoTls).await.map_err(|error| {
        let role = config.get_user().unwrap_or("nobody");
        CannotRun(format!("could not connect to the database as {role}: {}", describe(&error)))
    })?;
    tokio::spawn(connection);
    Ok(client)
}

/// Messages in English, no name without its schema, times that do not depend on the machine.
const ADMIN_OPTIONS: &str = "-c lc_messages=C -c search_path= -c timezone=UTC";

/// A connection that keeps what the server says beside its answers.
pub(crate) struct Listening {
    /// The connection.
    pub(crate) client: Client,
    config: Config,
    notices: Arc<Mutex<Vec<DbError>>>,
}

impl Listening {
    /// Opens one.
    ///
    /// # Errors
    /// Why the server refused.
    pub(crate) async fn connect(config: &Config) -> Result<Self, CannotRun> {
        let (client, mut connection) = config.connect(NoTls).await.map_err(|error| {
            CannotRun(format!("could not connect to the database: {}", describe(&error)))
        })?;
        let notices = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&notices);
        tokio::spawn(async move {
            let mut messages = poll_fn(|context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notice(notice) = message {
                    heard.lock().expect("nobody panics with the lock").push(notice);
                }
            }
        });
        Ok(Self { client, config: config.clone(), notices })
    }

    /// Another one like it.
    ///
    /// # Errors
    /// Why the server refused.
    pub(crate) async fn again(&self) -> Result<Self, CannotRun> {
        Self::connect(&self.config).await
    }

    /// What was said since this was last asked. A notice comes before the answer to the
    /// statement that raised it, so that none is missing.
    pub(crate) fn notices(&self) -> Vec<DbError> {
        std::mem::take(&mut self.notices.lock().expect("nobody panics with the lock"))
    }
}

/// Makes a template: platform, baseline, migration, world.
async fn make(
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
    // A role that the platform does not have is no part of what is expected, however it came
    // to be on this server.
    let roles = &inputs.shim_file("roles.sql")?.text;
    let is_platforms = |id: &str| match id.strip_prefix("database/roles/") {
        Some(role) => roles.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == role),
        None => true,
    };
    baseline.retain(|id, _| is_platforms(id));
    remember(&admin, State::Baseline, &baseline).await?;

    let migrator = connect(&as_role("postgres")).await?;
    for file in &inputs.migrations {
        apply(&migrator, file, "the migration").await?;
    }
    drop(migrator);

    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    remember(&admin, State::Seeds, &seeds(&admin, &catalog).await?).await?;
    let auth = connect(&as_role("supabase_auth_admin")).await?;
    let world = World::make(&admin, &auth, &catalog, &inputs.contract).await;
    let world: Result<World, String> = world.map_err(|why| why.to_string());
    remember(&admin, State::World, &world).await
}

/// Makes what a database holds before its first migration, over the connection it returns.
async fn make_platform(
    server: &Server,
    config: &Config,
    inputs: &Inputs,
    regime: Regime,
) -> Result<Client, CannotRun> {
    make_roles(server, inputs).await?;
    let database = config.get_dbname().unwrap_or_default();
    let admin = connect(&server.login("supabase_admin", database)).await?;
    for name in PLATFORM {
        apply(&admin, inputs.shim_file(name)?, "the platform shim").await?;
    }
    let regime = format!("{}.sql", regime.name());
    apply(&admin, inputs.shim_file(&regime)?, "the platform shim").await?;
    Ok(admin)
}

/// The platform's roles, which are the whole server's: one at a time, whoever asks.
async fn make_roles(server: &Server, inputs: &Inputs) -> Result<(), CannotRun> {
    let admin = connect(&server.login("supabase_admin", "postgres")).await?;
    let could_not = |error: tokio_postgres::Error| {
        CannotRun(format!("could not make the platform's roles: {}", describe(&error)))
    };
    // The lock goes with the connection.
    admin.batch_execute("select pg_advisory_lock(20250214)").await.map_err(could_not)?;
    apply(&admin, inputs.shim_file("roles.sql")?, "the platform shim").await?;
    if let Some(password) = server.role_password() {
        for role in ["authenticator", "postgres", "supabase_auth_admin"] {
            let statement = format!("alter role {role} password {}", super::quote(password));
            admin.batch_execute(&statement).await.map_err(could_not)?;
        }
    }
    Ok(())
}

async fn remember(
    admin: &Client,
    name: State,
    document: &impl serde::Serialize,
) -> Result<(), CannotRun> {
    let document = serde_json::to_value(document).expect("what is remembered is plain data");
    let statement = "insert into identra_harness.state values ($1, $2)";
    admin.execute(statement, &[&name.name(), &document]).await.map_err(|error| {
        CannotRun(format!("could not remember the {}: {}", name.name(), describe(&error)))
    })?;
    Ok(())
}

/// The rows that migrations left in the tables of `public`, as JSON.
async fn seeds(
    admin: &Client,
    catalog: &Catalog,
) -> Result<BTreeMap<String, Vec<serde_json::Value>>, CannotRun> {
    let mut seeds = BTreeMap::new();
    for table in catalog.relations.iter().filter(|r| r.schema == "public" && r.kind == "table") {
        let query = format!("select pg_catalog.to_jsonb(r) from {} r", table.qualified());
        let rows = admin.query(&query, &[]).await.map_err(|error| {
            CannotRun(format!("could not read {}: {}", table.name, describe(&error)))
        })?;
        seeds.insert(table.name.clone(), rows.iter().map(|row| row.get(0)).collect());
    }
    Ok(seeds)
}

/// Runs a file as one message, as a hosted SQL editor does.
///
/// # Errors
/// File, line, statement and the server's answer.
pub(crate) async fn apply(client: &Client, file: &SourceFile, what: &str) -> Result<(), CannotRun> {
    let mut done = 0;
    let run = async {
        let mut messages = std::pin::pin!(client.simple_query_raw(&file.text).await?);
        while let Some(message) = messages.try_next().await? {
            done += usize::from(matches!(message, SimpleQueryMessage::CommandComplete(_)));
        }
        Ok(())
    };
    let result: Result<(), tokio_postgres::Error> = run.await;
    result.map_err(|error| {
        let all = statements::split(&file.text);
        let position = error.as_db_error().and_then(|error| match error.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => {
                let at = usize::try_from(*at).unwrap_or(1).saturating_sub(1);
                file.text.char_indices().nth(at).map(|(offset, _)| offset)
            }
            _ => None,
        });
        let line = position.map(|offset| statements::line_of(&file.text, offset));
        let statement = match line {
            Some(line) => all.iter().rev().find(|statement| statement.line <= line),
            None => all.get(done),
        };
        let line = line.or(statement.map(|statement| statement.line)).unwrap_or(1);
        let first_lines: Vec<&str> =
            statement.map_or(Vec::new(), |statement| statement.text.lines().take(8).collect());
        let superuser = match error.code().map(tokio_postgres::error::SqlState::code) {
            Some("42501") => {
                "\n  note: migrations run as postgres, which is no superuser on the platform \
                 either; leave out what needs one"
            }
            _ => "",
        };
        CannotRun(format!(
            "could not apply {what}: {}:{line}: {}\n  {}{superuser}",
            file.name,
            describe(&error),
            first_lines.join("\n  "),
        ))
    })
}

/// Facets as the template remembers them.
pub(crate) type Baseline = Facets;
