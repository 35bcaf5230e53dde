//! Access grid: the expected outcome for each persona, target and command, parsed from text and
//! printed beside what was observed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::shape::{Counts, Shape};
use crate::database::outcome::Outcome;
use crate::platform::persona::Persona;

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
            Self::Shared => f.write_str(SHARED),
            Self::Nobodys => f.write_str("nobody's"),
            Self::Any => f.write_str("any"),
            Self::Every => f.write_str("every"),
        }
    }
}

/// The name of the shared target, and of the variant that is a user's own membership in a
/// shared row.
pub const SHARED: &str = "shared";

/// The outcome that the contract expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Expected {
    /// Reads a cell; `-` is `None`.
    fn parse(cell: &str) -> Result<Option<Self>, String> {
        Ok(Some(match cell {
            "-" => return Ok(None),
            "own rows" => Self::OwnRows,
            "own + own shared rows" => Self::OwnAndOwnShared,
            "own + shared rows" => Self::OwnAndShared,
            "all rows" => Self::AllRows,
            "no privilege" => Self::NoPrivilege,
            "policy violation" => Self::PolicyViolation,
            _ => {
                let count = cell.strip_suffix(" rows").or_else(|| cell.strip_suffix(" row"));
                let count = count.and_then(|count| count.parse().ok());
                Self::Rows(count.ok_or_else(|| {
                    format!(
                        "unknown cell \"{cell}\"; say \"1 row\", \"0 rows\", \"own rows\", \
                         \"all rows\", \"no privilege\", \"policy violation\" or \"-\""
                    )
                })?)
            }
        }))
    }

    /// Whether the statement is refused or reaches no row.
    pub fn is_denial(self) -> bool {
        matches!(self, Self::Rows(0) | Self::NoPrivilege | Self::PolicyViolation)
    }

    /// The outcome that this means for these numbers of rows.
    pub fn outcome(self, there: &Counts) -> Outcome {
        match self {
            Self::Rows(n) => Outcome::Rows(n),
            Self::OwnRows => Outcome::Rows(there.own),
            Self::OwnAndOwnShared => Outcome::Rows(there.own + there.own_shared),
            Self::OwnAndShared => Outcome::Rows(there.own + there.shared),
            Self::AllRows => Outcome::Rows(there.all),
            Self::NoPrivilege => Outcome::NoPrivilege,
            Self::PolicyViolation => Outcome::PolicyViolation,
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
        }
    }
}

/// The access grid of one table.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    /// The cells that are not `-`.
    pub cells: BTreeMap<(Persona, Whose, Command), Expected>,
}

/// The line of a mistake in a grid, from 0, and the message.
pub type GridError = (usize, String);

