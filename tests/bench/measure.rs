//! Measures two queries for the same rows alternately, so that load on the machine affects
//! both.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_postgres::{Client, Statement};

use schema_harness::checks::plans::queries::Query;
use schema_harness::database::connect;
use schema_harness::error::{CannotRun, describe};
use schema_harness::platform::persona::{Persona, ServiceRole};
use schema_harness::sandbox::Database;

/// The maximum number of rounds.
const ROUNDS: usize = 400;
/// The time limit, if there are [`ENOUGH`] rounds.
const PATIENCE: Duration = Duration::from_millis(2500);
/// A median of fewer means nothing.
const ENOUGH: usize = 15;

/// Above the columns of a [`Cost`]: medians in microseconds.
pub(crate) const HEADING: &str = "query                          \
                              policy µs  owned µs  ratio   and planned each time     rounds";

/// What row level security costs a query.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    /// The query's name.
    pub(crate) query: String,
    /// Rows of each large table.
    pub(crate) rows: u32,
    /// Planned once: medians in microseconds, with policies and with a condition on the owner.
    pub(crate) policy: f64,
    pub(crate) owned: f64,
    /// The same with the query planned each time.
    pub(crate) planned_policy: f64,
    pub(crate) planned_owned: f64,
    /// The number of rounds.
    pub(crate) rounds: usize,
}

impl Cost {
    /// The ratio of the time with policies to the time without.
    pub(crate) fn ratio(&self) -> f64 {
        self.policy / self.owned
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { query, policy, owned, planned_policy, planned_owned, rounds, .. } = self;
        let (ratio, planned_ratio) = (self.ratio(), planned_policy / planned_owned);
        write!(
            f,
            "{query:<30} {policy:>9.0} {owned:>9.0} {ratio:>6.2} {planned_policy:>9.0} \
             {planned_owned:>9.0} {planned_ratio:>6.2} {rounds:>6}"
        )
    }
}

/// A transaction of an identity, in which statements are timed.
pub(crate) struct Turn {
    client: Client,
}

impl Turn {
    /// Begins it.
    ///
    /// # Errors
    /// Why the server refused.
    pub(crate) async fn of(database: &Database, persona: Persona) -> Result<Self, CannotRun> {
        let client = connect(&database.login("authenticator")).await?;
        let turn = Self { client };
        turn.send(&format!("begin; {}", persona.identity().request_sql())).await?;
        Ok(turn)
    }

    /// Runs statements.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn send(&self, batch: &str) -> Result<(), CannotRun> {
        self.client.simple_query(batch).await.map(drop).map_err(|error| refused(&error))
    }

    /// Prepares a statement.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, CannotRun> {
        self.client.prepare(sql).await.map_err(|error| refused(&error))
    }

    /// The first column of each row that a prepared query gets, and how long that takes.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn time(&self, query: &Statement) -> Result<Duration, CannotRun> {
        let began = Instant::now();
        self.client.query(query, &[]).await.map_err(|error| refused(&error))?;
        Ok(began.elapsed())
    }

    /// How long a query takes including its planning.
    async fn time_planned(&self, sql: &str) -> Result<Duration, CannotRun> {
        let began = Instant::now();
        self.send(sql).await?;
        Ok(began.elapsed())
    }

    /// The first column of each row, as text.
    ///
    /// # Errors
    /// The server's answer.
    pub(crate) async fn column(&self, sql: &str) -> Result<Vec<String>, CannotRun> {
        let rows = self.client.query(sql, &[]).await.map_err(|error| refused(&error))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

fn refused(error: &tokio_postgres::Error) -> CannotRun {
    CannotRun(format!("could not measure: {}", describe(error)))
}

/// Measures a query and its counterpart.
///
/// # Errors
/// The server's answer.
pub(crate) async fn cost(
    database: &Database,
    query: &Query,
    owned: &str,
    rows: u32,
) -> Result<Cost, CannotRun> {
    let user = Turn::of(database, query.persona).await?;
    let back_end = Turn::of(database, ServiceRole).await?;
    let (by_policy, by_owner) = (user.prepare(&query.sql).await?, back_end.prepare(owned).await?);
    let mut times = [const { Vec::new() }; 4];
    let began = Instant::now();
    for round in 0..ROUNDS {
        // The second query finds the pages in the cache, so they alternate.
        for at in if round % 2 == 0 { [0, 1, 2, 3] } else { [1, 0, 3, 2] } {
            let took = match at {
                0 => user.time(&by_policy).await?,
                1 => back_end.time(&by_owner).await?,
                2 => user.time_planned(&query.sql).await?,
                _ => back_end.time_planned(owned).await?,
            };
            // The first rounds fill the caches.
            if round >= 3 {
                times[at].push(took);
            }
        }
        if times[0].len() >= ENOUGH && began.elapsed() > PATIENCE {
            break;
        }
    }
    let rounds = times[0].len();
    let [policy, owned, planned_policy, planned_owned] = times.map(median);
    let query = query.name.clone();
    Ok(Cost { query, rows, policy, owned, planned_policy, planned_owned, rounds })
}

/// In microseconds.
pub(crate) fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(f64::NAN, |it| it.as_secs_f64() * 1e6)
}
