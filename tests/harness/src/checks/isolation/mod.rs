//! Access matrix: runs every cell of a table's grid and judges it by outcome, state and
//! control.

pub mod cells;
pub mod control;
mod counts;
pub mod plan;
pub mod reach;
pub mod unmade;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::cells::{Cell, cells};
use self::plan::{Author, Try};
use crate::catalog;
use crate::catalog::Catalog;
use crate::contract::Contract;
use crate::contract::grid::{Command, Whose};
use crate::contract::shape::{Counts, Sharing};
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::findings::ledger::{CellRecord, Entry, Finding, in_regime};
use crate::findings::rules::{self, Rule};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::platform::persona::Persona;
use crate::probe::digest::{self, Changed};
use crate::probe::{Observation, Prober, Target};
use crate::rows::World;
use crate::sandbox::{Database, State};

/// A cell that was run.
pub struct Ran {
    /// The cell.
    pub cell: Cell,
    /// The outcome.
    pub observed: Outcome,
    /// How long it took.
    pub took: Duration,
    /// Its entry in the ledger.
    pub entry: Entry,
}

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
        let prober = Prober::new(database.admin_with_notices().await?, &digest).await?;
        Ok(Self { inputs, regime, catalog, world, prober, database })
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
        let contract = &self.inputs.contract;
        let declared = contract.relation(name).expect("cells are of declared relations");
        if self.world.as_ref().is_ok_and(|world| world.unmade(name).is_some()) {
            return Ok(Vec::new());
        }
        let cells = cells(name, declared);
        let author = match &self.world {
            Ok(world) => Author::new(&self.catalog, contract, world, name)
                .ok_or_else(|| format!("{name} is not in the database")),
            Err(why) => Err(why.clone()),
        };
        let author = match author {
            Ok(author) => author,
            Err(why) => {
                let not_run = |cell| not_run(cell, name, self.regime, &why);
                return Ok(cells.into_iter().map(not_run).collect());
            }
        };
        let target = Target::new(author.relation());
        let counts = self.counts(name, author.relation()).await?;
        let judge = Judge { regime: self.regime, contract, name, counts };
        let mut controls: BTreeMap<Try, Outcome> = BTreeMap::new();
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
                    let mut outcome =
                        control::outcome(&self.prober, &self.catalog, &target, setup, statement)
                            .await?;
                    // What a view shows depends on who asks.
                    for owner in Persona::OWNERS.into_iter().filter(|_| author.is_view()) {
                        if outcome == Outcome::Rows(0) {
                            outcome = attempt(owner).await?.outcome;
                        }
                    }
                    controls.insert(written.clone(), outcome);
                }
                control = controls.get(&written).cloned();
            }
            ran.push(judge.judge(cell, &written, &observation, control));
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
        let judge = Judge { regime: self.regime, contract, name, counts };
        for cell in cells(name, declared).into_iter().filter(wanted) {
            let written = author.write(&cell)?;
            let (setup, statement) = (&written.setup, &written.statement);
            let gets_members =
                cell.command == Command::Insert && declared.shape.sharing == Sharing::Members;
            let seen = if gets_members {
                self.prober.attempt(&target, cell.persona, setup, statement).await
            } else {
                self.prober.attempt_without_state(&target, cell.persona, setup, statement).await
            };
            let expected = cell.expected.outcome(&judge.counts(cell.persona));
            // A probe that can no longer be set up is not a pass.
            let green = seen.is_ok_and(|it| {
                let in_place = !gets_members || judge.misplaced(&cell, &written, &it).is_none();
                it.unguarded.is_none() && it.outcome == expected && in_place
            });
            if !green {
                return Ok(Some(cell.id));
            }
        }
        Ok(None)
    }
}

/// What cells of one table are judged by.
struct Judge<'a> {
    regime: Regime,
    contract: &'a Contract,
    name: &'a str,
    /// The numbers of rows.
    counts: BTreeMap<Persona, Counts>,
}

