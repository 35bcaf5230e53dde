//! Writing: effects of permitted statements on other rows, by cascades and triggers.

use std::collections::BTreeMap;

use super::statements::{TableStatements, owned, service_instead};
use crate::catalog::{Column, Constraint, Relation};
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract::grid::{Command, Whose};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows::Owner;
use crate::sql::{ident, quote};

/// W11.
pub(super) fn cascades(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        own_parent(&words, &mut probes)?;
        orphans(&words, &mut probes)?;
    }
    Ok(probes)
}

/// The foreign keys to a table, and the tables that they are in.
fn children<'a>(context: &Context<'a>, table: &str) -> Vec<(&'a Relation, &'a Constraint)> {
    let of = |relation: &'a Relation| relation.constraints.iter().map(move |key| (relation, key));
    let all = context.catalog.relations.iter().filter(|it| it.is_table() && !it.is_partition());
    let keys = all.flat_map(of).filter(|(_, key)| key.kind == "f" && key.columns.len() == 1);
    keys.filter(|(_, key)| key.target() == table).collect()
}

/// Deletes the attacker's own row and changes its key while other rows reference it, including
/// the victim's rows if the reference does not determine their owner.
fn own_parent(words: &TableStatements<'_>, probes: &mut Vec<Probe>) -> Result<(), CannotRun> {
    let context = words.context;
    let children = children(context, words.subject.name);
    if children.is_empty() {
        return Ok(());
    }
    let table = words.table();
    let (own, theirs) = (words.key(ATTACKER)?, words.key(VICTIM)?);
    let row = words.context.row(words.subject.name, ATTACKER);
    let mut setup = Vec::new();
    for (child, key) in &children {
        let child = owned(context).find(|words| words.subject.relation.name == child.name);
        let Some(child) = child else { continue };
        let column = key.columns[0].as_str();
        let decides = child.owner_column() == Some(column)
            || child.paths().iter().any(|(path, _)| path == column);
        let mine = row.and_then(|row| row.literal(&key.target_columns[0]));
        if let (false, Some(mine)) = (decides, mine) {
            // Two rows of one user may not point at the same.
            let keys = child.subject.relation.unique_keys();
            let victims = if keys.iter().any(|key| key.iter().any(|it| it == column)) {
                child.key(VICTIM)?
            } else {
                context.belongs_to(&child.subject, VICTIM)
            };
            let (child, column) = (child.table(), ident(column));
            setup.push(format!("update {child} r set {column} = {mine} where {victims}"));
        }
    }
    let control = service_instead(vec![format!("delete from {table} where {theirs}")]);
    let mut statements = vec![
        ("delete own".to_owned(), format!("delete from {table} where {own}")),
        ("delete all, blind".to_owned(), format!("delete from {table}")),
    ];
    for key in words.subject.relation.primary_key() {
        let value = words.other(key)?;
        let update = format!("update {table} set {} = {value} where {own}", ident(key));
        statements.push((format!("re-key own by {key}"), update));
    }
    for (part, statement) in statements {
        let (setup, control) = (setup.clone(), control.clone());
        probes.push(Probe { setup, control, ..words.probe(&part, statement)? });
    }
    Ok(())
}

/// Rows that remain after the victim's account is deleted: they have no owner, and no user may
/// read them.
fn orphans(words: &TableStatements<'_>, probes: &mut Vec<Probe>) -> Result<(), CannotRun> {
    // What does not lead to the owner may go without the row losing its own.
    let survives = |key: &Constraint| {
        let actions = ["ON DELETE SET NULL", "ON DELETE SET DEFAULT"];
        actions.iter().any(|action| key.definition.contains(action))
            && key.columns.iter().any(|column| words.is_on_path(column))
    };
    if !words.subject.relation.constraints.iter().any(survives) {
        return Ok(());
    }
    let (table, set) = (words.table(), words.assignment()?);
    let leave = words.context.without_the_victim();
    let grid = &words.subject.declared.grid;
    for (part, statement) in [
        ("read orphans", format!("select {} from {table}", words.subject.select_list())),
        ("update orphans", format!("update {table} set {set}")),
        ("delete orphans", format!("delete from {table}")),
    ] {
        for (persona, part) in
            [(ATTACKER, part.to_owned()), (Persona::AnonKey, format!("{part}, as anon_key"))]
        {
            let probe = words.by(persona, words.probe(&part, statement.clone())?)?;
            let reads = statement.starts_with("select");
            if !reads || !grid.permits(persona, &Whose::Nobodys, Command::Select) {
                probes.push(Probe { setup: leave.clone(), ..probe });
            }
        }
    }
    Ok(())
}

