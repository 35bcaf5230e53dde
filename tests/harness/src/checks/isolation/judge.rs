//! Judges a cell by its outcome, by the rows that it changed, and by its control.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cells::{Cell, rival};
use super::plan::Try;
use super::{guards, reach};
use crate::contract::Contract;
use crate::contract::grid::{Command, Expected, Whose};
use crate::contract::guard::Guard;
use crate::contract::shape::Counts;
use crate::database::outcome::Outcome;
use crate::findings::ledger::{CellRecord, ControlRecord, Entry, Finding, Shows, in_regime};
use crate::findings::rules::{self, Rule};
use crate::platform::Regime;
use crate::platform::persona::{Identity, Persona};
use crate::probe::Observation;
use crate::probe::digest::{self, Changed, Digest, reaches};
use crate::rows::World;

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

/// What cells of one table are judged by.
pub(super) struct Judge<'a> {
    pub(super) regime: Regime,
    pub(super) contract: &'a Contract,
    pub(super) world: &'a World,
    pub(super) name: &'a str,
    pub(super) counts: BTreeMap<Persona, Counts>,
}

impl Judge<'_> {
    /// The outcome of a control: a refusal by the column's guard shows that it reached the row.
    fn of_control(&self, cell: &Cell, observation: &Observation) -> Outcome {
        let declared = self.contract.relation(self.name);
        let guard =
            declared.zip(cell.column.as_ref()).and_then(|(declared, column)| {
                match declared.guard(column, cell.command)? {
                    Guard::Refused(trigger) => Some((declared, Expected::ByTrigger(trigger))),
                    Guard::Kept(_) => None,
                }
            });
        match guard {
            Some((declared, expected)) => guards::outcome(&expected, declared, observation),
            None => self.outcome(cell, observation),
        }
    }

    /// The outcome of a cell's statement.
    pub(super) fn outcome(&self, cell: &Cell, observation: &Observation) -> Outcome {
        match self.contract.relation(self.name) {
            Some(declared) => guards::outcome(&cell.expected, declared, observation),
            None => observation.outcome.clone(),
        }
    }

    /// `stored` says whether an update's value is there behind it, where a trigger is to keep the
    /// old one.
    pub(super) fn judge(
        &self,
        cell: Cell,
        written: &Try,
        observation: &Observation,
        stored: bool,
        control: Option<&Observation>,
    ) -> Ran {
        let before = observation.before.as_ref();
        let expected = cell.expected.outcome(&self.counts(cell.persona, before));
        let observed = self.outcome(&cell, observation);
        let control = control.map(|control| self.of_control(&cell, control));
        let mut findings = Vec::new();
        let mut find = |rule: &Rule, expected: String, observed: String| {
            findings.push(self.finding(rule, &cell, written, [&expected, &observed]));
        };
        if let Some(why) = &observation.unguarded {
            find(&rules::GUARD, "row level security applies".into(), why.clone());
        }
        if observed != expected {
            find(&rules::CELL, expected.to_string(), observed.to_string());
        }
        if let (Some(trigger), true) = (&cell.kept_by, stored) {
            let kept = format!("{expected}, and trigger {trigger} keeps the column's value");
            find(&rules::CELL, kept, format!("{observed}, and the value is stored"));
        }
        if let Some((expected, observed)) = self.misplaced(&cell, written, observation) {
            find(&rules::STATE, expected, observed);
        }
        let control = control.map(|outcome| (shows(&outcome), outcome));
        if let Some((Shows::Nothing, control)) = &control {
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
            statement: pasteable(&self.contract.identity(cell.persona), written),
            control: control.map(|(shows, outcome)| ControlRecord {
                outcome: match shows {
                    Shows::Nobody => format!("none: service_role is {outcome}, too"),
                    _ => format!("service_role: {outcome}"),
                },
                shows,
            }),
            changed: BTreeMap::from([(
                self.regime.name().to_owned(),
                digest::all_rows_of(&observation.changed),
            )]),
        };
        let entry = Entry {
            id: cell.id.clone(),
            expected: expected.to_string(),
            observed: in_regime(self.regime, observed.to_string()),
            findings,
            cell: Some(record),
        };
        Ran { cell, observed, took: observation.took, entry }
    }

    /// The state rule: a denied statement changes nothing, a user's changes only the user's
    /// rows, and one that succeeds changes a row of its table.
    pub(super) fn misplaced(
        &self,
        cell: &Cell,
        written: &Try,
        observation: &Observation,
    ) -> Option<(String, String)> {
        let misplaced = reach::misplaced(self.contract, &observation.changed, |it| {
            !cell.expected.is_denial() && self.may_change(cell, it)
        });
        let changed = digest::all_rows_of(misplaced);
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
        let rows_of = |user: Persona| user.user_id() == Some(changed.owner.as_str());
        let as_party = matches!(cell.whose, Whose::As(_))
            && changed.table == self.name
            && rows_of(rival(cell.persona));
        let alike = self.contract.users_alike(cell.persona, &changed.table);
        cell.persona == Persona::ServiceRole
            || as_party
            || alike.into_iter().skip(1).any(rows_of)
            || reach::may_change(
                self.contract,
                self.world,
                cell.persona,
                (self.name, &commands),
                changed,
            )
    }

    /// The numbers of rows for a persona; of a table, as they are behind the setup, which may have
    /// made some.
    pub(super) fn counts(&self, persona: Persona, before: Option<&Digest>) -> Counts {
        match (persona, before) {
            (Persona::Declared(_), Some(state)) if self.contract.tables.contains_key(self.name) => {
                in_table(self.contract, state, self.name, persona)
            }
            _ => self.counts.get(&persona).copied().unwrap_or_default(),
        }
    }

    pub(super) fn finding(
        &self,
        rule: &Rule,
        cell: &Cell,
        written: &Try,
        seen: [&str; 2],
    ) -> Finding {
        let column = cell.column.as_ref().map(|column| format!(".{column}"));
        let object = format!("{}{}", self.name, column.unwrap_or_default());
        Finding {
            persona: Some(cell.persona.name().to_owned()),
            statement: Some(pasteable(&self.contract.identity(cell.persona), written)),
            ..Finding::of(rule, &object, &cell.id, seen, self.regime)
        }
    }
}

