//! How rows are shared: which tables hold memberships, derived from the owners of all tables,
//! and whether each is declared as its owner says.

use std::collections::BTreeMap;

use super::membership::{ALONE, FORM, Members, Values};
use super::model::{Contract, Owner, Relation};
use super::shape::Sharing;
use super::tenant::{Place, Tenant};
use crate::platform::persona::Persona;
use crate::source::mistake::{Mistakes, Wrong};
use crate::source::toml_file::TomlFile;

/// How the rows of a table are shared, derived from the owners of all tables.
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

/// Whether every path to the owner ends at a table with members. Cyclic paths are refused
/// later.
fn leads_to_members(owners: &BTreeMap<String, Owner>, table: &str, depth: usize) -> bool {
    match owners.get(table) {
        Some(Owner::Members(_)) => true,
        Some(Owner::Through(paths)) if depth < owners.len() => {
            paths.iter().all(|(_, next)| leads_to_members(owners, next, depth + 1))
        }
        _ => false,
    }
}

/// The columns and tables for which a table holds memberships, derived from the owners of all
/// tables.
pub(super) fn memberships(owners: &BTreeMap<String, Owner>, table: &str) -> Vec<(String, String)> {
    let of = |(name, owner): (&String, &Owner)| match owner {
        Owner::Members(members) if members.table == table => {
            Some((members.by.clone(), name.clone()))
        }
        _ => None,
    };
    owners.iter().filter_map(of).collect()
}

/// `[members]` is only in files of tables of memberships, and has only known members.
pub(super) fn check_values(
    values: &Values,
    sharing: Sharing,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    if !values.is_empty() && sharing != Sharing::Membership {
        let wrong = Wrong::new("`[members]` is for a table of memberships")
            .label("no owner says `… <- ` of this table")
            .help("remove it, or say so in the file of the table that has members");
        mistakes.add(file.mistake(file.key(&["members"]), wrong));
    }
    let known: Vec<&str> = [ALONE].into_iter().chain(Persona::OWNERS.map(Persona::name)).collect();
    for word in values.keys().filter(|word| !known.contains(&word.as_str())) {
        let wrong = Wrong::unknown("member", word, known.iter().copied());
        mistakes.add(file.mistake(file.key(&["members", word]), wrong));
    }
}

/// The table of memberships is declared, and names its users in a column. Mistakes in grids can
/// follow from this one, so that it is checked first.
pub(super) fn check_owner(
    name: &str,
    owners: &BTreeMap<String, Owner>,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    let Some(
        Owner::Members(Members { table, .. })
        | Owner::Tenant(Tenant { of_user: Place::Column { table, .. }, .. }),
    ) = owners.get(name)
    else {
        return;
    };
    let remedy = format!("let the file of `{table}` name the column that holds the member's id");
    let wrong = match owners.get(table) {
        _ if table == name => {
            Wrong::new(format!("`{name}` cannot hold its own members")).help(FORM)
        }
        None => undeclared(table, owners.keys().map(String::as_str)),
        Some(Owner::Column(_)) => return,
        Some(Owner::None) => Wrong::new(format!("table `{table}` has no owner"))
            .label("its rows are the members")
            .help(remedy),
        Some(Owner::Through(_) | Owner::Members(_) | Owner::Tenant(_) | Owner::Expression(_)) => {
            leads_nowhere(table).help(remedy)
        }
    };
    mistakes.add(file.mistake(file.word(&["owner"], table), wrong));
}

/// A table that no file declares.
pub(super) fn undeclared<'a>(table: &str, declared: impl IntoIterator<Item = &'a str>) -> Wrong {
    Wrong::not_of("files declare", "table", table, declared)
}

/// A path to the owner that leads to no user.
pub(super) fn leads_nowhere(table: &str) -> Wrong {
    Wrong::new(format!("the owner's path over `{table}` leads to no user"))
}

/// The table of memberships has the column, which holds the row's key.
pub(super) fn check_members(
    members: &Members,
    (name, relation): (&str, &Relation),
    contract: &Contract,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    let Members { column, table, by } = members;
    let (Some(there), Some(key)) = (contract.tables.get(table), relation.columns.get(column))
    else {
        return;
    };
    if !there.columns.contains_key(by) {
        let wrong = Wrong::unknown_column(table, by, there.columns.keys());
        let at = file.word(&["owner"], &format!(".{by}"));
        mistakes.add(file.mistake(at.start + 1..at.end, wrong));
    }
    let keys = [format!("primary key ({column})"), format!("unique ({column})")];
    let is_key =
        key.unique || relation.constraints.values().any(|it| keys.contains(&it.to_lowercase()));
    if !is_key {
        let wrong = Wrong::new(format!("`{column}` is not the key of `{name}`")).help(format!(
            "say `{column} -> table` if it points at the table that has the members"
        ));
        mistakes.add(file.mistake(file.word(&["owner"], column), wrong));
    }
}
