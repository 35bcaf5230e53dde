//! Composes a row of any table for any user, from the catalog and the contract.

use std::collections::BTreeMap;

use super::alone::alike;
pub use super::alone::one_per_user;
pub use super::draft::Draft;
use super::owner::Owner;
use super::values;
use super::world::World;
use crate::catalog::{Catalog, Constraint, Relation};
pub use crate::contract::shape::PLAIN_ROWS;
use crate::contract::{self, Contract};
use crate::error::CannotRun;
use crate::sql::ident;

/// What rows are made from.
pub struct Factory<'a> {
    /// What there is.
    pub catalog: &'a Catalog,
    /// What is meant.
    pub contract: &'a Contract,
    /// What has been made already.
    pub world: &'a World,
}

/// Which row is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Whose it is to be.
    pub owner: Owner,
    /// The how-manieth of its owner, from 0; decides on values and parents.
    pub ordinal: usize,
    /// The variant, where not a plain row.
    pub variant: Option<&'a str>,
    /// Whether it takes the place of the row that its owner has, where there is one per user.
    pub instead: bool,
    /// Whether whatever may be null is not.
    pub filled: bool,
}

impl Wanted<'_> {
    /// The plain row of that owner and ordinal.
    pub fn plain(owner: Owner, ordinal: usize) -> Self {
        let filled = ordinal == FILLED;
        Self { owner, ordinal, variant: None, instead: false, filled }
    }
}

/// The ordinal of the row in which whatever may be null is not.
const FILLED: usize = 1;
/// Where the ordinals of parents begin that are made for one child alone.
const OF_ONE_CHILD: usize = 1_000;
/// How many values are tried in a key until one is free.
const ROUNDS: usize = 60;
/// How long a chain of parents may be that are made for one row.
const DEPTH: usize = 12;

impl<'a> Factory<'a> {
    /// Puts a row together: its owner, its parents, its variant's values, and a literal for
    /// each column that needs one. What may be null is null, but for the second row of each
    /// owner, so that no row is deleted, archived or revoked by accident.
    ///
    /// # Errors
    /// Names the column that could not be filled.
    pub fn draft(&self, table: &str, wanted: Wanted<'_>) -> Result<Draft, CannotRun> {
        self.draft_below(table, wanted, 0)
    }