/// W13: all permitted statements on the attacker's own rows, also with the victim's ids in
/// every column that accepts them.
pub(super) fn side_effects(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        for (part, laden) in [("", false), (", the victim's ids in it", true)] {
            let of = |persona| statements(&words, persona, laden);
            let (mine, theirs) = (of(ATTACKER)?, of(VICTIM)?);
            for ((command, mut setup, statement), (_, parents, same)) in
                mine.into_iter().zip(theirs)
            {
                let of_the_control = parents.into_iter().filter(|it| !setup.contains(it));
                setup.extend(of_the_control.collect::<Vec<_>>());
                // The control is the victim with its own row, or the service role if no client
                // may.
                let grid = &words.subject.declared.grid;
                let permitted = grid.permits(VICTIM, &Whose::Own(None), command);
                let who = if permitted { VICTIM } else { Persona::ServiceRole };
                let control = Control::Instead(context.contract.identity(who), vec![same]);
                let part = format!("{}{part}", command.name());
                probes.push(Probe { setup, control, ..words.probe(&part, statement)? });
            }
        }
    }
    Ok(probes)
}

/// A statement with its command and setup.
type Done = (Command, Vec<String>, String);

/// Insert, update and delete of that user's own row.
fn statements(
    words: &TableStatements<'_>,
    persona: Persona,
    laden: bool,
) -> Result<Vec<Done>, CannotRun> {
    let (table, key) = (words.table(), words.key(persona)?);
    let mut draft = words.draft(Owner::User(persona))?;
    words.leave_to_defaults(&mut draft);
    let mut set = vec![words.assignment()?];
    if laden {
        let declared = &words.subject.declared.columns;
        let is_open =
            |column: &&Column| declared.get(&column.name).is_none_or(|it| it.example.is_none());
        let load = words.plain_columns().filter(is_open).filter_map(|column| {
            let value = load(words.context, &column.data_type)?;
            Some((column.name.clone(), value))
        });
        let load: Vec<(String, String)> = load.collect();
        if load.is_empty() {
            return Ok(Vec::new());
        }
        let may = |privilege: &str, column: &str| words.may(privilege, column);
        draft.values.extend(load.iter().filter(|(c, _)| may("insert", c)).cloned());
        set = load
            .iter()
            .filter(|(column, _)| may("update", column))
            .map(|(column, value)| format!("{} = {value}", ident(column)))
            .collect();
    }
    let mut statements =
        vec![(Command::Insert, draft.setup.clone(), draft.insert(words.subject.relation))];
    if !set.is_empty() {
        let set = set.join(", ");
        statements.push((
            Command::Update,
            Vec::new(),
            format!("update {table} set {set} where {key}"),
        ));
    }
    if !laden {
        statements.push((Command::Delete, Vec::new(), format!("delete from {table} where {key}")));
    }
    Ok(statements)
}

/// The victim's ids for a column of that type: in a document, under the name of every table and
/// column.
fn load(context: &Context<'_>, data_type: &str) -> Option<String> {
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for table in context.owned_tables() {
        let Some(row) = context.row(table.name, VICTIM) else { continue };
        for column in table.relation.columns.iter().filter(|column| column.data_type == "uuid") {
            let name = column.name.as_str();
            let value = row.literal(name).unwrap_or("null");
            ids.entry(name).or_insert(value);
            if table.relation.primary_key().first().is_some_and(|key| key == name) {
                ids.insert(table.name, value);
            }
        }
    }
    match data_type {
        "jsonb" | "json" => {
            let pairs: Vec<String> =
                ids.iter().map(|(name, id)| format!("{}, {id}", quote(name))).collect();
            Some(format!("pg_catalog.json_build_object({})::{data_type}", pairs.join(", ")))
        }
        "uuid" => ids.values().next().map(|id| (*id).to_owned()),
        _ => None,
    }
}
