//! Which tables get rows, and in which order.

use super::compose::{ACCOUNTS, foreign_keys};
use super::tenants::is_table_of_tenants;
use crate::catalog::Catalog;
use crate::contract::tenant::Place;
use crate::contract::{self, Contract};

/// The contract's tables, and those of others that their rows must point at.
pub(super) fn tables(catalog: &Catalog, contract: &Contract) -> Vec<String> {
    let mut tables: Vec<String> = contract.tables.keys().cloned().collect();
    let mut at = 0;
    while at < tables.len() {
        let parents = required_parents(catalog, contract, &tables[at]);
        let new = parents.into_iter().filter(|it| it != ACCOUNTS && !tables.contains(it));
        let new: Vec<String> = new.collect();
        tables.extend(new);
        at += 1;
    }
    tables
}

/// The tables that rows of a table must point at, itself apart: by keys that are not null, by
/// the path to the owner, as members.
pub(super) fn required_parents(catalog: &Catalog, contract: &Contract, table: &str) -> Vec<String> {
    let mut parents = Vec::new();
    if let Some(relation) = catalog.relation(table) {
        let is_set = |name: &String| relation.column(name).is_some_and(|it| it.not_null);
        let keys = foreign_keys(relation).filter(|key| key.columns.iter().all(is_set));
        parents.extend(keys.map(|key| key.target().to_owned()));
    }
    let declared = contract.tables.get(table);
    if let Some(contract::Owner::Tenant(tenant)) = declared.map(|it| &it.owner)
        && let (Place::Column { table: users, .. }, Some(relation)) =
            (&tenant.of_user, catalog.relation(table))
        && !is_table_of_tenants(catalog.relation(users), relation)
    {
        parents.push(users.clone());
    }
    if let Some(contract::Owner::Through(paths)) = declared.map(|it| &it.owner) {
        parents.extend(paths.iter().map(|(_, parent)| parent.clone()));
    }
    let membership = declared.and_then(|it| it.membership.as_ref());
    parents.extend(membership.iter().flat_map(|it| &it.of).map(|(_, of)| of.clone()));
    parents.retain(|parent| parent != table);
    parents
}

/// The tables, each after those that its keys point at; where keys go in a circle, after those
/// that it must point at.
pub(super) fn parents_first(
    catalog: &Catalog,
    contract: &Contract,
    tables: &[String],
) -> Vec<String> {
    let may_point = |table: &str| -> Vec<String> {
        let keys = catalog.relation(table).into_iter().flat_map(foreign_keys);
        let keys = keys.map(|key| key.target().to_owned());
        keys.chain(required_parents(catalog, contract, table)).collect()
    };
    let mut sorted: Vec<String> = Vec::new();
    let mut left: Vec<&String> = tables.iter().collect();
    while !left.is_empty() {
        let waits = |table: &str, parents: Vec<String>| {
            parents.iter().any(|parent| {
                parent != table && !sorted.contains(parent) && tables.contains(parent)
            })
        };
        let ready = left.iter().position(|table| !waits(table, may_point(table))).or_else(|| {
            let required = |table: &str| required_parents(catalog, contract, table);
            left.iter().position(|table| !waits(table, required(table)))
        });
        sorted.push(left.remove(ready.unwrap_or(0)).clone());
    }
    sorted
}
