//! A cell of an access grid: a command, its target, and the expected outcome.

use std::fmt;

use crate::database::outcome::Outcome;
use crate::source::mistake::Wrong;

/// The values of cells, with the usual counts.
const CELLS: [&str; 11] = [
    "1 row",
    "0 rows",
    "own rows",
    "own + shared rows",
    "own + own shared rows",
    "all rows",
    "no privilege",
    "policy violation",
    "refused by trigger NAME",
    "refused 'SQLSTATE'",
    "-",
];

/// A command of `CREATE POLICY … FOR command`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    Select,
    Insert,
    Update,
    Delete,
}

impl Command {
    /// All four, in the order of a grid's columns.
    pub const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// Its name in grids, ids and privilege lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The command of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }
}

/// The target of a statement: whose row it is about, relative to the persona.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// The persona's own row; of a variant where one is named.
    Own(Option<String>),
    /// The rival's row: Alice's, and Bob's for Alice.
    Anothers(Option<String>),
    /// A row of the rival's, of which the persona is that party.
    As(String),
    /// A row that Alice and Bob share. Of a table of memberships: the rival's membership in a
    /// shared row.
    Shared,
    /// A row whose path leads to no single user.
    Nobodys,
    /// A row of a table that has no owner.
    Any,
    /// Every row: no WHERE, no RETURNING.
    Every,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(None) => f.write_str("own"),
            Self::Own(Some(variant)) => write!(f, "own {variant}"),
            Self::Anothers(None) => f.write_str("another's"),
            Self::Anothers(Some(variant)) => write!(f, "another's {variant}"),
            Self::As(party) => write!(f, "as {party}"),
            Self::Shared => f.write_str(SHARED),
            Self::Nobodys => f.write_str("nobody's"),
            Self::Any => f.write_str("any"),
            Self::Every => f.write_str("every"),
        }
    }
}

/// What the name of a trigger that refuses stands behind.
pub(super) const BY_TRIGGER: &str = "refused by trigger ";

/// The name of the shared target, and of the variant that is a user's own membership in a
/// shared row.
pub const SHARED: &str = "shared";

/// The outcome that the contract expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// This many rows.
    Rows(u64),
    /// As many rows as the persona owns alone.
    OwnRows,
    /// These, and the persona's own memberships in shared rows.
    OwnAndOwnShared,
    /// As many rows as the persona owns, alone or with others.
    OwnAndShared,
    /// As many rows as the table has.
    AllRows,
    /// Refused by a missing privilege.
    NoPrivilege,
    /// Refused by a policy's WITH CHECK.
    PolicyViolation,
    /// Refused by the function of the trigger of that name.
    ByTrigger(String),
    /// Refused with that SQLSTATE.
    WithState(String),
}

impl Expected {
    /// Reads a cell; `-` is `None`.
    pub(super) fn parse(cell: &str) -> Result<Option<Self>, Wrong> {
        Ok(Some(match cell {
            "-" => return Ok(None),
            "own rows" => Self::OwnRows,
            "own + own shared rows" => Self::OwnAndOwnShared,
            "own + shared rows" => Self::OwnAndShared,
            "all rows" => Self::AllRows,
            "no privilege" => Self::NoPrivilege,
            "policy violation" => Self::PolicyViolation,
            _ if cell.starts_with(BY_TRIGGER) => {
                Self::ByTrigger(cell[BY_TRIGGER.len()..].trim().to_owned())
            }
            _ if cell.starts_with("refused '") => {
                let state = cell["refused '".len()..].strip_suffix('\'').unwrap_or_default();
                let is_state = state.len() == 5
                    && state.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
                if !is_state {
                    let wrong = Wrong::new(format!("`{cell}` has no SQLSTATE"));
                    return Err(wrong.help("say five digits or capitals: `refused 'P0001'`"));
                }
                Self::WithState(state.to_owned())
            }
            _ => {
                let count = cell.strip_suffix(" rows").or_else(|| cell.strip_suffix(" row"));
                let count = count.and_then(|count| count.parse().ok());
                Self::Rows(count.ok_or_else(|| Wrong::unknown("cell", cell, CELLS))?)
            }
        }))
    }

    /// Whether the statement is refused or reaches no row.
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::Rows(0) | Self::NoPrivilege | Self::PolicyViolation)
            || self.is_refusal()
    }

    /// Whether the statement is refused by what the schema itself raises.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::ByTrigger(_) | Self::WithState(_))
    }

    /// The outcome that this means for these numbers of rows.
    pub fn outcome(&self, there: &Counts) -> Outcome {
        match self {
            Self::Rows(n) => Outcome::Rows(*n),
            Self::OwnRows => Outcome::Rows(there.own),
            Self::OwnAndOwnShared => Outcome::Rows(there.own + there.own_shared),
            Self::OwnAndShared => Outcome::Rows(there.own + there.shared),
            Self::AllRows => Outcome::Rows(there.all),
            Self::NoPrivilege => Outcome::NoPrivilege,
            Self::PolicyViolation => Outcome::PolicyViolation,
            Self::ByTrigger(_) | Self::WithState(_) => Outcome::AsDeclared(self.to_string()),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnRows => f.write_str("own rows"),
            Self::OwnAndOwnShared => f.write_str("own + own shared rows"),
            Self::OwnAndShared => f.write_str("own + shared rows"),
            Self::AllRows => f.write_str("all rows"),
            Self::Rows(n) => Outcome::Rows(*n).fmt(f),
            Self::NoPrivilege => Outcome::NoPrivilege.fmt(f),
            Self::PolicyViolation => Outcome::PolicyViolation.fmt(f),
            Self::ByTrigger(name) => write!(f, "{BY_TRIGGER}{name}"),
            Self::WithState(state) => write!(f, "refused '{state}'"),
        }
    }
}

/// How many rows of a table there are for a persona.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// The persona's alone.
    pub own: u64,
    /// Those that the persona shares.
    pub shared: u64,
    /// Of these, the persona's own memberships.
    pub own_shared: u64,
    /// All rows.
    pub all: u64,
}
