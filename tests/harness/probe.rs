//! This file is one statement tried as one persona: it becomes the persona, runs the
//! statement between two digests of everything, and rolls back.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::catalog::Relation;
use super::digest::Digest;
use super::outcome::Outcome;
use super::persona::Persona;
use super::{CannotRun, describe, quote};

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// What the statement got.
    pub(crate) outcome: Outcome,
    /// Whose rows it changed: table and owner.
    pub(crate) changed: Vec<(String, String)>,
    /// Why the persona was not who it should have been; the outcome is then worth nothing.
    pub(crate) unguarded: Option<String>,
}

/// A superuser's connection that is prepared to try statements on one relation.
pub(crate) struct Prober {
    client: Client,
    /// Its bare name, as the server prints it in "permission denied for table …".
    relation: String,
}

impl Prober {
    /// Prepares the digest and the guard. Whether policies apply is asked of a table; a view
    /// has none of its own.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn new(
        client: Client,
        digest: &str,
        relation: &Relation,
    ) -> Result<Self, CannotRun> {
        let active = if relation.kind.ends_with("table") {
            let name = quote(&relation.qualified());
            format!("pg_catalog.row_security_active({name}::pg_catalog.regclass)")
        } else {
            "true".to_owned()
        };
        let relation = relation.name.clone();
        let prepare = format!(
            "prepare identra_digest as {digest}; \
             prepare identra_guard as \
             select session_user::text, current_user::text, \
             (select rolsuper from pg_catalog.pg_roles where rolname = current_user)::text, \
             (select rolbypassrls from pg_catalog.pg_roles where rolname = current_user)::text, \
             ({active})::text"
        );
        client.batch_execute(&prepare).await.map_err(|error| {
            CannotRun(format!("could not prepare the probes of {relation}: {}", describe(&error)))
        })?;
        Ok(Self { client, relation })
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn digest(&self) -> Result<Digest, CannotRun> {
        let (rows, error) = self.run("execute identra_digest").await?;
        match error {
            None => Ok(Digest::of_rows(&rows[0].rows)),
            Some(error) => {
                Err(CannotRun(format!("could not take the digest: {}", error.message())))
            }
        }
    }

    /// Tries `statement` as `persona`; `setup` runs before that, as the administrator. All in
    /// one round trip, and nothing of it stays.
    ///
    /// # Errors
    /// Why it could not be tried: the connection is gone, or the set-up failed.
    pub(crate) async fn attempt(
        &self,
        persona: Persona,
        setup: &[String],
        statement: &str,
    ) -> Result<Observation, CannotRun> {
        let prepared: String = setup.iter().map(|statement| format!("{statement}; ")).collect();
        let batch = format!(
            "begin; {prepared}execute identra_digest; {} execute identra_guard; {statement}; \
             set local session authorization default; execute identra_digest",
            persona.become_sql()
        );
        let ran = self.run(&batch);
        let rolled_back = self.client.batch_execute("rollback");
        let (ran, rolled_back) = futures_util::future::join(ran, rolled_back).await;
        rolled_back.map_err(|error| {
            CannotRun(format!("could not roll back: {}", describe(&error)))
        })?;
        let (answers, error) = ran?;
        observe(persona, &answers, error, 1 + setup.len(), &self.relation, statement)
    }

    /// Runs a batch; answers that came before an error are kept.
    async fn run(
        &self,
        batch: &str,
    ) -> Result<(Vec<Answer>, Option<DbError>), CannotRun> {
        let gone = |error: tokio_postgres::Error| {
            CannotRun(format!("could not reach the server: {}", describe(&error)))
        };
        let mut messages = pin!(self.client.simple_query_raw(batch).await.map_err(gone)?);
        let mut answers = Vec::new();
        let mut open = Answer::default();
        loop {
            match messages.try_next().await {
                Ok(Some(SimpleQueryMessage::Row(row))) => {
                    let text = |at| row.get(at).unwrap_or_default().to_owned();
                    open.rows.push((0..row.len()).map(text).collect());
                }
                Ok(Some(SimpleQueryMessage::CommandComplete(count))) => {
                    open.count = count;
                    answers.push(std::mem::take(&mut open));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok((answers, None)),
                Err(error) => match error.as_db_error() {
                    Some(db) => return Ok((answers, Some(db.clone()))),
                    None => return Err(gone(error)),
                },
            }
        }
    }
}

/// Reads the answers to a batch whose first digest is the answer number `first`. Behind it
/// come session user, role and claims, guard, statement, administrator, second digest.
fn observe(
    persona: Persona,
    answers: &[Answer],
    error: Option<DbError>,
    first: usize,
    relation: &str,
    statement: &str,
) -> Result<Observation, CannotRun> {
    let Some(guard) = answers.get(first + 3) else {
        let why = error.map_or("no answer".to_owned(), |error| {
            format!("{} (SQLSTATE {})", error.message(), error.code().code())
        });
        return Err(CannotRun(format!("could not set up the probe: {why}\n  {statement}")));
    };
    let unguarded = unguarded(persona, &guard.rows[0]);
    if let Some(error) = error {
        let outcome = Outcome::of_error(&error, relation);
        return Ok(Observation { outcome, changed: Vec::new(), unguarded });
    }
    let (Some(ran), Some(after)) = (answers.get(first + 4), answers.get(first + 6)) else {
        return Err(CannotRun(format!("could not read the answers to {statement}")));
    };
    let before = Digest::of_rows(&answers[first].rows);
    let changed = before.changed(&Digest::of_rows(&after.rows));
    Ok(Observation { outcome: Outcome::Rows(ran.count), changed, unguarded })
}

/// What the server sent back for one statement of a batch.
#[derive(Debug, Default)]
struct Answer {
    rows: Vec<Vec<String>>,
    count: u64,
}

/// T01: the persona is who it should be, and policies apply to it.
fn unguarded(persona: Persona, guard: &[String]) -> Option<String> {
    let [session, current, superuser, bypass, active] = guard else {
        return Some("the guard gave no answer".to_owned());
    };
    let service = persona == Persona::ServiceRole;
    if session != "authenticator" || current != persona.role() {
        Some(format!("session user {session}, role {current}"))
    } else if superuser != "false" {
        Some(format!("role {current} is a superuser"))
    } else if (bypass == "true") != service {
        let does = if service { "does not bypass" } else { "bypasses" };
        Some(format!("role {current} {does} row level security"))
    } else if !service && active != "true" {
        Some("row level security is not active".to_owned())
    } else {
        None
    }
}
