//! Owners by what policies for reading look up: memberships, tenants, and the paths of rows whose
//! own users are beside the point.

use super::keys::{keyed, memberships, references, user_column};
use super::policies::{Comparison, compared};
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::membership::Members;
use crate::contract::tenant::{Place, Tenant};

/// Whether who reaches another row adds rows to a table, and not whom they name.
fn is_added_by_another(table: &Relation) -> bool {
    let added = compared(table, Command::Insert).into_iter();
    let mut keys = added.filter_map(|it| match it {
        Comparison::Lookup(column, ..) => Some(column),
        _ => None,
    });
    keys.any(|key| references(table).iter().any(|(column, ..)| *column == key))
}

/// The memberships by which policies decide who reaches a table's rows: those for reading, or for
/// writing too where the rows name a user, who may be no member.
pub(super) fn members(table: &Relation, tables: &[&Relation], profiles: &[String]) -> Vec<Members> {
    let read = compared(table, Command::Select);
    let writes = [Command::Update, Command::Delete];
    let members_write =
        writes.iter().any(|it| compared(table, *it).iter().any(Comparison::is_lookup));
    if read.iter().any(Comparison::is_of_user) && !members_write {
        return Vec::new();
    }
    let name = table.declared_name();
    let members = read.into_iter().filter_map(|comparison| {
        let Comparison::Lookup(column, of, by) = comparison else { return None };
        let is_its =
            of != name && makes_members(tables, profiles, (&of, &by), (&name, Some(&column)));
        is_its.then_some(Members { column, table: of, by })
    });
    members.collect()
}

/// Whether the rows of a table make users members of what they point at by that column: rows of
/// `target`, and if it is said, by that key.
fn makes_members(
    tables: &[&Relation],
    profiles: &[String],
    (table, by): (&str, &str),
    (target, key): (&str, Option<&str>),
) -> bool {
    let relation = tables.iter().find(|it| it.declared_name() == table);
    let theirs = relation.into_iter().flat_map(|it| memberships(it, profiles));
    let mut theirs = theirs.filter(|(it, of, _)| it == by && of == target);
    theirs.any(|(.., of)| key.is_none_or(|key| key == of))
}

/// The owner by which policies for reading decide, where they say nothing of the user whom a row
/// names, such as its author.
pub(super) fn of_readers(
    table: &Relation,
    tables: &[&Relation],
    profiles: &[String],
) -> Option<(Owner, String)> {
    let read = compared(table, Command::Select);
    if read.iter().any(Comparison::is_of_user) || keyed(table, profiles).is_empty() {
        return None;
    }
    read.into_iter().find_map(|comparison| match comparison {
        Comparison::Claim(column, claim) if claim.path != ["email"] => {
            let owner = Owner::Tenant(Tenant { column, of_user: Place::Claim(claim) });
            Some((owner, "policies for reading compare it with a claim".to_owned()))
        }
        Comparison::Lookup(column, of, by) if of != table.declared_name() => {
            let all = references(table);
            let (_, target, _) = all.iter().find(|(it, ..)| *it == column)?;
            makes_members(tables, profiles, (&of, &by), (target, None)).then(|| {
                let owner = Owner::Through(vec![(column.clone(), (*target).to_owned())]);
                (owner, format!("policies for reading look it up in {of}"))
            })
        }
        _ => None,
    })
}

/// The tables that policies of this one give to the users of a tenant: by a claim, or by a column
/// of the user's row of another table, which may point at a table of tenants.
pub(super) fn tenants(
    table: &Relation,
    tables: &[&Relation],
    profiles: &[String],
) -> Vec<(String, Owner, String)> {
    let mut found = Vec::new();
    let all = Command::ALL.into_iter().flat_map(|command| compared(table, command));
    for comparison in all {
        match comparison {
            // Where users have rows of their own, an address is a party's.
            Comparison::Claim(column, claim)
                if keyed(table, profiles).is_empty()
                    && (claim.path != ["email"] || !is_added_by_another(table)) =>
            {
                let why = "policies compare it with a claim".to_owned();
                let owner = Owner::Tenant(Tenant { column, of_user: Place::Claim(claim) });
                found.push((table.declared_name(), owner, why));
            }
            // Whom the row names is followed, and is nobody's tenant.
            Comparison::Lookup(column, ..) if keyed(table, profiles).contains(&&*column) => {}
            Comparison::Lookup(column, users, by) => {
                let Some(users) = tables.iter().find(|it| it.declared_name() == users) else {
                    continue;
                };
                let Some((user, _)) = user_column(users, profiles) else { continue };
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
                            it.declared_name() == of
                                && user_column(it, profiles).is_some()
                                && members(it, tables, profiles).is_empty()
                        }) && !is_key
                            && of != table.declared_name() =>
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
