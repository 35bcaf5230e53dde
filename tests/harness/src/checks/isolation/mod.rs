//! Access matrix: runs every cell of a table's grid and judges it by outcome, state and
//! control.

pub mod cells;
pub mod control;
mod counts;
pub(in crate::checks) mod guards;
mod insert;
mod judge;
pub mod plan;
pub mod reach;
mod returning;
pub mod unmade;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::cells::{Cell, cells};
pub use self::judge::Ran;
use self::judge::{Judge, not_run};
use self::plan::{Author, Try};
use crate::catalog;
use crate::catalog::Catalog;
use crate::contract::grid::{Command, Whose};
use crate::contract::shape::Sharing;
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::platform::persona::{Identity, Persona};
use crate::probe::digest;
use crate::probe::{Observation, Prober, Target};
use crate::rows::World;
use crate::sandbox::{Database, State};

/// A clone that statements are tried in, with the data to write them.
pub struct Sandbox {
    /// The inputs that the clone was made from.
    pub inputs: Arc<Inputs>,
    regime: Regime,
    /// The catalog of the clone.
    pub catalog: Catalog,
    /// The generated rows, or why there are none.
    pub world: Result<World, String>,
    /// The connection that statements are tried on.
    pub prober: Prober,
    /// The clone.
    pub database: Database,
}

impl Sandbox {
    /// A clone for these inputs in that regime.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(inputs: Arc<Inputs>, regime: Regime) -> Result<Self, CannotRun> {
        let database = Database::of(&inputs, regime).await?;
        Self::within(database, inputs, regime).await
    }

    /// The same for a given clone in its current state.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub async fn within(
        database: Database,
        inputs: Arc<Inputs>,
        regime: Regime,
    ) -> Result<Self, CannotRun> {
        let admin = database.admin().await?;
        let world = database.state(&admin, State::World).await?;
        let catalog = Catalog::read(&admin, catalog::EVERYTHING).await?;
        let digest = digest::statement(&catalog, &inputs.contract);
        let connection = database.admin_with_notices().await?;
        let prober = Prober::new(connection, &digest, inputs.contract.identities()).await?;
        Ok(Self { inputs, regime, catalog, world, prober, database })
    }

    /// The persona as the gateway presents it to the database.
    pub fn identity(&self, persona: Persona) -> Identity {
        self.inputs.contract.identity(persona)
    }

    /// The privilege regime that the clone was made under.
    pub fn regime(&self) -> Regime {
        self.regime
    }

    /// Runs every cell of the table or view `name`; none where it has no rows, which the world
    /// itself says.
    ///
    /// # Errors
    /// Why the server could not be reached, or that a probe was not rolled back. Faults of the
    /// schema are in the entries.
    pub async fn run(&self, name: &str) -> Result<Vec<Ran>, CannotRun> {
        self.run_those(name, |_| true).await
    }

    /// The same with those cells that are wanted.
    ///
    /// # Errors
    /// The same.
    pub async fn run_those(
        &self,
        name: &str,
        wanted: impl Fn(&Cell) -> bool,
    ) -> Result<Vec<Ran>, CannotRun> {
        let contract = &self.inputs.contract;
        let declared = contract.relation(name).expect("cells are of declared relations");
        if self.world.as_ref().is_ok_and(|world| world.unmade(name).is_some()) {
            return Ok(Vec::new());
        }
        let cells = cells(name, declared).into_iter().filter(wanted).collect::<Vec<_>>();
        let author = match &self.world {
            Ok(world) => Author::new(&self.catalog, contract, world, name)
                .map(|author| (author, world))
                .ok_or_else(|| format!("{name} is not in the database")),
            Err(why) => Err(why.clone()),
        };
        let (author, world) = match author {
            Ok(author) => author,
            Err(why) => {
                let not_run = |cell| not_run(cell, name, self.regime, &why);
                return Ok(cells.into_iter().map(not_run).collect());
            }
        };
        let target = Target::new(author.relation());
        let counts = self.counts(name, author.relation()).await?;
        let judge = Judge { regime: self.regime, contract, world, name, counts };
        let mut controls: BTreeMap<Try, Observation> = BTreeMap::new();
        let mut ran = Vec::new();
        for cell in cells {
            let written = match author.write(&cell) {
                Ok(written) => written,
                Err(why) => {
                    ran.push(not_run(cell, name, self.regime, &why.0));
                    continue;
                }
            };
            let attempt = async |persona: Persona| {
                self.prober.attempt(&target, persona, &written.setup, &written.statement).await
            };
            let observation = attempt(cell.persona).await?;
            let mut control = None;
            if cell.expected.is_denial() {
                if !controls.contains_key(&written) {
                    let (setup, statement) = (&written.setup, &written.statement);
                    let mut observed =
                        control::observe(&self.prober, &self.catalog, &target, setup, statement)
                            .await?;
                    // What a view shows depends on who asks.
                    for owner in Persona::OWNERS.into_iter().filter(|_| author.is_view()) {
                        if observed.outcome == Outcome::Rows(0) {
                            observed = attempt(owner).await?;
                        }
                    }
                    controls.insert(written.clone(), observed);
                }
                control = controls.get(&written);
            }
            let stored = cell.kept_by.is_some()
                && guards::is_stored(&self.prober, cell.persona, &written).await?;
            let mut returned = None;
            if observation.outcome == Outcome::Rows(1) {
                let of = (&cell, &written);
                returned = self.not_returned(&judge, &target, declared, of).await?;
            }
            let mut judged = judge.judge(cell, &written, &observation, stored, control);
            judged.entry.findings.extend(returned);
            ran.push(judged);
        }
        if self.prober.digest().await? == *self.prober.initial() {
            Ok(ran)
        } else {
            Err(CannotRun(format!("a probe of {name} was not rolled back")))
        }
    }

    /// The id of the first cell whose outcome differs from the grid, or whose probe cannot be
    /// set up. Controls are not checked, and the state only where a new row must get its
    /// members, which the outcome does not show.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub async fn first_failed(
        &self,
        name: &str,
        wanted: impl Fn(&Cell) -> bool,
    ) -> Result<Option<String>, CannotRun> {
        let contract = &self.inputs.contract;
        let declared = contract.relation(name).expect("cells are of declared relations");
        let world = self.world.as_ref().map_err(|why| CannotRun(why.clone()))?;
        let Some(author) = Author::new(&self.catalog, contract, world, name) else {
            return Err(CannotRun(format!("{name} is not in the database")));
        };
        let target = Target::new(author.relation());
        let counts = self.counts(name, author.relation()).await?;
        let judge = Judge { regime: self.regime, contract, world, name, counts };
        for cell in cells(name, declared).into_iter().filter(wanted) {
            let written = author.write(&cell)?;
            let (setup, statement) = (&written.setup, &written.statement);
            let gets_members =
                cell.command == Command::Insert && declared.shape.sharing == Sharing::Members;
            let has_rows_of_its_own = matches!(cell.persona, Persona::Declared(_));
            let seen = if gets_members || has_rows_of_its_own {
                self.prober.attempt(&target, cell.persona, setup, statement).await
            } else {
                self.prober.attempt_without_state(&target, cell.persona, setup, statement).await
            };
            let counts = |it: &Observation| judge.counts(cell.persona, it.before.as_ref());
            // A probe that can no longer be set up is not a pass.
            let green = seen.is_ok_and(|it| {
                let in_place = !gets_members || judge.misplaced(&cell, &written, &it).is_none();
                let expected = cell.expected.outcome(&counts(&it));
                it.unguarded.is_none() && judge.outcome(&cell, &it) == expected && in_place
            });
            let stored = cell.kept_by.is_some()
                && guards::is_stored(&self.prober, cell.persona, &written).await?;
            if !green || stored {
                return Ok(Some(cell.id));
            }
        }
        Ok(None)
    }
}

