//! Bypass by shadowed names: the attacker creates types and relations in pg_temp, which is
//! searched before search_path, and then calls a definer function.

use super::functions::{is_callable, plain_call};
use super::statements::trial;
use crate::catalog::Catalog;
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::{Context, Trial};
use crate::checks::attacks::writing::statements::{TableStatements, owned};
use crate::checks::isolation::Sandbox;
use crate::database::NoticeConnection;
use crate::error::{CannotRun, describe};
use crate::rows::Owner;
use crate::sql::ident;

/// Names of types that are resolved with `search_path`, because they are no SQL keywords.
const TYPES: [&str; 18] = [
    "uuid",
    "text",
    "jsonb",
    "json",
    "name",
    "bytea",
    "inet",
    "date",
    "timestamptz",
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "oid",
    "regclass",
    "varchar",
];

/// The trap's notice if it runs with another role than the attacker's.
const CAUGHT: &str = "what the attacker made ran as ";

/// B03. Each function and each table gets a new connection, because a session caches resolved
/// names, and the attacker may send its first request.
pub(super) async fn trials(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = Context::of(sandbox).map_err(CannotRun)?;
    let mut attempts: Vec<(String, Vec<String>)> = Vec::new();
    let definers = context.client_functions().into_iter();
    for function in definers.filter(|f| f.security == "definer" && is_callable(f)) {
        attempts.push((function.name.clone(), vec![plain_call(&context, function)]));
    }
    // The others are trigger functions, which run when a row is written.
    let has_triggers = context.catalog.functions.iter().any(|f| f.security == "definer");
    for words in owned(&context).filter(|_| has_triggers) {
        attempts.push((words.subject.name.to_owned(), writes(&words)?));
    }
    let mut trials = Vec::new();
    if !attempts.is_empty() {
        trials.push(control(sandbox).await?);
    }
    let login = sandbox.database.login(ATTACKER_LOGIN);
    for shadow in [types(), relations(context.catalog)] {
        for (object, statements) in &attempts {
            let session = NoticeConnection::connect(&login).await?;
            let begin = format!("begin; {}", context.contract.identity(ATTACKER).request_sql());
            let notices = run_trap(&session, &begin, &shadow, statements).await?;
            let pasted = [&[begin], &*shadow.statements, &**statements].concat().join(";\n");
            let weakness = notices.into_iter().next();
            let answer = "no object of the attacker ran with other privileges".to_owned();
            let trial = trial(object, shadow.name, ATTACKER.name(), &pasted);
            trials.push(Trial { answer, weakness, ..trial });
        }
    }
    Ok(trials)
}

/// The login role of every request.
const ATTACKER_LOGIN: &str = "authenticator";

/// Objects that the attacker creates.
struct Shadow {
    name: &'static str,
    statements: Vec<String>,
}

/// The function that every shadowing object calls.
fn trap(returns: &str, end: &str) -> String {
    format!(
        "create function pg_temp.trap_{returns}() returns pg_catalog.{returns} language plpgsql \
         as $trap$ begin if current_user <> '{}' then raise notice '{CAUGHT}%', current_user; \
         end if; return {end}; end $trap$",
        ATTACKER.role()
    )
}

/// Domains with the names of types, whose check is the trap.
fn types() -> Shadow {
    let mut statements = vec![trap("bool", "true")];
    statements.extend(TYPES.iter().map(|name| {
        format!("create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.trap_bool())")
    }));
    Shadow { name: "types", statements }
}

/// Views with the names of the schema's relations, which call the trap when they are read or
/// written.
fn relations(catalog: &Catalog) -> Shadow {
    let mut statements = vec![trap("bool", "true"), trap("trigger", "null")];
    let ours = catalog.relations.iter().filter(|relation| {
        relation.schema == "public" && relation.kind != "sequence" && !relation.columns.is_empty()
    });
    for relation in ours {
        let (name, columns) = (ident(&relation.name), &relation.columns);
        let null =
            |c: &crate::catalog::Column| format!("null::{} as {}", c.data_type, ident(&c.name));
        let nulls: Vec<String> = columns.iter().map(null).collect();
        statements.push(format!(
            "create view pg_temp.{name} as select * from (select {}) as row \
             where pg_temp.trap_bool()",
            nulls.join(", ")
        ));
        statements.push(format!(
            "create trigger trap instead of insert or update or delete on pg_temp.{name} \
             for each row execute function pg_temp.trap_trigger()"
        ));
    }
    statements.push("select set_config('search_path', 'pg_temp, public, extensions', true)".into());
    Shadow { name: "relations", statements }
}

/// Creates the trap, runs the statements one by one, and returns the trap's notices. Errors of
/// statements are ignored: the trap may have run before.
async fn run_trap(
    session: &NoticeConnection,
    begin: &str,
    shadow: &Shadow,
    statements: &[String],
) -> Result<Vec<String>, CannotRun> {
    let set = format!("{begin}; {}", shadow.statements.join("; "));
    session.client.batch_execute(&set).await.map_err(|error| {
        CannotRun(format!("could not set the trap: {}\n  {set}", describe(&error)))
    })?;
    session.notices();
    for statement in statements {
        let alone = format!("savepoint attempt; {statement}");
        let _ = session.client.batch_execute(&alone).await;
        let _ = session.client.batch_execute("rollback to attempt").await;
    }
    session.client.batch_execute("rollback").await.map_err(|e| CannotRun(describe(&e)))?;
    let notices = session.notices();
    let caught = notices.iter().map(|notice| notice.message().to_owned());
    Ok(caught.filter(|message| message.starts_with(CAUGHT)).collect())
}

/// Insert, update and delete of the attacker's own rows, which fire all triggers.
fn writes(words: &TableStatements<'_>) -> Result<Vec<String>, CannotRun> {
    let (table, own) = (words.table(), words.key(ATTACKER)?);
    Ok(vec![
        words.draft(Owner::User(ATTACKER))?.insert(words.subject.relation),
        format!("update {table} set {} where {own}", words.assignment()?),
        format!("delete from {table} where {own}"),
        format!("delete from {table} where {}", words.key(VICTIM)?),
    ])
}

/// The control: a careless definer function runs the trap.
async fn control(sandbox: &Sandbox) -> Result<Trial, CannotRun> {
    let session = sandbox.database.admin_with_notices().await?;
    let control = "create function public.identra_bait() returns pg_catalog.text language plpgsql \
                security definer set search_path = '' as $bait$ begin return 'x'::text; end \
                $bait$; grant execute on function public.identra_bait() to authenticated";
    let begin = format!("begin; {control}; {}", ATTACKER.identity().become_sql());
    let call = ["select public.identra_bait()".to_owned()];
    let notices = run_trap(&session, &begin, &types(), &call).await?;
    let control = trial("database", "control", ATTACKER.name(), control);
    let weakness =
        notices.is_empty().then(|| "the control, a careless function, is not detected".into());
    Ok(Trial { answer: "a careless function is detected".to_owned(), weakness, ..control })
}
