//! Tables with one row per user.

use crate::catalog::{Catalog, Relation};
use crate::contract::{self, Contract};

/// The column by which a table has one row per user, if it does: the user's own id, or the
/// key of another such table.
pub fn one_per_user<'a>(catalog: &Catalog, contract: &'a Contract, table: &str) -> Option<&'a str> {
    let declared = contract.tables.get(table)?;
    let column = match &declared.owner {
        contract::Owner::Column(column) => column,
        contract::Owner::Tenant(tenant) => &tenant.column,
        contract::Owner::Through(paths) => match paths.as_slice() {
            [(column, parent)] if parent != table => {
                one_per_user(catalog, contract, parent)?;
                column
            }
            _ => return None,
        },
        contract::Owner::None | contract::Owner::Members(_) | contract::Owner::Expression(_) => {
            return None;
        }
    };
    let relation = catalog.relation(table)?;
    let key: Vec<&str> = alike(relation, declared).chain([column.as_str()]).collect();
    relation.is_unique(&key).then_some(column)
}

/// The columns that hold the same in every row, and so tell none apart.
pub(super) fn alike<'a>(
    relation: &'a Relation,
    declared: &'a contract::Relation,
) -> impl Iterator<Item = &'a str> {
    let columns = declared.columns.iter().filter(|(name, column)| {
        let example = column.example.as_deref();
        example.is_some_and(|it| !it.contains('{')) && !relation.is_unique(&[name.as_str()])
    });
    columns.map(|(name, _)| name.as_str())
}
