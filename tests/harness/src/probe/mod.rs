//! This file is statements tried as somebody: it becomes that identity, runs them, takes the
//! digest of everything before and after, and rolls back.

mod copy;
pub mod digest;
mod guard;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tokio_postgres::error::DbError;

use self::guard::{guard, unguarded};
use super::catalog::Relation;
use super::database::NoticeConnection;
use crate::database::batch::{self, Answer};
use crate::database::outcome::Outcome;
use crate::error::{CannotRun, describe};
use crate::platform::persona::{Identity, Persona};
use crate::probe::digest::{Changed, Digest};
use crate::sql::quote;

/// What came of a probe of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What the statement got.
    pub outcome: Outcome,
    /// Whose rows it changed.
    pub changed: Vec<Changed>,
    /// Why the persona was not who it should have been; the outcome is then worth nothing.
    pub unguarded: Option<String>,
    /// From the first byte sent to the rollback's answer.
    pub took: Duration,
}

/// Statements to try.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// What the administrator does first, one statement each.
    pub setup: &'a [String],
    /// Who tries.
    pub identity: &'a Identity,
    /// What is tried, one statement each; the first that fails is the last.
    pub script: &'a [String],
    /// Where not empty: an expression for whether row level security is active.
    pub active: &'a str,
}

/// What came of an act.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// What each statement of the script got back, until one failed.
    pub answers: Vec<Answer>,
    /// Why one failed.
    pub error: Option<DbError>,
    /// What the server said meanwhile.
    pub notices: Vec<DbError>,
    /// Whose rows changed.
    pub changed: Vec<Changed>,
    /// Session user, role, superuser, BYPASSRLS and whether row level security is active.
    pub guard: Vec<String>,
    /// From the first byte sent to the rollback's answer.
    pub took: Duration,
}

/// A superuser's connection that is prepared to try statements in a clone that nobody else
/// writes to.
pub struct Prober {
    connection: NoticeConnection,
    /// The statement that takes the digest.
    digest: String,
    /// The state that every probe starts from, since each is rolled back.
    start: Digest,
    played: AtomicUsize,
    /// Whether probes are played within a transaction that is open already.
    nested: AtomicBool,
}

/// A table or view that a probe is aimed at.
pub struct Target {
    /// Its bare name, as the server prints it in "permission denied for table …".
    name: String,
    /// Whether row level security is active on it, for whoever asks: an expression.
    active: String,
}

impl Target {
    /// A table or view. A view has no row level security of its own.
    pub fn new(relation: &Relation) -> Self {
        let name = quote(&relation.qualified());
        let active = if relation.kind.ends_with("table") {
            format!("pg_catalog.row_security_active({name}::pg_catalog.regclass)")
        } else {
            "true".to_owned()
        };
        Self { name: relation.name.clone(), active }
    }
}

