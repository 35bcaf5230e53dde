//! Guesses the owner of each table's rows: by a foreign key to the accounts, by a column's
//! name, over another table, or by membership.

use std::collections::{BTreeMap, BTreeSet};

use super::expressions::{Expression, with_the_caller};
use super::found::Found;
use super::keys::{keyed, memberships, profiles, references, user_column};
use super::policies::{Comparison, all_compared, compared, policies};
use super::readers::{members, of_readers, tenants};
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::membership::Members;
use crate::contract::tenant::{Place, Tenant};
use crate::sql::tokens::has_word;

/// The guesses at all tables and views, each with its reason, and the tables that name a user by
/// an address.
pub(super) struct Guesses {
    owners: BTreeMap<String, (Owner, String)>,
    /// What all policies compare.
    pub(super) comparisons: Vec<Comparison>,
    by_address: BTreeSet<String>,
    /// Parties that are none: table and word.
    without: BTreeSet<(String, String)>,
}

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
        Self {
            owners: guesses,
            comparisons: all_compared(found.relations()),
            by_address: by_address.map(|it| it.declared_name()).collect(),
            without: found.without.clone(),
        }
    }

    /// Whether that word is for a party of the table's rows.
    pub(super) fn is_party(&self, table: &str, word: &str) -> bool {
        !self.without.iter().any(|(of, it)| of == table && it == word)
    }

    /// Whether rows of that table name a user by an address.
    pub(super) fn has_addresses(&self, name: &str) -> bool {
        self.by_address.contains(name)
    }

    /// The guess at that table or view, and its reason.
    pub(super) fn at(&self, name: &str) -> (Owner, String) {
        self.owners.get(name).cloned().unwrap_or_else(|| {
            let why = "no column names a user, or leads to a row that does";
            (Owner::None, why.to_owned())
        })
    }

    /// Whether rows of that table make users members of others.
    pub(super) fn is_membership(&self, name: &str) -> bool {
        let is_of = |guess: &Owner| matches!(guess, Owner::Members(it) if it.table == name);
        self.owners.values().any(|(guess, _)| is_of(guess))
    }

    /// The table of memberships by which rows of that table have their users.
    pub(super) fn memberships_of(&self, name: &str) -> Option<String> {
        match self.owners.get(name).map(|(guess, _)| guess) {
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
        match self.owners.get(name).map(|(guess, _)| guess) {
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
            Owner::Column(column)
            | Owner::Tenant(Tenant { column, .. })
            | Owner::Members(Members { column, .. }) => column,
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
