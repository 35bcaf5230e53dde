//! A client's session as the gateway makes it: a connection as `authenticator`, with role and
//! claims set for one transaction at a time.

use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Transaction};

use super::batch::{self, Answer};
use super::outcome::Outcome;
use crate::error::{CannotRun, describe};
use crate::platform::persona::{Identity, Persona};
use crate::sql::schema_of;

/// The result of a transaction: an answer for each statement, or why it was rolled back.
pub type Response = Result<Vec<Answer>, DbError>;

/// A connection that sends the requests of one identity.
pub struct Session {
    client: Client,
    identity: Identity,
}

impl Session {
    /// Requests of `persona` over a connection as `authenticator`.
    pub fn new(client: Client, persona: Persona) -> Self {
        Self::of(client, persona.identity())
    }

    /// Requests with the role and claims of a token that the gateway has verified.
    pub fn of(client: Client, identity: Identity) -> Self {
        Self { client, identity }
    }

    /// Runs one statement in a transaction of its own, which is committed if it succeeds.
    /// A refusal's message must name `relation`.
    ///
    /// # Panics
    /// The transaction could not be opened or closed.
    pub async fn attempt(&mut self, relation: &str, statement: &str) -> Outcome {
        let transaction = self.begin().await;
        match transaction.execute(statement, &[]).await {
            Ok(count) => {
                transaction.commit().await.unwrap_or_else(|error| panic!("commit: {error}"));
                Outcome::Rows(count)
            }
            Err(error) => match error.as_db_error() {
                Some(error) => Outcome::of_error(error, schema_of(relation).into()),
                None => panic!("{statement}\n  {}", describe(&error)),
            },
        }
    }

    /// The first column of each row that a query gets, as text.
    ///
    /// # Errors
    /// The server's error.
    pub async fn try_column(&mut self, query: &str) -> Result<Vec<String>, tokio_postgres::Error> {
        let rows = self.begin().await.query(query, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Runs statements in one transaction, each in its own message. `begin` opens it, with an
    /// isolation level or without, and `end` commits it or rolls it back; an error rolls it
    /// back, too.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub async fn transact(
        &self,
        begin: &str,
        statements: &[String],
        end: &str,
    ) -> Result<Response, CannotRun> {
        let mut messages = vec![format!("{begin}; {}", self.identity.request_sql())];
        messages.extend_from_slice(statements);
        messages.push(end.to_owned());
        let mut answers = Vec::new();
        for message in &messages {
            let (mut got, refusal) = batch::run(&self.client, message).await?;
            if let Some(refusal) = refusal {
                batch::run(&self.client, "rollback").await?;
                return Ok(Err(refusal));
            }
            answers.extend(got.pop());
        }
        // Without the answers to `begin` and `end`.
        Ok(Ok(answers.drain(1..messages.len() - 1).collect()))
    }

    async fn begin(&mut self) -> Transaction<'_> {
        let request = self.identity.request_sql();
        let begun = async {
            let transaction = self.client.transaction().await?;
            transaction.batch_execute(&request).await?;
            Ok(transaction)
        };
        begun.await.unwrap_or_else(|error: tokio_postgres::Error| {
            panic!("could not become {}: {}", self.identity.name, describe(&error))
        })
    }
}
