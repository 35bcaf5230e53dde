//! State digest: number and hash of all rows, per table and row owner, computed as the
//! administrator. Two digests tell which rows of which owners a statement changed.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Relation};
use crate::contract::membership::{Members, Membership};
use crate::contract::shape::Sharing;
use crate::contract::tenant::{self, Claim, Tenant};
use crate::contract::{Contract, Owner};
use crate::platform::persona::Persona;
use crate::source::short_hash;
use crate::sql::{ident, quote};

/// Separates the users of a row whose paths lead to different users, so that it belongs to none
/// of them.
pub const BETWEEN: &str = "+";
/// Separates the users of a shared row, each of whom owns it. Of a membership, the user whom it
/// names comes first.
pub const WITH: &str = "&";

/// The owner of a row that leads to no user.
pub const NOBODY: &str = "nobody";

/// Number and hash of the rows of each table and owner. An owner is a user's id, several
/// separated by [`BETWEEN`] or [`WITH`], or `nobody`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest(BTreeMap<Place, BTreeMap<String, Cell>>);

/// Rows of a table that have changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// The table.
    pub table: String,
    /// Their owner.
    pub owner: String,
    /// The key of the row; empty if rows of this table are counted together.
    pub key: String,
    /// Of a table with declared effects, those columns that have changed; an empty name stands
    /// for all other columns.
    pub columns: Vec<String>,
    /// How they have changed.
    pub how: How,
}

/// How a row has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It was inserted.
    New,
    /// It was updated.
    Other,
    /// It was deleted.
    Gone,
    /// It is unchanged, and has one more user.
    Gained,
    /// Any of the first three: rows of this table are counted together.
    Somehow,
}

/// A table; and the key of each row if its rows can be shared, because their users change when
/// somebody becomes a member, or if users may write rows of others, because it matters how.
type Place = (String, String);
/// The number of rows, and their hash.
type Cell = (u64, String);

impl Digest {
    /// Reads the answer of the digest's statement, row by row: table, owner, key, count, digest.
    pub fn of_rows(rows: &[Vec<String>]) -> Self {
        let mut digest = Self::default();
        for row in rows {
            let place = digest.0.entry((row[0].clone(), row[2].clone())).or_default();
            place.insert(row[1].clone(), (row[3].parse().unwrap_or(0), row[4].clone()));
        }
        digest
    }

    /// Whose rows differ between two digests, and how. An unchanged row that gains a user has
    /// changed for its former users; one that only loses a user has not. A changed row that
    /// loses a user is reported for that user, too.
    pub fn changed(&self, after: &Self) -> Vec<Changed> {
        let none = BTreeMap::new();
        let mut changed = Vec::new();
        for place in self.0.keys().chain(after.0.keys()) {
            let was = self.0.get(place).unwrap_or(&none);
            let is = after.0.get(place).unwrap_or(&none);
            let both = was.values().next().zip(is.values().next());
            let columns = both.map_or(Vec::new(), |(was, is)| differing(&was.1, &is.1));
            let mut add = |owner: &str, how: How| {
                let (table, key) = place.clone();
                let (owner, columns) = (owner.to_owned(), columns.clone());
                changed.push(Changed { table, owner, key, columns, how });
            };
            if place.1.is_empty() {
                let all = was.keys().chain(is.keys());
                for owner in all.filter(|owner| was.get(*owner) != is.get(*owner)) {
                    add(owner, How::Somehow);
                }
                continue;
            }
            // A key has one row.
            match (was.first_key_value(), is.first_key_value()) {
                (Some((had, _)), None) => add(had, How::Gone),
                (None, Some((has, _))) => add(has, How::New),
                (Some((had, before)), Some((has, now))) if had == has && before != now => {
                    add(has, How::Other);
                }
                (Some((had, before)), Some((has, now))) if had != has && before != now => {
                    let lost = users(had).filter(|user| !reaches(has, user));
                    for owner in lost.chain([had.as_str(), has.as_str()]) {
                        add(owner, How::Other);
                    }
                }
                // A row that has lost all its users is nobody's, and `nobody` gains nothing.
                (Some((had, _)), Some((has, _)))
                    if users(has).any(|user| user != NOBODY && !reaches(had, user)) =>
                {
                    add(had, How::Gained);
                }
                _ => {}
            }
        }
        changed.sort();
        changed.dedup();
        changed
    }

