//! Drafts access grids: each user reaches their own rows and nobody else's, as far as the
//! role's privileges go. The contents of the database are not used.

use super::found::Found;
use super::owners::Guesses;
use super::policies::{Kind, kinds};
use crate::catalog::{Policy, Relation};
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::shape::PLAIN_ROWS;

/// The guessed outcomes of a grid line, by the kind of its target.
#[derive(Clone, Copy)]
enum Cells {
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
    /// This many rows.
    Every(&'static str),
    /// Every membership: those of others can be read and not written.
    EveryMembership,
}

/// Persona, target, role, guessed outcomes, and the kind of the rows.
type Line<'a> = (&'a str, String, &'a str, Cells, usize);

/// The users with rows, and those without.
const GROUPS: [&str; 2] = ["alice, bob", "carol, guest"];
/// Requests without a user.
const ANYBODY: &str = "no_token, anon_key";

/// The cell of all rows: a number, where policies treat their kinds differently.
fn of_all(kinds: &[Kind], who: &str, role: &str, command: Command, cells: Cells) -> String {
    let each = kinds.iter().map(|kind| cell(&kind.relation, role, command, cells));
    let each: Vec<&str> = each.collect();
    if each.iter().all(|it| *it == each[0]) {
        return each[0].to_owned();
    }
    let reached = each.iter().zip(kinds).map(|(cell, kind)| {
        let of_each = if kind.variant.is_some() { 1 } else { PLAIN_ROWS };
        match *cell {
            // One of the plain rows is nobody's.
            "all rows" => 2 * of_each + usize::from(kind.variant.is_none()),
            "own rows" if who == GROUPS[0] => of_each,
            _ => 0,
        }
    });
    format!("{} rows", reached.sum::<usize>())
}

/// The lines of a guessed grid.
pub(super) fn grid(
    found: &Found<'_>,
    relation: &Relation,
    name: &str,
    guesses: &Guesses,
) -> Vec<String> {
    let (owner, _) = guesses.at(name);
    let is_table = relation.is_table();
    let commands = if is_table { Command::ALL.to_vec() } else { vec![Command::Select] };
    let users = users(relation, &owner, name, guesses);
    let kinds = kinds(found, relation, owner != Owner::None);
    let mut rows: Vec<Line<'_>> = Vec::new();
    for (who, whose, cells) in users {
        let groups = if kinds.len() > 1 && whose == "every" { &GROUPS[..] } else { &[who] };
        rows.extend(groups.iter().map(|who| (*who, whose.to_owned(), "authenticated", cells, 0)));
    }
    for (at, variant) in
        kinds.iter().enumerate().filter_map(|(at, it)| Some((at, it.variant.as_ref()?)))
    {
        let anothers = format!("another's {}", variant.name);
        rows.push((
            GROUPS[0],
            format!("own {}", variant.name),
            "authenticated",
            Cells::Reached,
            at,
        ));
        rows.push(("users", anothers.clone(), "authenticated", Cells::Denied, at));
        rows.push((ANYBODY, anothers, "anon", Cells::Denied, at));
    }
    let public = owner == Owner::None;
    let any = if public { Cells::Seen } else { Cells::Denied };
    let every = if public { "all rows" } else { "0 rows" };
    let targets = match (kinds.len() > 1, can_be_nobodys(relation, &owner)) {
        (true, true) => &["another's", "nobody's"][..],
        (true, false) => &["another's"],
        (false, _) => &["any"],
    };
    rows.extend(targets.iter().map(|whose| (ANYBODY, (*whose).to_owned(), "anon", any, 0)));
    let each = "every".to_owned();
    rows.push((ANYBODY, each.clone(), "anon", Cells::Every(every), 0));
    rows.push(("service_role", "any".to_owned(), "service_role", Cells::Reached, 0));
    rows.push(("service_role", each, "service_role", Cells::Every("all rows"), 0));
    let has_members = matches!(owner, Owner::Members(_));
    let mut table = vec![vec!["who".to_owned(), "whose row".to_owned()]];
    table[0].extend(commands.iter().map(|command| command.name().to_owned()));
    for (who, whose, role, cells, kind) in rows {
        let mut line = vec![who.to_owned(), whose.clone()];
        for command in &commands {
            let new = has_members && ["another's", "shared"].contains(&whose.as_str());
            line.push(if new && *command == Command::Insert {
                "-".to_owned()
            } else if whose == "every" {
                of_all(&kinds, who, role, *command, cells)
            } else {
                cell(&kinds[kind].relation, role, *command, cells).to_owned()
            });
        }
        table.push(line);
    }
    aligned(&table)
}

/// The lines for users: persona, target, and guessed outcomes.
fn users(
    relation: &Relation,
    owner: &Owner,
    name: &str,
    guesses: &Guesses,
) -> Vec<(&'static str, &'static str, Cells)> {
    let [owners, others] = GROUPS;
    let every = |rows| ("users", "every", Cells::Every(rows));
    if *owner == Owner::None {
        return vec![("users", "any", Cells::Seen), every("all rows")];
    }
    let mut lines = vec![
        (owners, "own", Cells::Reached),
        (others, "own", Cells::NewAlone),
        ("users", "another's", Cells::Denied),
    ];
    let shared = guesses.is_shared(name);
    if guesses.is_membership(name) {
        lines.push((owners, "own shared", Cells::OwnMembership));
        lines.push((owners, "shared", Cells::Seen));
        lines.push((others, "shared", Cells::Denied));
    } else if shared {
        lines.push((owners, "shared", Cells::Reached));
        lines.push((others, "shared", Cells::Denied));
    }
    if can_be_nobodys(relation, owner) && relation.is_table() {
        lines.push(("users", "nobody's", Cells::Denied));
    }
    lines.push(match (guesses.is_membership(name), shared) {
        (true, _) => ("users", "every", Cells::EveryMembership),
        (_, true) => every("own + shared rows"),
        _ => every("own rows"),
    });
    lines
}

/// Whether a row can lead to no user.
fn can_be_nobodys(relation: &Relation, owner: &Owner) -> bool {
    match owner {
        Owner::Column(column) => relation.column(column).is_some_and(|column| !column.not_null),
        Owner::Through(paths) => paths.len() > 1,
        Owner::Expression(_) => true,
        Owner::Members(_) | Owner::None => false,
    }
}

/// The guessed cell of a command; `no privilege` if the role lacks it.
fn cell(relation: &Relation, role: &str, command: Command, cells: Cells) -> &'static str {
    let insert = command == Command::Insert;
    match cells {
        Cells::Every(_) | Cells::EveryMembership | Cells::OwnMembership if insert => return "-",
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
        return if matches!(cells, Cells::Every(_) | Cells::EveryMembership) {
            "all rows"
        } else {
            "1 row"
        };
    }
    match cells {
        Cells::Reached | Cells::NewAlone | Cells::OwnMembership => "1 row",
        Cells::Seen if command == Command::Select => "1 row",
        Cells::Seen | Cells::Denied => denied,
        // Rows without an owner are read and not written.
        Cells::Every("all rows") if command != Command::Select && role != "service_role" => {
            "0 rows"
        }
        Cells::EveryMembership if command == Command::Select => "own + shared rows",
        Cells::EveryMembership => "own + own shared rows",
        Cells::Every(rows) => rows,
    }
}

/// The policies for a command and a role.
fn policies<'a>(
    relation: &'a Relation,
    role: &'a str,
    command: Command,
) -> impl Iterator<Item = &'a Policy> {
    relation.policies.iter().filter(move |policy| {
        let is_for = [command.name(), "all"].contains(&policy.command.as_str());
        is_for && policy.roles.iter().any(|it| [role, "public"].contains(&it.as_str()))
    })
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

/// Cells in columns, with two spaces between them.
fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.first().map_or(0, Vec::len);
    let width = |at: usize| table.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &Vec<String>| {
        let cells = cells.iter().zip(&widths);
        let text: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}
