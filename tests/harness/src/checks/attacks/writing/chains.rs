//! Writing, then reading: what a permitted statement opens.

use std::collections::BTreeMap;

use super::statements::{TableStatements, owned};
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract;
use crate::contract::tenant::Place;
use crate::error::CannotRun;
use crate::rows::Owner;
use crate::sql::ident;

/// The world in which the victim's rows are there, and have other values.
const OTHER: &str = "other";

/// W14: a row of the attacker's own that refers to what the victim's does, and then every read.
pub(super) fn opened(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut worlds = context.worlds_of_all(&context.attacker)?;
    worlds.retain(|(name, _)| *name == OTHER);
    let reads = reads(context);
    if worlds.is_empty() || reads.is_empty() {
        return Ok(Vec::new());
    }
    let mut probes = Vec::new();
    for words in owned(context) {
        for (column, theirs) in referring(context, &words) {
            let mut draft = words.draft(Owner::User(ATTACKER))?;
            draft.values.insert(column.to_owned(), theirs.to_owned());
            let own = words.key(ATTACKER)?;
            let (table, name) = (words.table(), ident(column));
            let insert = words.insertion(&format!("insert {column}, then read"), draft)?;
            let update = format!("update {table} set {name} = {theirs} where {own}");
            let update = words.probe(&format!("update {column}, then read"), update)?;
            for mut probe in [insert, update] {
                probe.setup.splice(0..0, words.nothing_shared());
                probe.script.extend(reads.iter().cloned());
                probe.worlds.clone_from(&worlds);
                probe.control = Control::Nobody("the reads alone are tried by other attacks");
                probes.push(probe);
            }
        }
    }
    Ok(probes)
}

/// A query for each table with rows that the attacker may not read, and the privilege to ask.
fn reads(context: &Context<'_>) -> Vec<String> {
    let may = |subject: &Subject<'_>| {
        let relation = subject.relation;
        subject.readable().into_iter().all(|it| relation.grants(ATTACKER.role(), "select", it))
    };
    let tables = context.secret_tables(&context.attacker).into_iter().filter(may);
    tables
        .map(|it| format!("select {} from {}", it.select_list(), it.relation.qualified()))
        .collect()
}

/// The columns that point at a table with owners, or hold a tenant, and do not name the row's own
/// user; each with the value by which it refers to the victim's.
fn referring<'a>(context: &Context<'a>, words: &TableStatements<'a>) -> BTreeMap<&'a str, &'a str> {
    let relation = words.subject.relation;
    let keys = relation.constraints.iter().filter(|key| key.kind == "f");
    let keys = keys.filter_map(|key| {
        let ([column], [there]) = (key.columns.as_slice(), key.target_columns.as_slice()) else {
            return None;
        };
        Some((column.as_str(), context.row(key.target(), VICTIM)?.literal(there)?))
    });
    let tenants = context.contract.tables.values().filter_map(|declared| match &declared.owner {
        contract::Owner::Tenant(tenant) => match &tenant.of_user {
            Place::Column { table, column } if table == words.subject.name => {
                let row = context.row(words.subject.name, VICTIM)?;
                Some((column.as_str(), row.literal(column).filter(|it| *it != "null")?))
            }
            _ => None,
        },
        _ => None,
    });
    let of_user = match &words.subject.declared.owner {
        contract::Owner::Column(column) => Some(column.as_str()),
        _ => None,
    };
    keys.chain(tenants).filter(|(column, _)| Some(*column) != of_user).collect()
}
