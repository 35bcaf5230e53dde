//! This file is the state oracle: a digest of every row there is, per table and owner, taken
//! as the administrator.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Relation};
use crate::contract::membership::{Members, Membership};
use crate::contract::shape::Sharing;
use crate::contract::{Contract, Owner};
use crate::platform::persona::Persona;
use crate::source::short_hash;
use crate::sql::ident;

/// Stands between the users of a row that leads to more than one, and so is nobody's.
pub const BETWEEN: &str = "+";
/// Stands between the users of a row that each of them reaches, the others or not. Of a
/// membership the one whom it names comes first.
pub const WITH: &str = "&";

/// The owner of a row that leads to no user.
const NOBODY: &str = "nobody";

/// Number and digest of the rows of each table and owner; the owner is a user's id,
/// several with [`BETWEEN`] or [`WITH`] between them, or `nobody`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest(BTreeMap<Place, BTreeMap<String, Cell>>);

/// Rows of a table that are not what they were.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// The table.
    pub table: String,
    /// Whose they are.
    pub owner: String,
    /// How they have changed.
    pub how: How,
}

/// How a row has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It was not there before.
    New,
    /// It says something else.
    Other,
    /// It is not there any more.
    Gone,
    /// It is what it was, and somebody has become its user.
    Gained,
    /// Any of the first three: rows of this table are counted together.
    Somehow,
}

/// A table; and of one whose rows can be shared, the key of each row, since they change hands
/// when somebody becomes a member.
type Place = (String, String);
/// How many rows, and their digest.
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

    /// Whose rows differ between two digests, and how. A row that stays what it is and is gained
    /// by somebody has changed for those who had it; one that somebody merely lost has not. One
    /// that is changed, and lost by somebody thereby, is that user's too.
    pub fn changed(&self, after: &Self) -> Vec<Changed> {
        let none = BTreeMap::new();
        let mut changed = Vec::new();
        for place in self.0.keys().chain(after.0.keys()) {
            let was = self.0.get(place).unwrap_or(&none);
            let is = after.0.get(place).unwrap_or(&none);
            let mut add = |owner: &str, how: How| {
                changed.push(Changed { table: place.0.clone(), owner: owner.to_owned(), how });
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
                // A row that everybody has left is nobody's, who has gained nothing.
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

    /// One hash for all of it, by which two states can be told apart.
    pub fn fingerprint(&self) -> String {
        short_hash(&format!("{:?}", self.0))
    }

    /// How many rows of a table have an owner like that.
    pub fn count(&self, table: &str, is_it: impl Fn(&str) -> bool) -> u64 {
        let owners = self.0.iter().filter(|((name, _), _)| name == table).flat_map(|(_, it)| it);
        owners.filter(|(owner, _)| is_it(owner)).map(|(_, (count, _))| count).sum()
    }
}

/// The users in an owner.
fn users(owner: &str) -> impl Iterator<Item = &str> {
    owner.split([BETWEEN, WITH].map(|it| it.chars().next().unwrap_or_default()))
}

/// The rows of a table and an owner, as a reader knows them: `memories of alice`.
pub fn rows_of(Changed { table, owner, .. }: &Changed) -> String {
    let name = |id: &str| {
        let known = Persona::USERS.into_iter().find(|persona| persona.user_id() == Some(id));
        known.map_or(id, |persona| persona.name()).to_owned()
    };
    let owners: Vec<String> = users(owner).map(name).collect();
    format!("{table} of {}", owners.join(" and "))
}

/// Whether rows of that owner are the user's, alone or with others.
pub fn reaches(owner: &str, user: &str) -> bool {
    owner.split(WITH).any(|one| one == user)
}

/// Whether rows of that owner are the user's, or lie between that user's and another's.
pub fn touches(owner: &str, user: &str) -> bool {
    owner.split(BETWEEN).any(|end| reaches(end, user))
}

/// The statement that takes the digest of every table but the harness's own.
pub fn statement(catalog: &Catalog, contract: &Contract) -> String {
    let tables = catalog.relations.iter().filter(|relation| relation.kind == "table");
    let parts: Vec<String> = tables
        .map(|table| {
            let name = match table.schema.as_str() {
                "public" => table.name.clone(),
                schema => format!("{schema}.{}", table.name),
            };
            format!(
                "select '{name}', coalesce({}::text, 'nobody'), {}, count(*)::text, \
                 sum(hashtextextended(r::text, 0))::text from {} r group by 2, 3",
                owner_expression(catalog, contract, table, "r"),
                key_expression(contract, table),
                table.qualified(),
            )
        })
        .collect();
    parts.join(" union all ")
}

/// An expression for what tells a row from the others of a table whose rows can be shared; of
/// any other table, nothing does.
fn key_expression(contract: &Contract, table: &Relation) -> String {
    let declared = contract.tables.get(&table.name).filter(|_| table.schema == "public");
    let is_shared = declared.is_some_and(|it| it.shape.sharing != Sharing::Alone);
    let key: Vec<String> =
        table.primary_key().iter().map(|key| format!("r.{}::text", ident(key))).collect();
    match key.as_slice() {
        _ if !is_shared => "''".to_owned(),
        [] => "r::text".to_owned(),
        key => format!("concat_ws('/', {})", key.join(", ")),
    }
}

/// An expression for the user that a row of `table`, called `alias`, leads to.
pub fn owner_expression(
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
        Some(Owner::Column(column)) if has(column) => {
            match declared.and_then(|declared| declared.membership.as_ref()) {
                Some(membership) => with_the_others(table, membership, column, alias),
                None => format!("{alias}.{}", ident(column)),
            }
        }
        Some(Owner::Members(members)) if has(&members.column) => {
            members_expression(catalog, contract, members, alias)
        }
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
        _ => "null".to_owned(),
    }
}

/// The users whom the memberships of a row name.
fn members_expression(
    catalog: &Catalog,
    contract: &Contract,
    members: &Members,
    alias: &str,
) -> String {
    let Members { column, table, by } = members;
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

#[cfg(test)]
mod tests {
    use super::Digest;

    /// One row of a table whose rows can be shared.
    fn row(owner: &str, text: &str) -> Digest {
        Digest::of_rows(&[["t", owner, "1", "1", text].map(str::to_owned).to_vec()])
    }

    fn changed(before: [&str; 2], after: [&str; 2]) -> Vec<String> {
        let changed = row(before[0], before[1]).changed(&row(after[0], after[1]));
        changed.into_iter().map(|it| it.owner).collect()
    }

    #[test]
    fn row_that_somebody_gains_has_changed_for_whoever_had_it() {
        assert_eq!(changed(["alice", "x"], ["alice&bob", "x"]), ["alice"]);
        assert_eq!(changed(["alice", "x"], ["bob", "x"]), ["alice"]);
    }

    #[test]
    fn row_that_somebody_merely_loses_has_not_changed() {
        assert_eq!(changed(["alice&bob", "x"], ["alice", "x"]), [""; 0]);
    }

    #[test]
    fn row_that_is_taken_from_somebody_has_changed_for_that_user_alone_too() {
        assert_eq!(changed(["alice&bob", "x"], ["bob", "y"]), ["alice", "alice&bob", "bob"]);
    }

    #[test]
    fn row_that_stays_somebodys_has_changed_for_them() {
        assert_eq!(changed(["alice&bob", "x"], ["alice&bob", "y"]), ["alice&bob"]);
    }
}
