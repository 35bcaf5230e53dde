//! The migration: the same result by every route and on any earlier state, no access window,
//! and restore from a dump.

/// Access window.
mod access_window;
/// Idempotence, and completion after an interruption.
mod idempotence;
/// Default privileges of later objects.
mod later_objects;
/// Restore from a dump.
mod restore;
/// Three routes with the same result.
mod routes;
/// Where each statement of a file is.
mod statements;

use schema_harness::catalog::contents::Contents;
use schema_harness::catalog::{Catalog, EVERYTHING};
use schema_harness::checks::reachable::Plants;
use schema_harness::database::{apply, connect};
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::rows::World;
use schema_harness::sandbox::{Database, State};
use schema_harness::source::SourceFile;

/// The result of a comparison without differences.
const NONE: [String; 0] = [];

fn inputs() -> Inputs {
    Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"))
}

async fn bare(inputs: &Inputs, regime: Regime) -> Database {
    Database::bare(inputs, regime).await.unwrap_or_else(|why| panic!("{why}"))
}

/// Pastes each migration whole, as `postgres`.
async fn paste(database: &Database, migrations: &[SourceFile]) -> Result<(), CannotRun> {
    let migrator = connect(&database.login("postgres")).await?;
    for file in migrations {
        apply(&migrator, file, "the migration").await?;
    }
    Ok(())
}

async fn contents(database: &Database) -> Contents {
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    Contents::read(&admin).await.unwrap_or_else(|why| panic!("{why}"))
}

/// Rows for the tables that the project's migrations create.
async fn plants(inputs: &Inputs) -> Result<Plants, CannotRun> {
    let database = Database::of(inputs, Regime::Explicit).await?;
    let admin = database.admin().await?;
    let world: Result<World, String> = database.state(&admin, State::World).await?;
    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    Ok(Plants::of(&catalog, &world.map_err(CannotRun)?))
}
