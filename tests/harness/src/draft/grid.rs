//! Drafts access grids: each user reaches their own rows and nobody else's, as far as the
//! role's privileges go. The contents of the database are not used.

use super::found::Found;
use super::owners::Guesses;
use std::collections::BTreeMap;

use super::expressions::{Kind, kinds};
use super::policies::{Comparison, compared, comparisons, policies};
use super::users::{Party, Says, closed_to_guests, parties};
use crate::catalog::{Policy, Relation};
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::shape::PLAIN_ROWS;
use crate::contract::tenant::Tenant;

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
    /// All rows.
    All,
    /// This many rows.
    Every(&'static str),
    /// Every membership: those of others can be read and not written.
    EveryMembership,
}

/// A line of a guessed grid: who, whose row, the role, and the guessed outcomes.
struct Line {
    who: String,
    whose: String,
    role: &'static str,
    cells: Cells,
    /// Which kind of rows it is about.
    kind: usize,
}

/// What grids are guessed from.
pub(crate) const GUESSED: &str = "each user reaches their own rows, as far as privileges go";

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

/// The lines of a guessed grid. Policies that ask for a claim let in the personas that have it,
/// those that ask for a party let in the party.
pub(super) fn grid(
    found: &Found<'_>,
    relation: &Relation,
    name: &str,
    guesses: &Guesses,
    personas: &BTreeMap<String, Says>,
) -> Vec<String> {
    let (owner, _) = guesses.at(name);
    let is_table = relation.is_table();
    let commands = if is_table { Command::ALL.to_vec() } else { vec![Command::Select] };
    let kinds = kinds(found, relation, owner != Owner::None);
    let closed = closed_to_guests(relation);
    let parties = parties(relation, guesses);
    let only_for_parties = |command: Command| {
        let Owner::Column(column) = &owner else { return false };
        parties.values().any(|party| party.may(relation, command))
            && !compared(relation, command).contains(&Comparison::User(column.clone()))
    };
    let line = |who: &str, whose: &str, role, cells| Line {
        who: who.to_owned(),
        whose: whose.to_owned(),
        role,
        cells,
        kind: 0,
    };
    let mut lines: Vec<Line> = Vec::new();
    for (who, whose, cells) in users(relation, &owner, name, guesses) {
        let groups = if kinds.len() > 1 && whose == "every" { &GROUPS[..] } else { &[who] };
        lines.extend(groups.iter().map(|who| line(who, whose, "authenticated", cells)));
    }
    for (kind, variant) in
        kinds.iter().enumerate().filter_map(|(at, it)| Some((at, it.variant.as_ref()?)))
    {
        let anothers = format!("another's {}", variant.name);
        let own =
            line(GROUPS[0], &format!("own {}", variant.name), "authenticated", Cells::Reached);
        let theirs = line("users", &anothers, "authenticated", Cells::Denied);
        let of_nobody = line(ANYBODY, &anothers, "anon", Cells::Denied);
        lines.extend([own, theirs, of_nobody].map(|line| Line { kind, ..line }));
    }
    for (word, party) in &parties {
        let line = line("users", &format!("as {word}"), "authenticated", Cells::Denied);
        let split = party.has_an_address() && closed.is_empty();
        lines.extend(if split { without_guests(line) } else { vec![line] });
    }
    if !closed.is_empty() {
        lines = lines.into_iter().flat_map(without_guests).collect();
    }
    let is_public = owner == Owner::None;
    for (name, says) in personas {
        if Command::ALL.into_iter().any(|command| says.may(relation, command)) {
            let (row, every) =
                if is_public { ("any", "0 rows") } else { ("another's", "own rows") };
            lines.push(line(name, row, "authenticated", Cells::Denied));
            lines.push(line(name, "every", "authenticated", Cells::Every(every)));
        }
    }
    let any = if is_public { Cells::Seen } else { Cells::Denied };
    let every = if is_public { "all rows" } else { "0 rows" };
    let targets = match (kinds.len() > 1, can_be_nobodys(relation, &owner)) {
        (true, true) => &["another's", "nobody's"][..],
        (true, false) => &["another's"],
        (false, _) => &["any"],
    };
    lines.extend(targets.iter().map(|whose| line(ANYBODY, whose, "anon", any)));
    lines.push(line(ANYBODY, "every", "anon", Cells::Every(every)));
    lines.push(line("service_role", "any", "service_role", Cells::Reached));
    lines.push(line("service_role", "every", "service_role", Cells::All));
    let has_members = matches!(owner, Owner::Members(_));
    let mut table = vec![vec!["who".to_owned(), "whose row".to_owned()]];
    table[0].extend(commands.iter().map(|command| command.name().to_owned()));
    for Line { who, whose, role, cells, kind } in lines {
        let mut row = vec![who.clone(), whose.clone()];
        for command in &commands {
            let party = whose.strip_prefix("as ").and_then(|word| parties.get(word));
            let new = has_members && ["another's", "shared"].contains(&whose.as_str());
            let no_party = party.is_some_and(|party| !party.can_be_new());
            let is_users = role == "authenticated";
            let barred = who == "guest" && closed.contains(command);
            let is_known = |party: &Party| who != "guest" || !party.has_an_address();
            let let_in = party.is_some_and(|it| it.may(relation, *command) && is_known(it))
                || personas.get(&who).is_some_and(|says| says.may(relation, *command));
            let cells = match cells {
                Cells::Every(_) if let_in => Cells::All,
                Cells::Every(_) if barred => Cells::Every("0 rows"),
                Cells::Denied if let_in => Cells::Reached,
                Cells::Reached | Cells::NewAlone if barred => Cells::Denied,
                Cells::Reached if is_users && only_for_parties(*command) => Cells::Denied,
                Cells::Every(_) if is_users && only_for_parties(*command) => Cells::Every("0 rows"),
                cells => cells,
            };
            let cell = match command {
                Command::Insert if new || no_party => "-".to_owned(),
                _ if whose == "own" && who != GROUPS[0] && *command != Command::Insert => {
                    "-".to_owned()
                }
                _ if whose == "every" => of_all(&kinds, &who, role, *command, cells),
                _ => cell(&kinds[kind].relation, role, *command, cells).to_owned(),
            };
            row.push(cell);
        }
        table.push(row);
    }
    aligned(&table)
}

