//! Probe: becomes an identity, runs its statements, takes the state digest before and after,
//! and rolls everything back.

mod attempt;
mod copy;
pub mod digest;
mod guard;
mod prober;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub use self::attempt::{Attempt, Transcript};
use self::guard::{guard, unguarded};
pub use self::prober::Prober;
use super::catalog::Relation;
use tokio::time::sleep;
use tokio_postgres::error::DbError;

use crate::database::outcome::{Outcome, is_of_the_server};
use crate::error::{CannotRun, describe};
use crate::platform::persona::Persona;
use crate::probe::digest::{Changed, Digest};
use crate::sql::quote;

/// How long a statement waits before it is tried again, when the server lacks resources.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];

/// The result of a probe of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The outcome of the statement.
    pub outcome: Outcome,
    /// The state before it, where the setup has changed that.
    pub before: Option<Digest>,
    /// The error, if it was refused.
    pub error: Option<DbError>,
    /// The rows that it changed.
    pub changed: Vec<Changed>,
    /// Why the session did not have the persona's identity; the outcome then means nothing.
    pub unguarded: Option<String>,
    /// The time from the first byte sent to the rollback's answer.
    pub took: Duration,
}

/// A table or view that a probe is aimed at.
pub struct Target {
    schema: String,
    /// Its bare name, as the server prints it in "permission denied for table …".
    name: String,
    /// An expression for whether row level security is active on it for the current role.
    active: String,
}

impl Target {
    /// A table or view. A view has no row level security of its own.
    pub fn new(relation: &Relation) -> Self {
        let active = if relation.kind.ends_with("table") {
            // A role without USAGE on the schema may ask by number, and not by name.
            let [schema, name] = [&relation.schema, &relation.name].map(|it| quote(it));
            format!(
                "(select pg_catalog.row_security_active(c.oid) from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 where n.nspname = {schema} and c.relname = {name})"
            )
        } else {
            "true".to_owned()
        };
        Self { schema: relation.schema.clone(), name: relation.name.clone(), active }
    }
}

impl Target {
    /// An expression for whether row level security is active on it for the current role.
    pub fn active(&self) -> &str {
        &self.active
    }
}

impl Prober {
    /// Tries one statement as `persona`, with the state digest.
    ///
    /// # Errors
    /// Why it could not be tried: the connection is gone, or the set-up failed.
    pub async fn attempt(
        &self,
        target: &Target,
        persona: Persona,
        setup: &[String],
        statement: &str,
    ) -> Result<Observation, CannotRun> {
        self.observe(target, persona, (setup, statement), true).await
    }

    /// The same without the state digest.
    ///
    /// # Errors
    /// Why it could not be tried: the connection is gone, or the set-up failed.
    pub async fn attempt_without_state(
        &self,
        target: &Target,
        persona: Persona,
        setup: &[String],
        statement: &str,
    ) -> Result<Observation, CannotRun> {
        self.observe(target, persona, (setup, statement), false).await
    }

    async fn observe(
        &self,
        target: &Target,
        persona: Persona,
        (setup, statement): (&[String], &str),
        stateful: bool,
    ) -> Result<Observation, CannotRun> {
        let script = [statement.to_owned()];
        let identity = self.identity(persona);
        let attempt = Attempt { setup, identity, script: &script, active: &target.active };
        let transcript = self.run_attempt(&attempt, stateful).await?;
        let outcome = match &transcript.error {
            Some(error) => Outcome::of_error(error, [&target.schema, &target.name]),
            None => Outcome::Rows(transcript.answers[0].count),
        };
        let unguarded = unguarded(persona, &transcript.guard);
        let Transcript { error, before, changed, took, .. } = transcript;
        Ok(Observation { outcome, before, error, changed, unguarded, took })
    }

    /// Runs an attempt in one round trip, and rolls it back.
    ///
    /// # Errors
    /// Why it could not be run: the connection is gone, or the set-up failed.
    pub async fn transcript(&self, attempt: &Attempt<'_>) -> Result<Transcript, CannotRun> {
        self.run_attempt(attempt, true).await
    }

    /// The same without the state digest, which takes longer than most statements.
    ///
    /// # Errors
    /// Why it could not be run: the connection is gone, or the set-up failed.
    pub async fn transcript_without_state(
        &self,
        attempt: &Attempt<'_>,
    ) -> Result<Transcript, CannotRun> {
        self.run_attempt(attempt, false).await
    }

    /// The same as often as the server lacks what it needs; that says nothing of the schema.
    async fn run_attempt(
        &self,
        attempt: &Attempt<'_>,
        stateful: bool,
    ) -> Result<Transcript, CannotRun> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let transcript = self.run_once(attempt, stateful).await?;
            let Some(error) = transcript.error.as_ref().filter(|it| is_of_the_server(it)) else {
                return Ok(transcript);
            };
            let Some(pause) = pauses.next() else {
                return Err(CannotRun(format!("the server is short of resources: {error}")));
            };
            sleep(pause).await;
        }
    }

    async fn run_once(
        &self,
        attempt: &Attempt<'_>,
        stateful: bool,
    ) -> Result<Transcript, CannotRun> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.connection.notices();
        if copy::is_exchange(attempt.script) {
            return self.copy_attempt(attempt).await;
        }
        let active = if attempt.active.is_empty() { "true" } else { attempt.active };
        let nested = self.nested.load(Ordering::Relaxed);
        let (open, close) = if nested {
            ("savepoint probe", "rollback to savepoint probe")
        } else {
            ("begin", "rollback")
        };
        let mut batch = format!("{open}; ");
        for statement in attempt.setup {
            batch += &format!("{statement}; ");
        }
        // Without set-up the state before is the one that every probe starts from.
        let digest_first = stateful && !attempt.setup.is_empty();
        if digest_first {
            batch += "execute identra_digest; ";
        }
        batch += &attempt.identity.become_sql();
        batch += &guard(active);
        for statement in attempt.script {
            batch += &format!("{statement}; ");
        }
        batch += "set local session authorization default; ";
        batch += if stateful { "execute identra_state" } else { "select '', ''" };
        let began = Instant::now();
        let ran = self.run(&batch);
        let rolled_back = self.connection.client.batch_execute(close);
        let (ran, rolled_back) = futures_util::future::join(ran, rolled_back).await;
        rolled_back
            .map_err(|error| CannotRun(format!("could not roll back: {}", describe(&error))))?;
        let took = began.elapsed();
        let (mut answers, error) = ran?;
        // Behind BEGIN and the set-up with its digest come session user, role and claims.
        let before = 1 + attempt.setup.len() + usize::from(digest_first);
        let at = before + 2;
        let Some(guard) = answers.get(at) else {
            let why = error.map_or("no answer".to_owned(), |error| error.message().to_owned());
            return Err(CannotRun(format!("could not set up the probe: {why}\n  {batch}")));
        };
        let guard = guard.rows[0].clone();
        let mut changed = Vec::new();
        let before = digest_first.then(|| Digest::of_rows(&answers[before - 1].rows));
        if error.is_none() {
            let state = answers.last().map(|state| state.rows.clone()).unwrap_or_default();
            if state.first().is_some_and(|first| !first[1].is_empty()) {
                changed =
                    before.as_ref().unwrap_or(&self.initial).changed(&Digest::of_rows(&state[1..]));
            }
        }
        let answers = answers.drain(at + 1..).take(attempt.script.len()).collect();
        let notices = self.connection.notices();
        Ok(Transcript { answers, error, notices, before, changed, guard, took })
    }
}
