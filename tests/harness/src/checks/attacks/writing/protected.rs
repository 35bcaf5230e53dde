//! Writing: protected columns of a user's own row. A column that the contract does not grant
//! cannot be written, and a forged value is not stored.

use super::statements::{TableStatements, owned};
use crate::catalog::Column;
use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::attacks::runner::{Context, Trial, TrialFuture};
use crate::checks::isolation::Sandbox;
use crate::checks::isolation::control::entitle;
use crate::checks::isolation::{control, guards};
use crate::contract::grid::{Command, Expected};
use crate::contract::guard::Guard;
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};
use crate::probe::{Attempt, Target, Transcript};
use crate::rows::Owner;
use crate::sql::ident;
use tokio_postgres::error::DbError;

/// W09: every column that the contract does not grant, by insert and by update.
pub(super) fn columns(sandbox: &Sandbox) -> TrialFuture<'_> {
    Box::pin(async move {
        let context = Context::of(sandbox).map_err(CannotRun)?;
        let mut trials = Vec::new();
        for words in owned(&context) {
            for command in [Command::Insert, Command::Update] {
                let mut refused = 0;
                for column in protected_columns(&words, command) {
                    let (setup, statement) = write(&words, command, column)?;
                    let weakness = refusal(&words, (command, column), &setup, &statement).await?;
                    refused += u32::from(weakness.is_none());
                    if weakness.is_some() {
                        let part = format!("{} {}", command.name(), column.name);
                        trials.push(trial(
                            &words,
                            part,
                            &setup,
                            &statement,
                            String::new(),
                            weakness,
                        ));
                    }
                }
                if refused > 0 {
                    let answer = format!("{refused} columns refused");
                    let part = command.name().to_owned();
                    trials.push(trial(&words, part, &[], "", answer, None));
                }
            }
        }
        Ok(trials)
    })
}

/// The columns that the contract does not grant or that a trigger guards, except generated ones.
fn protected_columns<'a>(
    words: &TableStatements<'a>,
    command: Command,
) -> impl Iterator<Item = &'a Column> {
    let declared = words.subject.declared;
    let granted = declared.granted(ATTACKER.role(), command.name());
    let columns = words.subject.relation.columns.iter();
    columns.filter(move |c| {
        let is_open =
            granted.contains(&c.name.as_str()) && declared.guard(&c.name, command).is_none();
        c.made.is_none() && !is_open
    })
}

/// How the contract protects a column: by a guard, if the attacker has the privilege.
fn guard(words: &TableStatements<'_>, command: Command, column: &Column) -> Option<Guard> {
    let declared = words.subject.declared;
    let is_granted = declared.granted(ATTACKER.role(), command.name()).contains(&&*column.name);
    declared.guard(&column.name, command).filter(|_| is_granted)
}

/// A statement that writes that column in the attacker's own row.
fn write(
    words: &TableStatements<'_>,
    command: Command,
    column: &Column,
) -> Result<(Vec<String>, String), CannotRun> {
    let (name, relation) = (column.name.as_str(), words.subject.relation);
    let is_key = relation.constraints.iter().any(|constraint| {
        ["p", "f"].contains(&constraint.kind.as_str())
            && constraint.columns.iter().any(|key| key == name)
    });
    let is_reference = relation.constraints.iter().any(|constraint| {
        constraint.kind == "f" && constraint.columns.iter().any(|key| key == name)
    });
    if command == Command::Insert {
        let mut draft = words.new_row(Owner::User(ATTACKER))?;
        if !draft.values.contains_key(name) {
            let value = if is_reference { "null".to_owned() } else { words.other(name)? };
            draft.values.insert(name.to_owned(), value);
        }
        let statement = draft.insert(relation);
        return Ok((draft.setup, statement));
    }
    let row = words.context.row(words.subject.name, ATTACKER);
    let current = row.and_then(|row| row.literal(name)).unwrap_or("null").to_owned();
    // A key is set to its current value, because another could break references.
    let value = if is_key { current } else { words.other(name)? };
    let (table, key) = (words.table(), words.key(ATTACKER)?);
    Ok((Vec::new(), format!("update {table} set {} = {value} where {key}", ident(name))))
}

