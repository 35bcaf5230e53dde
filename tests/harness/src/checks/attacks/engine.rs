//! Attack family E: state of the engine that outlives a request, and races between requests.

use super::procedures::{context, trial};
use super::schedules;
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::open_transaction::{OpenTransaction, Response};
use crate::checks::attacks::runner::{Attack, Kind, Trial};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};

/// The family.
pub(super) const ATTACKS: [Attack; 5] = [
    Attack {
        id: "E01",
        title: "one prepared statement, run as one user and then as another",
        meaning: "A prepared statement keeps its plan, with values that were computed when it was \
            planned. A finding means that the next user of the connection gets rows of the \
            previous one.",
        remedy: "let policies depend on auth.uid() alone, through no function marked immutable",
        references: &["CVE-2024-10976", "CVE-2023-2455", "CWE-1250"],
        unless: "no table or view has owners",
        kind: Kind::Trials(|sandbox| Box::pin(prepared(sandbox))),
    },
    Attack {
        id: "E02",
        title: "a pooled connection keeps an identity from the request before",
        meaning: "Connections are pooled, and every request sets role and claims. A finding means \
            that one of them outlives the transaction, so that the next request starts with an \
            identity.",
        remedy: "set role and claims for the transaction only; let no function set them longer",
        references: &["CWE-488"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(pooled(sandbox))),
    },
    Attack {
        id: "E03",
        title: "a row changes its owner while the attacker waits for its lock",
        meaning: "A statement that waited for a lock continues with the row's new version, and \
            checks the policy again. A finding means that it changed a row whose owner had changed \
            meanwhile.",
        remedy: "write USING out for update and delete; it is checked again on the new version",
        references: &["CWE-367"],
        unless: "no table has a column that names the owner and can be changed",
        kind: Kind::Trials(|sandbox| Box::pin(schedules::owner_changes(sandbox))),
    },
    Attack {
        id: "E04",
        title: "two requests at one parent, one counter, one name or one key",
        meaning: "A finding means that two concurrent requests cause a fault that neither causes \
            alone: a wrong counter, a child without a parent, or a sign-up that fails because of a \
            name.",
        remedy: "lock the parent's row before counting; handle the unique violation of the second \
            request",
        references: &["CWE-362"],
        unless: "no table references another",
        kind: Kind::Trials(|sandbox| Box::pin(schedules::concurrent_requests(sandbox))),
    },
    Attack {
        id: "E05",
        title: "the parent's owner changes while the attacker's transaction is open",
        meaning: "A finding means that an open transaction still reads rows after the owner of \
            their parent has changed.",
        remedy: "let the policy look up the parent in each statement, without a cache",
        references: &["CWE-367"],
        unless: "no table references another",
        kind: Kind::Trials(|sandbox| Box::pin(schedules::parent_changes_owner(sandbox))),
    },
];

/// E01: by role, by claims alone, and with a generic plan; compared with a connection without
/// prepared statements.
async fn prepared(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let login = sandbox.database.login("authenticator");
    let (warm, cold) =
        (OpenTransaction::connect(&login).await?, OpenTransaction::connect(&login).await?);
    warm.must("set plan_cache_mode = force_generic_plan").await?;
    let mut trials = Vec::new();
    // Of what is public, or of what nobody reads, each gets the same.
    let subjects = context.secret_relations(&context.attacker).into_iter();
    let subjects = subjects.filter(|subject| context.has_own_secrets(subject));
    for (at, subject) in subjects.enumerate() {
        let query =
            format!("select {} from {}", subject.select_list(), subject.relation.qualified());
        let mut answers = Vec::new();
        for persona in [ATTACKER, VICTIM, Persona::Carol, Persona::NoToken, ATTACKER] {
            let identity = context.contract.identity(persona);
            let prepare = if answers.is_empty() {
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
            answers.push((persona, ready, again, fresh));
        }
        trials.push(compare(&subject, &query, &answers));
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
    let answers = open_transaction.execute(statement).await?;
    open_transaction.must("rollback").await?;
    Ok(answers)
}

fn compare(
    subject: &Subject<'_>,
    query: &str,
    answers: &[(Persona, Option<String>, Response, Response)],
) -> Trial {
    let rows = |answers: &Response| match answers {
        Ok(rows) => {
            let mut rows: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
            rows.sort();
            rows.join("\n")
        }
        Err(error) => error.message().to_owned(),
    };
    let wrong = answers.iter().find(|(_, _, again, fresh)| rows(again) != rows(fresh));
    let mut weakness = wrong.map(|(persona, _, again, fresh)| {
        let (persona, again, fresh) = (persona.name(), rows(again), rows(fresh));
        format!(
            "{persona} gets from the prepared statement: \"{again}\"; from a new one: \
            \"{fresh}\""
        )
    });
    // The control: the attacker and the victim get rows, and not the same.
    let (attacker, victim) = (rows(&answers[0].3), rows(&answers[1].3));
    let readable =
        answers[0].1.is_none() && answers[0].3.is_ok() && subject.is_read_by_its_owners();
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
            open_transaction.begin(&context.contract.identity(VICTIM)).await?;
            // The claims are set until the request ends, and a refused query ends it.
            let identity = open_transaction.execute(IDENTITY).await?;
            let control = open_transaction.execute(&query).await?;
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

/// The identity of the connection: role and claims.
const IDENTITY: &str = "select current_user, \
                        coalesce(pg_catalog.current_setting('request.jwt.claims', true), '')";
const NOBODY: &str = "authenticator as ";