    pub(super) fn draft_below(
        &self,
        table: &str,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<Draft, CannotRun> {
        if depth > DEPTH {
            let why = format!("the keys of {table} that must not be null go in a circle");
            return Err(CannotRun(why));
        }
        let (relation, declared) = self.relation(table)?;
        let mut draft = Draft::default();
        if let Some(declared) = declared {
            self.set_owner(&mut draft, relation, declared, wanted, depth)?;
        }
        self.complete(&mut draft, relation, declared, wanted, depth)?;
        if let (Some(variant), Some(declared)) = (wanted.variant, declared) {
            draft.values.extend(declared.variants[variant].clone());
        }
        self.settle(&mut draft, relation, declared, wanted, depth)?;
        Ok(draft)
    }

    /// Fills what a draft does not say yet.
    ///
    /// # Errors
    /// Names the column that could not be filled.
    pub(super) fn complete(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: Option<&contract::Relation>,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<(), CannotRun> {
        self.set_parents(draft, relation, declared, wanted, depth)?;
        let table = relation.declared_name();
        for column in &relation.columns {
            let name = &column.name;
            let points = foreign_keys(relation).any(|key| key.columns.contains(name));
            if draft.values.contains_key(name) || column.made.is_some() {
                continue;
            }
            let must = column.not_null && column.default.is_none()
                || self.world.is_required(&table, name)
                || declared.is_some_and(|it| has_example(it, name));
            let may = column.default.is_none() && !in_variant(declared, name) && !points;
            let its = declared.and_then(|it| it.columns.get(name));
            let stays_null = its.is_some_and(contract::Column::stays_null);
            if stays_null && !self.is_optional_tenant(relation, name) {
                draft.values.insert(name.clone(), "null".to_owned());
            } else if must || may && wanted.filled {
                // A row is not deleted, locked or public unless somebody says so.
                let round = usize::from(column.data_type == "boolean");
                let value = self.nth_value(relation, name, &tag(column, wanted), round)?;
                draft.values.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// Sees to it that no row of the world has the key of this one already: by another value,
    /// by a parent of its own, or by taking that row away.
    fn settle(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: Option<&contract::Relation>,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<(), CannotRun> {
        let table = relation.declared_name();
        for key in relation.unique_keys() {
            let mut round = 0;
            while let Some(taken) = self.taken(&table, draft, &key) {
                round += 1;
                if round > ROUNDS {
                    break;
                }
                let named = declared.filter(|it| key.iter().any(|name| it.is_owner_example(name)));
                if let Some(declared) = named {
                    draft.set_examples(declared, wanted.owner, OF_ONE_CHILD + round);
                    continue;
                }
                let is_owners = |column: &String| match declared.map(|it| &it.owner) {
                    Some(contract::Owner::Column(owner)) => owner == column,
                    _ => false,
                };
                let free = key.iter().rev().find(|column| !is_owners(column));
                let parent = free.and_then(|column| {
                    foreign_keys(relation).find(|foreign| foreign.columns.contains(column))
                });
                let is_alike = |it: &String| {
                    declared
                        .is_some_and(|declared| alike(relation, declared).any(|name| name == it))
                };
                let is_one_per_user = one_per_user(self.catalog, self.contract, &table)
                    .is_some_and(|column| key.iter().all(|it| it == column || is_alike(it)));
                if is_one_per_user && wanted.instead {
                    let is = key.iter().map(|it| format!("{} = {}", ident(it), taken[it.as_str()]));
                    let is = is.collect::<Vec<_>>().join(" and ");
                    draft.make_room(self.catalog, relation, &is);
                    break;
                }
                // Its owner has it already.
                if is_one_per_user && wanted.ordinal == 0 {
                    break;
                }
                match (free, parent) {
                    (Some(_), Some(parent)) => {
                        let ordinal = OF_ONE_CHILD + round + wanted.ordinal;
                        let values =
                            self.new_parent(draft, parent, wanted.owner, ordinal, depth)?;
                        draft.values.extend(parent.columns.iter().cloned().zip(values));
                        if self.world.comes_with_its_parent(&table) {
                            let is = key
                                .iter()
                                .map(|it| format!("{} = {}", ident(it), draft.values[it]));
                            let is = is.collect::<Vec<_>>().join(" and ");
                            let table = relation.qualified();
                            draft.setup.push(format!("delete from {table} where {is}"));
                        }
                    }
                    (Some(free), None) => {
                        let column = relation.column(free);
                        let tag = column.map(|column| tag(column, wanted)).unwrap_or_default();
                        let value = self.nth_value(relation, free, &tag, round)?;
                        draft.values.insert(free.clone(), value);
                    }
                    (None, _) => break,
                }
            }
        }
        Ok(())
    }

    /// The values of a row of the world that has the same key.
    fn taken<'k>(
        &self,
        table: &str,
        draft: &Draft,
        key: &'k [String],
    ) -> Option<BTreeMap<&'k str, String>> {
        let values: Option<Vec<&String>> = key.iter().map(|it| draft.values.get(it)).collect();
        let values: Vec<&str> = values?.into_iter().map(|it| bare(it)).collect();
        if values.contains(&"null") {
            return None;
        }
        let has = |row: &&super::Row| {
            key.iter().zip(&values).all(|(it, value)| row.literal(it).map(bare) == Some(*value))
        };
        let row = self.world.all_rows(table).find(has)?;
        let literal = |it: &'k String| (it.as_str(), row.literal(it).unwrap_or("null").to_owned());
        Some(key.iter().map(literal).collect())
    }

    /// Gives the row a primary key that is the same in every run, so that a statement in the
    /// evidence means the same row tomorrow.
    ///
    /// # Errors
    /// Asks for an example where the key's type is not known.
    pub fn name_the_key(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        wanted: Wanted<'_>,
    ) -> Result<(), CannotRun> {
        for key in relation.primary_key() {
            let Some(column) = relation.column(key).filter(|_| !draft.values.contains_key(key))
            else {
                continue;
            };
            let owner = wanted.owner.name();
            let tag = format!("{} of {owner} {}", relation.name, wanted.ordinal);
            let counted = column.made.as_deref() == Some("identity")
                || column.default.as_deref().is_some_and(|it| it.starts_with("nextval("));
            let room = match column.data_type.as_str() {
                "uuid" => None,
                "smallint" if counted => Some((10_000, 20_000)),
                "integer" | "bigint" if counted => Some((1_000_000, 1_000_000)),
                _ => continue,
            };
            // Far from what a sequence will come to.
            let value = match room {
                Some((from, room)) => (from + values::number(&tag) % room).to_string(),
                None => self.value(relation, key, &tag)?,
            };
            draft.values.insert(key.clone(), value);
        }
        Ok(())
    }

    /// A literal for one column.
    ///
    /// # Errors
    /// Asks for an example where the type is not known.
    pub fn value(&self, relation: &Relation, column: &str, tag: &str) -> Result<String, CannotRun> {
        self.nth_value(relation, column, tag, 0)
    }

    /// The same, whatever example the contract gives.
    ///
    /// # Errors
    /// That the type is not known.
    pub fn value_without_example(
        &self,
        relation: &Relation,
        column: &str,
        tag: &str,
    ) -> Result<String, CannotRun> {
        self.literal(relation, column, None, (tag, 0))
    }

    /// The same, another in each round.
    pub(super) fn nth_value(
        &self,
        relation: &Relation,
        column: &str,
        tag: &str,
        round: usize,
    ) -> Result<String, CannotRun> {
        let declared = self.contract.relation(&relation.declared_name());
        let declared = declared.and_then(|it| it.columns.get(column));
        // A change to null would be none.
        let declared = declared.filter(|it| !it.stays_null());
        self.literal(relation, column, declared, (tag, round))
    }

    fn literal(
        &self,
        relation: &Relation,
        column: &str,
        declared: Option<&contract::Column>,
        (tag, round): (&str, usize),
    ) -> Result<String, CannotRun> {
        let table = relation.declared_name();
        let accepted = self.world.accepted(&table, column);
        let column = relation
            .column(column)
            .ok_or_else(|| CannotRun(format!("table {table} has no column {column}")))?;
        if column.made.is_some() {
            return Ok("default".to_owned());
        }
        let known = values::Known { declared, accepted };
        values::fill(self.catalog, relation, column, &known, (tag, round))
    }

    /// A table as it is, and as it is meant, where that is declared.
    pub(super) fn relation(
        &self,
        table: &str,
    ) -> Result<(&'a Relation, Option<&'a contract::Relation>), CannotRun> {
        let relation = self.catalog.relation(table);
        let relation = relation.ok_or_else(|| CannotRun(format!("table {table} is not there")))?;
        Ok((relation, self.contract.relation(table)))
    }

    pub(super) fn owner_of(&self, table: &str) -> Option<&contract::Owner> {
        self.contract.tables.get(table).map(|declared| &declared.owner)
    }

    /// The key that says whose rows a table's members are of; of another table, its own.
    pub(super) fn key_of_members(&self, table: &str) -> &str {
        match self.owner_of(table) {
            Some(contract::Owner::Members(members)) => &members.column,
            _ => "id",
        }
    }
}

/// Spreads children over their parents so that no two children of one user have the same
/// pair of parents, and no child has one parent twice.
pub(super) fn parent_ordinal(ordinal: usize, nth: usize) -> usize {
    (ordinal + nth * (1 + ordinal / PLAIN_ROWS)) % PLAIN_ROWS
}

/// The accounts of the platform.
pub(super) const ACCOUNTS: &str = "auth.users";

pub(super) fn foreign_keys(relation: &Relation) -> impl Iterator<Item = &Constraint> {
    relation.constraints.iter().filter(|constraint| constraint.kind == "f")
}

pub(super) fn has_example(declared: &contract::Relation, column: &str) -> bool {
    declared.columns.get(column).is_some_and(|it| it.example.is_some())
}

pub(super) fn in_variant(declared: Option<&contract::Relation>, column: &str) -> bool {
    declared.is_some_and(|it| it.variants.values().any(|variant| variant.contains_key(column)))
}

/// A literal as far as it tells one value from another.
pub fn bare(literal: &str) -> &str {
    let literal = literal.trim();
    let end = if literal.starts_with('\'') { literal.rfind("'::") } else { None };
    literal[..end.map_or(literal.len(), |end| end + 1)].trim_matches('\'')
}

fn tag(column: &crate::catalog::Column, wanted: Wanted<'_>) -> String {
    format!("{} {} {}", wanted.owner.name(), column.name.replace('_', " "), wanted.ordinal)
}
