//! Bypass: what clients can do with objects that a later migration creates.

use std::collections::BTreeSet;

use super::statements::{run, trial, unrefused};
use crate::catalog::DefaultPrivileges;
use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::attacks::runner::{Context, Trial};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::platform::CLIENTS;
use crate::platform::persona::Persona;

/// Objects of a later migration by kind, and the statements that the attackers try on them.
const LATER_OBJECTS: [(&str, &[&str], &[&str]); 5] = [
    (
        "table",
        &[
            "create table public.later_objects (id pg_catalog.int4 primary key, body \
                pg_catalog.text)",
            "insert into public.later_objects values (1, 'a secret')",
        ],
        &[
            "select * from public.later_objects",
            "select pg_catalog.count(*) from public.later_objects",
            "insert into public.later_objects values (2, 'planted')",
            "update public.later_objects set body = 'changed'",
            "delete from public.later_objects",
            "truncate public.later_objects",
        ],
    ),
    (
        "view",
        &[
            "create table public.behind (body pg_catalog.text)",
            "insert into public.behind values ('a secret')",
            "create view public.later_objects as select * from public.behind",
        ],
        &[
            "select * from public.later_objects",
            "update public.later_objects set body = 'changed'",
            "delete from public.later_objects",
        ],
    ),
    (
        "materialized view",
        &["create materialized view public.later_objects as select 'a secret' as body"],
        &["select * from public.later_objects"],
    ),
    (
        "function",
        &["create function public.later_objects() returns pg_catalog.text language sql \
           security definer as 'select ''a secret'''"],
        &["select public.later_objects()"],
    ),
    (
        "sequence",
        &["create sequence public.later_objects"],
        &[
            "select pg_catalog.nextval('public.later_objects')",
            "select pg_catalog.setval('public.later_objects', 7)",
            "select last_value from public.later_objects",
        ],
    ),
];

/// Who tries.
const PERSONAS: [Persona; 4] = [ATTACKER, Persona::Guest, Persona::AnonKey, Persona::NoToken];

/// B08. All that can be reached is one finding, of the default privileges.
pub(super) async fn later_objects(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    Context::of(sandbox).map_err(CannotRun)?;
    let (mut trials, mut texts) = (Vec::new(), Vec::new());
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut shown = None;
    for (kind, creates, attempts) in LATER_OBJECTS {
        let mut setup = vec!["set local session authorization postgres".to_owned()];
        setup.extend(creates.iter().map(|&statement| statement.to_owned()));
        setup.push("set local session authorization default".to_owned());
        let (mut who, mut what): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
        for persona in PERSONAS {
            for attempt in attempts {
                let script = [(*attempt).to_owned()];
                let transcript = run(sandbox, persona, &setup, &script).await?;
                // An empty answer is safe: the table may have row level security and no policy.
                let empty = transcript.error.is_none()
                    && transcript
                        .answers
                        .last()
                        .is_none_or(|answer| answer.count == 0 && !attempt.starts_with("truncate"));
                let weakness = unrefused(&transcript).filter(|_| !empty);
                let pasted = format!(
                    "begin;\n{};\n{}\n{attempt};\nrollback;",
                    setup.join(";\n"),
                    sandbox.identity(persona).become_sql()
                );
                let part = format!("{kind}, as {}: {attempt}", persona.name());
                let tried = trial("database", &part, persona.name(), &pasted);
                let Some(weakness) = weakness else {
                    trials.push(tried);
                    continue;
                };
                who.push(persona.name());
                what.push(match transcript.error {
                    None => (*attempt).to_owned(),
                    Some(_) => format!("{attempt} ({weakness})"),
                });
                shown.get_or_insert((persona, pasted));
            }
        }
        if !what.is_empty() {
            who.dedup();
            let mut known = BTreeSet::new();
            what.retain(|attempt| known.insert(attempt.clone()));
            texts.push(format!("{kind}, as {}: {}", who.join(", "), what.join("; ")));
            reached.insert(kind);
        }
    }
    if let Some((persona, pasted)) = shown {
        let closing = closing(&reached, &sandbox.catalog.default_privileges);
        trials.push(Trial {
            weakness: Some(texts.join(". ")),
            remedy: (!closing.is_empty()).then(|| closing.join(" ")),
            ..trial("database", "", persona.name(), &pasted)
        });
    }
    Ok(trials)
}

/// The statements that take from clients what the default privileges of `postgres` grant on these
/// kinds of objects. PostgreSQL lets everyone execute a new function unless an entry for all
/// schemas says otherwise; one for a schema cannot.
pub fn closing(reached: &BTreeSet<&str>, defaults: &[DefaultPrivileges]) -> Vec<String> {
    const KINDS: [(&str, &[&str]); 3] = [
        ("tables", &["table", "view", "materialized view"]),
        ("sequences", &["sequence"]),
        ("functions", &["function"]),
    ];
    let mut statements = Vec::new();
    for (kind, _) in KINDS.iter().filter(|(_, of)| of.iter().any(|it| reached.contains(it))) {
        let of_all_schemas = defaults.iter().find(|it| {
            [&it.maker, &it.schema, &it.kind].map(String::as_str) == ["postgres", "*", kind]
        });
        let is_open = of_all_schemas.map_or(*kind == "functions", |it| {
            it.grants.iter().any(|grant| CLIENTS.contains(&&*grant.grantee))
        });
        for within in ["", " in schema public"].iter().skip(usize::from(!is_open)) {
            let clients = CLIENTS.join(", ");
            statements.push(format!(
                "alter default privileges{within} revoke all on {kind} from {clients};"
            ));
        }
    }
    statements
}
