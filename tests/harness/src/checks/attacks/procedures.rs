//! Parts of attacks that are procedures with connections of their own.

use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::attacks::runner::{Context, Trial};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;

/// The context, or why there is none.
pub(super) fn context(sandbox: &Sandbox) -> Result<Context<'_>, CannotRun> {
    Context::of(sandbox).map_err(CannotRun)
}

/// A trial of one subject, with a weakness or the answer.
pub(super) fn trial(
    object: &str,
    part: &str,
    statement: &str,
    answer: &str,
    weakness: Option<String>,
) -> Trial {
    Trial {
        object: object.to_owned(),
        part: part.to_owned(),
        attacker: ATTACKER.name().to_owned(),
        statement: statement.to_owned(),
        answer: answer.to_owned(),
        weakness,
        remedy: None,
    }
}
