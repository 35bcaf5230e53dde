//! Whose a row is, and what it points at: rows that there are, or such as are made before it.

use super::compose::{
    ACCOUNTS, Draft, Factory, PLAIN_ROWS, Wanted, bare, foreign_keys, has_example, in_variant,
    one_per_user, parent_ordinal,
};
use super::members::newcomer;
use super::owner::Owner;
use super::world::Row;
use crate::catalog::{Column, Constraint, Relation};
use crate::contract;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::source::short_hash;
use crate::sql::{ident, quote};

impl Factory<'_> {
    pub(super) fn set_owner(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: &contract::Relation,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<(), CannotRun> {
        draft.set_examples(declared, wanted.owner, wanted.ordinal);
        match &declared.owner {
            // Whoever makes a row that has members is one afterwards.
            contract::Owner::None
            | contract::Owner::Members(_)
            | contract::Owner::Expression(_) => {}
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
                let table = relation.declared_name();
                let is_only = one_per_user(self.catalog, self.contract, &table).is_some();
                if is_only && wanted.ordinal > 0 && !wanted.instead {
                    let vacant = vacant(wanted.owner, wanted.ordinal);
                    let profile = foreign_keys(relation)
                        .find(|key| key.columns == [column.as_str()] && key.target() != ACCOUNTS);
                    match profile {
                        Some(key) => {
                            let (of, there) = (key.target(), &key.target_columns);
                            let of_account = (wanted.owner, wanted.ordinal);
                            self.made_beforehand(draft, of, there, of_account, depth)?;
                        }
                        None => draft.setup.extend(self.world.sign_up(&vacant, None)),
                    }
                    let (table, column) = (relation.qualified(), ident(column));
                    draft.setup.push(format!("delete from {table} where {column} = '{vacant}'"));
                    id = Some(quote(&vacant));
                }
                draft.values.insert(column.clone(), id.unwrap_or_else(|| "null".into()));
            }
            contract::Owner::Tenant(tenant) => {
                let of = (wanted.owner, if wanted.instead { 0 } else { wanted.ordinal });
                self.set_tenant(draft, relation, tenant, of, depth)?;
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

    pub(super) fn set_parents(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        declared: Option<&contract::Relation>,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Result<(), CannotRun> {
        let table = relation.declared_name();
        // Whoever sends it: an administrator has no id of its own.
        for column in relation.columns.iter().filter(|it| it.not_null && it.is_callers()) {
            let user = match wanted.owner {
                Owner::User(user) => user,
                Owner::Shared | Owner::Nobody => Persona::Alice,
            };
            let id = quote(user.user_id().unwrap_or_default());
            draft.values.entry(column.name.clone()).or_insert(id);
        }
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
            let is_party = columns.iter().any(|column| is_party(declared, column));
            if optional
                && (!wanted.filled || is_party || is_variants || columns.iter().any(stays_null))
            {
                continue;
            }
            let at = parent_ordinal(wanted.ordinal, nth);
            let there = &constraint.target_columns;
            let owner = match self.contract.bystander().filter(|_| is_party) {
                Some(bystander) => Owner::User(bystander),
                None => wanted.owner,
            };
            let values = match self.existing(&table, target, there, (owner, at)) {
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
                let is_callers = relation.column(&column).is_some_and(Column::is_callers);
                let second = target == ACCOUNTS
                    && !is_party
                    && (self.world.is_of_another(&table, &column)
                        || optional && !alone && !is_callers);
                let value = if second { another_account(wanted.owner) } else { value };
                draft.values.entry(column).or_insert(value);
            }
        }
        Ok(())
    }

    /// The key that a row is about to have, for a column that points at its own table.
    pub(super) fn itself(
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
    pub(super) fn existing(
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
        // Those of the tenant that a persona is in.
        if let (true, Owner::User(user), Some(contract::Owner::Tenant(tenant))) =
            (rows.is_empty(), owner, self.owner_of(table))
        {
            let its = self.tenant_of(user, tenant).ok()?;
            let of_tenant = |row: &&Row| row.literal(&tenant.column).map(bare) == Some(bare(&its));
            rows = self.world.all_rows(table).filter(of_tenant).collect();
        }
        // A chain of a table's own rows: each points at the one before.
        let at = if child == table { ordinal.saturating_sub(1) } else { ordinal };
        let row = rows.get(at % PLAIN_ROWS.min(rows.len().max(1)))?;
        columns.iter().map(|column| row.literal(column).map(str::to_owned)).collect()
    }

    /// Values of a parent row that belongs to `owner`: one that exists, or one that is made
    /// beforehand.
    pub(super) fn parent(
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
    pub(super) fn new_parent(
        &self,
        draft: &mut Draft,
        key: &Constraint,
        owner: Owner,
        ordinal: usize,
        depth: usize,
    ) -> Result<Vec<String>, CannotRun> {
        if key.target() == ACCOUNTS {
            let vacant = vacant(owner, ordinal);
            draft.setup.extend(self.world.sign_up(&vacant, None));
            return Ok(vec![quote(&vacant)]);
        }
        self.made_beforehand(draft, key.target(), &key.target_columns, (owner, ordinal), depth)
    }

    pub(super) fn made_beforehand(
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
}

/// Whether a column names a user of the row beside its owner.
fn is_party(declared: Option<&contract::Relation>, column: &str) -> bool {
    declared.is_some_and(|it| it.parties.values().any(|party| party.path.columns() == [column]))
}

/// An account that has signed up and whose profile was removed again: whoever inserts into a table
/// with one row per user inserts for it.
fn vacant(owner: Owner, ordinal: usize) -> String {
    let hash = short_hash(&format!("{} {ordinal}", owner.name()));
    format!("0aca0000-0000-4000-8000-{}", &hash[..12])
}

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
