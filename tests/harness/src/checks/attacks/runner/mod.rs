//! Attack: its data, the statements that it tries, and the three rules by which it is judged:
//! state, output and control.

pub mod context;
pub mod judge;
pub mod open_transaction;
mod probe;
pub mod secrets;
pub mod transcript;

use std::pin::Pin;

pub use self::context::Context;
pub use self::probe::{Control, Probe, Trial};
use self::probe::{FAILS, INEFFECTIVE, NO_EFFECT};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::findings::ledger::{COULD_NOT_RUN, Entry, Finding, in_regime};
use crate::findings::rules;
use crate::findings::severity::Severity;
use crate::platform::Regime;

/// An entry of the attack catalogue.
pub struct Attack {
    /// Its number in the catalogue, such as `W04`.
    pub id: &'static str,
    /// Its title: what is tried.
    pub title: &'static str,
    /// What a finding means, for a first reader, in a few sentences.
    pub meaning: &'static str,
    /// How to fix a finding.
    pub remedy: &'static str,
    /// Linter, weakness and vulnerability numbers.
    pub references: &'static [&'static str],
    /// The reason if it applies to no object.
    pub unless: &'static str,
    /// How it is tried.
    pub kind: Kind,
}

/// How an attack is tried.
pub enum Kind {
    /// Statements of an attacker, each judged by the three rules.
    Probes(fn(&Context<'_>) -> Result<Vec<Probe>, CannotRun>),
    /// The same for an inherent channel, with the reason why it is accepted. A leak is reported
    /// and is no finding.
    Accepted(&'static str, fn(&Context<'_>) -> Result<Vec<Probe>, CannotRun>),
    /// Like [`Kind::Trials`], if one of several channels is inherent, with the reason why it is
    /// accepted.
    PartlyAccepted(&'static str, for<'a> fn(&'a Sandbox) -> TrialFuture<'a>),
    /// A procedure with its own connections.
    Trials(for<'a> fn(&'a Sandbox) -> TrialFuture<'a>),
}

/// The procedure of an attack that is no list of statements.
pub type TrialFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Trial>, CannotRun>> + Send + 'a>>;

impl Attack {
    /// The id of its rule in findings.
    pub fn rule(&self) -> String {
        format!("attack.{}", self.id)
    }

    /// Why a channel that it tries is accepted for every schema.
    pub fn accepted(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Accepted(reason, _) | Kind::PartlyAccepted(reason, _) => Some(reason),
            Kind::Probes(_) | Kind::Trials(_) => None,
        }
    }

    /// The ids of its checks in that sandbox.
    pub fn plan(&self, sandbox: &Sandbox) -> Vec<String> {
        let probes = self.probes(sandbox).unwrap_or_default();
        let mut ids: Vec<String> = probes.iter().map(|probe| self.check(&probe.object)).collect();
        ids.dedup();
        if ids.is_empty() { vec![self.check("")] } else { ids }
    }

    /// Attacks every object of the sandbox that it applies to. An object that could not be
    /// attacked is a finding.
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

    /// Its probes; none if it has its own procedure.
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
                remedy: None,
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
        // A check that could not run is no weakness, and cannot be accepted.
        let rule = |weakness: &str| match weakness {
            it if it.starts_with(COULD_NOT_RUN) => rules::COULD_NOT_RUN.id.to_owned(),
            it if it.starts_with(INEFFECTIVE) => rules::CONTROL.id.to_owned(),
            _ => self.rule(),
        };
        let of_function = |weakness: &str| match weakness {
            it if it.starts_with(FAILS) => Some(&rules::FAILS),
            it if it.starts_with(NO_EFFECT) => Some(&rules::NO_EFFECT),
            _ => None,
        };
        let finding = |(trial, weakness): (&Trial, &String)| Finding {
            severity: Severity::default(),
            rule: of_function(weakness).map_or_else(|| rule(weakness), |it| it.id.to_owned()),
            title: of_function(weakness).map_or(self.title, |it| it.title).to_owned(),
            object: trial.object.clone(),
            cause: Vec::new(),
            expected: EXPECTED.to_owned(),
            observed: format!("{}{weakness}", prefix(&trial.part)),
            persona: Some(trial.attacker.clone()),
            statement: Some(trial.statement.clone()),
            remedy: match (of_function(weakness), &trial.remedy) {
                (Some(rule), _) => rule.remedy.to_owned(),
                (None, remedy) => remedy.clone().unwrap_or_else(|| self.remedy.to_owned()),
            },
            location: None,
            references: of_function(weakness)
                .map_or(self.references, |it| it.references)
                .iter()
                .map(|&r| r.to_owned())
                .collect(),
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

/// The expected outcome of every attack.
pub const EXPECTED: &str = "nothing of another user's is seen or changed";

fn prefix(part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{part}: ") }
}

/// A fault that an attack finds, as `explain` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The object of the finding.
    pub object: &'static str,
    /// The statements that plant it.
    pub plant: &'static str,
    /// The observed outcome.
    pub observed: &'static str,
}