/// The weakness in an answer: a column is protected by a missing privilege or by its guard, and
/// only if the service role succeeds with the same statement, or is refused by the same guard.
async fn refusal(
    words: &TableStatements<'_>,
    (command, column): (Command, &Column),
    setup: &[String],
    statement: &str,
) -> Result<Option<String>, CannotRun> {
    let (context, declared) = (words.context, words.subject.declared);
    let expected = match guard(words, command, column) {
        None => Expected::NoPrivilege,
        Some(Guard::Refused(trigger)) => Expected::ByTrigger(trigger),
        Some(Guard::Kept(_)) => {
            // A key is set to its current value.
            if !words.plain_columns().any(|plain| plain.name == column.name) {
                return Ok(None);
            }
            let stored = stored(words, column)?;
            let kept = stores_forged_value(words, None, setup, statement, &stored).await?;
            return Ok(kept.1);
        }
    };
    let target = Target::new(words.subject.relation);
    let observed = context.prober().attempt(&target, ATTACKER, setup, statement).await?;
    if let Some(why) = observed.unguarded {
        return Ok(Some(format!("the session does not have the attacker's identity: {why}")));
    }
    let outcome = guards::outcome(&expected, declared, &observed);
    if outcome.to_string() != expected.to_string() {
        return Ok(Some(format!("expected {expected}, got {outcome}")));
    }
    let control =
        control::observe(context.prober(), context.catalog, &target, setup, statement).await?;
    Ok(match guards::outcome(&expected, declared, &control) {
        Outcome::Rows(1..) | Outcome::Refused(_) | Outcome::AsDeclared(_) => None,
        other => Some(format!("the control, service_role, does not succeed either: {other}")),
    })
}

/// W10: times and numbers that clients may not write, together with columns that they may.
pub(super) fn forged(sandbox: &Sandbox) -> TrialFuture<'_> {
    Box::pin(async move {
        let context = Context::of(sandbox).map_err(CannotRun)?;
        let mut trials = Vec::new();
        for words in owned(&context) {
            for command in [Command::Insert, Command::Update] {
                for column in
                    protected_columns(&words, command).filter(|it| is_measured(&words, it))
                {
                    for (part, setup, statement) in ways(&words, command, column)? {
                        let stored = stored(&words, column)?;
                        let guard = guard(&words, command, column);
                        let (answer, weakness) =
                            stores_forged_value(&words, guard, &setup, &statement, &stored).await?;
                        let part = format!("{part} {}", column.name);
                        trials.push(trial(&words, part, &setup, &statement, answer, weakness));
                    }
                }
            }
        }
        Ok(trials)
    })
}

/// The beginnings of the types of times and numbers.
const MEASURES: [&str; 7] =
    ["timestamp", "date", "smallint", "integer", "bigint", "numeric", "double precision"];

/// Whether the column is a time or a number, and points at nothing.
fn is_measured(words: &TableStatements<'_>, column: &Column) -> bool {
    let keys = words.subject.relation.constraints.iter().filter(|key| key.kind == "f");
    if keys.flat_map(|key| &key.columns).any(|name| *name == column.name) {
        return false;
    }
    MEASURES.iter().any(|measure| column.data_type.starts_with(measure))
}

