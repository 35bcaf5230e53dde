//! Guards: whether a refusal is the one that the contract asks for, and whether a trigger has kept
//! a column's value.

use tokio_postgres::error::DbError;

use super::plan::Try;
use crate::contract;
use crate::contract::grid::Expected;
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::probe::{Attempt, Observation, Prober};

/// The outcome of a statement: in the contract's words, if it is the refusal that is asked for.
pub(in crate::checks) fn outcome(
    expected: &Expected,
    declared: &contract::Relation,
    observed: &Observation,
) -> Outcome {
    let is_it = observed.error.as_ref().is_some_and(|error| match expected {
        Expected::ByTrigger(name) => {
            declared.function_of(name).is_some_and(|function| raises(function, error))
        }
        Expected::WithState(state) => error.code().code() == state,
        _ => false,
    });
    let by_policies = [Outcome::NoPrivilege, Outcome::PolicyViolation];
    if is_it && !by_policies.contains(&observed.outcome) {
        Outcome::AsDeclared(expected.to_string())
    } else {
        observed.outcome.clone()
    }
}

/// Whether that function, or one that it called, raised the error by itself: an error that the
/// server found in it, such as a missing privilege, is another.
pub(in crate::checks) fn raises(function: &str, error: &DbError) -> bool {
    let lines = error.where_().unwrap_or_default().lines();
    let mut names = lines.filter_map(|line| {
        let (_, call) = line.split_once(" function ")?;
        call.split('(').next()?.rsplit('.').next().map(|name| name.trim_matches('"'))
    });
    error.routine() == Some("exec_stmt_raise") && names.any(|name| name == function)
}

/// Whether the rows have the value that an update sets, behind it.
pub(super) async fn is_stored(
    prober: &Prober,
    persona: Persona,
    written: &Try,
) -> Result<bool, CannotRun> {
    let Some(stored) = &written.stored else { return Ok(false) };
    let script = [
        written.statement.clone(),
        "set local session authorization default".to_owned(),
        stored.clone(),
    ];
    let identity = prober.identity(persona);
    let attempt = Attempt { setup: &written.setup, identity, script: &script, active: "" };
    let transcript = prober.transcript_without_state(&attempt).await?;
    Ok(transcript.error.is_none() && transcript.answers.last().is_some_and(|it| it.count > 0))
}
