//! Writes the cells of one table as statements.

use std::collections::BTreeMap;

use super::cells::{Cell, owner, rival, variant};
use crate::catalog::{Catalog, Column, Relation};
use crate::contract::grid::{Command, SHARED, Whose};
use crate::contract::shape::Sharing;
use crate::contract::{self, Contract};
use crate::error::CannotRun;
use crate::rows::compose::{Draft, Factory, Wanted, bare};
use crate::rows::holders::removal;
use crate::rows::{Owner, Row, World};
use crate::sql::ident;

/// The ordinal of rows that have parties; no other row has it.
const OF_PARTIES: usize = 400;

/// A cell's statement and its setup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Try {
    /// The setup, which the administrator runs.
    pub setup: Vec<String>,
    /// The persona's statement.
    pub statement: String,
    /// Whether it leaves every row as it is: a table of keys alone has nothing else to update.
    pub idle: bool,
    /// A query for the rows that have the value of an update.
    pub stored: Option<String>,
}

impl Try {
    pub(super) fn of(statement: String) -> Self {
        Self { setup: Vec::new(), statement, idle: false, stored: None }
    }
}

/// Writes the statements of one table's cells.
pub struct Author<'a> {
    pub(super) factory: Factory<'a>,
    pub(super) world: &'a World,
    pub(super) name: &'a str,
    pub(super) relation: &'a Relation,
    pub(super) declared: &'a contract::Relation,
}

impl<'a> Author<'a> {
    /// An author for the table or view of that name; none if the database does not have it.
    pub fn new(
        catalog: &'a Catalog,
        contract: &'a Contract,
        world: &'a World,
        name: &str,
    ) -> Option<Self> {
        let relation = catalog.relation(name)?;
        let (name, declared) = contract.relations().find(|(it, _)| *it == name)?;
        let factory = Factory { catalog, contract, world };
        Some(Self { factory, world, name, relation, declared })
    }

