//! Grids as a database that is known to be right answers them: every cell of a draft is tried, and
//! says what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::checks::isolation::{Ran, Sandbox};
use crate::contract::Contract;
use crate::contract::grid::{Command, Expected, Whose};
use crate::contract::shape::Shape;
use crate::database::outcome::Outcome;
use crate::draft::{GUESSED, aligned};
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::platform::persona::Persona;
use crate::source::SourceFile;

/// The cells of each table and view, by its name.
pub(super) struct Observed(BTreeMap<String, Cells>);

type Cells = BTreeMap<(Whose, Persona, Command), Expected>;

impl Observed {
    /// Tries every cell of a contract. A cell that fails for a reason that no grid can say stays as
    /// it was drafted, and so do those of a table of which one cannot be set up.
    pub(super) async fn of(inputs: &Arc<Inputs>, regime: Regime) -> Result<Self, CannotRun> {
        let mut all = BTreeMap::new();
        let open = || Sandbox::open(Arc::clone(inputs), regime);
        let mut sandbox = open().await?;
        for (name, _) in inputs.contract.relations() {
            let Ok(ran) = sandbox.run(name).await else {
                sandbox = open().await?;
                continue;
            };
            let of_rows = ran.into_iter().filter(|ran| ran.cell.column.is_none());
            let cell = |ran: Ran| {
                let expected = said(&ran).unwrap_or_else(|| ran.cell.expected.clone());
                ((ran.cell.whose, ran.cell.persona, ran.cell.command), expected)
            };
            all.insert(name.to_owned(), of_rows.map(cell).collect());
        }
        Ok(Self(all))
    }

    /// The parties who may do nothing to a row that others may not: table and word.
    pub(super) fn idle(&self, contract: &Contract) -> BTreeSet<(String, String)> {
        let mut idle = BTreeSet::new();
        for (name, cells) in &self.0 {
            let words = contract.relation(name).into_iter().flat_map(|it| it.parties.keys());
            for word in words {
                let as_another = cells.iter().all(|((whose, persona, command), expected)| {
                    let anothers = (Whose::Anothers(None), *persona, *command);
                    *whose != Whose::As(word.clone())
                        || *command == Command::Insert
                        || cells.get(&anothers) == Some(expected)
                });
                if as_another {
                    idle.insert((name.clone(), word.clone()));
                }
            }
        }
        idle
    }

    /// The file with what was observed in place of a guessed grid.
    pub(super) fn in_place(&self, contract: &Contract, file: &SourceFile) -> SourceFile {
        const BEGIN: &str = "access = \"\"\"\n";
        let stem = file.name.trim_start_matches("tables/").trim_start_matches("views/");
        let name = stem.trim_end_matches(".toml");
        let shape = contract.relation(name).map(|it| &it.shape);
        let replaced = shape.zip(self.0.get(name)).filter(|(_, cells)| !cells.is_empty()).and_then(
            |(shape, cells)| {
                let (before, rest) = file.text.split_once(BEGIN)?;
                let (_, behind) = rest.split_once("\"\"\"")?;
                let before = before.replace(GUESSED, "what the database does, which is right");
                Some(format!("{before}{BEGIN}{}\n\"\"\"{behind}", grid(shape, cells)))
            },
        );
        SourceFile { text: replaced.unwrap_or_else(|| file.text.clone()), ..file.clone() }
    }
}

/// What a cell came to, where it differs from the draft and a grid has a word for it.
fn said(ran: &Ran) -> Option<Expected> {
    match &ran.observed {
        _ if ran.entry.passed() => None,
        Outcome::Rows(count) => Some(Expected::Rows(*count)),
        Outcome::NoPrivilege => Some(Expected::NoPrivilege),
        Outcome::PolicyViolation => Some(Expected::PolicyViolation),
        // An exception that the schema raises.
        Outcome::Failed(why) if why.starts_with("P0001 ") => {
            Some(Expected::WithState("P0001".to_owned()))
        }
        _ => None,
    }
}

/// The lines of a grid, also of targets of which there is nothing to try; personas with the same
/// cells share one.
fn grid(shape: &Shape, cells: &Cells) -> String {
    let commands: BTreeSet<Command> = cells.keys().map(|(.., command)| *command).collect();
    let mut lines: Vec<(Vec<&str>, Whose, Vec<String>)> = Vec::new();
    let personas: BTreeSet<Persona> = cells.keys().map(|(_, persona, _)| *persona).collect();
    let targets: BTreeSet<(Whose, Persona)> = personas
        .into_iter()
        .flat_map(|persona| shape.targets(persona).into_iter().map(move |whose| (whose, persona)))
        .collect();
    for (whose, persona) in targets {
        let cell = |command: &Command| cells.get(&(whose.clone(), persona, *command));
        let row: Vec<String> = commands
            .iter()
            .map(|command| cell(command).map_or("-".to_owned(), Expected::to_string))
            .collect();
        match lines.iter_mut().find(|(_, of, same)| *of == whose && *same == row) {
            Some((names, ..)) => names.push(persona.name()),
            None => lines.push((vec![persona.name()], whose, row)),
        }
    }
    let mut table = vec![vec!["who".to_owned(), "whose row".to_owned()]];
    table[0].extend(commands.iter().map(|command| command.name().to_owned()));
    table.extend(
        lines
            .into_iter()
            .map(|(names, whose, row)| [vec![names.join(", "), whose.to_string()], row].concat()),
    );
    aligned(&table).join("\n")
}
