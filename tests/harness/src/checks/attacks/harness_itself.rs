//! Attack family T: the ways in which the harness could give a verdict without proof.

use super::procedures::{context, trial};
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::open_transaction::OpenTransaction;
use crate::checks::attacks::runner::{Attack, Kind, Trial, TrialFuture};
use crate::checks::isolation::{Sandbox, cells};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::probe::{Attempt, Target};
use crate::sql::ident;
use crate::{contract, rows};

/// The family.
pub(super) const ATTACKS: [Attack; 7] = [
    attack(
        "T01",
        "checks run with privileges that no user has",
        "The checks must run as roles to which policies apply. A finding means that a persona's \
            role bypasses them, or that they do not apply to a table, so that its outcomes prove \
            nothing.",
        |sandbox| Box::pin(rights(sandbox)),
    ),
    attack(
        "T02",
        "nothing was tried, and that counts as a pass",
        "A finding means that a table of the contract has no cell to try, or is not in the \
            database: an empty grid passes every check.",
        |sandbox| Box::pin(async { Ok(tried(sandbox)) }),
    ),
    attack(
        "T03",
        "a check that could not run counts as a pass",
        "A finding means that the rows to attack could not be generated, or that a failing setup \
            would not be detected.",
        |sandbox| Box::pin(could_run(sandbox)),
    ),
    attack(
        "T04",
        "there are no rows to read, so none are read",
        "A finding means that attacker or victim owns no row of a table, so that no row could have \
            been read.",
        |sandbox| Box::pin(seen(sandbox)),
    ),
    attack(
        "T05",
        "a setup statement failed and was not detected",
        "A finding means that a row of the setup is missing when the attacks begin.",
        |sandbox| Box::pin(set_up(sandbox)),
    ),
    attack(
        "T06",
        "an expectation that any policy meets",
        "A policy that is true for everyone is created, and must change the rows that the attacker \
            reads. A finding means that it does not, so that the checks would not detect an open \
            table.",
        |sandbox| Box::pin(noticed(sandbox)),
    ),
    attack(
        "T07",
        "an identity is left over from the check before",
        "A finding means that a new connection already has a role or claims, so that a check may \
            run with another identity than it reports.",
        |sandbox| Box::pin(left(sandbox)),
    ),
];

const fn attack(
    id: &'static str,
    title: &'static str,
    meaning: &'static str,
    trials: for<'a> fn(&'a Sandbox) -> TrialFuture<'a>,
) -> Attack {
    Attack {
        id,
        title,
        meaning,
        remedy: "the proof is void; fix what the finding names before you rely on the rest",
        references: &["CWE-1053"],
        unless: "never",
        kind: Kind::Trials(trials),
    }
}

/// T01: no client's role is a superuser or bypasses policies, and each table's apply to it.
async fn rights(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let mut trials = Vec::new();
    for subject in context.tables() {
        for persona in [ATTACKER, Persona::Guest, Persona::NoToken] {
            let (identity, target) =
                (context.contract.identity(persona), Target::new(subject.relation));
            let active = target.active();
            let attempt = Attempt { setup: &[], identity: &identity, script: &[], active };
            let guard = sandbox.prober.transcript(&attempt).await?.guard;
            let expected = ["authenticator", persona.role(), "f", "f", "t"];
            let weakness = (guard != expected).then(|| {
                let (is, should) = (guard.join(", "), expected.join(", "));
                format!("{} is {is}; it should be {should}", persona.name())
            });
            trials.push(trial(
                subject.name,
                persona.name(),
                "",
                "is subject to policies",
                weakness,
            ));
        }
    }
    Ok(trials)
}

/// T02: each declared table has cells, and each can be run here.
fn tried(sandbox: &Sandbox) -> Vec<Trial> {
    let check = |(name, declared): (&String, &contract::Relation)| {
        let cells = cells::cells(name, declared).len();
        let weakness = if cells == 0 {
            Some("the contract plans no cell".to_owned())
        } else if sandbox.catalog.relation(name).is_none() {
            Some(format!("{cells} cells are planned for a table that is not there"))
        } else {
            None
        };
        trial(name, "", "", &format!("{cells} cells"), weakness)
    };
    sandbox.inputs.contract.relations().map(check).collect()
}

