//! This file is membership: rows whose users are those that another table's rows name, so
//! that a row may have several.

use std::collections::BTreeMap;

use super::files::File;
use super::shape::Sharing;
use super::{Contract, Owner, Relation};
use crate::error::CannotRun;
use crate::platform::persona::Persona;

/// Where a row's members stand: `column <- table.by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// The key of the row itself.
    pub column: String,
    /// The table of the memberships.
    pub table: String,
    /// Its column that holds that key.
    pub by: String,
}

/// What a table is whose rows make users members of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// Its columns that say of which row, each with that row's table.
    pub of: Vec<(String, String)>,
    /// What a membership of the made worlds holds: SQL expressions by column, for a member who
    /// is the only one (`alone`), and for each of the two who share.
    pub values: Values,
}

/// SQL expressions by the word for a member, and by column.
pub type Values = BTreeMap<String, BTreeMap<String, String>>;

/// The word for a member who is the only one.
pub const ALONE: &str = "alone";

/// The form of an owner by membership.
const FORM: &str = "say \"column <- table.column\": this table's key, and the column of the \
                    table of memberships that holds it";

impl Members {
    /// Reads `column <- table.by`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once("<-").and_then(|(column, there)| {
            let (table, by) = there.split_once('.')?;
            Some([column.trim(), table.trim(), by.trim()])
        });
        match parts {
            Some(parts) if parts.iter().all(|part| is_a_name(part)) => {
                let [column, table, by] = parts.map(str::to_owned);
                Ok(Self { column, table, by })
            }
            _ => Err(format!("\"{text}\" is no membership; {FORM}")),
        }
    }
}

fn is_a_name(part: &str) -> bool {
    !part.is_empty() && !part.contains([' ', '.', '<', '>'])
}

/// How the rows of each table are shared, from what all of them say of their owners.
pub(super) fn sharing(owners: &BTreeMap<String, Owner>, table: &str) -> Sharing {
    let is_of = |owner: &Owner| matches!(owner, Owner::Members(members) if members.table == table);
    if owners.values().any(is_of) {
        return Sharing::Membership;
    }
    match owners.get(table) {
        Some(Owner::Members(_)) => Sharing::Members,
        Some(Owner::Through(_)) if leads_to_members(owners, table, 0) => Sharing::Through,
        _ => Sharing::Alone,
    }
}

/// Whether every path from that table ends at one that has members. A contract whose paths
/// go in circles is refused later.
fn leads_to_members(owners: &BTreeMap<String, Owner>, table: &str, depth: usize) -> bool {
    match owners.get(table) {
        Some(Owner::Members(_)) => true,
        Some(Owner::Through(paths)) if depth < owners.len() => {
            paths.iter().all(|(_, next)| leads_to_members(owners, next, depth + 1))
        }
        _ => false,
    }
}

/// What the owners of all tables make of that one: the rows whose members its rows are.
pub(super) fn memberships(owners: &BTreeMap<String, Owner>, table: &str) -> Vec<(String, String)> {
    let of = |(name, owner): (&String, &Owner)| match owner {
        Owner::Members(members) if members.table == table => {
            Some((members.by.clone(), name.clone()))
        }
        _ => None,
    };
    owners.iter().filter_map(of).collect()
}

/// `[members]` stands where memberships are, and speaks of those that there are.
pub(super) fn check_values(
    values: &Values,
    sharing: Sharing,
    file: &File,
) -> Result<(), CannotRun> {
    if !values.is_empty() && sharing != Sharing::Membership {
        let message = "[members] is for a table of memberships, and no owner says \"… <- \" of \
                       this one; remove it, or say so in the file of the table that has members";
        return Err(file.error("[members", message));
    }
    let known: Vec<&str> = [ALONE].into_iter().chain(Persona::OWNERS.map(Persona::name)).collect();
    if let Some(word) = values.keys().find(|word| !known.contains(&word.as_str())) {
        let message = format!("unknown member \"{word}\"; say {}", known.join(", "));
        let header = format!("[members.{word}]");
        return Err(if file.holds(&header) {
            file.error(&header, &message)
        } else {
            file.error_below("[members]", word, &message)
        });
    }
    Ok(())
}

/// The table of memberships is declared, and names its users in a column. What is wrong with
/// the grids then follows from it, so that this comes first.
pub(super) fn check_owner(
    name: &str,
    owners: &BTreeMap<String, Owner>,
    file: &File,
) -> Result<(), CannotRun> {
    let Some(Owner::Members(Members { table, .. })) = owners.get(name) else { return Ok(()) };
    let wrong = |message: String| Err(file.error("owner =", &message));
    let remedy = format!("let the file of {table} name the column that holds the member's id");
    match owners.get(table) {
        _ if table == name => wrong(format!("{name} cannot hold its own members; {FORM}")),
        None => wrong(format!("the owner names \"{table}\", which no file declares")),
        Some(Owner::Column(_)) => Ok(()),
        Some(Owner::None) => {
            wrong(format!("the owner's members are rows of {table}, which has no owner; {remedy}"))
        }
        Some(Owner::Through(_) | Owner::Members(_)) => {
            wrong(format!("the owner's path over \"{table}\" leads to no user; {remedy}"))
        }
    }
}

/// The table of memberships has the column, and the members are those of the row's key.
pub(super) fn check_members(
    members: &Members,
    (name, relation): (&str, &Relation),
    contract: &Contract,
    file: &File,
) -> Result<(), CannotRun> {
    let Members { column, table, by } = members;
    let wrong = |message: String| Err(file.error("owner =", &message));
    let has = contract.tables.get(table).map(|it| it.columns.keys().cloned().collect());
    let has: Vec<String> = has.unwrap_or_default();
    if !has.contains(by) {
        let has = has.join(", ");
        return wrong(format!(
            "unknown column \"{by}\" of {table}; the contract's columns are {has}"
        ));
    }
    let keys = [format!("primary key ({column})"), format!("unique ({column})")];
    let is_key = relation.columns[column].unique
        || relation.constraints.values().any(|it| keys.contains(&it.to_lowercase()));
    if !is_key {
        return wrong(format!(
            "\"{column}\" is not the key of {name}; say \"{column} -> table\" if it points at \
             the table that has the members"
        ));
    }
    Ok(())
}