    /// One hash of the whole state.
    pub fn fingerprint(&self) -> String {
        short_hash(&format!("{:?}", self.0))
    }

    /// The number of rows of a table whose owner satisfies `is_it`.
    pub fn count(&self, table: &str, is_it: impl Fn(&str) -> bool) -> u64 {
        let owners = self.0.iter().filter(|((name, _), _)| name == table).flat_map(|(_, it)| it);
        owners.filter(|(owner, _)| is_it(owner)).map(|(_, (count, _))| count).sum()
    }
}

/// The parts of a hash that differ, by name; none of a hash without names.
fn differing(was: &str, is: &str) -> Vec<String> {
    let parts = was.split(';').zip(is.split(';')).filter(|(was, is)| was != is);
    let names = parts.filter_map(|(was, _)| was.split_once('=').map(|(name, _)| name.to_owned()));
    names.collect()
}

/// The users in an owner.
fn users(owner: &str) -> impl Iterator<Item = &str> {
    owner.split([BETWEEN, WITH].map(|it| it.chars().next().unwrap_or_default()))
}

/// The rows of tables and owners as text, each once: `memories of alice`.
pub fn all_rows_of<'c>(changed: impl IntoIterator<Item = &'c Changed>) -> Vec<String> {
    let mut rows: Vec<String> = changed.into_iter().map(rows_of).collect();
    rows.dedup();
    rows
}

/// The rows of a table and an owner as text: `memories of alice`.
pub fn rows_of(Changed { table, owner, .. }: &Changed) -> String {
    let name = |id: &str| {
        let known = Persona::USERS.into_iter().find(|persona| persona.user_id() == Some(id));
        known.map_or(id, |persona| persona.name()).to_owned()
    };
    let owners: Vec<String> = users(owner).map(name).collect();
    format!("{table} of {}", owners.join(" and "))
}

/// Whether the user owns rows of that owner, alone or with others.
pub fn reaches(owner: &str, user: &str) -> bool {
    owner.split(WITH).any(|one| one == user)
}

/// Whether the user is one of that owner's users, even if the rows belong to none of them.
pub fn touches(owner: &str, user: &str) -> bool {
    owner.split(BETWEEN).any(|end| reaches(end, user))
}

/// The statement that computes the digest of every table but the harness's own.
pub fn statement(catalog: &Catalog, contract: &Contract) -> String {
    let tables = catalog.relations.iter().filter(|it| it.is_table() && !it.is_partition());
    let parts: Vec<String> = tables
        .map(|table| {
            let name = quote(&table.declared_name());
            format!(
                "select {name}, coalesce({}::text, 'nobody'), {}, count(*)::text, \
                 {} from {} r group by 2, 3",
                owner_expression(catalog, contract, table, "r"),
                key_expression(contract, table),
                hash_expression(contract, table),
                table.qualified(),
            )
        })
        .collect();
    parts.join(" union all ")
}

/// An expression for the hash of rows. Each column that a declared effect changes has a hash of
/// its own.
fn hash_expression(contract: &Contract, table: &Relation) -> String {
    let columns = contract.columns_of_effects(&table.declared_name());
    let columns = columns.into_iter().filter(|column| table.column(column).is_some());
    let columns: Vec<&str> = columns.collect();
    if columns.is_empty() {
        return "sum(hashtextextended(r::text, 0))::text".to_owned();
    }
    let names: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    let rest = format!("(to_jsonb(r) - array[{}])::text", names.join(", "));
    let of = |column: &&str| {
        let (name, column) = (quote(&format!(";{column}=")), ident(column));
        format!(" || {name} || coalesce(sum(hashtextextended(r.{column}::text, 0)), 0)::text")
    };
    let columns: String = columns.iter().map(of).collect();
    format!("'=' || sum(hashtextextended({rest}, 0))::text{columns}")
}

