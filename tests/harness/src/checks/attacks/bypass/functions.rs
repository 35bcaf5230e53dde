//! Bypass: every function that a client's role can execute, called with the victim's ids,
//! nulls, extreme values and hostile text.

use crate::catalog::{Column, Function, Grant, Input};
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows::values::plain;
use crate::rows::{Owner, Row};
use crate::sql::{ident, quote};

/// Arguments that only the server itself can pass.
const NOT_CALLABLE: [&str; 6] =
    ["trigger", "event_trigger", "internal", "cstring", "language_handler", "fdw_handler"];

/// B02.
pub(super) fn calls(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let attackers = [ATTACKER, Persona::AnonKey].map(|it| context.contract.identity(it));
    let worlds = attackers.each_ref().map(|attacker| context.worlds_of_all(attacker));
    let [of_a_user, of_nobody] = worlds;
    let attackers = attackers.into_iter().zip([of_a_user?, of_nobody?]);
    let attackers: Vec<_> = attackers.collect();
    let credit = credit(context);
    let mut probes = Vec::new();
    for function in context.client_functions() {
        if !is_callable(function) {
            continue;
        }
        for (attacker, worlds) in &attackers {
            let executes = |grant: &Grant| {
                [attacker.role.as_str(), "public"].contains(&grant.grantee.as_str())
            };
            // Without EXECUTE, a call is refused before its arguments are evaluated.
            let tried = if function.grants.iter().any(executes) { usize::MAX } else { 1 };
            for (part, call) in calls_of(context, function).into_iter().take(tried) {
                probes.push(Probe {
                    object: function.name.clone(),
                    setup: if part.ends_with(PLAUSIBLE) { credit.clone() } else { Vec::new() },
                    part: format!("{part}, as {}", attacker.name),
                    attacker: attacker.clone(),
                    script: vec![call],
                    worlds: worlds.clone(),
                    control: Control::Understood,
                });
            }
        }
    }
    Ok(probes)
}

/// Whether a client's statement can call it.
pub(super) fn is_callable(function: &Function) -> bool {
    let plain = ["function", "procedure"].contains(&function.kind.as_str());
    let types = function.inputs.iter().map(|input| input.data_type.as_str());
    plain && !types.chain([function.returns.as_str()]).any(|t| NOT_CALLABLE.contains(&t))
}

/// The calls, each with a name for its arguments. A function without arguments has one.
fn calls_of(context: &Context<'_>, function: &Function) -> Vec<(String, String)> {
    let with = |argument: &dyn Fn(&Input) -> String| call(function, argument);
    if function.inputs.is_empty() {
        return vec![("no arguments".to_owned(), with(&|_| String::new()))];
    }
    let mut calls = vec![
        ("nulls".to_owned(), with(&|_| "null".to_owned())),
        ("high".to_owned(), with(&|input| extreme(&input.data_type, true))),
        ("low".to_owned(), with(&|input| extreme(&input.data_type, false))),
    ];
    let takes_text = function.inputs.iter().any(|input| is_text(&input.data_type));
    for table in context.owned_tables() {
        let shared = context.world.rows(table.name, Owner::Shared, None);
        if !shared.is_empty() {
            let shared = with(&|input| of_rows(input, &table, &shared));
            calls.push((format!("the shared {}", table.name), shared));
        }
        let rows = context.world.rows(table.name, Owner::User(VICTIM), None);
        if rows.is_empty() {
            continue;
        }
        let theirs = with(&|input| of_rows(input, &table, &rows));
        calls.push((format!("the victim's {}", table.name), theirs));
        let plausible = with(&|input| plausible(function, input, &table, &rows));
        calls.push((format!("the victim's {}{PLAUSIBLE}", table.name), plausible));
        if takes_text {
            for payload in payloads(&table) {
                let hostile = with(&|input| hostile(input, &table, &rows, &payload));
                calls.push((format!("text {payload}"), hostile));
            }
        }
    }
    calls.sort();
    calls.dedup_by(|one, other| one.1 == other.1);
    calls
}

/// What a call is named after in which only the key is the victim's.
const PLAUSIBLE: &str = " and values that a function takes";

/// The victim's key, one of anything, and the attacker where a second user is named.
fn plausible(function: &Function, input: &Input, table: &Subject<'_>, rows: &[&Row]) -> String {
    let is_uuid = |input: &&Input| base(&input.data_type) == "uuid";
    let first = function.inputs.iter().find(is_uuid).map(|it| &it.name);
    match base(&input.data_type) {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => "1".into(),
        "uuid" if first != Some(&input.name) => quote(ATTACKER.user_id().unwrap_or_default()),
        _ => of_rows(input, table, rows),
    }
}

/// Statements that leave something to take where a number counts from its default; a table that
/// refuses it keeps what it has.
fn credit(context: &Context<'_>) -> Vec<String> {
    let mut statements = Vec::new();
    for table in context.owned_tables() {
        let Some(row) = context.row(table.name, VICTIM) else { continue };
        for column in &table.relation.columns {
            let counts = ["smallint", "integer", "bigint", "numeric"]
                .contains(&base(&column.data_type))
                && column.default.is_some()
                && column.made.is_none();
            if counts && row.literal(&column.name).is_none() {
                let (name, column) = (table.relation.qualified(), ident(&column.name));
                let update = format!("update {name} set {column} = {column} + 100");
                let body = quote(&format!("begin {update}; exception when others then null; end"));
                statements.push(format!("do {body}"));
            }
        }
    }
    statements
}

