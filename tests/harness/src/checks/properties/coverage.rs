//! Coverage: which statements of the functions were executed by generated cases.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::transaction::CaseTransaction;
use crate::database::batch::Answer;
use crate::database::plpgsql_check;
use crate::error::{CannotRun, describe};

/// The coverage of each function, by its name in a contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How often each function was called.
    pub calls: BTreeMap<String, u64>,
    /// The statements of each function by their number, if the server has `plpgsql_check`.
    pub statements: BTreeMap<String, BTreeMap<u32, Statement>>,
}

/// A statement of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The line in the function's body, from 1.
    pub line: u32,
    /// Its kind, as `plpgsql_check` names it.
    pub kind: String,
    /// How often it was executed.
    pub executed: u64,
}

impl Coverage {
    /// Adds the coverage of another session.
    pub fn absorb(&mut self, other: Self) {
        for (function, calls) in other.calls {
            *self.calls.entry(function).or_default() += calls;
        }
        for (function, statements) in other.statements {
            let known = self.statements.entry(function).or_default();
            for (number, statement) in statements {
                let executed = statement.executed;
                let before = known.insert(number, statement).map_or(0, |before| before.executed);
                known.entry(number).and_modify(|it| it.executed = before + executed);
            }
        }
    }
}

/// Makes the server count what this session executes.
pub(super) async fn begin(admin: &Client) -> Result<(), CannotRun> {
    let track = admin.batch_execute("set track_functions = 'all'").await;
    track.map_err(|error| CannotRun(format!("could not count calls: {}", describe(&error))))?;
    if plpgsql_check::is_available(admin).await? {
        plpgsql_check::install(admin).await?;
    }
    Ok(())
}

/// What the session has executed since [`begin`].
pub(super) async fn read(transaction: &CaseTransaction) -> Result<Coverage, CannotRun> {
    // The session's counters must be flushed before they can be read.
    ask(transaction, "select pg_catalog.pg_stat_force_next_flush()").await?;
    let calls = ask(
        transaction,
        "select case schemaname when 'public' then '' else schemaname || '.' end || funcname, calls \
         from pg_catalog.pg_stat_user_functions",
    );
    let mut coverage = Coverage::default();
    for row in calls.await?.rows {
        coverage.calls.insert(row[0].clone(), number(&row[1]));
    }
    let installed = "select count(*) from pg_catalog.pg_extension where extname = 'plpgsql_check'";
    if ask(transaction, installed).await?.one::<u32>().is_ok_and(|count| count == 1) {
        for row in ask(transaction, plpgsql_check::STATEMENTS).await?.rows {
            let line = row[2].parse().unwrap_or_default();
            let statement = Statement { line, kind: row[3].clone(), executed: number(&row[4]) };
            let known = coverage.statements.entry(row[0].clone()).or_default();
            known.insert(row[1].parse().unwrap_or_default(), statement);
        }
    }
    Ok(coverage)
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

async fn ask(transaction: &CaseTransaction, question: &str) -> Result<Answer, CannotRun> {
    match transaction.send(question).await? {
        (answers, None) => Ok(answers.into_iter().next_back().unwrap_or_default()),
        (_, Some(error)) => {
            Err(CannotRun(format!("could not read the coverage: {}", error.message())))
        }
    }
}
