//! Drafts access grids: each user reaches their own rows and nobody else's, as far as the
//! role's privileges go. The contents of the database are not used.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{Cells, Place, by_role, cell, is_for_some};
use super::expressions::{Kind, kinds};
use super::found::Found;
use super::owners::Guesses;
use super::policies::{Comparison, compared};
use super::roles::{Member, Roles};
use super::users::{Party, Reach, Says, closed_to_guests, parties};
use super::writer::aligned;
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::shape::PLAIN_ROWS;
use crate::contract::tenant::Tenant;

/// A line of a guessed grid: who, whose row, the role, and the guessed outcomes.
struct Line {
    who: String,
    whose: String,
    role: &'static str,
    cells: Cells,
    /// Which kind of rows it is about.
    kind: usize,
}

impl Line {
    fn new(who: &str, whose: &str, role: &'static str, cells: Cells) -> Self {
        Self { who: who.to_owned(), whose: whose.to_owned(), role, cells, kind: 0 }
    }
}

/// What grids are guessed from.
pub(crate) const GUESSED: &str = "each user reaches their own rows, as far as privileges go";

/// The role of whoever has signed in.
const USER: &str = "authenticated";

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
    (guesses, roles): (&Guesses, Option<&Roles>),
    personas: &BTreeMap<String, Says>,
) -> Vec<String> {
    let (owner, _) = guesses.at(name);
    let commands = if relation.is_table() { Command::ALL.to_vec() } else { vec![Command::Select] };
    let grid = Guessed {
        relation,
        name,
        kinds: kinds(found, relation, owner != Owner::None),
        closed: closed_to_guests(relation),
        parties: parties(relation, guesses),
        owner,
        guesses,
        roles,
        personas,
    };
    let mut table = vec![vec!["who".to_owned(), "whose row".to_owned()]];
    table[0].extend(commands.iter().map(|command| command.name().to_owned()));
    for line in grid.lines() {
        let cells = commands.iter().map(|command| grid.cell(&line, *command));
        table.push([line.who.clone(), line.whose.clone()].into_iter().chain(cells).collect());
    }
    aligned(&table)
}

/// What the grid of a table or view is guessed from.
struct Guessed<'a> {
    relation: &'a Relation,
    name: &'a str,
    owner: Owner,
    kinds: Vec<Kind>,
    /// The commands that anonymous sign-ins may not run.
    closed: BTreeSet<Command>,
    parties: BTreeMap<String, Party>,
    guesses: &'a Guesses,
    roles: Option<&'a Roles>,
    personas: &'a BTreeMap<String, Says>,
}

