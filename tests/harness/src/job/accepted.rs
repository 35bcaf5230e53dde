//! Findings that the contract accepts, by rule and object. An entry that nothing needs is a finding
//! itself.

use super::parts::{Job, Part};
use crate::checks::attacks;
use crate::checks::attacks::runner::Attack;
use crate::checks::lint;
use crate::contract::AcceptedFinding;
use crate::error::CannotRun;
use crate::findings::ledger::{Entry, Finding, Ledger};
use crate::findings::rules;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::source::mistake::{Mistakes, Wrong};

/// Checks that each rule that the contract accepts findings of exists, and that none of them means
/// that an outcome is unknown.
///
/// # Errors
/// The rule, with file and line.
pub fn are_known(inputs: &Inputs) -> Result<(), CannotRun> {
    let own = rules::ALL.into_iter().map(|rule| rule.id.to_owned());
    let lints = lint::names().into_iter().map(|name| format!("lint.{name}"));
    let known: Vec<String> = own.chain(lints).chain(attacks::all().map(Attack::rule)).collect();
    let mut mistakes = Mistakes::default();
    for (at, accepted) in inputs.contract.database.accepted.iter().enumerate() {
        let rule = &accepted.rule;
        let is_unknown = rules::UNKNOWN_OUTCOME.iter().any(|it| rule.starts_with(it));
        let wrong = if !known.contains(rule) {
            let wrong = Wrong::new(format!("unknown rule `{rule}`"));
            wrong.help("`scripts/verify explain` lists all")
        } else if is_unknown || rule.starts_with("attack.T") || rule.starts_with("rows.") {
            let never = Wrong::new(format!("`{rule}` cannot be accepted"));
            never.label("it means that an outcome is unknown").help("fix its cause")
        } else {
            continue;
        };
        let file = &inputs.contract.sources["database.toml"];
        let at = file.value(&["accepted", &at.to_string(), "rule"]);
        mistakes.add(file.mistake(at, wrong));
    }
    mistakes.told()
}

/// The entries that the job plans to look for: of its attacks, and of any other rule.
fn planned<'i>(inputs: &'i Inputs, job: &Job) -> impl Iterator<Item = &'i AcceptedFinding> {
    inputs.contract.database.accepted.iter().filter(|accepted| {
        !accepted.rule.starts_with("attack.")
            || job.attacks.iter().any(|attack| attack.rule() == accepted.rule)
    })
}

/// The part of the job that makes findings of that rule.
fn part(rule: &str) -> Part {
    match rule.split('.').next().unwrap_or_default() {
        "attack" => Part::Attacks,
        "isolation" | "sign_up" => Part::Isolation,
        "property" | "coverage" => Part::Properties,
        _ => Part::Schema,
    }
}

/// The check of an entry: that something needs it.
fn check(accepted: &AcceptedFinding) -> String {
    let AcceptedFinding { rule, object, persona, part, .. } = accepted;
    let narrowed = [persona, part].into_iter().flatten().map(|it| format!("/{it}"));
    let narrowed: String = narrowed.collect();
    format!("database/unneeded_acceptance/{rule}/{object}{narrowed}")
}

/// Plans that each entry is needed.
pub(super) fn plan(ledger: &mut Ledger, inputs: &Inputs, job: &Job, regime: Regime) {
    for accepted in planned(inputs, job) {
        ledger.plan(check(accepted), regime);
    }
}

/// Takes the accepted findings out of the ledger, and says so in the outcomes of their checks.
pub(super) fn apply(ledger: &mut Ledger, inputs: &Inputs, job: &Job, regime: Regime) {
    for accepted in planned(inputs, job).filter(|it| job.does(part(&it.rule))) {
        let note = format!("; accepted: {}", accepted.reason);
        let needed = ledger.accept(&note, |finding| matches(accepted, finding));
        let observed = if needed { "a finding that it accepts" } else { "none" };
        let (rule, seen) = (&rules::ACCEPTS_NOTHING, ["a finding that it accepts", observed]);
        let object = format!("{} of {}", accepted.rule, accepted.object);
        ledger.record(Entry::compared(rule, &object, &check(accepted), seen, regime));
    }
}

/// Whether an entry accepts a finding. Its part is what an attack's outcome begins with, or the end
/// of the check's id.
fn matches(accepted: &AcceptedFinding, finding: &Finding) -> bool {
    let is_part = |part: &String| {
        finding.observed.starts_with(&format!("{part}: "))
            || finding.check.ends_with(&format!("/{part}"))
    };
    finding.rule == accepted.rule
        && finding.object == accepted.object
        && accepted.persona.as_ref().is_none_or(|it| finding.persona.as_ref() == Some(it))
        && accepted.part.as_ref().is_none_or(is_part)
}
