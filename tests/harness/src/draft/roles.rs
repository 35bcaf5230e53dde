//! Roles of members: which value of a membership's column lets its user do what, as policies and
//! the functions that they call say.

use super::found::Found;
use super::owners::Guesses;
use super::policies::{Comparison, each_compared};
use super::states::choices;
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::sql::quote;

/// The roles that members are given: in the examples, Alice has the one that may do the most and
/// Bob, where the two share, the one that may do the least.
pub(super) struct Roles {
    table: String,
    pub(super) column: String,
    most: String,
    least: String,
}

/// A member, by what they hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    /// Whoever is alone, and Alice.
    Most,
    /// Bob, where he shares.
    Least,
}

impl Roles {
    /// The roles of the memberships by which the rows of a table have their users.
    pub(super) fn of(read: &Found<'_>, guesses: &Guesses, name: &str) -> Option<Self> {
        let table = guesses.memberships_of(name)?;
        let mut asked: Vec<(&Relation, Command, String, Vec<String>)> = Vec::new();
        for relation in read.relations() {
            for command in Command::ALL {
                for comparison in each_compared(relation, command).into_iter().flatten() {
                    if let Comparison::Among(of, column, values) = comparison
                        && of == table
                    {
                        asked.push((relation, command, column, values));
                    }
                }
            }
        }
        let (_, _, column, _) = asked.first()?;
        let column = column.clone();
        let members = read.relations().find(|it| it.declared_name() == table)?;
        let mut values = choices(read, members, &column);
        let listed = asked.iter().flat_map(|(.., listed)| listed.iter().map(|it| quote(it)));
        for value in listed {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let mut places: Vec<(&Relation, Command)> = Vec::new();
        for (relation, command, ..) in &asked {
            if !places.iter().any(|(it, of)| it.name == relation.name && of == command) {
                places.push((relation, *command));
            }
        }
        let may = |value: &str| {
            let roles = Self {
                table: table.clone(),
                column: column.clone(),
                most: value.to_owned(),
                least: String::new(),
            };
            let admits = |(it, command): &&(&Relation, Command)| {
                roles.admit(it, *command, (Member::Most, false))
            };
            places.iter().filter(admits).count()
        };
        let most = values.iter().rev().max_by_key(|value| may(value))?.clone();
        let least = values.iter().rev().min_by_key(|value| may(value))?.clone();
        Some(Self { table, column, most, least })
    }

    /// What `[members]` says of each.
    pub(super) fn members(&self) -> [(&'static str, &str); 3] {
        [("alone", &self.most), ("alice", &self.most), ("bob", &self.least)]
    }

    /// Whether policies of a table ask for a role.
    pub(super) fn matter_to(&self, relation: &Relation) -> bool {
        let mut all = Command::ALL.into_iter().flat_map(|it| each_compared(relation, it).concat());
        all.any(|it| matches!(it, Comparison::Among(of, ..) if of == self.table))
    }

    /// Whether a member may do that with a row of their own, or with a shared one, which names Alice
    /// where it names a user.
    pub(super) fn admit(
        &self,
        relation: &Relation,
        command: Command,
        (member, is_shared): (Member, bool),
    ) -> bool {
        let value = if member == Member::Most { &self.most } else { &self.least };
        let is_membership = relation.declared_name() == self.table;
        each_compared(relation, command).iter().any(|all| {
            let of_members = all.iter().any(|it| self.is_lookup(it));
            let by_user = all.iter().any(|it| matches!(it, Comparison::User(_)));
            let holds = |it: &Comparison| match it {
                Comparison::Among(of, _, values) if *of == self.table => {
                    values.iter().any(|it| quote(it) == *value)
                }
                _ => true,
            };
            let is_its = !is_shared || member == Member::Most || command == Command::Insert;
            let is_named = !by_user || !is_membership && is_its;
            (of_members || by_user || all.is_empty()) && is_named && all.iter().all(holds)
        })
    }

    fn is_lookup(&self, comparison: &Comparison) -> bool {
        matches!(comparison, Comparison::Lookup(_, of, _) if *of == self.table)
    }
}

/// Whether users may do that with a membership because it is their own.
pub(super) fn admits_its_user(relation: &Relation, command: Command, user: &Owner) -> bool {
    let Owner::Column(user) = user else { return false };
    let its = |all: &Vec<Comparison>| {
        let is_users = |it: &Comparison| matches!(it, Comparison::User(column) if column == user);
        let by_role = |it: &Comparison| matches!(it, Comparison::Among(..));
        all.iter().any(is_users) && !all.iter().any(by_role)
    };
    each_compared(relation, command).iter().any(its)
}

/// What users hold in a column by which policies tell who may do more: something else than those
/// ask for.
pub(super) fn ordinary(read: &Found<'_>, relation: &Relation, column: &str) -> Option<String> {
    let table = relation.declared_name();
    let commands = Command::ALL;
    let all = read.relations().flat_map(|it| {
        commands.into_iter().flat_map(move |command| each_compared(it, command).concat())
    });
    let asked = all.filter_map(|comparison| match comparison {
        Comparison::Holds(of, its, value) => (of == table && its == column).then(|| quote(&value)),
        _ => None,
    });
    let asked: Vec<String> = asked.collect();
    let its = relation.column(column).filter(|_| !asked.is_empty())?;
    let default = its.default.as_deref().map(|it| it.split("::").next().unwrap_or_default());
    let default = default.map(str::to_owned);
    let all = default.into_iter().chain(choices(read, relation, column));
    all.into_iter().find(|it| !asked.contains(it))
}
