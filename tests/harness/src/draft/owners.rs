//! Guesses the owner of each table's rows: by a foreign key to the accounts, by a column's
//! name, over another table, or by membership.

use std::collections::{BTreeMap, BTreeSet};

use super::expressions::{Expression, with_the_caller};
use super::found::Found;
use super::policies::{Comparison, compared, policies};
use super::readers::{members, of_readers, tenants};
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::membership::Members;
use crate::contract::tenant::{Place, Tenant};
use crate::sql::tokens::has_word;

/// The guesses at all tables and views, each with its reason, and the tables that name a user by
/// an address.
pub(super) struct Guesses(BTreeMap<String, (Owner, String)>, BTreeSet<String>);

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

impl Guesses {
    /// Guesses from the catalog.
    pub(super) fn of(found: &Found<'_>) -> Self {
        let tables: Vec<&Relation> = found.relations().filter(|it| it.is_table()).collect();
        let profiles = profiles(&tables);
        let mut guesses = BTreeMap::new();
        for table in &tables {
            for members in members(table, &tables, &profiles) {
                let why = format!("policies for reading look its key up in {}", members.table);
                let owner = Owner::Members(members);
                guesses.entry(table.declared_name()).or_insert((owner, why));
            }
        }
        for table in &tables {
            for (name, owner, why) in tenants(table, &tables, &profiles) {
                guesses.entry(name).or_insert((owner, why));
            }
        }
        for relation in found.relations() {
            if guesses.contains_key(&relation.declared_name()) {
                continue;
            }
            if let Some((owner, why)) = of_readers(relation, &tables, &profiles) {
                guesses.insert(relation.declared_name(), (owner, why));
            } else if let Some(Expression { text, .. }) = with_the_caller(relation) {
                let why = "policies compare it with the caller's id".to_owned();
                guesses.insert(relation.declared_name(), (Owner::Expression(text), why));
            } else if let Some((column, why)) = user_column(relation, &profiles) {
                guesses.insert(relation.declared_name(), (Owner::Column(column), why));
            }
        }
        for table in &tables {
            if let Some((column, of)) = managed(table, &tables, &profiles, &guesses) {
                let why = format!("who owns the row of {of} adds rows");
                let owner = Owner::Through(vec![(column, of)]);
                guesses.insert(table.declared_name(), (owner, why));
            }
        }
        for table in &tables {
            for (by, of, key) in memberships(table, &profiles) {
                // Reviews and likes make nobody a member.
                let target = tables.iter().find(|it| it.declared_name() == of);
                if target.is_some_and(|it| reads_without(it, &table.name)) {
                    continue;
                }
                let why = format!(
                    "{} holds a user and this table's key, and both make its rows unique",
                    table.name
                );
                let members =
                    Owner::Members(Members { column: key, table: table.declared_name(), by });
                guesses.entry(of).or_insert((members, why));
            }
        }
        // Repeated until nothing is added: a path may lead over several tables.
        loop {
            let found = tables
                .iter()
                .filter(|t| !guesses.contains_key(&t.declared_name()))
                .find_map(|table| {
                    let paths = paths(table, &guesses);
                    (!paths.is_empty()).then(|| (table.declared_name(), paths))
                });
            let Some((name, paths)) = found else { break };
            let over: Vec<&str> = paths.iter().map(|(column, _)| column.as_str()).collect();
            let why = format!("{} must point at rows that have owners", over.join(" and "));
            guesses.insert(name, (Owner::Through(paths), why));
        }
        for view in found.relations().filter(|it| !it.is_table()) {
            if let Some((owner, table)) = of_view(view, &tables, &guesses) {
                let why = format!("it shows that column of {table}");
                guesses.entry(view.declared_name()).or_insert((owner, why));
            }
        }
        let by_address = tables.iter().filter(|table| {
            let read = compared(table, Command::Select);
            read.iter()
                .any(|it| matches!(it, Comparison::Claim(_, claim) if claim.path == ["email"]))
        });
        Self(guesses, by_address.map(|it| it.declared_name()).collect())
    }

    /// Whether rows of that table name a user by an address.
    pub(super) fn has_addresses(&self, name: &str) -> bool {
        self.1.contains(name)
    }

    /// The guess at that table or view, and its reason.
    pub(super) fn at(&self, name: &str) -> (Owner, String) {
        self.0.get(name).cloned().unwrap_or_else(|| {
            let why = "no column names a user, or leads to a row that does";
            (Owner::None, why.to_owned())
        })
    }

    /// Whether rows of that table make users members of others.
    pub(super) fn is_membership(&self, name: &str) -> bool {
        let is_of = |guess: &Owner| matches!(guess, Owner::Members(it) if it.table == name);
        self.0.values().any(|(guess, _)| is_of(guess))
    }

