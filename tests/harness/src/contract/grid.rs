//! Access grid: the expected outcome for each persona, target and command, parsed from text and
//! printed beside what was observed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub use super::cell::{Command, Expected, SHARED, Whose};
use super::shape::Shape;
use crate::platform::persona::Persona;
use crate::source::mistake::{Wrong, quoted};

/// How a grid begins, and what stands between its cells.
const HEADER: &str = "begin with `who  whose row  select  insert  update  delete`";
const SPACES: &str = "separate cells by two or more spaces";

/// The access grid of one table.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    /// The cells that are not `-`.
    pub cells: BTreeMap<(Persona, Whose, Command), Expected>,
}

/// The bytes of a mistake in a grid's text, and what is wrong.
pub type GridError = (Range<usize>, Wrong);

impl Grid {
    /// Reads a grid whose columns are separated by two or more spaces. The grid must have a
    /// cell for each target that `shape` has; `any` stands for all targets of a persona without
    /// an identity. A persona that the contract declares and no line names is expected to be
    /// like its user, or like Carol.
    ///
    /// # Errors
    /// The first mistake of each line.
    pub fn parse(text: &str, shape: &Shape, personas: &[Persona]) -> Result<Self, Vec<GridError>> {
        let lines: Vec<Line<'_>> = lines(text);
        let Some((header, lines)) = lines.split_first() else {
            return Err(vec![(0..text.len(), Wrong::new("the grid is empty").help(HEADER))]);
        };
        let commands = commands_of(header, shape).map_err(|error| vec![error])?;
        let mut grid = Self::default();
        let mut answered = BTreeSet::new();
        let mut errors = Vec::new();
        for line in lines {
            errors.extend(grid.read_line(line, &commands, (shape, personas), &mut answered).err());
        }
        for persona in personas.iter().filter(|it| matches!(it, Persona::Declared(_))) {
            grid.complete(*persona, shape, &mut answered);
        }
        let left_out = |persona: Persona| {
            let targets = shape.targets(persona).into_iter();
            targets.map(move |target| (persona, target))
        };
        let mut left_out: Vec<_> = personas.iter().copied().flat_map(left_out).collect();
        left_out.retain(|target| !answered.contains(target));
        // A line that is wrong has answered for nothing.
        if let (true, Some((persona, target))) = (errors.is_empty(), left_out.first()) {
            let (name, more) = (persona.name(), left_out.len() - 1);
            let none = Wrong::new(format!("no line says what `{name}` may do to `{target}`"));
            let label = if more == 0 { String::new() } else { format!("and {more} more like it") };
            errors.push((header.at.clone(), none.label(label).help("add a line for it")));
        }
        if errors.is_empty() { Ok(grid) } else { Err(errors) }
    }

    /// Whether the persona may run the command on such a row.
    pub fn permits(&self, persona: Persona, whose: &Whose, command: Command) -> bool {
        let cell = self.cells.get(&(persona, whose.clone(), command));
        cell.is_some_and(|expected| !expected.is_denial())
    }

    /// Answers what no line says of a declared persona: as for its user, or for Carol.
    fn complete(
        &mut self,
        persona: Persona,
        shape: &Shape,
        answered: &mut BTreeSet<(Persona, Whose)>,
    ) {
        let like = if persona.has_rows() { persona.account() } else { Persona::Carol };
        for target in shape.targets(persona) {
            if answered.contains(&(like, target.clone()))
                && answered.insert((persona, target.clone()))
            {
                for command in Command::ALL {
                    let expected = self.cells.get(&(like, target.clone(), command)).cloned();
                    let cell = expected.map(|it| ((persona, target.clone(), command), it));
                    self.cells.extend(cell);
                }
            }
        }
    }

    /// Whether a client may write a row that is not the client's own.
    pub fn lets_others_write(&self) -> bool {
        self.cells.iter().any(|((persona, whose, command), expected)| {
            *persona != Persona::ServiceRole
                && *command != Command::Select
                && matches!(whose, Whose::Anothers(_) | Whose::Nobodys | Whose::Any)
                && !expected.is_denial()
        })
    }

