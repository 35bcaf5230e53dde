//! Keys that lead to users: foreign keys, profiles, and the tables that pair a user with a row.

use super::policies::{Comparison, compared};
use crate::catalog::Relation;
use crate::contract::grid::Command;

/// The platform's table of users.
const ACCOUNTS: &str = "auth.users";

/// Names of columns that probably hold the owner, the most likely first.
const NAMES: [&str; 8] = [
    "user_id",
    "owner_id",
    "profile_id",
    "account_id",
    "author_id",
    "created_by",
    "owner",
    "member_id",
];

/// The foreign keys of one column: the column, the table that it references, and the column
/// there.
pub(super) fn references(relation: &Relation) -> Vec<(&str, &str, &str)> {
    let keys = relation.constraints.iter().filter(|key| key.kind == "f");
    let one =
        keys.filter_map(|key| match (key.columns.as_slice(), key.target_columns.as_slice()) {
            ([column], [there]) => {
                let target = key.target.as_deref()?;
                Some((
                    column.as_str(),
                    target.strip_prefix("public.").unwrap_or(target),
                    there.as_str(),
                ))
            }
            _ => None,
        });
    one.collect()
}

/// Tables whose key is a user's id.
pub(super) fn profiles(tables: &[&Relation]) -> Vec<String> {
    let profiles = tables.iter().filter(|table| is_profile(table));
    profiles.map(|table| table.declared_name()).collect()
}

/// Whether a table's key is a user's id.
pub(super) fn is_profile(table: &Relation) -> bool {
    let [key] = table.primary_key() else { return false };
    references(table).iter().any(|(column, target, _)| column == key && *target == ACCOUNTS)
}

/// The columns that reference a user by a foreign key.
pub(super) fn keyed<'a>(relation: &'a Relation, profiles: &[String]) -> Vec<&'a str> {
    let is_user = |target: &str| target == ACCOUNTS || profiles.iter().any(|it| it == target);
    let all = references(relation).into_iter().filter(|(_, target, _)| is_user(target));
    all.map(|(column, _, _)| column).collect()
}

/// The column that holds the owner, and the reason of the guess.
pub(super) fn user_column(relation: &Relation, profiles: &[String]) -> Option<(String, String)> {
    let keyed = keyed(relation, profiles);
    let of_user = |command: Command| {
        compared(relation, command).into_iter().filter_map(|it| match it {
            Comparison::User(column) => Some(column),
            _ => None,
        })
    };
    let [inserted, read] = [Command::Insert, Command::Select].map(|it| of_user(it).collect());
    let inserted: Vec<String> = inserted;
    let read: Vec<String> = read;
    let rank = |column: &&&str| {
        let named = NAMES.iter().position(|name| name == *column).unwrap_or(NAMES.len());
        let is_in = |all: &[String]| all.iter().any(|it| it == *column);
        (!is_in(&inserted), !is_in(&read), named)
    };
    if let Some(column) = keyed.iter().min_by_key(rank) {
        let others: Vec<&str> = keyed.iter().copied().filter(|it| it != column).collect();
        let mut why = "it points at an account".to_owned();
        if !others.is_empty() {
            why += &format!("; so does {}", others.join(", "));
        }
        return Some(((*column).to_owned(), why));
    }
    let others = Command::ALL.into_iter().flat_map(of_user);
    if let Some(column) = inserted.into_iter().chain(others).next() {
        return Some((column, "policies compare it with the user's id".to_owned()));
    }
    let is_uuid =
        |name: &&&str| relation.column(name).is_some_and(|column| column.data_type == "uuid");
    let points = |name: &&&str| references(relation).iter().any(|(column, ..)| column == *name);
    let named = NAMES.iter().filter(is_uuid).find(|name| !points(name))?;
    Some(((*named).to_owned(), "by its name; no foreign key says so".to_owned()))
}

/// The foreign keys that make a table one of memberships: its column, the referenced table and
/// its key. A user and such a key are unique together.
pub(super) fn memberships(table: &Relation, profiles: &[String]) -> Vec<(String, String, String)> {
    let users = keyed(table, profiles);
    let others = references(table).into_iter().filter(|(column, target, _)| {
        let pair = |user: &&str| {
            let is_unique = table.constraints.iter().any(|key| {
                ["p", "u"].contains(&key.kind.as_str())
                    && key.columns.len() == 2
                    && key.columns.iter().all(|it| it == user || it == column)
            });
            is_unique && user != column
        };
        *target != ACCOUNTS && *target != table.declared_name() && users.iter().any(pair)
    });
    others
        .filter(|(column, ..)| !users.contains(column))
        .map(|(column, target, key)| (column.to_owned(), target.to_owned(), key.to_owned()))
        .collect()
}
