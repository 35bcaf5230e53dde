//! The cells of one table: every persona, command and target of its grid, and those of each
//! column.

use crate::contract;
use crate::contract::grid::{Command, Expected, Whose};
use crate::contract::guard::Guard;
use crate::platform::persona::Persona;
use crate::rows::Owner;

/// A check of the access matrix, without its statement.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its stable id, such as `isolation/memories/update/bob/alices-row`.
    pub id: String,
    /// The persona.
    pub persona: Persona,
    /// The command.
    pub command: Command,
    /// The target.
    pub whose: Whose,
    /// The column, if the cell is about one.
    pub column: Option<String>,
    /// The trigger that keeps the column's value, if the contract says that one does.
    pub kept_by: Option<String>,
    /// The outcome that the contract expects.
    pub expected: Expected,
}

/// The cells of a table or view, from its contract alone: those of the grid, and those of
/// each column.
pub fn cells(name: &str, declared: &contract::Relation) -> Vec<Cell> {
    let mut cells = Vec::new();
    for ((persona, whose, command), expected) in &declared.grid.cells {
        cells.push(Cell {
            id: format!("isolation/{name}/{}/{}", command.name(), slug(*persona, whose)),
            persona: *persona,
            command: *command,
            whose: whose.clone(),
            column: None,
            kept_by: None,
            expected: expected.clone(),
        });
    }
    for persona in [Persona::Alice, Persona::AnonKey] {
        for command in [Command::Select, Command::Insert, Command::Update] {
            let whose = match command {
                Command::Select => Whose::Every,
                _ if !declared.shape.owned => Whose::Any,
                _ if persona == Persona::Alice => Whose::Own(None),
                _ => Whose::Anothers(None),
            };
            cells.extend(column_cells(name, declared, (persona, &whose), command));
        }
    }
    // Each party has columns of its own to change.
    for party in declared.parties.keys() {
        let whose = Whose::As(party.clone());
        cells.extend(column_cells(name, declared, (Persona::Alice, &whose), Command::Update));
    }
    cells
}

fn column_cells(
    name: &str,
    declared: &contract::Relation,
    (persona, whose): (Persona, &Whose),
    command: Command,
) -> Vec<Cell> {
    let key = (persona, whose.clone(), command);
    let Some(in_grid) = declared.grid.cells.get(&key) else {
        return Vec::new();
    };
    let granted = declared.granted(persona.role(), command.name());
    // Where a guard refuses an update of some columns, it lets the others through.
    let is_guarded = |column: &String| declared.guard(column, command).is_some();
    let lets_others = in_grid.is_refusal() && declared.columns.keys().any(is_guarded);
    let in_grid = if lets_others { &Expected::Rows(1) } else { in_grid };
    let cell = |column: &String| {
        let guard = declared.guard(column, command).filter(|_| !in_grid.is_denial());
        let (kept_by, expected) = match guard {
            _ if !granted.contains(&column.as_str()) => (None, Expected::NoPrivilege),
            None => (None, in_grid.clone()),
            Some(Guard::Kept(trigger)) => (Some(trigger), in_grid.clone()),
            Some(Guard::Refused(trigger)) => (None, Expected::ByTrigger(trigger)),
        };
        Cell {
            id: format!("isolation/{name}/{}/{}/{column}", command.name(), slug(persona, whose)),
            persona,
            command,
            whose: whose.clone(),
            column: Some(column.clone()),
            kept_by,
            expected,
        }
    };
    declared.columns.keys().map(cell).collect()
}

/// The last two parts of a cell's id: persona and target.
fn slug(persona: Persona, whose: &Whose) -> String {
    let possessive = |owner: Option<Persona>, variant: &Option<String>| {
        let owner = owner.map_or("nobody", Persona::name);
        match variant {
            None => format!("{owner}s-row"),
            Some(variant) => format!("{owner}s-{variant}-row"),
        }
    };
    let target = match whose {
        Whose::Own(variant) => possessive(Some(persona), variant),
        Whose::Anothers(variant) => possessive(Some(rival(persona)), variant),
        Whose::As(party) => format!("{}s-row-as-{party}", rival(persona).name()),
        Whose::Shared => "shared-row".to_owned(),
        Whose::Nobodys => "ownerless-row".to_owned(),
        Whose::Any => "any-row".to_owned(),
        Whose::Every => "every-row".to_owned(),
    };
    format!("{}/{target}", persona.name())
}

/// Whose row "another's" is.
pub(super) fn rival(persona: Persona) -> Persona {
    if persona.account() == Persona::Alice { Persona::Bob } else { Persona::Alice }
}

/// Whose row a cell is about.
pub(super) fn owner(persona: Persona, whose: &Whose) -> Owner {
    match whose {
        Whose::Own(_) => Owner::User(persona.account()),
        Whose::Anothers(_) | Whose::As(_) => Owner::User(rival(persona)),
        Whose::Shared => Owner::Shared,
        Whose::Nobodys | Whose::Any => Owner::Nobody,
        // The row whose values a statement without WHERE uses as an example.
        Whose::Every => Owner::User(Persona::Alice),
    }
}

pub(super) fn variant(whose: &Whose) -> Option<&str> {
    match whose {
        Whose::Own(variant) | Whose::Anothers(variant) => variant.as_deref(),
        Whose::As(_) | Whose::Shared | Whose::Nobodys | Whose::Any | Whose::Every => None,
    }
}
