//! The control of a denial: the service role, for which the same statement is effective.

use crate::catalog::{Catalog, Schema};
use crate::sql::ident;

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
