//! Tenants of generated rows: each user has one, which no other user has.

use super::compose::{Draft, Factory, foreign_keys};
use super::owner::Owner;
use crate::catalog::{Constraint, Relation};
use crate::contract::tenant::{Claim, Place, Tenant};
use crate::contract::{self, Contract};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::quote;

/// The columns of users' rows that hold their tenants, as `table.column`.
pub(super) fn columns(contract: &Contract) -> impl Iterator<Item = String> {
    contract.tables.values().filter_map(|declared| match &declared.owner {
        contract::Owner::Tenant(Tenant { of_user: Place::Column { table, column }, .. }) => {
            Some(format!("{table}.{column}"))
        }
        _ => None,
    })
}

/// Whether the users' rows point at rows of this table, so that it must be filled first.
pub(super) fn is_table_of_tenants(users: Option<&Relation>, relation: &Relation) -> bool {
    let name = format!("{}.{}", relation.schema, relation.name);
    users.is_some_and(|users| foreign_keys(users).any(|key| key.target.as_ref() == Some(&name)))
}

impl Factory<'_> {
    /// Whether a column holds the tenant of a user, or nothing.
    pub fn is_optional_tenant(&self, relation: &Relation, column: &str) -> bool {
        let id = format!("{}.{column}", relation.declared_name());
        let is_open = relation.column(column).is_some_and(|it| !it.not_null);
        is_open && columns(self.contract).any(|it| it == id)
    }

    /// The key of the tenant that a declared persona's token has in common with a user who has
    /// rows.
    fn tenant_of_another(
        &self,
        user: Persona,
        claim: &Claim,
        key: &Constraint,
    ) -> Option<Vec<String>> {
        let tenants = self.contract.claimed(user, claim);
        let mut others = Persona::OWNERS.into_iter().filter(|other| {
            *other != user.account()
                && self.contract.claimed(*other, claim).iter().any(|it| tenants.contains(it))
        });
        let other = others.next()?;
        self.existing("", key.target(), &key.target_columns, (Owner::User(other), 0))
    }

    /// Sets the tenant of a row. A row of the table of tenants itself is nobody's until a user's
    /// row points at it, unless claims say whose it is.
    pub(super) fn set_tenant(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        tenant: &Tenant,
        (owner, ordinal): (Owner, usize),
        depth: usize,
    ) -> Result<(), CannotRun> {
        let Owner::User(user) = owner else { return Ok(()) };
        let column = &tenant.column;
        let is_one_per_user = relation.is_unique(&[column.as_str()]);
        let key = foreign_keys(relation).find(|key| key.columns == [column.as_str()]);
        let value = match (&tenant.of_user, key) {
            (Place::Column { table, .. }, _)
                if is_table_of_tenants(self.catalog.relation(table), relation) =>
            {
                return Ok(());
            }
            (Place::Column { table, column }, _)
                if let Some(value) = self.declared_value(user, table, column) =>
            {
                value
            }
            (Place::Column { table, column }, _)
                if let Some(mut there) =
                    self.existing("", table, std::slice::from_ref(column), (owner, 0)) =>
            {
                there.remove(0)
            }
            (Place::Claim(claim), Some(key))
                if let Some(mut there) = self.tenant_of_another(user, claim, key) =>
            {
                there.remove(0)
            }
            (_, Some(key)) => {
                let there = &key.target_columns;
                self.parent(draft, key.target(), there, (owner, 0), depth)?.remove(0)
            }
            (Place::Column { table, column }, None) => {
                let there = [column.clone()];
                self.parent(draft, table, &there, (owner, 0), depth)?.remove(0)
            }
            // Another row of the table of tenants is somebody else's.
            (Place::Claim(_), None) if is_one_per_user && ordinal > 0 => return Ok(()),
            (Place::Claim(_), None) => self.tenant_of(user, tenant)?,
        };
        draft.values.insert(column.clone(), value);
        Ok(())
    }

    /// The tenant of a persona, as a literal.
    ///
    /// # Errors
    /// That the persona has none.
    pub(super) fn tenant_of(&self, user: Persona, tenant: &Tenant) -> Result<String, CannotRun> {
        match &tenant.of_user {
            // A literal of text serves a column of any type.
            Place::Claim(claim) => {
                let first = self.contract.claimed(user, claim).into_iter().next();
                Ok(first.map_or_else(|| "null".to_owned(), |it| quote(&it)))
            }
            Place::Column { table, column } => {
                let rows = self.world.rows(table, Owner::User(user.account()), None);
                let value = rows.first().and_then(|row| row.literal(column)).map(str::to_owned);
                self.declared_value(user, table, column).or(value).ok_or_else(|| {
                    CannotRun(format!("{} has no row of {table} with a {column}", user.name()))
                })
            }
        }
    }
}
