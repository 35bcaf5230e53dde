//! Guesses the owner of each table's rows: by a foreign key to the accounts, by a column's
//! name, over another table, or by membership.

use std::collections::{BTreeMap, BTreeSet};

use super::expressions::{Expression, with_the_caller};
use super::found::Found;
use super::policies::{Comparison, compared};
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::membership::Members;
use crate::contract::tenant::{Place, Tenant};
use crate::sql::tokens::{Tokens, has_word};

/// The guesses at all tables and views, each with its reason.
pub(super) struct Guesses {
    owners: BTreeMap<String, (Owner, String)>,
    /// Parties that are none: table and word.
    without: BTreeSet<(String, String)>,
}

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
            for (name, owner, why) in tenants(table, &tables, &profiles) {
                guesses.entry(name).or_insert((owner, why));
            }
        }
        // Of rows that are reached by what they point at, the user whom they name is an author.
        let mut authors = Vec::new();
        for relation in found.relations() {
            if guesses.contains_key(&relation.declared_name()) {
                continue;
            }
            if let Some(Expression { text, .. }) = with_the_caller(relation) {
                let why = "policies compare it with the caller's id".to_owned();
                guesses.insert(relation.declared_name(), (Owner::Expression(text), why));
            } else if let Some((column, why)) = user_column(relation, &profiles) {
                if is_read_by_a_key_alone(relation, &column) {
                    authors.push((relation.declared_name(), (Owner::Column(column), why)));
                } else {
                    guesses.insert(relation.declared_name(), (Owner::Column(column), why));
                }
            } else if let Some((column, of)) = shown(relation, &tables, &guesses) {
                let why = format!("the view shows it of {of}");
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
        for (name, author) in authors {
            guesses.entry(name).or_insert(author);
        }
        Self { owners: guesses, without: found.without.clone() }
    }

    /// The guess at that table or view, and its reason.
    pub(super) fn at(&self, name: &str) -> (Owner, String) {
        self.owners.get(name).cloned().unwrap_or_else(|| {
            let why = "no column names a user, or leads to a row that does";
            (Owner::None, why.to_owned())
        })
    }

    /// Whether that word is for a party of the table's rows.
    pub(super) fn is_party(&self, table: &str, word: &str) -> bool {
        !self.without.iter().any(|(of, it)| of == table && it == word)
    }

    /// Whether rows of that table make users members of others.
    pub(super) fn is_membership(&self, name: &str) -> bool {
        let is_of = |guess: &Owner| matches!(guess, Owner::Members(it) if it.table == name);
        self.owners.values().any(|(guess, _)| is_of(guess))
    }

    /// Whether rows of that table can have several users.
    pub(super) fn is_shared(&self, name: &str) -> bool {
        match self.owners.get(name).map(|(guess, _)| guess) {
            Some(Owner::Members(_)) => true,
            Some(Owner::Through(paths)) => {
                paths.iter().all(|(_, next)| next != name && self.is_shared(next))
            }
            _ => self.is_membership(name),
        }
    }
}

