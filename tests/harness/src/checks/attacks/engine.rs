//! This file is family E: what the engine remembers between requests, and what happens when
//! two of them meet.

use super::schedules;
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::open_transaction::{OpenTransaction, Response};
use crate::checks::attacks::runner::{Attack, Context, Kind, Trial};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};

/// The family.
pub const ATTACKS: [Attack; 5] = [
    Attack {
        id: "E01",
        title: "one prepared statement, run as one user and then as another",
        meaning: "A prepared statement keeps its plan, and what was computed when it was planned. \
                  A finding means that the next user of the connection gets what belongs to the \
                  one before.",
        remedy: "let policies depend on auth.uid() alone, through no function marked immutable",
        references: &["CVE-2024-10976", "CVE-2023-2455", "CWE-1250"],
        unless: "no table or view has owners",
        kind: Kind::Trials(|sandbox| Box::pin(prepared(sandbox))),
    },
    Attack {
        id: "E02",
        title: "a pooled connection keeps an identity from the request before",
        meaning: "Connections are pooled, and every request sets role and claims anew. A finding \
                  means that one of them outlives the transaction, so that the next request starts \
                  as somebody.",
        remedy: "set role and claims for the transaction only; let no function set them longer",
        references: &["CWE-488"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(pooled(sandbox))),
    },
    Attack {
        id: "E03",
        title: "a row changes its owner while the attacker waits for its lock",
        meaning: "A statement that waited for a lock goes on with the row's new version, and \
                  checks the policy again. A finding means that it changed a row which had become \
                  somebody else's meanwhile.",
        remedy: "write USING out for update and delete; it is checked again on the new version",
        references: &["CWE-367"],
        unless: "no table has a column that names the owner and can be changed",
        kind: Kind::Trials(|sandbox| Box::pin(schedules::ownership_moves(sandbox))),
    },
    Attack {
        id: "E04",
        title: "two requests at one parent, one counter, one name or one key",
        meaning: "A finding means that two requests at the same moment leave what neither would \
                  alone: a counter that is wrong, a child without a parent, a sign-up that fails \
                  because of a name.",
        remedy: "lock the parent's row before counting; let the second of two equals give way",
        references: &["CWE-362"],
        unless: "no table hangs on another",
        kind: Kind::Trials(|sandbox| Box::pin(schedules::meetings(sandbox))),
    },
    Attack {
        id: "E05",
        title: "the parent changes hands while the attacker's transaction is open",
        meaning: "A finding means that within a transaction that is open rows are still seen after \
                  the parent that they belong through has become somebody else's.",
        remedy: "let the policy look the parent up in each statement, through no stable cache",
        references: &["CWE-367"],
        unless: "no table hangs on another",
        kind: Kind::Trials(|sandbox| Box::pin(schedules::parent_changes_hands(sandbox))),
    },
];

/// The scene, or why there is none.
pub(super) fn context(sandbox: &Sandbox) -> Result<Context<'_>, CannotRun> {
    Context::of(sandbox).map_err(CannotRun)
}

/// A trial of one subject that came to `weakness`, or to `answer`.
pub(super) fn trial(
    object: &str,
    part: &str,
    statement: &str,
    answer: &str,
    weakness: Option<String>,
) -> Trial {
    Trial {
        object: object.to_owned(),
        part: part.to_owned(),
        attacker: ATTACKER.name().to_owned(),
        statement: statement.to_owned(),
        answer: answer.to_owned(),
        weakness,
    }
}

/// E01: by role, by claims alone, and under a generic plan; compared with a connection that
/// has prepared nothing.
async fn prepared(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let login = sandbox.database.login("authenticator");
    let (warm, cold) =
        (OpenTransaction::connect(&login).await?, OpenTransaction::connect(&login).await?);
    warm.must("set plan_cache_mode = force_generic_plan").await?;
    let mut trials = Vec::new();
    for (at, subject) in context.owned_relations().into_iter().enumerate() {
        let query =
            format!("select {} from {}", subject.select_list(), subject.relation.qualified());
        let mut told = Vec::new();
        for persona in [ATTACKER, VICTIM, Persona::Carol, Persona::NoToken, ATTACKER] {
            let identity = persona.identity();
            let prepare = if told.is_empty() {
                format!("prepare e01_{at} as {query}")
            } else {
                "select".into()
            };
            warm.begin(&identity).await?;
            let ready = warm.execute(&prepare).await?;
            let again = warm.execute(&format!("execute e01_{at}")).await?;
            warm.must("rollback").await?;
            let fresh = ask(&cold, &identity, &query).await?;
            let ready = ready.err().map(|error| error.message().to_owned());
            told.push((persona, ready, again, fresh));
        }
        trials.push(compare(&subject, &query, &told));
    }
    Ok(trials)
}

