//! This file is what an attack is: data, the statements it tries, and the three rules by which
//! it is judged: state, output and control.

pub mod context;
pub mod judge;
pub mod open_transaction;
pub mod transcript;

use std::pin::Pin;

pub use self::context::Context;
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::findings::ledger::{Entry, Finding, in_regime};
use crate::findings::rules;
use crate::platform::Regime;
use crate::platform::persona::Identity;

/// An entry of the attack catalogue.
pub struct Attack {
    /// Its number in the catalogue, such as `W04`.
    pub id: &'static str,
    /// What is tried, in a few words.
    pub title: &'static str,
    /// What a finding of it means, for who meets one for the first time: a sentence or two.
    pub meaning: &'static str,
    /// How to mend what it finds.
    pub remedy: &'static str,
    /// Linter, weakness and vulnerability numbers.
    pub references: &'static [&'static str],
    /// Why it may apply to nothing.
    pub unless: &'static str,
    /// How it is tried.
    pub kind: Kind,
}

/// How an attack is tried.
pub enum Kind {
    /// Statements by an attacker, each judged by the three rules.
    Probes(fn(&Context<'_>) -> Result<Vec<Probe>, CannotRun>),
    /// The same over a channel that is open by nature; why that is acceptable comes first.
    /// What it tells is reported and is no finding.
    Accepted(&'static str, fn(&Context<'_>) -> Result<Vec<Probe>, CannotRun>),
    /// What is tried as the next is, where one channel among others is open by nature; why that
    /// is acceptable comes first.
    PartlyAccepted(&'static str, for<'a> fn(&'a Sandbox) -> TrialFuture<'a>),
    /// Something of its own, over connections of its own.
    Trials(for<'a> fn(&'a Sandbox) -> TrialFuture<'a>),
}

/// The work of an attack that is no list of statements.
pub type TrialFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Trial>, CannotRun>> + Send + 'a>>;

/// Statements of an attacker, and what they are compared with.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The table, view or function that is attacked.
    pub object: String,
    /// Which of several ways on that object; may be empty.
    pub part: String,
    /// What the administrator does first, one statement each.
    pub setup: Vec<String>,
    /// Who attacks.
    pub attacker: Identity,
    /// The attack, one statement each; the first that fails is the last.
    pub script: Vec<String>,
    /// Other worlds, that differ in the victim's rows alone: name and how the administrator
    /// makes them.
    pub worlds: Vec<(&'static str, Vec<String>)>,
    /// Who shows that the same statements do bite.
    pub control: Control,
}

/// Who shows that an attack's statements do bite where they may.
#[derive(Debug, Clone)]
pub enum Control {
    /// This identity's answers differ between the worlds, or it changes a row of the victim's.
    By(Identity),
    /// This identity, with these statements instead, does so.
    Instead(Identity, Vec<String>),
    /// Nobody, for the reason given.
    Nobody(&'static str),
    /// Nobody, since it is not known what the object has to do with anybody's rows; but the
    /// server must have understood the statements: what it could not even parse would prove
    /// nothing.
    Understood,
}

/// What came of one way to attack one object.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The table, view or function; or the database.
    pub object: String,
    /// Which of several ways on that object; may be empty.
    pub part: String,
    /// Who attacked.
    pub attacker: String,
    /// What to paste into psql to see it again.
    pub statement: String,
    /// What the attacker got, where all is well; nothing where the object has no such thing.
    pub answer: String,
    /// What leaked or moved; nothing if all is well.
    pub weakness: Option<String>,
}

impl Attack {
    /// The id of its rule in findings.
    pub fn rule(&self) -> String {
        format!("attack.{}", self.id)
    }

    /// Why a channel that it tries is open on purpose, whatever the schema.
    pub fn accepted(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Accepted(reason, _) | Kind::PartlyAccepted(reason, _) => Some(reason),
            Kind::Probes(_) | Kind::Trials(_) => None,
        }
    }

    /// The ids of the checks that it will make in that arena.
    pub fn plan(&self, sandbox: &Sandbox) -> Vec<String> {
        let probes = self.probes(sandbox).unwrap_or_default();
        let mut ids: Vec<String> = probes.iter().map(|probe| self.check(&probe.object)).collect();
        ids.dedup();
        if ids.is_empty() { vec![self.check("")] } else { ids }
    }

    /// Attacks everything in the arena that it can be tried on. What could not be tried is a
    /// finding.
    pub async fn run(&self, sandbox: &Sandbox) -> Vec<Entry> {
        let regime = sandbox.regime();
        let trials = match self.kind {
            Kind::Trials(trials) | Kind::PartlyAccepted(_, trials) => trials(sandbox).await,
            Kind::Probes(_) | Kind::Accepted(..) => self.judge(sandbox).await,
        };
        match (trials, &self.kind) {
            (Ok(trials), Kind::Probes(_) | Kind::Accepted(..)) if !trials.is_empty() => trials
                .chunk_by(|one, next| one.object == next.object)
                .map(|of| self.entry(&of[0].object, of, regime))
                .collect(),
            (Ok(trials), _) => vec![self.entry("", &trials, regime)],
            (Err(why), _) => {
                let failed = Trial::failed(Some(format!("{COULD_NOT_RUN}{why}")));
                vec![self.entry("", &[failed], regime)]
            }
        }
    }

    /// Its probes; none where it has trials of its own.
    fn probes(&self, sandbox: &Sandbox) -> Result<Vec<Probe>, CannotRun> {
        match self.kind {
            Kind::Probes(probes) | Kind::Accepted(_, probes) => {
                probes(&Context::of(sandbox).map_err(CannotRun)?)
            }
            Kind::Trials(_) | Kind::PartlyAccepted(..) => Ok(Vec::new()),
        }
    }

    async fn judge(&self, sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
        let mut context = Context::of(sandbox).map_err(CannotRun)?;
        if let Kind::Accepted(reason, _) = self.kind {
            context.accept(reason);
        }
        let mut trials = Vec::new();
        for probe in self.probes(sandbox)? {
            let trial = judge::judge(&context, self.id, &probe).await;
            trials.push(trial.unwrap_or_else(|why| Trial {
                object: probe.object,
                part: probe.part,
                attacker: probe.attacker.name,
                statement: probe.script.join(";\n"),
                answer: String::new(),
                weakness: Some(format!("{COULD_NOT_RUN}{why}")),
            }));
        }
        Ok(trials)
    }

    fn check(&self, object: &str) -> String {
        let separator = if object.is_empty() { "" } else { "/" };
        format!("attack/{}{separator}{object}", self.id)
    }

    fn entry(&self, object: &str, trials: &[Trial], regime: Regime) -> Entry {
        let check = self.check(object);
        let weak = trials.iter().filter_map(|trial| Some((trial, trial.weakness.as_ref()?)));
        // What is not known is no weakness, and nobody can put up with it.
        let rule = |weakness: &str| match weakness {
            it if it.starts_with(COULD_NOT_RUN) => rules::COULD_NOT_RUN.id.to_owned(),
            it if it.starts_with(TOOTHLESS) => rules::CONTROL.id.to_owned(),
            _ => self.rule(),
        };
        let finding = |(trial, weakness): (&Trial, &String)| Finding {
            rule: rule(weakness),
            title: self.title.to_owned(),
            object: trial.object.clone(),
            expected: EXPECTED.to_owned(),
            observed: format!("{}{weakness}", prefix(&trial.part)),
            persona: Some(trial.attacker.clone()),
            statement: Some(trial.statement.clone()),
            remedy: self.remedy.to_owned(),
            location: None,
            references: self.references.iter().map(|&r| r.to_owned()).collect(),
            check: check.clone(),
            regimes: vec![regime.name().to_owned()],
        };
        let mut answers: Vec<String> = trials
            .iter()
            .map(|trial| {
                let text = trial.weakness.as_ref().unwrap_or(&trial.answer);
                let of = if trial.object == object { "" } else { &trial.object };
                format!("{}{}{text}", prefix(of), prefix(&trial.part))
            })
            .collect();
        answers.dedup();
        let observed = match answers.as_slice() {
            [] => format!("not applicable: {}", self.unless),
            answers => answers.join("; "),
        };
        Entry {
            id: check.clone(),
            expected: EXPECTED.to_owned(),
            observed: in_regime(regime, observed),
            findings: weak.map(finding).collect(),
            cell: None,
        }
    }
}

/// How the reason begins why an attack is not known to be harmless.
const COULD_NOT_RUN: &str = "could not run: ";
/// The same where it was tried, and nobody can do anything with those statements.
const TOOTHLESS: &str = "the control, ";

/// What every attack is expected to come to.
pub const EXPECTED: &str = "nothing of another user's is seen or changed";

fn prefix(part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{part}: ") }
}

impl Trial {
    /// A trial of the database as a whole that came to `weakness`, or to nothing.
    pub fn failed(weakness: Option<String>) -> Self {
        Self {
            object: "database".to_owned(),
            part: String::new(),
            attacker: "nobody".to_owned(),
            statement: String::new(),
            answer: "nothing".to_owned(),
            weakness,
        }
    }
}

/// A fault that an attack finds, as `explain` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The object under whose name it is found.
    pub object: &'static str,
    /// The statements that plant it.
    pub plant: &'static str,
    /// What is observed.
    pub observed: &'static str,
}