impl Prober {
    /// Prepares the digest, and takes it for the first time.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn new(connection: NoticeConnection, digest: &str) -> Result<Self, CannotRun> {
        // A transaction without an id has written no row, so that its state needs no digest:
        // then only the first line comes back, and the id in it is empty. A plan made under
        // another search_path than the requests' would be thrown away by each of them.
        let written = "pg_catalog.pg_current_xact_id_if_assigned()";
        let prepare = format!(
            "set search_path = public, extensions; prepare identra_digest as {digest}; \
             prepare identra_state as select '', coalesce({written}::text, ''), '', '0', '0' \
             union all select * from ({digest}) as digest where {written} is not null"
        );
        connection.client.batch_execute(&prepare).await.map_err(|error| {
            CannotRun(format!("could not prepare the digest: {}", describe(&error)))
        })?;
        let (start, played) = (Digest::default(), AtomicUsize::new(0));
        let (digest, nested) = (digest.to_owned(), AtomicBool::new(false));
        let mut prober = Self { connection, digest, start, played, nested };
        prober.start = prober.digest().await?;
        Ok(prober)
    }

    /// The state that every probe starts from.
    pub fn start(&self) -> &Digest {
        &self.start
    }

    /// How many acts it has played.
    pub fn played(&self) -> usize {
        self.played.load(Ordering::Relaxed)
    }

    /// The connection that statements are tried on.
    pub fn client(&self) -> &Client {
        &self.connection.client
    }

    /// From now on whether probes are played within a transaction that somebody has begun on
    /// the connection; each is rolled back to where it began.
    pub fn nest(&self, nested: bool) {
        self.nested.store(nested, Ordering::Relaxed);
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn digest(&self) -> Result<Digest, CannotRun> {
        let (answers, error) = self.run("execute identra_digest").await?;
        match error {
            None => Ok(Digest::of_rows(&answers[0].rows)),
            Some(error) => {
                Err(CannotRun(format!("could not take the digest: {}", error.message())))
            }
        }
    }

    /// Tries one statement as `persona`, as [`Prober::play`] does.
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

    /// The same where only the answer matters.
    ///
    /// # Errors
    /// Why it could not be tried: the connection is gone, or the set-up failed.
    pub async fn glance(
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
        let identity = persona.identity();
        let act = Attempt { setup, identity: &identity, script: &script, active: &target.active };
        let played = self.run_attempt(&act, stateful).await?;
        let outcome = match &played.error {
            Some(error) => Outcome::of_error(error, &target.name),
            None => Outcome::Rows(played.answers[0].count),
        };
        let unguarded = unguarded(persona, &played.guard);
        Ok(Observation { outcome, changed: played.changed, unguarded, took: played.took })
    }

    /// Runs an act, all in one round trip; nothing of it stays.
    ///
    /// # Errors
    /// Why it could not be run: the connection is gone, or the set-up failed.
    pub async fn play(&self, act: &Attempt<'_>) -> Result<Transcript, CannotRun> {
        self.run_attempt(act, true).await
    }

    /// The same where only the answers matter: the state is not looked at, which takes longer
    /// than most acts.
    ///
    /// # Errors
    /// Why it could not be run: the connection is gone, or the set-up failed.
    pub async fn listen(&self, act: &Attempt<'_>) -> Result<Transcript, CannotRun> {
        self.run_attempt(act, false).await
    }

    async fn run_attempt(
        &self,
        act: &Attempt<'_>,
        stateful: bool,
    ) -> Result<Transcript, CannotRun> {
        self.played.fetch_add(1, Ordering::Relaxed);
        self.connection.notices();
        if copy::is_exchange(act.script) {
            return self.copy_attempt(act).await;
        }
        let active = if act.active.is_empty() { "true" } else { act.active };
        let nested = self.nested.load(Ordering::Relaxed);
        let (open, close) = if nested {
            ("savepoint probe", "rollback to savepoint probe")
        } else {
            ("begin", "rollback")
        };
        let mut batch = format!("{open}; ");
        for statement in act.setup {
            batch += &format!("{statement}; ");
        }
        // Without set-up the state before is the one that every probe starts from.
        let digest_first = stateful && !act.setup.is_empty();
        if digest_first {
            batch += "execute identra_digest; ";
        }
        batch += &act.identity.become_sql();
        batch += &guard(active);
        for statement in act.script {
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
        let before = 1 + act.setup.len() + usize::from(digest_first);
        let at = before + 2;
        let Some(guard) = answers.get(at) else {
            let why = error.map_or("no answer".to_owned(), |error| error.message().to_owned());
            return Err(CannotRun(format!("could not set up the probe: {why}\n  {batch}")));
        };
        let guard = guard.rows[0].clone();
        let mut changed = Vec::new();
        if error.is_none() {
            let state = answers.last().map(|state| state.rows.clone()).unwrap_or_default();
            if state.first().is_some_and(|first| !first[1].is_empty()) {
                let start = match act.setup {
                    [] => self.start.clone(),
                    _ => Digest::of_rows(&answers[before - 1].rows),
                };
                changed = start.changed(&Digest::of_rows(&state[1..]));
            }
        }
        let answers = answers.drain(at + 1..).take(act.script.len()).collect();
        let notices = self.connection.notices();
        Ok(Transcript { answers, error, notices, changed, guard, took })
    }

    /// Runs a batch on the prober's connection.
    async fn run(&self, batch: &str) -> Result<(Vec<Answer>, Option<DbError>), CannotRun> {
        batch::run(&self.connection.client, batch).await
    }
}
