//! This file is how a row of any table is put together for any user, from the catalog and
//! the contract.

use std::collections::BTreeMap;

use super::members::newcomer;
use super::{Owner, World, values};
use crate::catalog::{Catalog, Constraint, Relation};
use crate::contract::{self, Contract};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::{ident, quote};

/// Rows that each owner has of each table, variants apart.
pub const PLAIN_ROWS: usize = 3;

/// An account that has signed up and whose profile was removed again: whoever inserts into a
/// table with one row per user inserts for it.
pub const VACANT: &str = "0aca0000-0000-4000-8000-000000000005";

/// A row that is yet to be written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Statements that the administrator runs first: parents that the user does not have.
    pub setup: Vec<String>,
    /// A literal for each column that is given one.
    pub values: BTreeMap<String, String>,
}

impl Draft {
    /// The INSERT of the draft's values.
    pub fn insert(&self, relation: &Relation) -> String {
        let table = relation.qualified();
        if self.values.is_empty() {
            return format!("insert into {table} default values");
        }
        let columns: Vec<String> = self.values.keys().map(|column| ident(column)).collect();
        let values: Vec<&str> = self.values.values().map(String::as_str).collect();
        let is_named = |(name, value): (&String, &String)| {
            value != "default" && relation.column(name).is_some_and(|column| column.always)
        };
        let overriding =
            if self.values.iter().any(is_named) { "overriding system value " } else { "" };
        format!(
            "insert into {table} ({}) {overriding}values ({})",
            columns.join(", "),
            values.join(", ")
        )
    }