    /// The table of memberships by which rows of that table have their users.
    pub(super) fn memberships_of(&self, name: &str) -> Option<String> {
        match self.0.get(name).map(|(guess, _)| guess) {
            Some(Owner::Members(members)) => Some(members.table.clone()),
            Some(Owner::Through(paths)) => paths
                .iter()
                .filter(|(_, next)| next != name)
                .find_map(|(_, next)| self.memberships_of(next)),
            _ => self.is_membership(name).then(|| name.to_owned()),
        }
    }

    /// Whether rows of that table can have several users.
    pub(super) fn is_shared(&self, name: &str) -> bool {
        match self.0.get(name).map(|(guess, _)| guess) {
            Some(Owner::Members(_)) => true,
            Some(Owner::Through(paths)) => {
                paths.iter().all(|(_, next)| next != name && self.is_shared(next))
            }
            _ => self.is_membership(name),
        }
    }
}

/// The key by which rows are added by whoever owns the row that they point at, and not by the user
/// whom they name; nothing else may say by these rows whose its own are.
fn managed(
    table: &Relation,
    tables: &[&Relation],
    profiles: &[String],
    guesses: &BTreeMap<String, (Owner, String)>,
) -> Option<(String, String)> {
    let name = table.declared_name();
    let added = compared(table, Command::Insert);
    if keyed(table, profiles).is_empty() || added.iter().any(|it| matches!(it, Comparison::User(_)))
    {
        return None;
    }
    let is_of_another = |(owner, _): &(Owner, String)| match owner {
        Owner::Tenant(Tenant { of_user: Place::Column { table, .. }, .. }) => *table == name,
        _ => false,
    };
    added.into_iter().find_map(|comparison| {
        let Comparison::Lookup(column, of, _) = comparison else { return None };
        let is_key = references(table).iter().any(|(it, target, _)| *it == column && *target == of);
        let has_owner = tables.iter().any(|it| {
            it.declared_name() == of && matches!(guesses.get(&of), Some((Owner::Column(_), _)))
        });
        (is_key && has_owner && !guesses.values().any(is_of_another)).then_some((column, of))
    })
}

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
fn profiles(tables: &[&Relation]) -> Vec<String> {
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

/// Whether a table has policies for reading, and none of them names that other table.
fn reads_without(table: &Relation, other: &str) -> bool {
    let mut readers = policies(table, "authenticated", Command::Select).peekable();
    readers.peek().is_some()
        && readers.all(|it| it.using.as_deref().is_none_or(|text| !has_word(text, other)))
}

/// The NOT NULL columns that reference rows with owners; where policies for reading look up some of
/// them, these.
fn paths(table: &Relation, guesses: &BTreeMap<String, (Owner, String)>) -> Vec<(String, String)> {
    let required = |column: &str| table.column(column).is_some_and(|column| column.not_null);
    let all: Vec<(String, String)> = references(table)
        .into_iter()
        .filter(|(_, target, _)| *target != table.declared_name())
        .filter(|(column, target, _)| required(column) && guesses.contains_key(*target))
        .map(|(column, target, _)| (column.to_owned(), target.to_owned()))
        .collect();
    let read = compared(table, Command::Select);
    let is_read = |(path, _): &&(String, String)| {
        read.iter().any(|it| matches!(it, Comparison::Lookup(column, ..) if column == path))
    };
    let looked_up: Vec<(String, String)> = all.iter().filter(is_read).cloned().collect();
    if looked_up.is_empty() { all } else { looked_up }
}

/// The owner of a view's rows, where it shows the column with which the path of a table begins.
fn of_view(
    view: &Relation,
    tables: &[&Relation],
    guesses: &BTreeMap<String, (Owner, String)>,
) -> Option<(Owner, String)> {
    let query = view.query.as_deref()?;
    let words: Vec<&str> = query.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let at = |table: &Relation| words.iter().position(|word| *word == table.name);
    let mut named: Vec<(usize, &Relation)> =
        tables.iter().filter_map(|table| Some((at(table)?, *table))).collect();
    named.sort_by_key(|(at, _)| *at);
    named.into_iter().find_map(|(_, table)| {
        let (owner, _) = guesses.get(&table.declared_name())?;
        let shown = match owner {
            Owner::Through(paths) => &paths.iter().find(|(it, _)| view.column(it).is_some())?.0,
            Owner::Tenant(Tenant { column, .. }) | Owner::Members(Members { column, .. }) => column,
            _ => return None,
        };
        view.column(shown)?;
        let owner = match owner {
            Owner::Through(paths) => {
                Owner::Through(paths.iter().filter(|(it, _)| it == shown).cloned().collect())
            }
            owner => owner.clone(),
        };
        Some((owner, table.name.clone()))
    })
}
