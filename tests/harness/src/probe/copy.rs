//! Probes COPY through the protocol's own exchange, which a batch of statements cannot contain.

use std::io::Cursor;
use std::pin::pin;
use std::time::Instant;

use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::{Client, Error};

use super::attempt::{Attempt, Transcript};
use super::digest::Digest;
use super::guard::guard;
use super::prober::Prober;
use crate::database::batch::Answer;
use crate::error::{CannotRun, describe};

/// Whether a script is a COPY between client and server.
pub(super) fn is_exchange(script: &[String]) -> bool {
    let [copy] = script else { return false };
    copy.starts_with("copy ") && (copy.ends_with(" to stdout") || copy.contains(" from stdin\n"))
}

impl Prober {
    /// Runs an attempt whose script is one COPY, and rolls it back. Rows for `from stdin`
    /// follow on the next lines, as in psql.
    ///
    /// # Errors
    /// Why it could not be run: the connection is gone, or the set-up failed.
    pub(super) async fn copy_attempt(
        &self,
        attempt: &Attempt<'_>,
    ) -> Result<Transcript, CannotRun> {
        if !attempt.script[0].contains('\n') {
            return self.copy_on_this_connection(attempt).await;
        }
        // After a refused COPY FROM, the driver still sends the end of the rows, and mistakes
        // the answer to that for the answer to its next message.
        let other =
            Self::new(self.connection.open_another().await?, &self.digest, self.identities.clone())
                .await?;
        other.copy_on_this_connection(attempt).await
    }

    async fn copy_on_this_connection(
        &self,
        attempt: &Attempt<'_>,
    ) -> Result<Transcript, CannotRun> {
        let client = &self.connection.client;
        let began = Instant::now();
        let mut batch = "begin; ".to_owned();
        for statement in attempt.setup {
            batch += &format!("{statement}; ");
        }
        batch +=
            &format!("execute identra_digest; {}{}", attempt.identity.become_sql(), guard("true"));
        let (mut answers, error) = self.run(&batch).await?;
        if let Some(error) = error {
            client.batch_execute("rollback").await.map_err(|error| gone(&error))?;
            let why = error.message();
            return Err(CannotRun(format!("could not set up the probe: {why}\n  {batch}")));
        }
        let guard = answers.pop().map(|answer| answer.rows[0].clone()).unwrap_or_default();
        let before = Digest::of_rows(&answers[1 + attempt.setup.len()].rows);
        let (answers, error, changed) = match copy(client, &attempt.script[0]).await {
            Ok(answer) => {
                let after = self.run("set local session authorization default").await?;
                debug_assert!(after.1.is_none(), "a superuser can come back");
                (vec![answer], None, before.changed(&self.digest().await?))
            }
            Err(error) => match error.as_db_error() {
                Some(refused) => (Vec::new(), Some(refused.clone()), Vec::new()),
                None => return Err(gone(&error)),
            },
        };
        let took = began.elapsed();
        // If the connection is unusable, the server rolls back by itself.
        if error.is_none() || !attempt.script[0].contains('\n') {
            client.batch_execute("rollback").await.map_err(|error| gone(&error))?;
        }
        let notices = self.connection.notices();
        Ok(Transcript { answers, error, notices, before: None, changed, guard, took })
    }
}

async fn copy(client: &Client, script: &str) -> Result<Answer, Error> {
    if let Some((statement, rows)) = script.split_once('\n') {
        let mut sink = pin!(client.copy_in::<_, Cursor<Vec<u8>>>(statement).await?);
        let rows = rows.strip_suffix("\\.").unwrap_or(rows);
        sink.send(Cursor::new(rows.as_bytes().to_vec())).await?;
        return Ok(Answer { rows: Vec::new(), count: sink.as_mut().finish().await? });
    }
    let mut stream = pin!(client.copy_out(script).await?);
    let mut answer = Answer::default();
    while let Some(row) = stream.try_next().await? {
        answer.rows.push(vec![String::from_utf8_lossy(&row).into_owned()]);
        answer.count += 1;
    }
    Ok(answer)
}

fn gone(error: &Error) -> CannotRun {
    CannotRun(format!("could not copy: {}", describe(error)))
}
