//! Writing: protected columns of a user's own row. A column that the contract does not grant
//! cannot be written, and a forged value is not stored.

use super::statements::{TableStatements, owned};
use crate::catalog::Column;
use crate::checks::attacks::runner::context::ATTACKER;
use crate::checks::attacks::runner::{Context, Trial, TrialFuture};
use crate::checks::isolation::Sandbox;
use crate::checks::isolation::control::{self, entitle};
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};
use crate::probe::{Attempt, Target, Transcript};
use crate::rows::Owner;
use crate::sql::ident;

/// W09: every column that the contract does not grant, by insert and by update.
pub(super) fn columns(sandbox: &Sandbox) -> TrialFuture<'_> {
    Box::pin(async move {
        let context = Context::of(sandbox).map_err(CannotRun)?;
        let mut trials = Vec::new();
        for words in owned(&context) {
            for command in ["insert", "update"] {
                let mut refused = 0;
                for column in protected_columns(&words, command) {
                    let (setup, statement) = write(&words, command, column)?;
                    let weakness = refusal(&context, &words, &setup, &statement).await?;
                    refused += u32::from(weakness.is_none());
                    if weakness.is_some() {
                        let part = format!("{command} {}", column.name);
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
                    trials.push(trial(&words, command.to_owned(), &[], "", answer, None));
                }
            }
        }
        Ok(trials)
    })
}

/// The columns that the contract does not grant, except generated ones.
fn protected_columns<'a>(
    words: &TableStatements<'a>,
    command: &str,
) -> impl Iterator<Item = &'a Column> {
    let granted = words.subject.declared.granted(ATTACKER.role(), command);
    let columns = words.subject.relation.columns.iter();
    columns.filter(move |c| c.made.is_none() && !granted.contains(&c.name.as_str()))
}

/// A statement that writes that column in the attacker's own row.
fn write(
    words: &TableStatements<'_>,
    command: &str,
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
    if command == "insert" {
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

/// The weakness in an answer: a column is protected only by a missing privilege, and only if
/// the service role succeeds with the same statement.
async fn refusal(
    context: &Context<'_>,
    words: &TableStatements<'_>,
    setup: &[String],
    statement: &str,
) -> Result<Option<String>, CannotRun> {
    let target = Target::new(words.subject.relation);
    let observed = context.prober().attempt(&target, ATTACKER, setup, statement).await?;
    if let Some(why) = observed.unguarded {
        return Ok(Some(format!("the session does not have the attacker's identity: {why}")));
    }
    if observed.outcome != Outcome::NoPrivilege {
        return Ok(Some(format!("expected no privilege, got {}", observed.outcome)));
    }
    let control =
        control::outcome(context.prober(), context.catalog, &target, setup, statement).await?;
    Ok(match control {
        Outcome::Rows(1..) | Outcome::Refused(_) => None,
        other => Some(format!("the control, service_role, does not succeed either: {other}")),
    })
}

/// W10: times and numbers that clients may not write, together with columns that they may.
pub(super) fn forged(sandbox: &Sandbox) -> TrialFuture<'_> {
    Box::pin(async move {
        let context = Context::of(sandbox).map_err(CannotRun)?;
        let mut trials = Vec::new();
        for words in owned(&context) {
            for command in ["insert", "update"] {
                for column in
                    protected_columns(&words, command).filter(|it| is_measured(&words, it))
                {
                    for (part, setup, statement) in ways(&words, command, column)? {
                        let value = words.other(&column.name)?;
                        let name = ident(&column.name);
                        let own = context.belongs_to(&words.subject, ATTACKER);
                        let stored = format!(
                            "select 1 from {} r where {own} and {name} = {value}",
                            words.table()
                        );
                        let (answer, weakness) =
                            stores_forged_value(&context, &setup, &statement, &stored).await?;
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
    command: &str,
    column: &Column,
) -> Result<Vec<Way>, CannotRun> {
    let (table, name) = (words.table(), ident(&column.name));
    let value = words.other(&column.name)?;
    if command == "insert" {
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

/// Whether the statement stores the forged value in a row of the attacker: it must be refused
/// for a missing privilege, or the value must not be stored.
async fn stores_forged_value(
    context: &Context<'_>,
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
        context.prober().transcript(&attempt).await
    };
    let transcript = run(context.contract.identity(ATTACKER), setup).await?;
    if transcript.guard[1] != ATTACKER.role() {
        return Ok((String::new(), Some(format!("the attacker was {}", transcript.guard[1]))));
    }
    let answer = match (&transcript.error, transcript.answers.last()) {
        (Some(error), _) if error.routine() == Some("aclcheck_error") => "no privilege",
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
    let setup = [setup, &entitle(context.catalog)].concat();
    let control = run(Persona::ServiceRole.identity(), &setup).await?;
    let weakness = control.error.map(|error| {
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
    }
}
