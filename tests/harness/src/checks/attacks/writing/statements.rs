//! Parts of writing attacks: drafts and assignments that use only columns that the attacker may
//! write, so that policies decide and not privileges.

use crate::catalog::Column;
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract;
use crate::contract::grid::Command;
use crate::contract::guard::Guard;
use crate::contract::tenant::Tenant;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows::compose::{Draft, PLAIN_ROWS, Wanted, one_per_user};
use crate::rows::{Owner, Row};
use crate::sql::{ident, quote};

/// A table, and statements that write to it.
pub(in crate::checks::attacks) struct TableStatements<'a> {
    /// The context.
    pub(in crate::checks::attacks) context: &'a Context<'a>,
    /// The table.
    pub(in crate::checks::attacks) subject: Subject<'a>,
}

/// The statements of each table with owners.
pub(in crate::checks::attacks) fn owned<'a>(
    context: &'a Context<'a>,
) -> impl Iterator<Item = TableStatements<'a>> {
    context.owned_tables().into_iter().map(move |subject| TableStatements { context, subject })
}

impl<'a> TableStatements<'a> {
    /// Its qualified name.
    pub(in crate::checks::attacks) fn table(&self) -> String {
        self.subject.relation.qualified()
    }

    /// Whether the attacker holds that privilege on the column.
    pub(in crate::checks::attacks) fn may(&self, privilege: &str, column: &str) -> bool {
        self.subject.relation.grants(ATTACKER.role(), privilege, column)
    }

    /// A condition that is true only for one row of that user.
    pub(in crate::checks::attacks) fn key(&self, persona: Persona) -> Result<String, CannotRun> {
        self.context.aim(self.subject.name, persona)
    }

