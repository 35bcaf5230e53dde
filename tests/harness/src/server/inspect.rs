//! Checks that a server which answers has what the schema needs.

use super::address::{Address, SUPERUSER};
use super::binaries::{EXTENSIONS, OLDEST};
use super::sql;
use crate::error::CannotRun;

/// Fills in the server's version.
///
/// # Errors
/// What the server lacks, and what to install.
pub(super) async fn inspect(address: &mut Address) -> Result<(), CannotRun> {
    let (client, _) = sql::session(&address.login(SUPERUSER, sql::MAINTENANCE)).await?;
    let question = "select current_setting('server_version'),
                           current_setting('server_version_num')::int / 10000,
                           current_setting('server_version_num')::int,
                           array(select name::text from pg_available_extensions)";
    let row = client.query_one(question, &[]).await.map_err(|it| sql::cannot(question, &it))?;
    let version: String = row.get(0);
    let version_num: i32 = row.get(2);
    if row.get::<_, i32>(1).cast_unsigned() < OLDEST {
        return Err(CannotRun(format!(
            "the server is PostgreSQL {version}; the schema needs {OLDEST} or later"
        )));
    }
    let available: Vec<String> = row.get(3);
    for extension in EXTENSIONS {
        if !available.iter().any(|name| name == extension) {
            return Err(CannotRun(format!(
                "the server, PostgreSQL {version}, has no extension {extension}; install {} beside it",
                package(extension)
            )));
        }
    }
    address.version = version;
    address.version_num = version_num.cast_unsigned();
    Ok(())
}

fn package(extension: &str) -> &'static str {
    match extension {
        "vector" => "pgvector (Debian: postgresql-<version>-pgvector)",
        _ => "PostgreSQL's contrib modules (Debian: postgresql-contrib)",
    }
}