    /// What runs before a statement and takes the row out of the way that a key of this one
    /// meets, with what points at it and would hold it.
    fn make_room(&mut self, catalog: &Catalog, relation: &Relation, condition: &str) {
        let mut statements =
            vec![format!("delete from {} where {condition}", relation.qualified())];
        let mut of = vec![(relation, condition.to_owned(), 0)];
        while let Some((parent, condition, depth)) = of.pop() {
            let name = format!("{}.{}", parent.schema, parent.name);
            for child in &catalog.relations {
                for key in child.constraints.iter().filter(|key| key.kind == "f") {
                    let goes = ["ON DELETE CASCADE", "ON DELETE SET"]
                        .iter()
                        .any(|action| key.definition.contains(action));
                    if goes || depth > 3 || key.target.as_ref() != Some(&name) {
                        continue;
                    }
                    let [columns, there] = [&key.columns, &key.target_columns].map(|columns| {
                        columns.iter().map(|it| ident(it)).collect::<Vec<_>>().join(", ")
                    });
                    let table = parent.qualified();
                    let condition =
                        format!("({columns}) in (select {there} from {table} where {condition})");
                    let delete = format!("delete from {} where {condition}", child.qualified());
                    statements.push(delete);
                    of.push((child, condition, depth + 1));
                }
            }
        }
        statements.reverse();
        self.setup.append(&mut statements);
    }
}

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

    fn draft_below(
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
            if must || may && wanted.filled {
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
                let is_owners = |column: &String| match declared.map(|it| &it.owner) {
                    Some(contract::Owner::Column(owner)) => owner == column,
                    _ => false,
                };
                let free = key.iter().rev().find(|column| !is_owners(column));
                let parent = free.and_then(|column| {
                    foreign_keys(relation).find(|foreign| foreign.columns.contains(column))
                });
                let is_one_per_user = one_per_user(self.catalog, self.contract, &table)
                    .is_some_and(|column| key.as_slice() == [column]);
                if is_one_per_user && wanted.instead {
                    let is = key.iter().map(|it| format!("{} = {}", ident(it), taken[it.as_str()]));
                    let is = is.collect::<Vec<_>>().join(" and ");
                    draft.make_room(self.catalog, relation, &is);
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

    /// The same, another in each round.
    pub(super) fn nth_value(
        &self,
        relation: &Relation,
        column: &str,
        tag: &str,
        round: usize,
    ) -> Result<String, CannotRun> {
        let table = relation.declared_name();
        let declared = self.contract.relation(&table).and_then(|d| d.columns.get(column));
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
        let relation = self.catalog.named(table);
        let relation = relation.ok_or_else(|| CannotRun(format!("table {table} is not there")))?;
        Ok((relation, self.contract.relation(table)))
    }

    fn set_owner(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: &contract::Relation,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<(), CannotRun> {
        match &declared.owner {
            // Whoever makes a row that has members is one afterwards.
            contract::Owner::None | contract::Owner::Members(_) => {}
            contract::Owner::Column(column) => {
                let mut id = match wanted.owner {
                    Owner::User(persona) => persona.user_id().map(quote),
                    Owner::Shared | Owner::Nobody => None,
                };
                if let Some(membership) = &declared.membership {
                    id = newcomer(wanted.owner).user_id().map(quote);
                    for (by, of) in &membership.of {
                        let at = parent_ordinal(wanted.ordinal, 0);
                        let key = [self.key_of_members(of).to_owned()];
                        let value = self.parent(draft, of, &key, (wanted.owner, at), depth)?;
                        draft.values.insert(by.clone(), value[0].clone());
                    }
                }
                if relation.is_unique(&[column]) && wanted.ordinal > 0 && !wanted.instead {
                    let profile = foreign_keys(relation)
                        .find(|key| key.columns == [column.as_str()] && key.target() != ACCOUNTS);
                    match profile {
                        Some(key) => {
                            let (of, there) = (key.target(), &key.target_columns);
                            self.made_beforehand(draft, of, there, (wanted.owner, 1), depth)?;
                        }
                        None => draft.setup.extend(self.world.sign_up(VACANT, None)),
                    }
                    let (table, column) = (relation.qualified(), ident(column));
                    draft.setup.push(format!("delete from {table} where {column} = '{VACANT}'"));
                    id = Some(quote(VACANT));
                }
                draft.values.insert(column.clone(), id.unwrap_or_else(|| "null".into()));
            }
            contract::Owner::Through(paths) => {
                let ends: [Owner; 2] = match wanted.owner {
                    Owner::Nobody => [Owner::User(Persona::Alice), Owner::User(Persona::Bob)],
                    user @ (Owner::User(_) | Owner::Shared) => [user, user],
                };
                for (nth, (column, parent)) in paths.iter().enumerate() {
                    let owner = ends[nth.min(1)];
                    let at = parent_ordinal(wanted.ordinal, nth);
                    let there = foreign_keys(relation).find_map(|key| {
                        let nth = key.columns.iter().position(|it| it == column)?;
                        Some(key.target_columns[nth].clone())
                    });
                    let key = [there.unwrap_or_else(|| self.key_of_members(parent).to_owned())];
                    let value = self.parent(draft, parent, &key, (owner, at), depth)?;
                    draft.values.insert(column.clone(), value[0].clone());
                }
            }
        }
        Ok(())
    }

    fn set_parents(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: Option<&contract::Relation>,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<(), CannotRun> {
        let table = relation.declared_name();
        let mut pointed_at: Vec<&str> = Vec::new();
        for constraint in foreign_keys(relation) {
            let target = constraint.target();
            // No two columns point at the same row.
            let nth = pointed_at.iter().filter(|it| **it == target).count();
            pointed_at.push(target);
            let open = |column: &&String| !draft.values.contains_key(*column);
            let columns: Vec<&String> = constraint.columns.iter().filter(open).collect();
            let example = |column: &&String| declared.is_some_and(|it| has_example(it, column));
            if columns.is_empty() || columns.iter().any(example) {
                continue;
            }
            let unset = |column: &&&String| {
                relation.column(column).is_none_or(|it| !it.not_null || it.default.is_some())
                    && !self.world.is_required(&table, column)
            };
            let stays_null =
                |column: &&String| self.world.accepted(&table, column) == ["null".to_owned()];
            let optional = columns.iter().any(|column| unset(&column));
            let is_variants = columns.iter().any(|column| in_variant(declared, column));
            if optional && (!wanted.filled || is_variants || columns.iter().any(stays_null)) {
                continue;
            }
            let at = parent_ordinal(wanted.ordinal, nth);
            let there = &constraint.target_columns;
            let values = match self.existing(&table, target, there, (wanted.owner, at)) {
                Some(values) => values,
                None if optional => continue,
                // The root of its tree.
                None if target == table => self.itself(draft, relation, there, wanted)?,
                None => self.parent(draft, target, there, (wanted.owner, at), depth)?,
            };
            let values = constraint.columns.iter().cloned().zip(values);
            for (column, value) in values {
                // A row of the world names its owner alone, so that nobody else has to do with it.
                let alone = wanted.ordinal < PLAIN_ROWS || !wanted.filled;
                let second = target == ACCOUNTS
                    && (self.world.is_of_another(&table, &column) || optional && !alone);
                let value = if second { another_account(wanted.owner) } else { value };
                draft.values.entry(column).or_insert(value);
            }
        }
        Ok(())
    }

    /// The key that a row is about to have, for a column that points at its own table.
    fn itself(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        columns: &[String],
        wanted: Wanted<'_>,
    ) -> Result<Vec<String>, CannotRun> {
        self.name_the_key(draft, relation, wanted)?;
        let value = |column: &String| draft.values.get(column).cloned();
        let values: Option<Vec<String>> = columns.iter().map(value).collect();
        values.ok_or_else(|| cannot_name(&relation.declared_name(), columns))
    }

    /// Values of a row that exists and may be the parent of a row of that owner's.
    fn existing(
        &self,
        child: &str,
        table: &str,
        columns: &[String],
        (owner, ordinal): (Owner, usize),
    ) -> Option<Vec<String>> {
        if table == ACCOUNTS {
            let user = match owner {
                Owner::User(persona) => persona,
                Owner::Shared => Persona::Alice,
                Owner::Nobody => Persona::USERS[ordinal % Persona::USERS.len()],
            };
            let id = user.user_id().map(quote);
            return columns.iter().map(|column| id.clone().filter(|_| column == "id")).collect();
        }
        let mut rows = self.world.rows(table, owner, None);
        let is_owned = self.contract.tables.get(table).is_some_and(|it| it.shape.owned);
        if rows.is_empty() && (!is_owned || owner == Owner::Nobody) {
            rows = self.world.all_rows(table).collect();
        } else if rows.is_empty() && owner == Owner::Shared {
            rows = self.world.rows(table, Owner::User(Persona::Alice), None);
        }
        // A chain of a table's own rows: each points at the one before.
        let at = if child == table { ordinal.saturating_sub(1) } else { ordinal };
        let row = rows.get(at % PLAIN_ROWS.min(rows.len().max(1)))?;
        columns.iter().map(|column| row.literal(column).map(str::to_owned)).collect()
    }

    /// Values of a parent row that belongs to `owner`: one that exists, or one that is made
    /// beforehand.
    fn parent(
        &self,
        draft: &mut Draft,
        table: &str,
        columns: &[String],
        (owner, ordinal): (Owner, usize),
        depth: usize,
    ) -> Result<Vec<String>, CannotRun> {
        match self.existing("", table, columns, (owner, ordinal)) {
            Some(values) => Ok(values),
            None => self.made_beforehand(draft, table, columns, (owner, ordinal), depth),
        }
    }

    /// Values of a parent that is made for one child alone.
    fn new_parent(
        &self,
        draft: &mut Draft,
        key: &Constraint,
        owner: Owner,
        ordinal: usize,
        depth: usize,
    ) -> Result<Vec<String>, CannotRun> {
        if key.target() == ACCOUNTS {
            draft.setup.extend(self.world.sign_up(VACANT, None));
            return Ok(vec![quote(VACANT)]);
        }
        self.made_beforehand(draft, key.target(), &key.target_columns, (owner, ordinal), depth)
    }

    fn made_beforehand(
        &self,
        draft: &mut Draft,
        table: &str,
        columns: &[String],
        (owner, ordinal): (Owner, usize),
        depth: usize,
    ) -> Result<Vec<String>, CannotRun> {
        if let Some(cause) = self.world.unmade(table) {
            return Err(CannotRun(format!("there are no rows of {table}: {}", cause.words)));
        }
        let (relation, _) = self.relation(table)?;
        let wanted = Wanted::plain(owner, ordinal);
        let mut parent = self.draft_below(table, wanted, depth + 1)?;
        self.name_the_key(&mut parent, relation, wanted)?;
        let value = |column: &String| parent.values.get(column).cloned();
        let values: Option<Vec<String>> = columns.iter().map(value).collect();
        let values = values.ok_or_else(|| cannot_name(table, columns))?;
        let insert = parent.insert(relation);
        draft.setup.append(&mut parent.setup);
        draft.setup.extend(self.world.as_sender(table, owner, insert));
        if let Some(contract::Owner::Members(members)) = self.owner_of(table) {
            draft.setup.append(&mut self.memberships(members, owner, &values[0])?);
        }
        Ok(values)
    }

    fn owner_of(&self, table: &str) -> Option<&contract::Owner> {
        self.contract.tables.get(table).map(|declared| &declared.owner)
    }

    /// The key that says whose rows a table's members are of; of another table, its own.
    fn key_of_members(&self, table: &str) -> &str {
        match self.owner_of(table) {
            Some(contract::Owner::Members(members)) => &members.column,
            _ => "id",
        }
    }
}

/// Spreads children over their parents so that no two children of one user have the same
/// pair of parents, and no child has one parent twice.
fn parent_ordinal(ordinal: usize, nth: usize) -> usize {
    (ordinal + nth * (1 + ordinal / PLAIN_ROWS)) % PLAIN_ROWS
}

/// The column by which a table has one row per user, if it does: the user's own id, or the
/// key of another such table.
pub(super) fn one_per_user<'a>(
    catalog: &Catalog,
    contract: &'a Contract,
    table: &str,
) -> Option<&'a str> {
    let column = match &contract.tables.get(table)?.owner {
        contract::Owner::Column(column) => column,
        contract::Owner::Through(paths) => match paths.as_slice() {
            [(column, parent)] if parent != table => {
                one_per_user(catalog, contract, parent)?;
                column
            }
            _ => return None,
        },
        contract::Owner::None | contract::Owner::Members(_) => return None,
    };
    catalog.named(table)?.is_unique(&[column]).then_some(column)
}

/// The accounts of the platform.
pub(super) const ACCOUNTS: &str = "auth.users";

fn another_account(owner: Owner) -> String {
    let other = match owner {
        Owner::User(Persona::Alice) => Persona::Bob,
        _ => Persona::Alice,
    };
    other.user_id().map(quote).unwrap_or_default()
}

fn cannot_name(table: &str, columns: &[String]) -> CannotRun {
    let columns = columns.join(", ");
    CannotRun(format!("could not name {table}.{columns} before its row is written"))
}

pub(super) fn foreign_keys(relation: &Relation) -> impl Iterator<Item = &Constraint> {
    relation.constraints.iter().filter(|constraint| constraint.kind == "f")
}

fn has_example(declared: &contract::Relation, column: &str) -> bool {
    declared.columns.get(column).is_some_and(|it| it.example.is_some())
}

fn in_variant(declared: Option<&contract::Relation>, column: &str) -> bool {
    declared.is_some_and(|it| it.variants.values().any(|variant| variant.contains_key(column)))
}

/// A literal as far as it tells one value from another.
fn bare(literal: &str) -> &str {
    let literal = literal.trim();
    let end = if literal.starts_with('\'') { literal.rfind("'::") } else { None };
    literal[..end.map_or(literal.len(), |end| end + 1)].trim_matches('\'')
}

fn tag(column: &crate::catalog::Column, wanted: Wanted<'_>) -> String {
    format!("{} {} {}", wanted.owner.name(), column.name.replace('_', " "), wanted.ordinal)
}

/// The statement by which the platform's auth server records a sign-up.
pub fn sign_up(id: &str, email: Option<&str>) -> String {
    let address = email.map_or_else(|| "null".to_owned(), quote);
    format!(
        "insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, \
         is_anonymous, created_at, updated_at) values ('{id}', 'authenticated', \
         'authenticated', {address}, '{{}}', '{{}}', {}, now(), now())",
        email.is_none()
    )
}
