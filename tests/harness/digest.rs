//! This file is the state oracle: a digest of every row there is, per table and owner, taken
//! as the administrator.

use std::collections::BTreeMap;

use super::catalog::{Catalog, Relation};
use super::contract::{Contract, Owner};
use super::ident;
use super::inputs::short_hash;

/// Stands between the users of a row that leads to more than one.
pub(crate) const SHARED: &str = "+";

/// Number and digest of the rows of each table and owner; the owner is a user's id,
/// several with [`SHARED`] between them, or `nobody`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) BTreeMap<(String, String), (u64, String)>);

impl Digest {
    /// Reads the answer of the digest's statement, row by row: table, owner, count, digest.
    pub(crate) fn of_rows(rows: &[Vec<String>]) -> Self {
        let cell = |row: &Vec<String>| {
            ((row[0].clone(), row[1].clone()), (row[2].parse().unwrap_or(0), row[3].clone()))
        };
        Self(rows.iter().map(cell).collect())
    }

    /// Whose rows differ between two digests: table and owner.
    pub(crate) fn changed(&self, after: &Self) -> Vec<(String, String)> {
        let keys = self.0.keys().chain(after.0.keys());
        let mut changed: Vec<(String, String)> =
            keys.filter(|key| self.0.get(*key) != after.0.get(*key)).cloned().collect();
        changed.sort();
        changed.dedup();
        changed
    }

    /// One hash for all of it, by which two states can be told apart.
    pub(crate) fn fingerprint(&self) -> String {
        short_hash(&format!("{:?}", self.0))
    }

    /// How many rows of a table that owner has.
    pub(crate) fn count(&self, table: &str, owner: &str) -> u64 {
        self.0.get(&(table.to_owned(), owner.to_owned())).map_or(0, |(count, _)| *count)
    }

    /// How many rows a table has.
    pub(crate) fn total(&self, table: &str) -> u64 {
        self.0.iter().filter(|((name, _), _)| name == table).map(|(_, (count, _))| count).sum()
    }
}

/// The statement that takes the digest of every table but the harness's own.
pub(crate) fn statement(catalog: &Catalog, contract: &Contract) -> String {
    let tables = catalog.relations.iter().filter(|relation| relation.kind == "table");
    let parts: Vec<String> = tables
        .map(|table| {
            let name = match table.schema.as_str() {
                "public" => table.name.clone(),
                schema => format!("{schema}.{}", table.name),
            };
            format!(
                "select '{name}', coalesce({}::text, 'nobody'), count(*)::text, \
                 sum(hashtextextended(r::text, 0))::text from {} r group by 2",
                owner_expression(catalog, contract, table, "r"),
                table.qualified(),
            )
        })
        .collect();
    parts.join(" union all ")
}

/// An expression for the user that a row of `table`, called `alias`, leads to.
pub(crate) fn owner_expression(
    catalog: &Catalog,
    contract: &Contract,
    table: &Relation,
    alias: &str,
) -> String {
    if (table.schema.as_str(), table.name.as_str()) == ("auth", "users") {
        return format!("{alias}.id");
    }
    let declared = contract.tables.get(&table.name).filter(|_| table.schema == "public");
    let has = |column: &str| table.column(column).is_some();
    match declared.map(|declared| &declared.owner) {
        Some(Owner::Column(column)) if has(column) => format!("{alias}.{}", ident(column)),
        Some(Owner::Through(paths)) if paths.iter().all(|(column, _)| has(column)) => {
            let ends: Vec<String> = paths
                .iter()
                .map(|(column, parent)| parent_owner(catalog, contract, alias, column, parent))
                .collect();
            match ends.as_slice() {
                [one] => one.clone(),
                ends => {
                    let ends = ends.join("), (");
                    format!(
                        "(select string_agg(distinct owner::text, '{SHARED}') \
                         from (values ({ends})) as ends (owner))"
                    )
                }
            }
        }
        _ => "null".to_owned(),
    }
}

fn parent_owner(
    catalog: &Catalog,
    contract: &Contract,
    alias: &str,
    column: &str,
    parent: &str,
) -> String {
    let Some(relation) = catalog.relation(parent) else {
        return "null".to_owned();
    };
    let Some(key) = relation.primary_key().first() else {
        return "null".to_owned();
    };
    let inner = format!("{alias}_{}", column.replace(|c: char| !c.is_alphanumeric(), "_"));
    let owner = owner_expression(catalog, contract, relation, &inner);
    let (table, key, column) = (relation.qualified(), ident(key), ident(column));
    format!("(select {owner} from {table} {inner} where {inner}.{key} = {alias}.{column})")
}