    /// The last plain row of that user in a table.
    pub(in crate::checks::attacks) fn row(
        &self,
        table: &str,
        persona: Persona,
    ) -> Result<&'a Row, CannotRun> {
        let rows = self.context.world.rows(table, Owner::User(persona), None);
        let none = || CannotRun(format!("the world has no row of {table} of {}", persona.name()));
        rows.last().copied().ok_or_else(none)
    }

    /// The column of the owner, if there is one.
    pub(in crate::checks::attacks) fn owner_column(&self) -> Option<&'a str> {
        match &self.subject.declared.owner {
            contract::Owner::Column(column) | contract::Owner::Tenant(Tenant { column, .. }) => {
                Some(column)
            }
            _ => None,
        }
    }

    /// What the column of the owner holds in that user's rows.
    pub(in crate::checks::attacks) fn owner_value(&self, persona: Persona) -> Option<&'a str> {
        self.context.row(self.subject.name, persona)?.literal(self.owner_column()?)
    }

    /// The columns of the path to the owner over other tables, each with its table. The path of
    /// a membership leads to the row that it is for.
    pub(in crate::checks::attacks) fn paths(&self) -> &'a [(String, String)] {
        match (&self.subject.declared.owner, &self.subject.declared.membership) {
            (contract::Owner::Through(paths), _) => paths,
            (_, Some(membership)) => &membership.of,
            _ => &[],
        }
    }

    /// Whether it is a table of memberships. A user has at most one for each parent.
    pub(in crate::checks::attacks) fn is_membership(&self) -> bool {
        self.subject.declared.membership.is_some()
    }

    /// The setup that deletes shared rows and memberships, which would cause unique violations.
    pub(in crate::checks::attacks) fn nothing_shared(&self) -> Vec<String> {
        if !self.is_membership() {
            return Vec::new();
        }
        let owners = [VICTIM, ATTACKER].map(|it| self.context.belongs_to(&self.subject, it));
        vec![format!("delete from {} r where not ({})", self.table(), owners.join(" or "))]
    }

    /// Whether there is one row per user.
    pub(in crate::checks::attacks) fn is_one_per_user(&self) -> bool {
        one_per_user(self.context.catalog, self.context.contract, self.subject.name).is_some()
    }

    /// A new row for that owner, with the columns that the attacker may insert and the required
    /// ones.
    pub(in crate::checks::attacks) fn draft(&self, owner: Owner) -> Result<Draft, CannotRun> {
        self.draft_with(owner, if self.is_one_per_user() { 0 } else { PLAIN_ROWS })
    }

    /// The same; if there is one row per user, for an account without one.
    pub(in crate::checks::attacks) fn new_row(&self, owner: Owner) -> Result<Draft, CannotRun> {
        self.draft_with(owner, PLAIN_ROWS)
    }

    /// Takes out of one's own row what the sender may not name, and the default says.
    pub(in crate::checks::attacks) fn leave_to_defaults(&self, draft: &mut Draft) {
        draft.values.retain(|name, _| {
            let its = self.subject.relation.column(name);
            self.may("insert", name) || !its.is_some_and(Column::is_callers)
        });
    }

    fn draft_with(&self, owner: Owner, ordinal: usize) -> Result<Draft, CannotRun> {
        let wanted = Wanted::plain(owner, ordinal);
        let factory = self.context.factory();
        let mut draft = factory.draft(self.subject.name, wanted)?;
        draft.values.retain(|it, _| !factory.is_optional_tenant(self.subject.relation, it));
        if self.subject.relation.columns.iter().any(|column| self.may("insert", &column.name)) {
            draft.values.retain(|column, _| {
                let required = self.subject.relation.column(column).is_some_and(is_required);
                required || self.is_on_path(column) || self.may("insert", column)
            });
            if owner == Owner::User(ATTACKER) {
                self.leave_to_defaults(&mut draft);
            }
        }
        Ok(draft)
    }

    pub(in crate::checks::attacks) fn is_on_path(&self, column: &str) -> bool {
        self.owner_column() == Some(column)
            || self.subject.declared.is_owner_example(column)
            || self.paths().iter().any(|(path, _)| path == column)
    }

    /// Columns that can hold any value: no keys, no references, no columns of variants.
    pub(in crate::checks::attacks) fn plain_columns(&self) -> impl Iterator<Item = &'a Column> {
        let (relation, declared) = (self.subject.relation, self.subject.declared);
        relation.columns.iter().filter(move |column| {
            let name = &column.name;
            let is_key = relation.constraints.iter().any(|constraint| {
                ["p", "f", "u"].contains(&constraint.kind.as_str())
                    && constraint.columns.contains(name)
            });
            let in_variant = declared.variants.values().any(|v| v.contains_key(name));
            column.made.is_none() && !is_key && !in_variant && !self.is_on_path(name)
        })
    }

    /// An assignment of a value that no row of the world has, to a column that the attacker
    /// may update if there is one.
    pub(in crate::checks::attacks) fn assignment(&self) -> Result<String, CannotRun> {
        let updatable = || self.plain_columns().filter(|it| self.may("update", &it.name));
        // A guard keeps the value, and an example may be the only one.
        let declared = self.subject.declared;
        let is_free = |column: &&Column| {
            let its = declared.columns.get(&column.name);
            // Of lists, those that are made are all empty.
            let is_list = column.data_type.ends_with("[]");
            declared.guard(&column.name, Command::Update).is_none()
                && its.is_none_or(|it| it.example.is_none())
                && !is_list
        };
        // What a trigger keeps, nobody changes.
        let changes = |column: &&Column| {
            !matches!(declared.guard(&column.name, Command::Update), Some(Guard::Kept(_)))
        };
        let updatable = updatable().find(is_free).or_else(|| updatable().find(changes));
        let column = updatable.or_else(|| self.plain_columns().find(is_free));
        if let Some(column) = column.or_else(|| self.plain_columns().find(changes)) {
            return Ok(format!("{} = {}", ident(&column.name), self.other(&column.name)?));
        }
        // There are only keys: what nothing points from gets a new value, else what the
        // attacker's own row has.
        let relation = self.subject.relation;
        let points = |column: &&Column| {
            let keys = relation.constraints.iter().filter(|key| key.kind == "f");
            keys.flat_map(|key| &key.columns).any(|name| *name == column.name)
        };
        let keys = || relation.columns.iter().filter(|column| column.made.is_none());
        let free = keys().find(|column| !points(column) && !self.is_on_path(&column.name));
        if let Some(column) = free {
            return Ok(format!("{} = {}", ident(&column.name), self.other(&column.name)?));
        }
        let key = keys().find(|column| !self.is_on_path(&column.name)).or(keys().next());
        let key = key.ok_or_else(|| {
            CannotRun(format!("table {} has no column to update", self.subject.name))
        })?;
        let value = |persona| {
            let row = self.row(self.subject.name, persona)?;
            Ok::<_, CannotRun>(row.literal(&key.name).unwrap_or("null"))
        };
        let is_account = relation.constraints.iter().any(|it| {
            it.columns == [key.name.as_str()] && it.target.as_deref() == Some("auth.users")
        });
        // Where both name the same account, the attacker's own is another.
        let other = ATTACKER.user_id().filter(|_| is_account).map(quote);
        let (mine, theirs) = (value(ATTACKER)?, value(VICTIM)?);
        let value = other.filter(|_| mine == theirs).unwrap_or_else(|| mine.to_owned());
        Ok(format!("{} = {value}", ident(&key.name)))
    }

    /// A value of a column that the attacker's and the victim's rows do not have.
    pub(in crate::checks::attacks) fn other(&self, column: &str) -> Result<String, CannotRun> {
        let owners = || Persona::OWNERS.map(Owner::User).into_iter().chain([Owner::Shared]);
        let rows_of = |owner| self.context.world.rows(self.subject.name, owner, None);
        let rows = owners().flat_map(rows_of);
        let bare = |literal: &str| {
            let untyped = literal.rsplit_once("'::").map_or(literal, |(text, _)| text);
            untyped.trim().trim_matches('\'').to_owned()
        };
        let taken: Vec<String> = rows.filter_map(|row| row.literal(column)).map(bare).collect();
        let mut value = String::new();
        for tag in ["changed", "changed again", "and again", "once more", "at last"] {
            value = self.context.factory().value(self.subject.relation, column, tag)?;
            if !taken.contains(&bare(&value)) {
                return Ok(value);
            }
        }
        // An example may be the same for every row.
        let relation = self.subject.relation;
        let factory = self.context.factory();
        if let Ok(value) = factory.value_without_example(relation, column, "changed")
            && !taken.contains(&bare(&value))
        {
            return Ok(value);
        }
        let of_type = self.subject.relation.column(column).map(|it| it.data_type.as_str());
        let of_type = of_type.and_then(|it| self.context.catalog.type_named(it));
        let labels = of_type.filter(|it| it.kind == "enum").map_or(&[][..], |it| &it.parts);
        let free = self.context.world.accepted(self.subject.name, column);
        let free = || free.iter().chain(labels);
        // Where the type has few values, one that no row has that a statement aims at.
        let aimed = owners().filter_map(|owner| rows_of(owner).first()?.literal(column));
        let aimed: Vec<String> = aimed.map(bare).collect();
        let is_in = |these: &[String], literal: &String| these.contains(&bare(literal));
        let found = free().find(|literal| !is_in(&taken, literal));
        let found = found.or_else(|| free().find(|literal| !is_in(&aimed, literal)));
        Ok(found.unwrap_or(&value).clone())
    }

    /// The columns that the attacker may both read and insert, which can be copied from row to
    /// row.
    pub(in crate::checks::attacks) fn copied(&self) -> Vec<&'a str> {
        let relation = self.subject.relation;
        let open = relation.columns.iter().any(|column| self.may("insert", &column.name));
        let copied = |column: &&Column| {
            column.made.is_none()
                && (is_required(column)
                    || self.is_on_path(&column.name)
                    || open && self.may("insert", &column.name) && self.may("select", &column.name))
        };
        relation.columns.iter().filter(copied).map(|column| column.name.as_str()).collect()
    }

    /// A probe by the attacker in all worlds of the table; the service role is its control.
    pub(in crate::checks::attacks) fn probe(
        &self,
        part: &str,
        statement: String,
    ) -> Result<Probe, CannotRun> {
        self.context.probe(&self.subject, part, vec![statement])
    }

    /// A probe of the table by another persona.
    pub(in crate::checks::attacks) fn by(
        &self,
        persona: Persona,
        probe: Probe,
    ) -> Result<Probe, CannotRun> {
        let attacker = self.context.contract.identity(persona);
        Ok(Probe { worlds: self.context.worlds(&self.subject, &attacker)?, attacker, ..probe })
    }

    /// A probe by the attacker that inserts a draft.
    pub(in crate::checks::attacks) fn insertion(
        &self,
        part: &str,
        draft: Draft,
    ) -> Result<Probe, CannotRun> {
        let statement = draft.insert(self.subject.relation);
        Ok(Probe { setup: draft.setup, ..self.probe(part, statement)? })
    }
}

/// Whether an insert must have the column.
fn is_required(column: &Column) -> bool {
    column.not_null && column.default.is_none() && column.made.is_none()
}

/// The service role as the control of other statements than the attacker's.
pub(in crate::checks::attacks) fn service_instead(script: Vec<String>) -> Control {
    Control::Instead(Persona::ServiceRole.identity(), script)
}