impl Grid {
    /// Reads a grid whose columns are separated by two or more spaces. The grid must have a
    /// cell for each target that `shape` has; `any` stands for all targets of a persona without
    /// an identity.
    ///
    /// # Errors
    /// The line within the text and what is wrong with it.
    pub fn parse(text: &str, shape: &Shape) -> Result<Self, GridError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (at, header) = lines.next().ok_or((0, "the grid is empty".to_owned()))?;
        let commands = commands_of(header, shape).map_err(|message| (at, message))?;
        let mut grid = Self::default();
        let mut answered = BTreeSet::new();
        for (at, line) in lines {
            grid.read_line(line, &commands, shape, &mut answered).map_err(|m| (at, m))?;
        }
        for persona in Persona::ALL {
            for whose in shape.targets(persona) {
                if !answered.contains(&(persona, whose.clone())) {
                    let name = persona.name();
                    return Err((at, format!("no line says what {name} may do to {whose}")));
                }
            }
        }
        Ok(grid)
    }

    /// Whether the persona may run the command on such a row.
    pub fn permits(&self, persona: Persona, whose: &Whose, command: Command) -> bool {
        let cell = self.cells.get(&(persona, whose.clone(), command));
        cell.is_some_and(|expected| !expected.is_denial())
    }

    fn read_line(
        &mut self,
        line: &str,
        commands: &[Command],
        shape: &Shape,
        answered: &mut BTreeSet<(Persona, Whose)>,
    ) -> Result<(), String> {
        let cells = split(line);
        let [who, whose, expected @ ..] = cells.as_slice() else {
            return Err(format!("expected who, whose row and {} cells", commands.len()));
        };
        if expected.len() != commands.len() {
            let (want, got) = (commands.len(), expected.len());
            return Err(format!(
                "expected {want} cells after \"{whose}\", found {got}; two or more spaces \
                 separate cells"
            ));
        }
        for persona in personas_of(who)? {
            for target in shape.named(persona, whose)? {
                if !answered.insert((persona, target.clone())) {
                    return Err(format!("{} and {target} are answered twice", persona.name()));
                }
                for (command, cell) in commands.iter().zip(expected) {
                    let parsed = Expected::parse(cell)?;
                    if parsed.is_none() && !may_be_left_out(persona, &target, *command, shape) {
                        return Err(format!(
                            "{} of {target} is not answered for {}; \"-\" is for a row that \
                             does not exist",
                            command.name(),
                            persona.name()
                        ));
                    }
                    if let Some(expected) = parsed {
                        shape.can_be(persona, &target, *command, expected)?;
                        if target == Whose::Every && *command == Command::Insert {
                            return Err("an insert has no \"every\"; say \"-\"".to_owned());
                        }
                        self.cells.insert((persona, target.clone(), *command), expected);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a cell may be `-`, because there is nothing to try: no insert is of every row, and a
/// persona without rows has none to read or change. Any other `-` would leave out a check.
fn may_be_left_out(persona: Persona, target: &Whose, command: Command, shape: &Shape) -> bool {
    match target {
        Whose::Every => command == Command::Insert,
        _ if shape.cannot_be_new(persona, target) && command == Command::Insert => true,
        Whose::Own(_) => !Persona::OWNERS.contains(&persona) && command != Command::Insert,
        Whose::Anothers(_) | Whose::Shared | Whose::Nobodys | Whose::Any => false,
    }
}

fn commands_of(header: &str, shape: &Shape) -> Result<Vec<Command>, String> {
    let cells = split(header);
    let [who, whose, commands @ ..] = cells.as_slice() else {
        return Err("the first line of a grid is \"who  whose row  select …\"".to_owned());
    };
    if (*who, *whose) != ("who", "whose row") || commands.is_empty() {
        return Err("the first line of a grid is \"who  whose row  select …\"".to_owned());
    }
    let known = |name: &&str| {
        Command::named(name)
            .ok_or_else(|| format!("unknown command \"{name}\"; say {}", words(&Command::ALL)))
    };
    let commands: Vec<Command> = commands.iter().map(known).collect::<Result<_, _>>()?;
    let count = |command: &&Command| commands.iter().filter(|it| it == command).count();
    if let Some(twice) = Command::ALL.iter().find(|command| count(command) > 1) {
        return Err(format!("the command \"{}\" has two columns", twice.name()));
    }
    let missing: Vec<Command> =
        Command::ALL.iter().filter(|command| count(command) == 0).copied().collect();
    if shape.is_table && !missing.is_empty() {
        let (missing, all) = (words(&missing), words(&Command::ALL));
        return Err(format!("the grid has no column for {missing}; a table's grid has {all}"));
    }
    Ok(commands)
}

fn words(commands: &[Command]) -> String {
    commands.iter().map(|command| command.name()).collect::<Vec<_>>().join(", ")
}

fn personas_of(who: &str) -> Result<Vec<Persona>, String> {
    if who == "users" {
        return Ok(Persona::USERS.to_vec());
    }
    let known = |name: &str| {
        Persona::named(name).ok_or_else(|| {
            let all: Vec<&str> = Persona::ALL.iter().map(|persona| persona.name()).collect();
            format!("unknown persona \"{name}\"; say users, {}", all.join(", "))
        })
    };
    who.split(", ").map(known).collect()
}

/// The cells of a line, separated by two or more spaces.
fn split(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}
