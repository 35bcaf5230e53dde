//! The control of a denial: the service role, for which the same statement is effective.

use crate::catalog::{Catalog, Schema};
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::probe::{Observation, Prober, Target};
use crate::sql::ident;

/// What the service role gets by a statement. Where the schema leaves it without the privilege, it
/// is given it, to show that only the persona is what makes the difference.
pub(in crate::checks) async fn observe(
    prober: &Prober,
    catalog: &Catalog,
    target: &Target,
    setup: &[String],
    statement: &str,
) -> Result<Observation, CannotRun> {
    let service = Persona::ServiceRole;
    let first = prober.attempt(target, service, setup, statement).await?;
    if first.outcome != Outcome::NoPrivilege {
        return Ok(first);
    }
    let setup = [setup, &entitle(catalog)].concat();
    prober.attempt(target, service, &setup, statement).await
}

/// Statements that give the service role every privilege on what migrations have made.
pub fn entitle(catalog: &Catalog) -> Vec<String> {
    let is_own = |schema: &&Schema| schema.owner == "postgres" || schema.name == "public";
    let on = |schema: &Schema| {
        let schema = ident(&schema.name);
        [
            format!("grant usage on schema {schema} to service_role"),
            format!("grant all on all tables in schema {schema} to service_role"),
            format!("grant all on all sequences in schema {schema} to service_role"),
            format!("grant execute on all routines in schema {schema} to service_role"),
        ]
    };
    catalog.schemas.iter().filter(is_own).flat_map(on).collect()
}
