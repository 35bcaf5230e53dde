//! This file is how a row of any table is put together for any user, from the catalog and
//! the contract.

use std::collections::BTreeMap;

use super::members::newcomer;
use super::{Owner, World, values};
use crate::catalog::{Catalog, Relation};
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
        let columns: Vec<String> = self.values.keys().map(|column| ident(column)).collect();
        let values: Vec<&str> = self.values.values().map(String::as_str).collect();
        format!(
            "insert into {} ({}) values ({})",
            relation.qualified(),
            columns.join(", "),
            values.join(", ")
        )
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
}

impl Factory<'_> {
    /// Puts a row together: its owner, its parents, its variant's values, and a literal for
    /// each column that has no default.
    ///
    /// # Errors
    /// Names the column that could not be filled.
    pub fn draft(&self, table: &str, wanted: Wanted<'_>) -> Result<Draft, CannotRun> {
        let (relation, declared) = self.relation(table)?;
        let mut draft = Draft::default();
        self.set_owner(&mut draft, relation, declared, wanted)?;
        self.complete(&mut draft, relation, declared, wanted)?;
        if let Some(variant) = wanted.variant {
            draft.values.extend(declared.variants[variant].clone());
        }
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
        declared: &contract::Relation,
        wanted: Wanted<'_>,
    ) -> Result<(), CannotRun> {
        self.set_parents(draft, relation, declared, wanted)?;
        for column in &relation.columns {
            let in_variant = declared.variants.values().any(|v| v.contains_key(&column.name));
            let filled = draft.values.contains_key(&column.name);
            let required = column.not_null && column.default.is_none();
            let open = column.default.is_none() && !in_variant;
            if filled || column.made.is_some() || !(required || open) {
                continue;
            }
            let value = self.value(relation, &column.name, &tag(column, wanted))?;
            draft.values.insert(column.name.clone(), value);
        }
        Ok(())
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
            let is_uuid = relation.column(key).is_some_and(|column| column.data_type == "uuid");
            if is_uuid && !draft.values.contains_key(key) {
                let owner = wanted.owner.name();
                let tag = format!("{} of {owner} {}", relation.name, wanted.ordinal);
                draft.values.insert(key.clone(), self.value(relation, key, &tag)?);
            }
        }
        Ok(())
    }

    /// A literal for one column.
    ///
    /// # Errors
    /// Asks for an example where the type is not known.
    pub fn value(&self, relation: &Relation, column: &str, tag: &str) -> Result<String, CannotRun> {
        let declared = self.contract.relation(&relation.name).and_then(|d| d.columns.get(column));
        let accepted = self.world.accepted(&relation.name, column);
        let column = relation
            .column(column)
            .ok_or_else(|| CannotRun(format!("table {} has no column {column}", relation.name)))?;
        values::fill(relation, column, declared, accepted, tag)
    }

    pub(super) fn relation(
        &self,
        table: &str,
    ) -> Result<(&Relation, &contract::Relation), CannotRun> {
        let relation = self.catalog.relation(table);
        let declared = self.contract.relation(table);
        relation.zip(declared).ok_or_else(|| {
            CannotRun(format!("table {table} is not there, or the contract does not declare it"))
        })
    }

    fn set_owner(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: &contract::Relation,
        wanted: Wanted<'_>,
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
                        let key = self.key_of_members(of);
                        let value = self.parent(draft, of, wanted.owner, at, key)?;
                        draft.values.insert(by.clone(), value);
                    }
                }
                if relation.is_unique(&[column]) && wanted.ordinal > 0 {
                    draft.setup.push(sign_up(VACANT, None));
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
                    let key = self.key_of_members(parent);
                    let value = self.parent(draft, parent, owner, at, key)?;
                    draft.values.insert(column.clone(), value);
                }
            }
        }
        Ok(())
    }

    fn set_parents(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: &contract::Relation,
        wanted: Wanted<'_>,
    ) -> Result<(), CannotRun> {
        for constraint in relation.constraints.iter().filter(|c| c.kind == "f") {
            let columns = constraint.columns.iter().zip(&constraint.target_columns);
            for (nth, (column, target_column)) in columns.enumerate() {
                let nullable = declared.columns.get(column).is_some_and(|c| c.nullable);
                if draft.values.contains_key(column) || nullable {
                    continue;
                }
                let target = constraint.target.as_deref().unwrap_or_default();
                let target = target.strip_prefix("public.").unwrap_or(target);
                let at = parent_ordinal(wanted.ordinal, nth);
                let value = self.parent(draft, target, wanted.owner, at, target_column)?;
                draft.values.insert(column.clone(), value);
            }
        }
        Ok(())
    }

    /// The key of a parent row that belongs to `owner`: one that exists, or one that is made
    /// beforehand.
    fn parent(
        &self,
        draft: &mut Draft,
        table: &str,
        owner: Owner,
        ordinal: usize,
        column: &str,
    ) -> Result<String, CannotRun> {
        if let ("auth.users", Owner::User(persona)) = (table, owner) {
            return Ok(persona.user_id().map(quote).unwrap_or_default());
        }
        let rows = self.world.rows(table, owner, None);
        if let Some(row) = rows.get(ordinal % PLAIN_ROWS.min(rows.len().max(1))) {
            return row.literal(column).map(str::to_owned).ok_or_else(|| {
                CannotRun(format!("table {table} has no column {column} to point at"))
            });
        }
        let (relation, _) = self.relation(table)?;
        let wanted = Wanted { owner, ordinal, variant: None };
        let mut parent = self.draft(table, wanted)?;
        self.name_the_key(&mut parent, relation, wanted)?;
        let key = parent.values.get(column).cloned().ok_or_else(|| {
            CannotRun(format!("could not name {table}.{column} before its row is written"))
        })?;
        let insert = parent.insert(relation);
        draft.setup.append(&mut parent.setup);
        draft.setup.push(insert);
        if let Some(contract::Owner::Members(members)) = self.owner_of(table) {
            draft.setup.append(&mut self.memberships(members, owner, &key)?);
        }
        Ok(key)
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
