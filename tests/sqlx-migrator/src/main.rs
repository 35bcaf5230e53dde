//! sqlx's own Migrator on a directory of migrations: prints what it reads from the file names,
//! then applies them to the database that libpq's variables name.

use std::env;
use std::error::Error;
use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args().nth(1).ok_or("usage: sqlx-migrator DIRECTORY")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(migrate(Path::new(&directory)))
}

async fn migrate(directory: &Path) -> Result<(), Box<dyn Error>> {
    let migrator = Migrator::new(directory).await?;
    for migration in migrator.iter() {
        println!("{} {}", migration.version, migration.description);
    }
    let mut connection: PgConnection = PgConnectOptions::new().connect().await?;
    migrator.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
