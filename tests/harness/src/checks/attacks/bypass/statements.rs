//! Parts of bypass attacks: catalog queries that must return nothing, and statements that must
//! be refused.

use crate::checks::attacks::runner::Trial;
use crate::checks::isolation::Sandbox;
use crate::error::{CannotRun, describe};
use crate::platform::SCHEMAS;
use crate::platform::persona::{Identity, Persona};
use crate::probe::{Attempt, Transcript};

/// The roles of clients, as a list in SQL.
pub(super) const CLIENTS: &str = "('anon', 'authenticated')";

/// A condition on `n`, a row of `pg_namespace`: neither PostgreSQL's, nor the platform's, nor
/// the harness's.
pub(super) fn ours() -> String {
    let platform = SCHEMAS.map(|schema| format!("'{schema}'")).join(", ");
    format!("n.nspname !~ '^(pg_|identra_)' and n.nspname not in ({platform})")
}

/// A trial by the role or persona `who`.
pub(super) fn trial(object: &str, part: &str, who: &str, statement: &str) -> Trial {
    Trial {
        object: object.to_owned(),
        part: part.to_owned(),
        attacker: who.to_owned(),
        statement: statement.to_owned(),
        answer: "refused".to_owned(),
        weakness: None,
        remedy: None,
    }
}

/// A trial for each offender of an administrator's query, or one trial without a weakness. The
/// query's columns are the object and its fault.
///
/// # Errors
/// The server's answer.
pub(super) async fn offenders(
    sandbox: &Sandbox,
    part: &str,
    query: &str,
) -> Result<Vec<Trial>, CannotRun> {
    let admin = sandbox.database.admin().await?;
    let rows = admin.query(query, &[]).await;
    let rows = rows.map_err(|error| CannotRun(format!("{query}\n  {}", describe(&error))))?;
    let offender = |(object, what): (String, String)| Trial {
        weakness: Some(what),
        ..trial(&object, part, "catalog", query)
    };
    if rows.is_empty() {
        let none = trial("database", part, "catalog", query);
        return Ok(vec![Trial { answer: "none".to_owned(), ..none }]);
    }
    Ok(rows.iter().map(|row| offender((row.get(0), row.get(1)))).collect())
}

/// Runs a script as a persona, without the state digest.
///
/// # Errors
/// That the set-up failed.
pub(super) async fn run(
    sandbox: &Sandbox,
    persona: Persona,
    setup: &[String],
    script: &[String],
) -> Result<Transcript, CannotRun> {
    let identity: Identity = sandbox.identity(persona);
    let attempt = Attempt { setup, identity: &identity, script, active: "" };
    sandbox.prober.transcript_without_state(&attempt).await
}

/// The weakness if statements that must be refused for a missing privilege succeed, or fail for
/// another reason, which would prove nothing.
pub(super) fn unrefused(transcript: &Transcript) -> Option<String> {
    match &transcript.error {
        Some(error) if error.code().code() == "42501" => None,
        Some(error) => {
            let (code, why) = (error.code().code(), error.message());
            Some(format!("denied for another reason: {code} {why}"))
        }
        None => {
            let count = transcript.answers.last().map_or(0, |answer| answer.count);
            Some(format!("it succeeds, {count} rows"))
        }
    }
}
