//! What is there for the statements of a persona that a contract declares: its account, and rows
//! that make it what it is.

use std::collections::BTreeMap;

use super::compose::{Draft, Factory, Wanted};
use super::order::parents_first;
use super::owner::Owner;
use crate::catalog::Relation;
use crate::contract::personas::whose;
use crate::contract::tenant::Tenant;
use crate::contract::{self, Party};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::{ident, quote};

impl Factory<'_> {
    /// The statements that make a persona's account and rows; none for a built-in one, whose are
    /// there.
    ///
    /// # Errors
    /// Names the value that could not be made.
    pub fn arrival(&self, persona: Persona) -> Result<Vec<String>, CannotRun> {
        let Some(declared) = self.contract.personas.iter().find(|it| it.persona == persona) else {
            return Ok(Vec::new());
        };
        let mut statements = Vec::new();
        if let (Some(id), true) = (persona.user_id(), persona.account() == persona) {
            statements.extend(self.world.sign_up(id, persona.email().as_deref()));
        }
        let tables: Vec<String> = declared.rows.iter().map(|(table, _)| table.clone()).collect();
        for table in parents_first(self.catalog, self.contract, &tables) {
            for (_, row) in declared.rows.iter().filter(|(name, _)| *name == table) {
                statements.append(&mut self.row_of_persona(persona, &table, row)?);
            }
        }
        Ok(statements)
    }

    /// A row of a persona's, or the values in the one that its sign-up has made.
    fn row_of_persona(
        &self,
        persona: Persona,
        table: &str,
        row: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, CannotRun> {
        let (relation, declared) = self.relation(table)?;
        let owner = Owner::User(persona);
        let wanted = Wanted::plain(owner, 0);
        let mut draft = Draft::default();
        for (column, value) in row {
            draft.values.insert(column.clone(), self.resolved(table, column, value)?);
        }
        let given = draft.values.clone();
        let user = match declared.map(|it| &it.owner) {
            Some(contract::Owner::Column(user)) => Some(user),
            _ => None,
        };
        let id = persona.user_id().map_or_else(|| "null".to_owned(), quote);
        if let Some(user) = user {
            draft.values.entry(user.clone()).or_insert_with(|| id.clone());
        } else if let Some(declared) = declared
            && declared.owner.columns().iter().any(|column| !given.contains_key(*column))
        {
            self.set_owner(&mut draft, relation, declared, wanted, 0)?;
            draft.values.extend(given.clone());
        }
        self.complete(&mut draft, relation, declared, wanted, 0)?;
        let mut statements = std::mem::take(&mut draft.setup);
        if let Some(user) = user.filter(|user| relation.is_unique(&[user.as_str()])) {
            let values: Vec<String> = given
                .iter()
                .map(|(column, value)| format!("{} = {value}", ident(column)))
                .collect();
            let (table, user) = (relation.qualified(), ident(user));
            if !values.is_empty() {
                let values = values.join(", ");
                statements.push(format!("update {table} set {values} where {user} = {id}"));
            }
        }
        let insert = format!("{} on conflict do nothing", draft.insert(relation));
        statements.extend(self.world.as_sender(table, owner, insert));
        Ok(statements)
    }

    /// A value that a contract gives to a persona's row: that of a user, or an expression.
    fn resolved(&self, table: &str, column: &str, value: &str) -> Result<String, CannotRun> {
        let Some(user) = whose(value) else { return Ok(value.to_owned()) };
        let rows = self.world.rows(table, Owner::User(user), None);
        let literal = rows.first().and_then(|row| row.literal(column));
        literal.map(str::to_owned).ok_or_else(|| {
            let name = user.name();
            CannotRun(format!("{name} has no row of {table} with a {column} to take"))
        })
    }

    /// The value that a contract gives to a persona's row of that table.
    pub(super) fn declared_value(
        &self,
        persona: Persona,
        table: &str,
        column: &str,
    ) -> Option<String> {
        let declared = self.contract.personas.iter().find(|it| it.persona == persona)?;
        let (_, row) =
            declared.rows.iter().find(|(name, row)| name == table && row.contains_key(column))?;
        self.resolved(table, column, &row[column]).ok()
    }

    /// Makes a persona that party of a row, whose draft this is; what must be said of it after the
    /// row is there is returned.
    ///
    /// # Errors
    /// Names the value that could not be made.
    pub fn join(
        &self,
        (draft, relation): (&mut Draft, &Relation),
        party: &Party,
        persona: Persona,
        owner: Owner,
    ) -> Result<Vec<String>, CannotRun> {
        let id = persona.user_id().map_or_else(|| "null".to_owned(), quote);
        match &party.path {
            contract::Owner::Column(column) => {
                let is_list =
                    relation.column(column).is_some_and(|it| it.data_type.ends_with("[]"));
                let value = if is_list { format!("array[{id}]::uuid[]") } else { id };
                draft.values.insert(column.clone(), value);
            }
            contract::Owner::Tenant(tenant) => {
                draft.values.extend(self.named_by(persona, tenant)?);
            }
            contract::Owner::Members(members) => {
                let key = draft.values.get(&members.column).cloned();
                let key = key.ok_or_else(|| {
                    CannotRun(format!("could not name {} before its row", members.column))
                })?;
                let mut row = BTreeMap::from([(members.by.clone(), key)]);
                row.extend(party.values.clone());
                let there = self.contract.tables.get(&members.table);
                match there.and_then(contract::Relation::user) {
                    Some(contract::Owner::Column(user)) => {
                        row.insert(user.clone(), id);
                    }
                    Some(contract::Owner::Tenant(tenant)) => {
                        row.extend(self.named_by(persona, tenant)?);
                    }
                    _ => {}
                }
                return self.shared_by(owner, &members.table, row);
            }
            contract::Owner::None
            | contract::Owner::Through(_)
            | contract::Owner::Expression(_) => {}
        }
        draft.values.extend(party.values.clone());
        Ok(Vec::new())
    }

    /// The column that names a persona by what its token says; nothing, where it says nothing.
    fn named_by(
        &self,
        persona: Persona,
        tenant: &Tenant,
    ) -> Result<Option<(String, String)>, CannotRun> {
        let value = self.tenant_of(persona, tenant)?;
        Ok((value != "null").then(|| (tenant.column.clone(), value)))
    }

    /// The row by which a row of that owner's is shared.
    fn shared_by(
        &self,
        owner: Owner,
        table: &str,
        values: BTreeMap<String, String>,
    ) -> Result<Vec<String>, CannotRun> {
        let (relation, declared) = self.relation(table)?;
        let mut draft = Draft { setup: Vec::new(), values };
        self.complete(&mut draft, relation, declared, Wanted::plain(owner, 0), 0)?;
        let mut statements = std::mem::take(&mut draft.setup);
        statements.extend(self.world.as_sender(table, owner, draft.insert(relation)));
        Ok(statements)
    }
}
