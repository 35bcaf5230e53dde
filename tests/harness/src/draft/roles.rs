//! Roles of members: which value of a membership's column lets its user do what, as policies and
//! the functions that they call say.

use super::found::Found;
use super::owners::Guesses;
use super::policies::{Comparison, compared, each_compared};
use super::states::{choices, default_of};
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
        let asked = |it: &Comparison| match it {
            Comparison::Among(of, column, values) if *of == table => {
                Some((column.clone(), values.clone()))
            }
            _ => None,
        };
        let all: Vec<_> = guesses.comparisons.iter().filter_map(asked).collect();
        let Some((column, _)) = all.first().cloned() else {
            return Some(Self { table, values: None });
        };
        let members = read.relations().find(|it| it.declared_name() == table)?;
        let mut values = choices(read, members, &column);
        for value in all.iter().flat_map(|(_, listed)| listed.iter().map(|it| quote(it))) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let commands = |it| Command::ALL.into_iter().map(move |command| (it, command));
        let asks = |(it, command): &(&Relation, Command)| {
            compared(it, *command).iter().any(|it| asked(it).is_some())
        };
        let places: Vec<(&Relation, Command)> =
            read.relations().flat_map(commands).filter(asks).collect();
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
            let by_user = all.iter().any(Comparison::is_of_user);
            by_role || !is_membership && by_user && is_of_members(&all, &self.table)
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
        let by_user = all.iter().any(Comparison::is_of_user);
        (is_of_members(all, table) || by_user || all.is_empty())
            && (!by_user || !is_membership && is_named)
            && all.iter().all(holds)
    })
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
pub(super) fn ordinary(
    found: &Found<'_>,
    guesses: &Guesses,
    relation: &Relation,
    column: &str,
) -> Option<String> {
    let table = relation.declared_name();
    let asked = guesses.comparisons.iter().filter_map(|comparison| match comparison {
        Comparison::Holds(of, its, value) => (*of == table && its == column).then(|| quote(value)),
        _ => None,
    });
    let asked: Vec<String> = asked.collect();
    let its = relation.column(column).filter(|_| !asked.is_empty())?;
    let all = default_of(its).map(str::to_owned).into_iter();
    all.chain(choices(found, relation, column)).find(|it| !asked.contains(it))
}