/// What a control's outcome shows of the statement.
fn shows(outcome: &Outcome) -> Shows {
    match outcome {
        Outcome::Rows(1..) => Shows::Effect,
        Outcome::Refused(_) => Shows::Constraint,
        Outcome::AsDeclared(_) => Shows::Nobody,
        Outcome::Rows(0) | Outcome::NoPrivilege | Outcome::PolicyViolation | Outcome::Failed(_) => {
            Shows::Nothing
        }
    }
}

/// The script that reproduces a cell in psql, as a superuser.
fn pasteable(identity: &Identity, written: &Try) -> String {
    let mut lines = vec!["begin;".to_owned()];
    lines.extend(written.setup.iter().map(|statement| format!("{statement};")));
    lines.push(identity.become_sql());
    lines.push(format!("{};", written.statement));
    lines.push("rollback;".to_owned());
    lines.join("\n")
}

pub(super) fn not_run(cell: Cell, name: &str, regime: Regime, why: &str) -> Ran {
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

/// The numbers of rows of a table in a state for a persona.
pub(super) fn in_table(
    contract: &Contract,
    state: &Digest,
    name: &str,
    persona: Persona,
) -> Counts {
    let count = |is_it: &dyn Fn(&str) -> bool| state.count(name, is_it);
    let all = count(&|_| true);
    let Some(user) = persona.user_id() else {
        return Counts { own: all, all, ..Counts::default() };
    };
    let users = contract.users_alike(persona, name);
    let is_tenants = contract.is_of_tenants(name);
    let own = count(&|owner| {
        let mut ids = users.iter().filter_map(|user| user.user_id());
        ids.any(|id| owner == id || is_tenants && reaches(owner, id))
    });
    let reached = count(&|owner| reaches(owner, user));
    let named = count(&|owner| reaches(owner, user) && owner.starts_with(user));
    let beyond = |count: u64| count.saturating_sub(own);
    Counts { own, shared: beyond(reached), own_shared: beyond(named), all }
}
