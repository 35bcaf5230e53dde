//! Writes the INSERT of a cell: whose row it is, and which columns it names.

use super::cells::Cell;
use super::plan::{Author, Try};
use crate::catalog::Column;
use crate::contract;
use crate::contract::grid::Whose;
use crate::error::CannotRun;
use crate::rows::Owner;
use crate::rows::compose::{Draft, PLAIN_ROWS, Wanted};
use crate::sql::quote;

impl Author<'_> {
    /// The INSERT of a cell, with the columns that a client may set and those that it must.
    pub(super) fn insert(&self, cell: &Cell) -> Result<Try, CannotRun> {
        let (owner, variant) = match cell.whose {
            Whose::Shared => (Owner::Shared, None),
            _ => self.row_of(cell),
        };
        // A user who has the only row that there may be of each adds it in its own place.
        let instead = matches!(cell.whose, Whose::Own(_));
        let plain = Wanted::plain(owner, PLAIN_ROWS);
        let wanted = Wanted { variant, instead, ..plain };
        let mut draft = match &cell.whose {
            Whose::As(party) => self.row_with(cell, party)?.0,
            _ => self.factory.draft(self.name, wanted)?,
        };
        self.set_member(cell, &mut draft);
        // A client leaves it to the default.
        if let (true, None) = (cell.persona.user_id().is_some(), &cell.column) {
            let owner = self.declared.owner.columns();
            let is_left = |name: &String| {
                self.relation.column(name).is_some_and(Column::is_callers) && !owner.contains(&name)
            };
            draft.values.retain(|name, _| !is_left(name));
        }
        // A user's first row says nothing of a tenant that it need not have.
        draft.values.retain(|column, _| !self.factory.is_optional_tenant(self.relation, column));
        let insertable = |column: &str| self.declared.client_may("insert", column);
        let open = self.declared.columns.keys().any(|column| insertable(column));
        let of_variant = variant.map(|variant| &self.declared.variants[variant]);
        draft.values.retain(|column, _| {
            let its = self.relation.column(column);
            let required = its.is_some_and(|it| it.not_null && it.default.is_none());
            // What a user may not name, the default says.
            let is_own = cell.persona.user_id().is_some() && matches!(cell.whose, Whose::Own(_));
            if is_own && open && its.is_some_and(Column::is_callers) && !insertable(column) {
                return false;
            }
            let owner = match &self.declared.owner {
                contract::Owner::Column(_) | contract::Owner::Tenant(_) => {
                    self.declared.owner.columns().contains(&column)
                }
                _ => self.declared.is_owner_example(column),
            };
            let party = match &cell.whose {
                Whose::As(party) => self.declared.parties[party].path.columns().contains(&column),
                _ => false,
            };
            !open
                || insertable(column)
                || required
                || owner
                || party
                || of_variant.is_some_and(|values| values.contains_key(column))
        });
        if let Some(column) = &cell.column
            && self.declared.columns.get(column).is_some_and(contract::Column::stays_null)
        {
            draft.values.insert(column.clone(), "null".to_owned());
        } else if let Some(column) = &cell.column
            && !draft.values.contains_key(column)
        {
            // A reference has the value that a row without nulls has.
            let filled = Wanted { filled: true, ..wanted };
            let mut filled = self.factory.draft(self.name, filled)?.values;
            let value = match filled.remove(column) {
                Some(value) if self.is_structural(column) => value,
                _ => self.factory.value(self.relation, column, "another value")?,
            };
            draft.values.insert(column.clone(), value);
        }
        let statement = draft.insert(self.relation);
        Ok(Try { setup: draft.setup, ..Try::of(statement) })
    }

    /// The member of a new membership: the persona itself in another user's row, and in a
    /// shared one if it is not a member yet; else a new member.
    fn set_member(&self, cell: &Cell, draft: &mut Draft) {
        let contract::Owner::Column(column) = &self.declared.owner else { return };
        let joins = match cell.whose {
            Whose::Anothers(_) => true,
            Whose::Shared => !cell.persona.has_rows(),
            _ => false,
        };
        if let (true, true, Some(id)) = (self.is_membership(), joins, cell.persona.user_id()) {
            draft.values.insert(column.clone(), quote(id));
        }
    }
}
