//! The cells of a drafted grid: what is guessed of a target, by what policies and privileges say.

use super::policies::{Comparison, each_of_role, policies};
use super::roles::{Member, Roles, admits_its_user};
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;

/// The guessed outcomes of a grid line, by the kind of its target.
#[derive(Clone, Copy)]
pub(super) enum Cells {
    /// The row is reached.
    Reached,
    /// The row is not reached.
    Denied,
    /// Another user's membership in a shared row.
    Seen,
    /// The user's own membership in a shared row.
    OwnMembership,
    /// The row does not exist; a new one may be inserted.
    NewAlone,
    /// All rows.
    All,
    /// This many rows.
    Every(&'static str),
    /// Every membership: those of others can be read and not written.
    EveryMembership,
    /// What a role of members reaches.
    Role(Place, Member),
}

/// Which rows the members reach by their roles.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A row of one's own, or a new one.
    Alone,
    /// One's own membership in a shared row.
    Own,
    /// A shared row, or another's membership in it.
    Shared,
    /// All of them.
    Every,
}

/// What a member reaches of a place.
pub(super) fn by_role(
    relation: &Relation,
    command: Command,
    roles: &Roles,
    owner: &Owner,
    (place, member): (Place, Member),
) -> Cells {
    let admits = |member, is_shared| roles.admit(relation, command, (member, is_shared));
    // To insert a membership is to let somebody else in.
    let as_user = command != Command::Insert && admits_its_user(relation, command, owner);
    let reached = |is_reached| if is_reached { Cells::Reached } else { Cells::Denied };
    let alone = admits(Member::Most, false) || as_user;
    match place {
        Place::Alone => reached(alone),
        // Nobody becomes a member twice.
        Place::Own if command == Command::Insert => Cells::OwnMembership,
        Place::Own => reached(admits(member, true) || as_user),
        Place::Shared => reached(admits(member, true)),
        Place::Every => Cells::Every(match (alone, admits(member, true), as_user) {
            (_, true, _) => "own + shared rows",
            (_, _, true) => "own + own shared rows",
            (true, ..) => "own rows",
            _ => "0 rows",
        }),
    }
}

/// The guessed cell of a command; `no privilege` if the role lacks it.
pub(super) fn cell(
    relation: &Relation,
    role: &str,
    command: Command,
    cells: Cells,
) -> &'static str {
    let insert = command == Command::Insert;
    match cells {
        Cells::All | Cells::Every(_) | Cells::EveryMembership | Cells::OwnMembership if insert => {
            return "-";
        }
        Cells::NewAlone if !insert => return "-",
        _ => {}
    }
    if !granted(relation, role, command) {
        return "no privilege";
    }
    let denied = if insert { "policy violation" } else { "0 rows" };
    if is_closed(relation, role, command) {
        return denied;
    }
    if command == Command::Select && is_public(relation, role) {
        return if matches!(cells, Cells::All | Cells::Every(_) | Cells::EveryMembership) {
            "all rows"
        } else {
            "1 row"
        };
    }
    match cells {
        Cells::All => "all rows",
        Cells::Seen | Cells::Every("all rows") if is_for_some(relation, role, command) => denied,
        Cells::Reached | Cells::NewAlone | Cells::OwnMembership => "1 row",
        Cells::Seen if command == Command::Select => "1 row",
        Cells::Seen | Cells::Denied | Cells::Role(..) => denied,
        // Rows without an owner are read and not written.
        Cells::Every("all rows") if command != Command::Select => "0 rows",
        Cells::EveryMembership if command == Command::Select => "own + shared rows",
        Cells::EveryMembership => "own + own shared rows",
        Cells::Every(rows) => rows,
    }
}

/// Whether every alternative that lets the role in asks for a claim, or for what its row says.
pub(super) fn is_for_some(relation: &Relation, role: &str, command: Command) -> bool {
    let asks = |it: &Comparison| matches!(it, Comparison::Says(..) | Comparison::Holds(..));
    let all = each_of_role(relation, role, command);
    !all.is_empty() && all.iter().all(|all| all.iter().any(asks))
}

/// Whether no policy lets the role do that. Where policies let it write, and none read its rows, is
/// rather a mistake.
fn is_closed(relation: &Relation, role: &str, command: Command) -> bool {
    relation.row_level_security.starts_with("enabled")
        && role != "service_role"
        && policies(relation, role, command).next().is_none()
        && (command != Command::Select
            || Command::ALL.iter().all(|it| policies(relation, role, *it).next().is_none()))
}

/// Whether a policy lets the role read every row. One that lets it write every row is rather a
/// mistake.
fn is_public(relation: &Relation, role: &str) -> bool {
    let mut policies = policies(relation, role, Command::Select);
    policies.any(|it| it.permissive && it.using.as_deref() == Some("true"))
}

/// Whether a role holds the privilege on the table or on one of its columns.
fn granted(relation: &Relation, role: &str, command: Command) -> bool {
    relation.columns.iter().any(|column| relation.grants(role, command.name(), &column.name))
}