/// An expression for the key of a row, if rows of its table can be shared or written by others
/// than their owners; an empty text otherwise.
fn key_expression(contract: &Contract, table: &Relation) -> String {
    let declared = contract.tables.get(&table.declared_name());
    let by_row = contract.has_effects(&table.declared_name())
        || declared
            .is_some_and(|it| it.shape.sharing != Sharing::Alone || it.grid.lets_others_write());
    let key: Vec<String> =
        table.primary_key().iter().map(|key| format!("r.{}::text", ident(key))).collect();
    match key.as_slice() {
        _ if !by_row => "''".to_owned(),
        [] => "r::text".to_owned(),
        key => format!("concat_ws('/', {})", key.join(", ")),
    }
}

/// An expression for the owner of a row of `table` with that alias.
pub fn owner_expression(
    catalog: &Catalog,
    contract: &Contract,
    table: &Relation,
    alias: &str,
) -> String {
    if (table.schema.as_str(), table.name.as_str()) == ("auth", "users") {
        return format!("{alias}.id");
    }
    let declared = contract.relation(&table.declared_name());
    let has = |column: &str| table.column(column).is_some();
    match declared.map(|declared| &declared.owner) {
        Some(Owner::Column(column)) if has(column) => {
            match declared.and_then(|declared| declared.membership.as_ref()) {
                Some(membership) => with_the_others(table, membership, column, alias),
                None => format!("{alias}.{}", ident(column)),
            }
        }
        Some(Owner::Members(Members { column, table, by })) if has(column) => {
            members_expression(catalog, contract, [column, table, by], alias)
        }
        Some(Owner::Tenant(Tenant { column, of_user })) if has(column) => match of_user {
            tenant::Place::Column { table, column: by } => {
                members_expression(catalog, contract, [column, table, by], alias)
            }
            tenant::Place::Claim(claim) => claimants(contract, claim, column, alias),
        },
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
                        "(select string_agg(distinct owner::text, '{BETWEEN}') \
                         from (values ({ends})) as ends (owner))"
                    )
                }
            }
        }
        // In a row of its own, so that its columns are no other table's.
        Some(Owner::Expression(expression)) => {
            format!("(select ({expression})::text from (select {alias}.*) as {alias}_own)")
        }
        _ => "null".to_owned(),
    }
}

/// The users named by the memberships of a row.
fn members_expression(
    catalog: &Catalog,
    contract: &Contract,
    [column, table, by]: [&String; 3],
    alias: &str,
) -> String {
    let declared = contract.tables.get(table).map(|declared| &declared.owner);
    let (Some(Owner::Column(user)), Some(relation)) = (declared, catalog.relation(table)) else {
        return "null".to_owned();
    };
    if [user, by].iter().any(|column| relation.column(column).is_none()) {
        return "null".to_owned();
    }
    let (table, user, by, column) = (relation.qualified(), ident(user), ident(by), ident(column));
    format!(
        "(select string_agg(distinct member.{user}::text, '{WITH}') from {table} member \
         where member.{by} = {alias}.{column})"
    )
}

/// The user whose token says the row's tenant.
fn claimants(contract: &Contract, claim: &Claim, column: &str, alias: &str) -> String {
    let of = |user: Persona| {
        let id = quote(user.user_id().unwrap_or_default());
        let tenants = contract.claimed(user, claim).into_iter();
        tenants.map(move |tenant| format!("when {} then {id}", quote(&tenant)))
    };
    let cases: Vec<String> = Persona::USERS.into_iter().flat_map(of).collect();
    format!("case {alias}.{}::text {} end", ident(column), cases.join(" "))
}

/// The user whom a membership names, and then the other members.
fn with_the_others(table: &Relation, membership: &Membership, user: &str, alias: &str) -> String {
    let user = ident(user);
    let of = membership.of.iter().filter(|(by, _)| table.column(by).is_some());
    let same: Vec<String> =
        of.map(|(by, _)| format!("other.{0} = {alias}.{0}", ident(by))).collect();
    if same.is_empty() {
        return format!("{alias}.{user}");
    }
    format!(
        "nullif(concat_ws('{WITH}', {alias}.{user}::text, \
         (select string_agg(distinct other.{user}::text, '{WITH}') from {} other \
         where ({}) and other.{user} is distinct from {alias}.{user})), '')",
        table.qualified(),
        same.join(" or ")
    )
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
