//! This file is what applying the migration is: the same by every way in, whatever came
//! before, with nothing open meanwhile; and what a dump needs beside itself.

/// What can be reached meanwhile.
mod access_window;
/// Twice, and after any interruption.
mod idempotence;
/// What a later migration makes.
mod later_objects;
/// Back from a dump.
mod restore;
/// Three ways, one result.
mod routes;

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

/// What a comparison finds when there is nothing to tell.
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

/// Rows for the tables that the project's migrations make.
async fn plants(inputs: &Inputs) -> Result<Plants, CannotRun> {
    let database = Database::of(inputs, Regime::Explicit).await?;
    let admin = database.admin().await?;
    let world: Result<World, String> = database.state(&admin, State::World).await?;
    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    Ok(Plants::of(&catalog, &world.map_err(CannotRun)?))
}