/// A call with values from the victim's first row of the first table.
pub(super) fn plain_call(context: &Context<'_>, function: &Function) -> String {
    let subject = context.owned_tables().into_iter().next();
    let rows =
        subject.map(|table| (context.world.rows(table.name, Owner::User(VICTIM), None), table));
    call(function, &|input| match &rows {
        Some((rows, table)) if !rows.is_empty() => of_rows(input, table, rows),
        _ => extreme(&input.data_type, true),
    })
}

/// A call with an argument of the right type for each input.
pub(super) fn call(function: &Function, argument: &dyn Fn(&Input) -> String) -> String {
    let last = function.inputs.len().saturating_sub(1);
    let variadic = function.arguments.contains("VARIADIC ");
    let typed = |(at, input): (usize, &Input)| {
        let data_type = match input.data_type.as_str() {
            any if any.starts_with("any") && any.ends_with("array") => "pg_catalog.text[]",
            any if any.starts_with("any") || any == "\"any\"" => "pg_catalog.text",
            other => other,
        };
        let keyword = if variadic && at == last { "variadic " } else { "" };
        format!("{keyword}{}::{data_type}", argument(input))
    };
    let arguments: Vec<String> = function.inputs.iter().enumerate().map(typed).collect();
    let name = format!("{}.{}", ident(&function.schema), ident(&function.name));
    let verb = if function.kind == "procedure" { "call" } else { "select" };
    format!("{verb} {name}({})", arguments.join(", "))
}

/// The victim's value for an argument: from the column of that name, or the first of that type,
/// in the first row that has one.
fn of_rows(input: &Input, table: &Subject<'_>, rows: &[&Row]) -> String {
    let bare = input.name.trim_start_matches("p_").trim_start_matches('_');
    let same_type = |data_type: &str| base(data_type) == base(&input.data_type);
    let columns = &table.relation.columns;
    let named = columns.iter().find(|c| c.name == bare && same_type(&c.data_type));
    let typed = columns.iter().filter(|c| same_type(&c.data_type));
    let of_column = |column: &Column| {
        rows.iter().filter_map(|row| row.literal(&column.name)).find(|value| *value != "null")
    };
    let value = named.into_iter().chain(typed).find_map(of_column).map(str::to_owned);
    value.or_else(|| plain(&input.data_type, bare, 0)).unwrap_or_else(|| "null".to_owned())
}

/// The same, with the attacker's payload for text.
fn hostile(input: &Input, table: &Subject<'_>, rows: &[&Row], payload: &str) -> String {
    match base(&input.data_type) {
        _ if !is_text(&input.data_type) => of_rows(input, table, rows),
        "json" | "jsonb" => {
            let id = quote(VICTIM.user_id().unwrap_or_default());
            let pairs = [("user_id", id.clone()), ("id", id), ("sql", quote(payload))];
            let pairs = pairs.map(|(name, value)| format!("'{name}', {value}")).join(", ");
            format!("pg_catalog.json_build_object({pairs})")
        }
        _ => quote(payload),
    }
}

fn is_text(data_type: &str) -> bool {
    ["text", "character varying", "character", "name", "json", "jsonb", "citext"]
        .contains(&base(data_type))
}

/// A type without its schema and its modifier.
fn base(data_type: &str) -> &str {
    let bare = data_type.split('(').next().unwrap_or_default();
    bare.rsplit('.').next().unwrap_or_default()
}

/// Text that ends a literal, that is a name, or that is a statement.
fn payloads(table: &Subject<'_>) -> Vec<String> {
    let name = table.relation.qualified();
    vec![
        "' or true --".to_owned(),
        "' or '' = '".to_owned(),
        "true".to_owned(),
        "x'; set local role service_role; --".to_owned(),
        "%s %I %L %% $1 \\ \" $$".to_owned(),
        format!("x'; delete from {name}; --"),
        format!("' union all select pg_catalog.to_jsonb(r)::pg_catalog.text from {name} r --"),
        name.clone(),
        table.name.to_owned(),
        format!("select pg_catalog.count(*) from {name}"),
        format!("delete from {name}"),
        VICTIM.user_id().unwrap_or_default().to_owned(),
        VICTIM.email().unwrap_or_default(),
    ]
}

/// The limits of a type's range, and unusual values.
fn extreme(data_type: &str, high: bool) -> String {
    let pick = |one: &str, other: &str| if high { one } else { other }.to_owned();
    if data_type.ends_with("[]") {
        return pick("'{}'", "'{null, null}'");
    }
    match base(data_type) {
        "smallint" => pick("32767", "(-32768)"),
        "integer" => pick("2147483647", "(-2147483648)"),
        "bigint" => pick("9223372036854775807", "(-9223372036854775808)"),
        "numeric" | "real" | "double precision" => pick("'NaN'", "'-Infinity'"),
        "uuid" => {
            pick("'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'00000000-0000-0000-0000-000000000000'")
        }
        "timestamp with time zone" | "timestamp without time zone" | "date" => {
            pick("'infinity'", "'-infinity'")
        }
        "json" | "jsonb" => pick("'[[], {}, null]'", "'null'"),
        "vector" | "halfvec" => pick("'[1]'", "'[0,0,0]'"),
        "text" | "character varying" | "name" | "citext" => {
            pick("pg_catalog.repeat('x', 10000)", "''")
        }
        _ => plain(data_type, "an extreme", 0).unwrap_or_else(|| "null".to_owned()),
    }
}
