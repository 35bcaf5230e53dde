//! The prober: a prepared connection, and the state digest of its database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio_postgres::Client;
use tokio_postgres::error::DbError;

use super::digest::Digest;
use crate::database::NoticeConnection;
use crate::database::batch::{self, Answer};
use crate::error::{CannotRun, describe};
use crate::platform::persona::{Identity, Persona};

/// A superuser's connection that is prepared to try statements in a clone that nobody else
/// writes to.
pub struct Prober {
    pub(super) connection: NoticeConnection,
    /// Every persona as the gateway presents it.
    pub(super) identities: BTreeMap<Persona, Identity>,
    /// The statement that computes the digest.
    pub(super) digest: String,
    /// The state before every probe, because each is rolled back.
    pub(super) initial: Digest,
    pub(super) attempts: AtomicUsize,
    /// Whether probes run within a transaction that is open already.
    pub(super) nested: AtomicBool,
}

impl Prober {
    /// Prepares the digest, and takes it for the first time.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn new(
        connection: NoticeConnection,
        digest: &str,
        identities: BTreeMap<Persona, Identity>,
    ) -> Result<Self, CannotRun> {
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
        let (initial, attempts) = (Digest::default(), AtomicUsize::new(0));
        let (digest, nested) = (digest.to_owned(), AtomicBool::new(false));
        let mut prober = Self { connection, identities, digest, initial, attempts, nested };
        prober.initial = prober.digest().await?;
        Ok(prober)
    }

    /// The state before every probe.
    pub fn initial(&self) -> &Digest {
        &self.initial
    }

    /// The persona as the gateway presents it.
    pub fn identity(&self, persona: Persona) -> &Identity {
        &self.identities[&persona]
    }

    /// The number of attempts so far.
    pub fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    /// The connection that statements are tried on.
    pub fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Sets whether later probes run within a transaction that the caller has begun on the
    /// connection; each is rolled back to a savepoint.
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

    /// Runs a batch on the prober's connection.
    pub(super) async fn run(
        &self,
        batch: &str,
    ) -> Result<(Vec<Answer>, Option<DbError>), CannotRun> {
        batch::run(&self.connection.client, batch).await
    }
}