impl Guessed<'_> {
    fn lines(&self) -> Vec<Line> {
        let Self { relation, name, owner, kinds, guesses, .. } = self;
        let mut lines: Vec<Line> = Vec::new();
        let of_users = match self.roles {
            Some(_) => of_members(guesses.is_membership(name)),
            None => users(relation, owner, name, guesses),
        };
        for (who, whose, cells) in of_users {
            let groups = if kinds.len() > 1 && whose == "every" { &GROUPS[..] } else { &[who] };
            lines.extend(groups.iter().map(|who| Line::new(who, whose, USER, cells)));
        }
        let variants = kinds.iter().enumerate();
        for (kind, variant) in variants.filter_map(|(at, it)| Some((at, it.variant.as_ref()?))) {
            let anothers = format!("another's {}", variant.name);
            let own = Line::new(GROUPS[0], &format!("own {}", variant.name), USER, Cells::Reached);
            let theirs = Line::new("users", &anothers, USER, Cells::Denied);
            let of_nobody = Line::new(ANYBODY, &anothers, "anon", Cells::Denied);
            lines.extend([own, theirs, of_nobody].map(|line| Line { kind, ..line }));
        }
        for (word, party) in &self.parties {
            let line = Line::new("users", &format!("as {word}"), USER, Cells::Denied);
            let split = party.has_an_address(guesses) && self.closed.is_empty();
            lines.extend(if split { without_guests(line) } else { vec![line] });
        }
        if !self.closed.is_empty() {
            lines = lines.into_iter().flat_map(without_guests).collect();
        }
        lines.extend(self.lines_of_personas());
        let is_public = *owner == Owner::None;
        let any = if is_public { Cells::Seen } else { Cells::Denied };
        let every = if is_public { "all rows" } else { "0 rows" };
        let targets = match (kinds.len() > 1, can_be_nobodys(relation, owner)) {
            (true, true) => &["another's", "nobody's"][..],
            (true, false) => &["another's"],
            (false, _) => &["any"],
        };
        lines.extend(targets.iter().map(|whose| Line::new(ANYBODY, whose, "anon", any)));
        lines.push(Line::new(ANYBODY, "every", "anon", Cells::Every(every)));
        lines.push(Line::new("service_role", "any", "service_role", Cells::Reached));
        lines.push(Line::new("service_role", "every", "service_role", Cells::All));
        lines
    }

    /// The lines of the personas whom some policy lets in.
    fn lines_of_personas(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (name, says) in self.personas {
            let reaches = |command| says.reach(self.relation, command) != Reach::Own;
            if !Command::ALL.into_iter().any(reaches) {
                continue;
            }
            let is_owned = self.owner != Owner::None;
            if is_owned && self.is_only_for_others(Command::Insert) && reaches(Command::Insert) {
                lines.push(Line::new(name, "own", USER, Cells::NewAlone));
            }
            let (row, every) = match self.owner {
                Owner::None => ("any", "0 rows"),
                _ => ("another's", "own rows"),
            };
            lines.push(Line::new(name, row, USER, Cells::Denied));
            lines.push(Line::new(name, "every", USER, Cells::Every(every)));
        }
        lines
    }

    /// Whether policies let only parties or personas run a command, and not the owner as such.
    fn is_only_for_others(&self, command: Command) -> bool {
        let for_parties = match &self.owner {
            Owner::Column(column) => {
                let is_owners = Comparison::User(column.clone());
                self.parties.values().any(|party| party.may(self.relation, command))
                    && !compared(self.relation, command).contains(&is_owners)
            }
            _ => false,
        };
        for_parties || is_for_some(self.relation, USER, command)
    }

    /// The text of a cell.
    fn cell(&self, line: &Line, command: Command) -> String {
        let Line { who, whose, role, kind, .. } = line;
        let party = whose.strip_prefix("as ").and_then(|word| self.parties.get(word));
        let has_members = matches!(self.owner, Owner::Members(_));
        let new = has_members && ["another's", "shared"].contains(&whose.as_str());
        let no_party = party.is_some_and(|party| !party.can_be_new());
        let is_unnamed =
            whose.starts_with("another's") && is_unnamed(self.relation, &self.owner, role);
        let cells = self.resolved(line, command, party);
        match command {
            Command::Insert if new || no_party => "-".to_owned(),
            Command::Insert if is_unnamed => "no privilege".to_owned(),
            _ if whose == "own" && who != GROUPS[0] && command != Command::Insert => "-".to_owned(),
            _ if whose == "every" => of_all(&self.kinds, who, role, command, cells),
            _ => cell(&self.kinds[*kind].relation, role, command, cells).to_owned(),
        }
    }

    /// What is guessed of a line for a command.
    fn resolved(&self, line: &Line, command: Command, party: Option<&Party>) -> Cells {
        let Self { relation, guesses, .. } = self;
        let is_guest = line.who == "guest";
        let barred = is_guest && self.closed.contains(&command);
        let only_others = line.role == USER && self.is_only_for_others(command);
        let persona = self.personas.get(&line.who);
        let reach = persona.map_or(Reach::Own, |it| it.reach(relation, command));
        let is_party = party.is_some_and(|it| {
            it.may(relation, command) && !(is_guest && it.has_an_address(guesses))
        });
        let let_in = is_party || reach != Reach::Own;
        let cells = match (line.cells, self.roles) {
            (Cells::Role(place, member), Some(roles)) => {
                by_role(relation, command, roles, &self.owner, (place, member))
            }
            (cells, _) => cells,
        };
        match cells {
            Cells::Every(_) if reach == Reach::Tenant => {
                let is_its = persona.is_some_and(|it| it.is_row_of(relation));
                Cells::Every(if is_its { "2 rows" } else { "own rows" })
            }
            Cells::Every(_) if let_in => Cells::All,
            Cells::Every(_) if barred || only_others => Cells::Every("0 rows"),
            Cells::Denied if let_in => Cells::Reached,
            Cells::Reached | Cells::NewAlone if barred => Cells::Denied,
            Cells::NewAlone if let_in => Cells::NewAlone,
            Cells::Reached | Cells::NewAlone if only_others => Cells::Denied,
            cells => cells,
        }
    }
}

/// Whether the role cannot say whose a new row is.
fn is_unnamed(relation: &Relation, owner: &Owner, role: &str) -> bool {
    matches!(owner, Owner::Column(column) if !relation.grants(role, "insert", column))
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

/// The lines for users whose rows have members with roles.
fn of_members(is_membership: bool) -> Vec<(&'static str, &'static str, Cells)> {
    let [owners, others] = GROUPS;
    let of = Cells::Role;
    let mut lines = vec![
        (owners, "own", of(Place::Alone, Member::Most)),
        (others, "own", of(Place::Alone, Member::Most)),
        ("users", "another's", Cells::Denied),
    ];
    if is_membership {
        lines.push(("alice", "own shared", of(Place::Own, Member::Most)));
        lines.push(("bob", "own shared", of(Place::Own, Member::Least)));
    }
    lines.push(("alice", "shared", of(Place::Shared, Member::Most)));
    lines.push(("bob", "shared", of(Place::Shared, Member::Least)));
    lines.push((others, "shared", Cells::Denied));
    lines.push(("alice", "every", of(Place::Every, Member::Most)));
    lines.push(("bob", "every", of(Place::Every, Member::Least)));
    lines.push((others, "every", Cells::Every("own rows")));
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