    /// The table or view.
    pub fn relation(&self) -> &'a Relation {
        self.relation
    }

    /// Whether it is a view, whose rows are not generated.
    pub fn is_view(&self) -> bool {
        !self.relation.is_table()
    }

    /// The statement of a cell.
    ///
    /// # Errors
    /// Which row or value could not be made.
    pub fn write(&self, cell: &Cell) -> Result<Try, CannotRun> {
        let mut written = self.written(cell)?;
        let mut setup = self.factory.arrival(cell.persona)?;
        // A parent that came with the persona is there already.
        written.setup.retain(|statement| !setup.contains(statement));
        setup.append(&mut written.setup);
        Ok(Try { setup, ..written })
    }

    fn written(&self, cell: &Cell) -> Result<Try, CannotRun> {
        match cell.command {
            Command::Select => self.select(cell),
            Command::Insert => self.insert(cell),
            Command::Update => self.update(cell),
            Command::Delete => {
                let (table, (setup, aim)) = (self.relation.qualified(), self.aim(cell)?);
                let statement = format!("delete from {table}{aim}");
                // Policies are tried, and not keys that forbid to delete what others point at.
                let rows = aim.strip_prefix(" where ").unwrap_or("true");
                let held = removal(self.factory.catalog, self.relation, rows);
                let setup = setup.into_iter().chain(held).collect();
                Ok(Try { setup, ..Try::of(statement) })
            }
        }
    }

    fn select(&self, cell: &Cell) -> Result<Try, CannotRun> {
        let readable = |column: &&Column| self.declared.client_may("select", &column.name);
        let mut columns: Vec<String> =
            self.relation.columns.iter().filter(readable).map(|c| ident(&c.name)).collect();
        if columns.is_empty() {
            columns = self.relation.columns.iter().map(|column| ident(&column.name)).collect();
        }
        if let Some(column) = &cell.column {
            columns = vec![ident(column)];
        }
        let (table, (setup, mut aim)) = (self.relation.qualified(), self.aim(cell)?);
        // A user may have several rows of a view, which nothing tells apart.
        if self.is_view() && aim.starts_with(" where ") {
            aim += " limit 1";
        }
        let statement = format!("select {} from {table}{aim}", columns.join(", "));
        Ok(Try { setup, ..Try::of(statement) })
    }

    pub(super) fn is_membership(&self) -> bool {
        self.declared.shape.sharing == Sharing::Membership
    }

    fn update(&self, cell: &Cell) -> Result<Try, CannotRun> {
        let column = match &cell.column {
            Some(column) => column.clone(),
            None => self.updated_column(cell.persona.role())?,
        };
        let row = self.row(cell);
        let current = row.and_then(|row| row.literal(&column)).unwrap_or("null");
        let (table, (mut setup, aim)) = (self.relation.qualified(), self.aim(cell)?);
        let its = self.relation.column(&column);
        let is_key = self.is_structural(&column);
        // To have a value of its own again, an identity must not be one that always counts up.
        if let Some(its) = its.filter(|its| its.always && is_key) {
            setup.push(format!(
                "alter table {table} alter column {} set generated by default",
                ident(&its.name)
            ));
        }
        let is_unique = is_key || self.relation.is_unique(&[column.as_str()]);
        let value = if is_unique && cell.whose == Whose::Every {
            ident(&column)
        } else if is_key {
            current.to_owned()
        } else {
            self.fresh(&column, current)?
        };
        let statement = format!("update {table} set {} = {value}{aim}", ident(&column));
        let idle = is_key || is_unique && cell.whose == Whose::Every || value == current;
        let stored = format!("select 1 from {table}{aim} and {} = {value}", ident(&column));
        let stored = (cell.whose != Whose::Every).then_some(stored);
        Ok(Try { setup, idle, stored, ..Try::of(statement) })
    }

    /// The column that an update sets if the cell names none: the first that the role may
    /// update, or the first that can be updated.
    fn updated_column(&self, role: &str) -> Result<String, CannotRun> {
        let plain = |column: &&Column| {
            let in_variant = |v: &BTreeMap<String, String>| v.contains_key(&column.name);
            !self.is_structural(&column.name)
                && !self.relation.unique_keys().iter().any(|key| key.contains(&column.name))
                && !self.declared.variants.values().any(in_variant)
                && self.declared.columns.contains_key(&column.name)
        };
        let columns = || self.relation.columns.iter().filter(plain);
        // What is unique, one row can change; of keys alone, each row keeps its own.
        let keys = || {
            let declared = |it: &&Column| self.declared.columns.contains_key(&it.name);
            let all = self.relation.columns.iter().filter(|it| it.made.is_none()).filter(declared);
            let (keys, unique): (Vec<_>, Vec<_>) =
                all.partition(|column| self.is_structural(&column.name));
            unique.into_iter().chain(keys)
        };
        let granted = self.declared.granted(role, "update");
        let may = |column: &&Column| granted.contains(&column.name.as_str());
        let free = |column: &&Column| {
            may(column) && self.declared.guard(&column.name, Command::Update).is_none()
        };
        let open = columns().find(free).or_else(|| keys().find(free));
        let column = open.or_else(|| columns().find(may)).or_else(|| columns().next());
        let column = column.or_else(|| keys().find(may)).or_else(|| keys().next());
        let none = || CannotRun(format!("table {} has no column to update", self.relation.name));
        Ok(column.ok_or_else(none)?.name.clone())
    }

    /// Keys, references and owners: an update sets them to their current value, because another
    /// could break references.
    pub(super) fn is_structural(&self, column: &str) -> bool {
        let keys = ["p", "f"];
        let is_owner = self.declared.owner.columns().iter().any(|owner| *owner == column);
        if is_owner || self.declared.is_owner_example(column) {
            return true;
        }
        self.relation.constraints.iter().any(|constraint| {
            keys.contains(&constraint.kind.as_str())
                && constraint.columns.iter().any(|key| key == column)
        })
    }

    /// A value that differs from the current one, if the column accepts two.
    fn fresh(&self, column: &str, current: &str) -> Result<String, CannotRun> {
        let mut value = String::new();
        for tag in ["changed", "changed again", "and again", "once more", "at last"] {
            value = self.factory.value(self.relation, column, tag)?;
            if bare(&value) != bare(current) {
                return Ok(value);
            }
        }
        if self.relation.column(column).is_some_and(|it| it.data_type == "boolean") {
            return Ok(format!("not {value}"));
        }
        let free = self.world.accepted(self.name, column);
        let other = free.iter().find(|literal| bare(literal) != bare(current));
        Ok(other.unwrap_or(&value).clone())
    }

    /// A WHERE clause for the cell's row, and what makes the row; empty if the cell is about
    /// every row.
    fn aim(&self, cell: &Cell) -> Result<(Vec<String>, String), CannotRun> {
        if cell.whose == Whose::Every {
            return Ok((Vec::new(), String::new()));
        }
        if let Whose::As(party) = &cell.whose {
            let (draft, after) = self.row_with(cell, party)?;
            let key = self.relation.primary_key().iter();
            let aim = key.map(|it| Some(format!("{} = {}", ident(it), draft.values.get(it)?)));
            let aim = aim.collect::<Option<Vec<String>>>().filter(|aim| !aim.is_empty());
            let aim = aim.ok_or_else(|| {
                CannotRun(format!("could not name a row of {} before it is there", self.name))
            })?;
            let insert = draft.insert(self.relation);
            let setup = draft.setup.into_iter().chain([insert]).chain(after).collect();
            return Ok((setup, format!(" where {}", aim.join(" and "))));
        }
        // A row of a view that says nothing of its owner is any.
        if self.is_view() && self.declared.owner == contract::Owner::None {
            return match cell.command {
                Command::Select => Ok((Vec::new(), " limit 1".to_owned())),
                _ => Err(CannotRun(format!("no column of {} tells its rows apart", self.name))),
            };
        }
        let (owner, variant) = self.row_of(cell);
        let aim = self.aim_at(owner, variant)?;
        Ok((Vec::new(), format!(" where {aim}")))
    }

    /// A row of the rival's of which the persona is that party, and what makes it so afterwards.
    pub(super) fn row_with(
        &self,
        cell: &Cell,
        party: &str,
    ) -> Result<(Draft, Vec<String>), CannotRun> {
        let owner = owner(cell.persona, &cell.whose);
        let wanted = Wanted::plain(owner, OF_PARTIES);
        let mut draft = self.factory.draft(self.name, wanted)?;
        self.factory.name_the_key(&mut draft, self.relation, wanted)?;
        let party = &self.declared.parties[party];
        let after = self.factory.join((&mut draft, self.relation), party, cell.persona, owner)?;
        Ok((draft, after))
    }

    /// A condition that is true only for the first row of that owner and variant.
    ///
    /// # Errors
    /// That the world has no such row.
    pub fn aim_at(&self, owner: Owner, variant: Option<&str>) -> Result<String, CannotRun> {
        let none = || {
            let (name, owner) = (self.name, owner.name());
            CannotRun(format!("the world has no row of {name} {variant:?} that is {owner}'s"))
        };
        if self.is_view() {
            let (column, value) = self.factory.end(&self.declared.owner, owner).ok_or_else(none)?;
            return Ok(format!("{} = {value}", ident(&column)));
        }
        let rows = self.world.rows(self.name, owner, variant);
        let row = rows.first().ok_or_else(none)?;
        let literal = |column| row.literal(column).unwrap_or("null");
        let aims: Vec<String> = self
            .aim_columns()
            .iter()
            .map(|column| format!("{} = {}", ident(column), literal(column)))
            .collect();
        Ok(aims.join(" and "))
    }

    /// An UPDATE of one plain column of the rows for which `condition` is true.
    ///
    /// # Errors
    /// That the table has no such column.
    pub fn plain_update(&self, condition: &str) -> Result<String, CannotRun> {
        let column = self.updated_column("authenticated")?;
        let value =
            if self.is_structural(&column) { ident(&column) } else { self.fresh(&column, "")? };
        let table = self.relation.qualified();
        Ok(format!("update {table} set {} = {value} where {condition}", ident(&column)))
    }

    /// Assignments of new values to every plain column that is `wanted`, and that no trigger guards,
    /// since one may refuse every role.
    ///
    /// # Errors
    /// Which value could not be made.
    pub fn changes(&self, tag: &str, wanted: impl Fn(&str) -> bool) -> Result<String, CannotRun> {
        let plain = |column: &&Column| {
            let in_variant = |v: &BTreeMap<String, String>| v.contains_key(&column.name);
            column.made.is_none()
                && wanted(&column.name)
                && self.declared.guard(&column.name, Command::Update).is_none()
                && !self.is_structural(&column.name)
                && !self.relation.is_unique(&[column.name.as_str()])
                && !self.declared.variants.values().any(in_variant)
        };
        let keys = self.relation.unique_keys();
        let assign = |column: &Column| {
            let name = ident(&column.name);
            // Rows that a key tells apart keep being told apart.
            if keys.iter().any(|key| key.contains(&column.name)) {
                return Ok(moved(column).map(|value| format!("{name} = {value}")));
            }
            let value = self.factory.value(self.relation, &column.name, tag)?;
            Ok(Some(format!("{name} = {value}")))
        };
        let columns = self.relation.columns.iter().filter(plain);
        let all: Result<Vec<_>, CannotRun> = columns.map(assign).collect();
        Ok(all?.into_iter().flatten().collect::<Vec<String>>().join(", "))
    }

    /// The columns that identify a row in WHERE: its primary key, or another unique column if
    /// clients can read that and not the key.
    fn aim_columns(&self) -> Vec<String> {
        let key = self.relation.primary_key().to_vec();
        let readable = |column: &String| self.declared.client_may("select", column);
        let unique = self
            .relation
            .columns
            .iter()
            .map(|column| &column.name)
            .find(|column| readable(column) && self.relation.is_unique(&[column.as_str()]));
        match unique {
            Some(unique) if !key.iter().all(readable) => vec![unique.clone()],
            _ => key,
        }
    }

    fn row(&self, cell: &Cell) -> Option<&Row> {
        let (owner, variant) = self.row_of(cell);
        self.world.rows(self.name, owner, variant).first().copied()
    }

    /// The owner and the variant of a cell's row.
    pub(super) fn row_of<'c>(&self, cell: &'c Cell) -> (Owner, Option<&'c str>) {
        match cell.whose {
            Whose::Shared if self.is_membership() => {
                (Owner::User(rival(cell.persona)), Some(SHARED))
            }
            _ => (owner(cell.persona, &cell.whose), variant(&cell.whose)),
        }
    }
}

/// Another value for each value of a column, the same in every run; none for types of few values
/// or of a form that is not known.
pub fn moved(column: &Column) -> Option<String> {
    let name = ident(&column.name);
    match column.data_type.split('(').next().unwrap_or_default() {
        "uuid" => Some(format!("pg_catalog.md5({name}::text)::uuid")),
        "text" | "character varying" => {
            Some(format!("pg_catalog.left(pg_catalog.md5({name}), pg_catalog.length({name}))"))
        }
        "integer" | "bigint" | "smallint" | "numeric" => Some(format!("{name} + 1000")),
        _ => None,
    }
}