impl Judge<'_> {
    fn judge(
        &self,
        cell: Cell,
        written: &Try,
        observation: &Observation,
        control: Option<Outcome>,
    ) -> Ran {
        let expected = cell.expected.outcome(&self.counts(cell.persona));
        let mut findings = Vec::new();
        let mut find = |rule: &Rule, expected: String, observed: String| {
            findings.push(self.finding(rule, &cell, written, [&expected, &observed]));
        };
        if let Some(why) = &observation.unguarded {
            find(&rules::GUARD, "row level security applies".into(), why.clone());
        }
        if observation.outcome != expected {
            find(&rules::CELL, expected.to_string(), observation.outcome.to_string());
        }
        if let Some((expected, observed)) = self.misplaced(&cell, written, observation) {
            find(&rules::STATE, expected, observed);
        }
        if let Some(control) = &control
            && !matches!(control, Outcome::Rows(1..) | Outcome::Refused(_))
        {
            let expected = "the service role succeeds with the same statement".to_owned();
            find(&rules::CONTROL, expected, control.to_string());
        }
        let record = CellRecord {
            table: self.name.to_owned(),
            persona: cell.persona.name().to_owned(),
            command: cell.command.name().to_owned(),
            target: cell.whose.to_string(),
            column: cell.column.clone(),
            expected: expected.to_string(),
            statement: pasteable(cell.persona, written),
            control: control.map(|control| format!("service_role: {control}")),
            changed: BTreeMap::from([(
                self.regime.name().to_owned(),
                observation.changed.iter().map(digest::rows_of).collect(),
            )]),
        };
        let entry = Entry {
            id: cell.id.clone(),
            expected: expected.to_string(),
            observed: in_regime(self.regime, observation.outcome.to_string()),
            findings,
            cell: Some(record),
        };
        Ran { cell, observed: observation.outcome.clone(), took: observation.took, entry }
    }

    /// The state rule: a denied statement changes nothing, a user's changes only the user's
    /// rows, and one that succeeds changes a row of its table.
    fn misplaced(
        &self,
        cell: &Cell,
        written: &Try,
        observation: &Observation,
    ) -> Option<(String, String)> {
        let changed: Vec<String> = observation
            .changed
            .iter()
            .filter(|it| cell.expected.is_denial() || !self.may_change(cell, it))
            .map(digest::rows_of)
            .collect();
        if !changed.is_empty() {
            let expected = "no row but the sender's own changes".to_owned();
            return Some((expected, format!("changed: {}", changed.join(", "))));
        }
        let writes = cell.command != Command::Select && cell.column.is_none() && !written.idle;
        let done = matches!(observation.outcome, Outcome::Rows(1..));
        let hit = observation.changed.iter().any(|it| it.table == self.name);
        (writes && done && !cell.expected.is_denial() && !hit).then(|| {
            let observed = "the statement reports a change, and no row changed".to_owned();
            (format!("a row of {} changes", self.name), observed)
        })
    }

    /// Whether a cell's statement may change those rows.
    fn may_change(&self, cell: &Cell, changed: &Changed) -> bool {
        let commands = [cell.command];
        cell.persona == Persona::ServiceRole
            || reach::may_change(self.contract, cell.persona, (self.name, &commands), changed)
    }

    /// The numbers of rows for a persona.
    fn counts(&self, persona: Persona) -> Counts {
        self.counts.get(&persona).copied().unwrap_or_default()
    }

    fn finding(&self, rule: &Rule, cell: &Cell, written: &Try, seen: [&str; 2]) -> Finding {
        let column = cell.column.as_ref().map(|column| format!(".{column}"));
        let object = format!("{}{}", self.name, column.unwrap_or_default());
        Finding {
            persona: Some(cell.persona.name().to_owned()),
            statement: Some(pasteable(cell.persona, written)),
            ..Finding::of(rule, &object, &cell.id, seen, self.regime)
        }
    }
}

/// The script that reproduces a cell in psql, as a superuser.
fn pasteable(persona: Persona, written: &Try) -> String {
    let mut lines = vec!["begin;".to_owned()];
    lines.extend(written.setup.iter().map(|statement| format!("{statement};")));
    lines.push(persona.identity().become_sql());
    lines.push(format!("{};", written.statement));
    lines.push("rollback;".to_owned());
    lines.join("\n")
}

fn not_run(cell: Cell, name: &str, regime: Regime, why: &str) -> Ran {
    let observed = Outcome::Failed(format!("could not run: {why}"));
    let expected = cell.expected.to_string();
    let rule = &rules::COULD_NOT_RUN;
    let record = CellRecord {
        table: name.to_owned(),
        persona: cell.persona.name().to_owned(),
        command: cell.command.name().to_owned(),
        target: cell.whose.to_string(),
        column: cell.column.clone(),
        expected: expected.clone(),
        statement: String::new(),
        control: None,
        changed: BTreeMap::new(),
    };
    let entry = Entry {
        id: cell.id.clone(),
        expected: expected.clone(),
        observed: in_regime(regime, observed.to_string()),
        findings: vec![Finding {
            persona: Some(cell.persona.name().to_owned()),
            ..Finding::of(rule, name, &cell.id, [&expected, why], regime)
        }],
        cell: Some(record),
    };
    Ran { cell, observed, took: Duration::ZERO, entry }
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