/// A statement in a transaction of its own.
async fn ask(
    open_transaction: &OpenTransaction,
    identity: &Identity,
    statement: &str,
) -> Result<Response, CannotRun> {
    open_transaction.begin(identity).await?;
    let told = open_transaction.execute(statement).await?;
    open_transaction.must("rollback").await?;
    Ok(told)
}

fn compare(
    subject: &Subject<'_>,
    query: &str,
    told: &[(Persona, Option<String>, Response, Response)],
) -> Trial {
    let rows = |told: &Response| match told {
        Ok(rows) => {
            let mut rows: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
            rows.sort();
            rows.join("\n")
        }
        Err(error) => error.message().to_owned(),
    };
    let wrong = told.iter().find(|(_, _, again, fresh)| rows(again) != rows(fresh));
    let mut weakness = wrong.map(|(persona, _, again, fresh)| {
        let (persona, again, fresh) = (persona.name(), rows(again), rows(fresh));
        format!("{persona} gets by the prepared statement: \"{again}\"; by a new one: \"{fresh}\"")
    });
    // The control: the attacker and the victim get rows, and not the same.
    let (attacker, victim) = (rows(&told[0].3), rows(&told[1].3));
    let readable = told[0].1.is_none() && told[0].3.is_ok();
    if weakness.is_none() && readable && attacker == victim {
        weakness = Some(format!("the control: attacker and victim both get \"{attacker}\""));
    }
    trial(subject.name, "prepared", query, "each gets what a new statement gives", weakness)
}

/// E02: after a commit, an error and a cancelled statement.
async fn pooled(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let open_transaction =
        OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
    let mut trials = Vec::new();
    for subject in context.owned_relations() {
        let query =
            format!("select {} from {}", subject.select_list(), subject.relation.qualified());
        let cancelled = "set local statement_timeout = 1; select pg_catalog.count(*) from \
                         pg_catalog.generate_series(1, 100000000)";
        for (part, then, end) in [
            ("after a commit", "select", "commit"),
            ("after an error", "select 1 / 0", "rollback"),
            ("after a cancelled statement", cancelled, "rollback"),
        ] {
            open_transaction.begin(&VICTIM.identity()).await?;
            let control = open_transaction.execute(&query).await?;
            // The claims are there for as long as the request is.
            let identity = open_transaction.execute(IDENTITY).await?;
            let _ends_the_request = open_transaction.execute(then).await?;
            open_transaction.must(end).await?;
            let left = open_transaction.execute(IDENTITY).await?;
            let seen = open_transaction.execute(&query).await?;
            let mut weakness = match left.as_ref().map(|rows| rows[0].join(" as ")) {
                Ok(left) if left == NOBODY => None,
                Ok(left) => Some(format!("the connection is still {left}")),
                Err(error) => Some(error.message().to_owned()),
            };
            weakness = weakness.or_else(|| match (seen, &control) {
                (Ok(rows), _) if !rows.is_empty() => Some(format!("{} rows are seen", rows.len())),
                (Ok(rows), Ok(had)) if rows.is_empty() && had.is_empty() => None,
                _ => None,
            });
            let present = identity.is_ok_and(|rows| rows[0].join(" as ") != NOBODY);
            if !present {
                weakness = Some("the control: the request has no identity".to_owned());
            }
            trials.push(trial(subject.name, part, &query, "no identity remains", weakness));
        }
    }
    Ok(trials)
}

/// Who the connection is: role, and the text of the claims.
const IDENTITY: &str = "select current_user, \
                        coalesce(pg_catalog.current_setting('request.jwt.claims', true), '')";
const NOBODY: &str = "authenticator as ";