/// The observed grid in the form of the contract's: persona, target, and a column per command;
/// cells that differ are marked.
pub fn observed_grid(ran: &[Ran]) -> String {
    let mut lines: BTreeMap<(Persona, &Whose), BTreeMap<Command, String>> = BTreeMap::new();
    let mut commands: Vec<Command> = Vec::new();
    for ran in ran.iter().filter(|ran| ran.cell.column.is_none()) {
        let mark = if ran.entry.passed() { "" } else { " !" };
        let line = lines.entry((ran.cell.persona, &ran.cell.whose)).or_default();
        line.insert(ran.cell.command, format!("{}{mark}", short(&ran.observed)));
        commands.push(ran.cell.command);
    }
    commands.sort();
    commands.dedup();
    let mut text = format!("{:<14}{:<22}", "who", "whose row");
    text += &commands.iter().map(|c| format!("{:<18}", c.name())).collect::<String>();
    for ((persona, whose), cells) in lines {
        text = format!("{}\n{:<14}{:<22}", text.trim_end(), persona.name(), whose.to_string());
        for command in &commands {
            text += &format!("{:<18}", cells.get(command).map_or("-", String::as_str));
        }
    }
    text.trim_end().to_owned()
}

/// In a grid, a failure is shown by its SQLSTATE alone.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(why) => format!("failed {}", why.split(' ').next().unwrap_or_default()),
        other => other.to_string(),
    }
}