/// T03: rows were generated; and a failed setup is an error, not an answer.
async fn could_run(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let mut trials = Vec::new();
    let identity = context.contract.identity(ATTACKER);
    let setup = ["select 1 / 0".to_owned()];
    let attempt = Attempt { setup: &setup, identity: &identity, script: &[], active: "" };
    let transcript = sandbox.prober.transcript(&attempt).await;
    let weakness = transcript.is_ok().then(|| "a failed setup was not detected".to_owned());
    trials.push(trial("database", "set-up", &setup[0], "a failed setup is an error", weakness));
    Ok(trials)
}

/// T04: attacker and victim both own rows of every table.
async fn seen(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let state = sandbox.prober.digest().await?;
    let mut trials = Vec::new();
    for subject in context.owned_tables() {
        for persona in [ATTACKER, VICTIM] {
            let rows = state.count(subject.name, |owner| Some(owner) == persona.user_id());
            let weakness = (rows == 0).then(|| format!("{} owns no row", persona.name()));
            let answer = format!("{rows} rows");
            trials.push(trial(subject.name, persona.name(), "", &answer, weakness));
        }
    }
    Ok(trials)
}

/// T05: each row of the setup exists, under its key.
async fn set_up(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let admin = OpenTransaction::connect(&sandbox.database.login("supabase_admin")).await?;
    let mut trials = Vec::new();
    for subject in context.tables() {
        let others = [rows::Owner::Shared, rows::Owner::Nobody];
        let owners = Persona::USERS.into_iter().map(rows::Owner::User).chain(others);
        let rows: Vec<_> =
            owners.flat_map(|owner| context.world.rows(subject.name, owner, None)).collect();
        let keys: Vec<String> = rows
            .iter()
            .map(|row| {
                let key = subject.relation.primary_key().iter();
                let literal = |column: &String| row.literal(column).unwrap_or("null").to_owned();
                format!("({})", key.map(literal).collect::<Vec<_>>().join(", "))
            })
            .collect();
        let key: Vec<String> = subject.relation.primary_key().iter().map(|c| ident(c)).collect();
        let query = format!(
            "select 1 from {} where ({}) in ({})",
            subject.relation.qualified(),
            key.join(", "),
            keys.join(", ")
        );
        let there = admin.execute(&query).await?.map_or(0, |rows| rows.len());
        let weakness = (there != rows.len() || rows.is_empty())
            .then(|| format!("{there} of {} rows of the set-up are there", rows.len()));
        trials.push(trial(subject.name, "", &query, &format!("{there} rows"), weakness));
    }
    Ok(trials)
}

/// T06: with one more policy that is true for everyone, the attacker reads other rows, so that
/// the checks would detect an open table.
async fn noticed(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = context(sandbox)?;
    let mut trials = Vec::new();
    for subject in context.secret_tables(&context.attacker) {
        let table = subject.relation.qualified();
        let statement = format!("select {} from {table}", subject.select_list());
        let mut open =
            vec![format!("create policy identra_open on {table} for select using (true)")];
        // It opens nothing beside one that restricts everybody.
        let restrictive = subject.relation.policies.iter().filter(|it| !it.permissive);
        open.extend(restrictive.map(|it| format!("drop policy {} on {table}", ident(&it.name))));
        let rows = async |setup: &[String]| {
            let script = [statement.clone()];
            let identity = context.contract.identity(ATTACKER);
            let attempt = Attempt { setup, identity: &identity, script: &script, active: "" };
            let transcript = sandbox.prober.transcript(&attempt).await?;
            Ok::<Option<u64>, CannotRun>(transcript.answers.first().map(|answer| answer.count))
        };
        let (closed, opened) = (rows(&[]).await?, rows(&open).await?);
        let weakness = (closed.is_some() && closed == opened)
            .then(|| "a policy that is true for everyone changes nothing".to_owned());
        trials.push(trial(
            subject.name,
            "",
            &open[0],
            "an open policy would be detected",
            weakness,
        ));
    }
    Ok(trials)
}

/// T07: a new connection has no role and no claims.
async fn left(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let query = "select session_user, current_user, coalesce(nullif(\
                 pg_catalog.current_setting('request.jwt.claims', true), ''), 'no claims')";
    let open_transaction =
        OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
    let rows = open_transaction.execute(query).await?.unwrap_or_default();
    let expected = ["authenticator", "authenticator", "no claims"];
    let first = rows.first().cloned().unwrap_or_default();
    let weakness = (first != expected).then(|| format!("it starts as {}", first.join(", ")));
    Ok(vec![trial("database", "a new connection", query, "has no identity", weakness)])
}