/// A statement with its name and setup.
type Way = (&'static str, Vec<String>, String);

fn ways(
    words: &TableStatements<'_>,
    command: Command,
    column: &Column,
) -> Result<Vec<Way>, CannotRun> {
    let (table, name) = (words.table(), ident(&column.name));
    let value = words.other(&column.name)?;
    if command == Command::Insert {
        if words.is_one_per_user() {
            return Ok(Vec::new());
        }
        let mut draft = words.draft(Owner::User(ATTACKER))?;
        draft.values.insert(column.name.clone(), value);
        let statement = draft.insert(words.subject.relation);
        return Ok(vec![("insert", draft.setup, statement)]);
    }
    let key = words.key(ATTACKER)?;
    let (permitted, harmless) = match words.assignment()?.split_once(" = ") {
        Some((column, value)) if column != name => (column.to_owned(), value.to_owned()),
        _ => return Ok(Vec::new()),
    };
    let data_type = |name: &str| {
        let column = words.subject.relation.columns.iter().find(|c| ident(&c.name) == name);
        column.map_or("pg_catalog.text", |column| column.data_type.as_str())
    };
    let (types, forged) = (data_type(&permitted).to_owned(), column.data_type.as_str());
    let pair = format!("{harmless}::{types}, {value}::{forged}");
    let mut ways = vec![
        (
            "among others",
            Vec::new(),
            format!("update {table} set {permitted} = {harmless}, {name} = {value} where {key}"),
        ),
        (
            "as a row",
            Vec::new(),
            format!("update {table} set ({permitted}, {name}) = (select {pair}) where {key}"),
        ),
    ];
    if words.context.catalog.version_num >= 150_000 {
        let merge = format!(
            "merge into {table} using (values (1)) as source (one) on {key} \
             when matched then update set {permitted} = {harmless}, {name} = {value}"
        );
        ways.push(("by merge", Vec::new(), merge));
    }
    Ok(ways)
}

/// A query for the attacker's rows that have the forged value.
fn stored(words: &TableStatements<'_>, column: &Column) -> Result<String, CannotRun> {
    let (name, value) = (ident(&column.name), words.other(&column.name)?);
    let own = words.context.belongs_to(&words.subject, ATTACKER);
    Ok(format!("select 1 from {} r where {own} and {name} = {value}", words.table()))
}

/// Whether the statement stores the forged value in a row of the attacker: it must be refused
/// for a missing privilege or by the guard, or the value must not be stored.
async fn stores_forged_value(
    words: &TableStatements<'_>,
    guard: Option<Guard>,
    setup: &[String],
    statement: &str,
    stored: &str,
) -> Result<(String, Option<String>), CannotRun> {
    let script = [
        statement.to_owned(),
        "set local session authorization default".to_owned(),
        stored.to_owned(),
    ];
    let run = async |identity: Identity, setup: &[String]| -> Result<Transcript, CannotRun> {
        let attempt = Attempt { setup, identity: &identity, script: &script, active: "" };
        words.context.prober().transcript(&attempt).await
    };
    let guards = |error: &DbError| match &guard {
        Some(Guard::Refused(trigger)) => {
            let function = words.subject.declared.function_of(trigger);
            function.is_some_and(|function| guards::raises(function, error))
        }
        _ => false,
    };
    let transcript = run(words.context.contract.identity(ATTACKER), setup).await?;
    if transcript.guard[1] != ATTACKER.role() {
        return Ok((String::new(), Some(format!("the attacker was {}", transcript.guard[1]))));
    }
    let answer = match (&transcript.error, transcript.answers.last()) {
        (Some(error), _) if error.routine() == Some("aclcheck_error") => "no privilege",
        (Some(error), _) if guards(error) => "refused by its guard",
        (Some(error), _) => {
            let why = format!("denied for another reason: {}", error.message());
            return Ok((String::new(), Some(why)));
        }
        (None, Some(stored)) if stored.rows.is_empty() => "not kept",
        (None, _) => {
            return Ok((String::new(), Some("the forged value is stored".to_owned())));
        }
    };
    // What the schema leaves the service role without is no protection of this column.
    let setup = [setup, &entitle(words.context.catalog)].concat();
    let control = run(Persona::ServiceRole.identity(), &setup).await?;
    let weakness = control.error.filter(|error| !guards(error)).map(|error| {
        format!("the control, service_role, does not succeed either: {}", error.message())
    });
    Ok((answer.to_owned(), weakness))
}

fn trial(
    words: &TableStatements<'_>,
    part: String,
    setup: &[String],
    statement: &str,
    answer: String,
    weakness: Option<String>,
) -> Trial {
    let become_attacker = words.context.contract.identity(ATTACKER).become_sql();
    let setup: String = setup.iter().map(|statement| format!("{statement};\n")).collect();
    Trial {
        object: words.subject.name.to_owned(),
        part,
        attacker: ATTACKER.name().to_owned(),
        statement: format!("begin;\n{setup}{become_attacker}\n{statement};\nrollback;"),
        answer,
        weakness,
        remedy: None,
    }
}
