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
    /// The column of the role and its values, if policies ask for one.
    values: Option<Values>,
}

/// The column that holds a role, and the roles that may do the most and the least.
struct Values {
    column: String,
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
        let members = read.relations().find(|it| it.declared_name() == table)?;
        let column = asked.first().map(|(_, _, column, _)| column.clone());
        let Some(column) = column else { return Some(Self { table, values: None }) };
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
            let admits = |(it, command): &&(&Relation, Command)| {
                admits(it, *command, &table, (Some(value), true))
            };
            places.iter().filter(admits).count()
        };
        let most = values.iter().rev().max_by_key(|value| may(value))?.clone();
        let least = values.iter().rev().min_by_key(|value| may(value))?.clone();
        Some(Self { table, values: Some(Values { column, most, least }) })
    }

    /// The column of the role, and what `[members]` says of each.
    pub(super) fn members(&self) -> Option<(&str, [(&'static str, &str); 3])> {
        let Values { column, most, least } = self.values.as_ref()?;
        Some((column, [("alone", most), ("alice", most), ("bob", least)]))
    }

    /// Whether policies of a table ask for a role, or for the user whom a row names.
    pub(super) fn matter_to(&self, relation: &Relation) -> bool {
        let is_membership = relation.declared_name() == self.table;
        let mut all = Command::ALL.into_iter().flat_map(|it| each_compared(relation, it));
        all.any(|all| {
            let by_role =
                all.iter().any(|it| matches!(it, Comparison::Among(of, ..) if *of == self.table));
            by_role || !is_membership && names_a_user(&all) && is_of_members(&all, &self.table)
        })
    }

    /// Whether a member may do that with a row of their own, or with a shared one, which names Alice
    /// where it names a user.
    pub(super) fn admit(
        &self,
        relation: &Relation,
        command: Command,
        (member, is_shared): (Member, bool),
    ) -> bool {
        let is_least = is_shared && member == Member::Least;
        let value = self.values.as_ref().map(|it| match member {
            Member::Most => it.most.as_str(),
            Member::Least => it.least.as_str(),
        });
        let is_named = !is_least || command == Command::Insert;
        admits(relation, command, &self.table, (value, is_named))
    }
}

/// Whether some alternative of a policy admits a member who holds that value, and whom the row names
/// or does not.
fn admits(
    relation: &Relation,
    command: Command,
    table: &str,
    (value, is_named): (Option<&str>, bool),
) -> bool {
    let is_membership = relation.declared_name() == table;
    each_compared(relation, command).iter().any(|all| {
        let holds = |it: &Comparison| match it {
            Comparison::Among(of, _, values) if of == table => {
                value.is_some_and(|value| values.iter().any(|it| quote(it) == value))
            }
            _ => true,
        };
        let by_user = names_a_user(all);
        (is_of_members(all, table) || by_user || all.is_empty())
            && (!by_user || !is_membership && is_named)
            && all.iter().all(holds)
    })
}

fn names_a_user(all: &[Comparison]) -> bool {
    all.iter().any(|it| matches!(it, Comparison::User(_)))
}

fn is_of_members(all: &[Comparison], table: &str) -> bool {
    all.iter().any(|it| matches!(it, Comparison::Lookup(_, of, _) if of == table))
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