/// The tables that policies of this one give to the users of a tenant: by a claim, or by a column
/// of the user's row of another table, which may point at a table of tenants.
fn tenants(
    table: &Relation,
    tables: &[&Relation],
    profiles: &[String],
) -> Vec<(String, Owner, String)> {
    let mut found = Vec::new();
    let all = Command::ALL.into_iter().flat_map(|command| compared(table, command));
    for comparison in all {
        match comparison {
            // Where users have rows of their own, an address is a party's.
            Comparison::Claim(column, claim) if keyed(table, profiles).is_empty() => {
                let why = "policies compare it with a claim".to_owned();
                let owner = Owner::Tenant(Tenant { column, of_user: Place::Claim(claim) });
                found.push((table.declared_name(), owner, why));
            }
            Comparison::Lookup(column, users, by, _) => {
                let Some(users) = tables.iter().find(|it| it.declared_name() == users) else {
                    continue;
                };
                let Some((user, _)) = user_column(users, profiles) else { continue };
                if users.name == table.name {
                    continue;
                }
                let place = |column: &str| {
                    let of_user =
                        Place::Column { table: users.declared_name(), column: by.clone() };
                    Owner::Tenant(Tenant { column: column.to_owned(), of_user })
                };
                let target = references(users).into_iter().find(|(column, ..)| *column == by);
                let is_key = table.primary_key() == [column.as_str()];
                match target {
                    Some((_, of, key)) if users.is_unique(&[user.as_str()]) => {
                        let why = format!("each user's row of {} points at one", users.name);
                        found.push((of.to_owned(), place(key), why));
                    }
                    // The tenants have owners of their own, and these are their members.
                    Some((_, of, _))
                        if tables.iter().any(|it| {
                            it.declared_name() == of && user_column(it, profiles).is_some()
                        }) && !is_key
                            && of != table.declared_name()
                            && !is_written_by_owners(table, &column, of) =>
                    {
                        let why = format!("policies look it up in {}", users.name);
                        found.push((table.declared_name(), place(&column), why));
                    }
                    None if !is_key && users.primary_key() != [by.as_str()] => {
                        let why = format!("policies look it up in {}", users.name);
                        found.push((table.declared_name(), place(&column), why));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether no condition of a policy names that column, and one names a required key instead.
fn is_read_by_a_key_alone(relation: &Relation, column: &str) -> bool {
    let conditions = relation.policies.iter().filter_map(|it| it.using.as_deref());
    let conditions: Vec<Tokens<'_>> = conditions.map(Tokens::of).collect();
    let names = |column: &str| {
        conditions.iter().any(|tokens| {
            (0..tokens.all.len()).any(|at| {
                let is_qualified = at >= 2 && tokens.text(at - 1) == ".";
                tokens.text(at) == column && (!is_qualified || tokens.text(at - 2) == relation.name)
            })
        })
    };
    let is_required = |key: &str| relation.column(key).is_some_and(|it| it.not_null);
    let keys = references(relation).into_iter();
    let mut keys = keys.filter(|(_, target, _)| ![ACCOUNTS, &relation.name].contains(target));
    !names(column) && keys.any(|(key, ..)| key != column && is_required(key) && names(key))
}

/// The owner's column of a table that a view reads and shows, and the table.
fn shown(
    view: &Relation,
    tables: &[&Relation],
    guesses: &BTreeMap<String, (Owner, String)>,
) -> Option<(String, String)> {
    let query = view.query.as_deref()?;
    tables.iter().find_map(|table| {
        let name = table.declared_name();
        match guesses.get(&name) {
            Some((Owner::Column(column), _)) if has_word(query, &table.name) => {
                view.column(column).map(|it| (it.name.clone(), name))
            }
            _ => None,
        }
    })
}

/// Whether the owners of a tenant's row write the rows of a table that point at it.
fn is_written_by_owners(table: &Relation, column: &str, of: &str) -> bool {
    let added = compared(table, Command::Insert);
    added
        .iter()
        .any(|it| matches!(it, Comparison::Lookup(by, there, ..) if by == column && there == of))
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
        let Comparison::Lookup(column, of, ..) = comparison else { return None };
        let is_key = references(table).iter().any(|(it, target, _)| *it == column && *target == of);
        let has_owner = tables.iter().any(|it| {
            it.declared_name() == of && matches!(guesses.get(&of), Some((Owner::Column(_), _)))
        });
        (is_key && has_owner && !guesses.values().any(is_of_another)).then_some((column, of))
    })
}

/// The foreign keys of one column: the column, the table that it references, and the column
/// there.
fn references(relation: &Relation) -> Vec<(&str, &str, &str)> {
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
fn keyed<'a>(relation: &'a Relation, profiles: &[String]) -> Vec<&'a str> {
    let is_user = |target: &str| target == ACCOUNTS || profiles.iter().any(|it| it == target);
    let all = references(relation).into_iter().filter(|(_, target, _)| is_user(target));
    all.map(|(column, _, _)| column).collect()
}

/// The column that holds the owner, and the reason of the guess.
fn user_column(relation: &Relation, profiles: &[String]) -> Option<(String, String)> {
    let keyed = keyed(relation, profiles);
    let of_user = |command: Command| {
        compared(relation, command).into_iter().filter_map(|it| match it {
            Comparison::User(column) => Some(column),
            _ => None,
        })
    };
    let inserted: Vec<String> = of_user(Command::Insert).collect();
    let rank = |column: &&&str| {
        let named = NAMES.iter().position(|name| name == *column).unwrap_or(NAMES.len());
        (!inserted.iter().any(|it| it == *column), named)
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
fn memberships(table: &Relation, profiles: &[String]) -> Vec<(String, String, String)> {
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

/// The NOT NULL columns that reference rows with owners.
fn paths(table: &Relation, guesses: &BTreeMap<String, (Owner, String)>) -> Vec<(String, String)> {
    let required = |column: &str| table.column(column).is_some_and(|column| column.not_null);
    references(table)
        .into_iter()
        .filter(|(_, target, _)| *target != table.declared_name())
        .filter(|(column, target, _)| required(column) && guesses.contains_key(*target))
        .map(|(column, target, _)| (column.to_owned(), target.to_owned()))
        .collect()
}
