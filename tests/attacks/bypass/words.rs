//! This file is the words of bypass attacks: lists that have to be empty, and statements that
//! have to be refused.

use crate::harness::attack::Trial;
use crate::harness::matrix::Arena;
use crate::harness::persona::{Identity, Persona};
use crate::harness::probe::{Act, Played};
use crate::harness::{CannotRun, describe};

/// The roles of clients, as a list in SQL.
pub(super) const CLIENTS: &str = "('anon', 'authenticated')";

/// A condition on `n`, a row of `pg_namespace`: neither PostgreSQL's, nor the platform's, nor
/// the harness's.
pub(super) const OURS: &str = "n.nspname !~ '^(pg_|identra_)' and n.nspname not in ('information_schema', 'auth', \
     'cron', 'extensions', 'graphql', 'net', 'pgsodium', 'pgtle', 'realtime', 'storage', 'vault')";

/// A trial that somebody made.
pub(super) fn trial(object: &str, part: &str, who: &str, statement: &str) -> Trial {
    Trial {
        object: object.to_owned(),
        part: part.to_owned(),
        attacker: who.to_owned(),
        statement: statement.to_owned(),
        answer: "refused".to_owned(),
        weakness: None,
    }
}

/// A trial for each offender that an administrator's query names, or one that says that
/// there is none. The query's columns: object, and what is wrong with it.
///
/// # Errors
/// The server's answer.
pub(super) async fn offenders(
    arena: &Arena,
    part: &str,
    query: &str,
) -> Result<Vec<Trial>, CannotRun> {
    let admin = arena.database.admin().await?;
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

/// Plays a script as somebody, without looking at the state.
///
/// # Errors
/// That the set-up failed.
pub(super) async fn play(
    arena: &Arena,
    persona: Persona,
    setup: &[String],
    script: &[String],
) -> Result<Played, CannotRun> {
    let identity: Identity = persona.identity();
    let act = Act { setup, identity: &identity, script, active: "" };
    arena.prober.listen(&act).await
}

/// What is wrong with the answer to statements that have to be refused for want of a right:
/// that they are not, or for another reason, which would prove nothing.
pub(super) fn unrefused(played: &Played) -> Option<String> {
    match &played.error {
        Some(error) if error.code().code() == "42501" => None,
        Some(error) => {
            let (code, why) = (error.code().code(), error.message());
            Some(format!("denied for another reason: {code} {why}"))
        }
        None => {
            let count = played.answers.last().map_or(0, |answer| answer.count);
            Some(format!("it succeeds, {count} rows"))
        }
    }
}