    fn read_line(
        &mut self,
        line: &Line<'_>,
        commands: &[Command],
        (shape, personas): (&Shape, &[Persona]),
        answered: &mut BTreeSet<(Persona, Whose)>,
    ) -> Result<(), GridError> {
        let [who, whose, expected @ ..] = line.cells.as_slice() else {
            let few = format!("expected who, whose row and {} cells", commands.len());
            return Err((line.at.clone(), Wrong::new(few).help(SPACES)));
        };
        if expected.len() != commands.len() {
            let (want, got) = (commands.len(), expected.len());
            let other = format!("expected {want} cells after `{}`, found {got}", whose.text);
            return Err((line.at.clone(), Wrong::new(other).help(SPACES)));
        }
        for persona in personas_of(who, personas)? {
            for target in shape.named(persona, whose.text).map_err(|wrong| whose.error(wrong))? {
                if !answered.insert((persona, target.clone())) {
                    let twice = format!("`{}` and `{target}` are answered twice", persona.name());
                    return Err((line.at.clone(), Wrong::new(twice).help("remove one")));
                }
                for (&command, cell) in commands.iter().zip(expected) {
                    let expected = cell_of(cell.text, persona, &target, command, shape)
                        .map_err(|wrong| cell.error(wrong))?;
                    if let Some(expected) = expected {
                        self.cells.insert((persona, target.clone(), command), expected);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The expected outcome of a cell; `None` where there is nothing to try.
fn cell_of(
    cell: &str,
    persona: Persona,
    target: &Whose,
    command: Command,
    shape: &Shape,
) -> Result<Option<Expected>, Wrong> {
    let Some(expected) = Expected::parse(cell)? else {
        if may_be_left_out(persona, target, command, shape) {
            return Ok(None);
        }
        let (command, name) = (command.name(), persona.name());
        let open = format!("{command} of `{target}` is not answered for `{name}`");
        return Err(Wrong::new(open).help("`-` is for a row that does not exist"));
    };
    shape.can_be(persona, target, command, &expected)?;
    if *target == Whose::Every && command == Command::Insert {
        return Err(Wrong::new("an insert has no `every`").help("say `-`"));
    }
    Ok(Some(expected))
}

/// Whether a cell may be `-`, because there is nothing to try: no insert is of every row, and a
/// persona without rows has none to read or change. Any other `-` would leave out a check.
fn may_be_left_out(persona: Persona, target: &Whose, command: Command, shape: &Shape) -> bool {
    match target {
        Whose::Every => command == Command::Insert,
        _ if shape.cannot_be_new(persona, target) && command == Command::Insert => true,
        Whose::Own(_) => !persona.has_rows() && command != Command::Insert,
        Whose::Anothers(_) | Whose::As(_) | Whose::Shared | Whose::Nobodys | Whose::Any => false,
    }
}

fn commands_of(header: &Line<'_>, shape: &Shape) -> Result<Vec<Command>, GridError> {
    let wrong = |title: String| (header.at.clone(), Wrong::new(title));
    let begin: Vec<&str> = header.cells.iter().take(2).map(|cell| cell.text).collect();
    if begin != ["who", "whose row"] || header.cells.len() < 3 {
        let (at, wrong) = wrong("this is not the first line of a grid".to_owned());
        return Err((at, wrong.help(HEADER)));
    }
    let known = |cell: &Cell<'_>| {
        let names = Command::ALL.map(Command::name);
        Command::named(cell.text)
            .ok_or_else(|| cell.error(Wrong::unknown("command", cell.text, names)))
    };
    let commands: Vec<Command> = header.cells[2..].iter().map(known).collect::<Result<_, _>>()?;
    let count = |command: &&Command| commands.iter().filter(|it| it == command).count();
    if let Some(twice) = Command::ALL.iter().find(|command| count(command) > 1) {
        let (at, wrong) = wrong(format!("the command `{}` has two columns", twice.name()));
        return Err((at, wrong.help("remove one")));
    }
    let missing: Vec<Command> =
        Command::ALL.iter().filter(|command| count(command) == 0).copied().collect();
    if shape.is_table && !missing.is_empty() {
        let (missing, all) = (words(&missing), words(&Command::ALL));
        let (at, wrong) = wrong(format!("the grid has no column for {missing}"));
        return Err((at, wrong.help(format!("a table's grid has {all}"))));
    }
    Ok(commands)
}

fn words(commands: &[Command]) -> String {
    quoted(&commands.iter().map(|command| command.name()).collect::<Vec<_>>())
}

fn personas_of(who: &Cell<'_>, personas: &[Persona]) -> Result<Vec<Persona>, GridError> {
    if who.text == "users" {
        return Ok(Persona::USERS.to_vec());
    }
    let known = |name: &str| {
        personas.iter().copied().find(|it| it.name() == name).ok_or_else(|| {
            let all = ["users"].into_iter().chain(personas.iter().map(|it| it.name()));
            let start = who.at.start + who.text.find(name).unwrap_or(0);
            (start..start + name.len(), Wrong::unknown("persona", name, all))
        })
    };
    who.text.split(", ").map(known).collect()
}

/// A line of a grid.
struct Line<'a> {
    /// Its bytes in the grid's text.
    at: Range<usize>,
    cells: Vec<Cell<'a>>,
}

/// A cell of a line.
struct Cell<'a> {
    /// Its bytes in the grid's text.
    at: Range<usize>,
    text: &'a str,
}

impl Cell<'_> {
    fn error(&self, wrong: Wrong) -> GridError {
        (self.at.clone(), wrong)
    }
}

/// The lines of a grid that are not empty.
fn lines(text: &str) -> Vec<Line<'_>> {
    let line = |(start, line)| {
        let cells = parts(line, "  ").filter(|(_, part)| !part.is_empty());
        let cells: Vec<Cell<'_>> = cells
            .map(|(at, text)| Cell { at: start + at..start + at + text.len(), text })
            .collect();
        let at = cells.first()?.at.start..cells.last()?.at.end;
        Some(Line { at, cells })
    };
    parts(text, "\n").filter_map(line).collect()
}

/// The parts of a text between separators, trimmed, and the byte at which each begins.
fn parts<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut next = 0;
    text.split(separator).map(move |part| {
        let start = next + part.len() - part.trim_start().len();
        next += part.len() + separator.len();
        (start, part.trim())
    })
}