/// A line for guests beside that for the others.
fn without_guests(line: Line) -> Vec<Line> {
    let others = match line.who.as_str() {
        "users" => "alice, bob, carol",
        "carol, guest" => "carol",
        _ => return vec![line],
    };
    let guest = Line { who: "guest".to_owned(), whose: line.whose.clone(), ..line };
    vec![Line { who: others.to_owned(), ..line }, guest]
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
    // Policies may let members see the others, or themselves alone.
    let reading = compared(relation, Command::Select);
    let sees_others = !matches!(reading.as_slice(), [Comparison::User(_)]);
    if guesses.is_membership(name) {
        lines.push((owners, "own shared", Cells::OwnMembership));
        lines.push((owners, "shared", if sees_others { Cells::Seen } else { Cells::Denied }));
        lines.push((others, "shared", Cells::Denied));
    } else if shared {
        lines.push((owners, "shared", Cells::Reached));
        lines.push((others, "shared", Cells::Denied));
    }
    if can_be_nobodys(relation, owner) && relation.is_table() {
        lines.push(("users", "nobody's", Cells::Denied));
    }
    lines.push(match (guesses.is_membership(name), shared) {
        (true, _) if sees_others => ("users", "every", Cells::EveryMembership),
        (true, _) => every("own + own shared rows"),
        (_, true) => every("own + shared rows"),
        _ => every("own rows"),
    });
    lines
}

/// Whether a row can lead to no user.
fn can_be_nobodys(relation: &Relation, owner: &Owner) -> bool {
    match owner {
        Owner::Column(column) | Owner::Tenant(Tenant { column, .. }) => {
            relation.column(column).is_some_and(|column| !column.not_null)
        }
        Owner::Through(paths) => paths.len() > 1,
        Owner::Expression(_) => true,
        Owner::Members(_) | Owner::None => false,
    }
}

/// The guessed cell of a command; `no privilege` if the role lacks it.
fn cell(relation: &Relation, role: &str, command: Command, cells: Cells) -> &'static str {
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
        Cells::Seen | Cells::Denied => denied,
        // Rows without an owner are read and not written.
        Cells::Every("all rows") if command != Command::Select => "0 rows",
        Cells::EveryMembership if command == Command::Select => "own + shared rows",
        Cells::EveryMembership => "own + own shared rows",
        Cells::Every(rows) => rows,
    }
}

/// Whether every policy that lets the role in asks for a claim.
fn is_for_some(relation: &Relation, role: &str, command: Command) -> bool {
    let asks = |policy: &Policy| {
        let texts = [&policy.using, &policy.with_check].into_iter().flatten();
        let mut all = texts.flat_map(|text| comparisons(relation, text));
        all.any(|it| matches!(it, Comparison::Says(..) | Comparison::Holds(..)))
    };
    let mut permissive =
        policies(relation, role, command).filter(|policy| policy.permissive).peekable();
    permissive.peek().is_some() && permissive.all(asks)
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
pub(crate) fn aligned(table: &[Vec<String>]) -> Vec<String> {
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
