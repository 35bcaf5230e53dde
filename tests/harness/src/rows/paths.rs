//! The end of a path to the owner that a row itself holds.

use super::Owner;
use super::compose::Factory;
use crate::contract;
use crate::contract::grid::SHARED;
use crate::contract::membership::Members;
use crate::platform::persona::Persona;
use crate::sql::quote;

impl Factory<'_> {
    /// The column with which a path begins, and what it holds in a row of that owner; none if the
    /// world has no such row.
    pub fn end(&self, path: &contract::Owner, owner: Owner) -> Option<(String, String)> {
        let first = |table: &str, owner, variant, column: &str| {
            let rows = self.world.rows(table, owner, variant);
            rows.first().and_then(|row| row.literal(column)).map(str::to_owned)
        };
        match (path, owner) {
            (contract::Owner::Column(column), Owner::User(user)) => {
                Some((column.clone(), quote(user.user_id()?)))
            }
            (contract::Owner::Tenant(tenant), Owner::User(user)) => {
                let tenant_of = self.tenant_of(user, tenant).ok()?;
                Some((tenant.column.clone(), tenant_of))
            }
            (contract::Owner::Members(Members { column, table, by }), _) => {
                let value = match owner {
                    Owner::Shared => first(table, Owner::User(Persona::Alice), Some(SHARED), by),
                    _ => first(table, owner, None, by),
                };
                Some((column.clone(), value?))
            }
            (contract::Owner::Through(paths), _) => {
                let (column, parent) = paths.first()?;
                let key = self.catalog.relation(parent)?.primary_key().first()?;
                Some((column.clone(), first(parent, owner, None, key)?))
            }
            _ => None,
        }
    }
}
