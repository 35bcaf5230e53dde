//! Page section of the tenancy graph: the path from each table's rows to their owner, as a
//! picture and as text.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::graph::{Edge, Placed, Room, distinct, place};
use super::markup::{count, lines, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::TableRecord;

/// Where every path to a user ends.
const ROOT: &str = "auth.users";
/// A box: how wide and how high, how far from the next layer and from the next box.
const BOX: (i32, i32) = (216, 64);
const GAP: (i32, i32) = (84, 18);
const MARGIN: i32 = 16;
/// The characters of a box's second line.
const LETTERS: usize = 28;

/// The outcome of the checks of one table.
struct Outcome {
    passed: usize,
    failed: usize,
    /// Planned, and not executed in every regime.
    missing: usize,
}

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let results: BTreeMap<&str, Outcome> =
        evidence.tables.keys().map(|name| (name.as_str(), result(evidence, name))).collect();
    let content = html! {
        p {
            "From each table to the users who own its rows. A thick line is the contract's path "
            "from a row to its owner, a thin dashed one a foreign key; both point at what they "
            "refer to. A box counts the checks of its catalog, its cells and its attacks."
        }
        (picture(evidence, &results))
        (words(evidence, &results))
    };
    chapter("tenancy", "Tenancy graph: each table's path to the owner", &content)
}

/// The checks about one table: its catalog, its cells, its attacks.
fn result(evidence: &Evidence, name: &str) -> Outcome {
    let is_of_it = |id: &str| {
        let parts: Vec<&str> = id.split('/').collect();
        match parts.as_slice() {
            ["schema" | "isolation", table, ..] | ["attack", _, table, ..] => *table == name,
            _ => false,
        }
    };
    let of_it = || evidence.checks.iter().filter(|check| is_of_it(&check.id));
    let failed = of_it().filter(|check| !check.passed).count();
    let missing = evidence.accounting.missing.keys().filter(|id| is_of_it(id)).count();
    Outcome { passed: of_it().count() - failed, failed, missing }
}

impl Outcome {
    fn class(&self) -> &'static str {
        match (self.passed, self.failed, self.missing) {
            (1.., 0, 0) => "ok",
            (_, 0, _) => "gap",
            _ => "bad",
        }
    }

    fn words(&self) -> String {
        match (self.passed, self.failed, self.missing) {
            (0, 0, _) => "? no check was executed".to_owned(),
            (passed, 0, 0) => format!("✓ {} passed", count(passed, "check")),
            (passed, 0, missing) => format!("? {passed} passed, {missing} not executed"),
            (passed, failed, _) => {
                format!("✗ {failed} of {} failed", count(passed + failed, "check"))
            }
        }
    }
}

/// A foreign key's table, without the schema of the API.
fn target(of: &str) -> &str {
    of.strip_prefix("public.").unwrap_or(of)
}

/// Boxes and lines.
fn picture(evidence: &Evidence, results: &BTreeMap<&str, Outcome>) -> Markup {
    let owned: Vec<&str> = evidence
        .tables
        .iter()
        .filter(|(_, it)| !it.parents.is_empty())
        .map(|(name, _)| &**name)
        .collect();
    let apart: Vec<&str> = evidence
        .tables
        .iter()
        .filter(|(_, it)| it.parents.is_empty())
        .map(|(name, _)| &**name)
        .collect();
    let names: Vec<&str> = [ROOT].into_iter().chain(owned.iter().copied()).collect();
    let number = |name: &str| names.iter().position(|it| *it == name);
    let edge = |from: &str, to: &str| Some(Edge { from: number(from)?, to: number(target(to))? });
    let of_owner: BTreeSet<Edge> = owned
        .iter()
        .flat_map(|name| evidence.tables[*name].parents.iter().filter_map(|to| edge(name, to)))
        .collect();
    let of_keys = owned
        .iter()
        .flat_map(|name| evidence.tables[*name].foreign_keys.values().map(move |to| (name, to)));
    let edges =
        distinct(of_owner.iter().copied().chain(of_keys.filter_map(|(name, to)| edge(name, to))));
    let room = Room { of_box: BOX.1 + GAP.1, of_line: GAP.1 };
    let placed = place(names.len(), &edges, room);
    let depth = placed.boxes.iter().map(|(layer, _)| layer + 1).max().unwrap_or(1);
    let width = (step(depth) - GAP.0 + MARGIN).max(step(3) - GAP.0 + MARGIN);
    let (below, height) = separate(evidence, &apart, results, placed.height + MARGIN, width);
    html! {
        figure.wide role="group" tabindex="0" aria-labelledby="tenancy-title" {
            svg viewBox={"0 0 " (width) " " (height)} width=(width) height=(height) role="img"
                aria-labelledby="tenancy-title tenancy-desc" {
                title #tenancy-title { "Paths from tables to their users" }
                desc #tenancy-desc {
                    "A graph with " (ROOT) " on the left. The table below it says the same in "
                    "words."
                }
                defs { (head("owner")) (head("key")) }
                @for (at, edge) in edges.iter().enumerate() {
                    (line(&placed, edge, at, if of_owner.contains(edge) { "owner" } else { "key" }))
                }
                @for (name, (layer, middle)) in names.iter().zip(&placed.boxes) {
                    @let at = (step(*layer), MARGIN + middle - BOX.1 / 2);
                    (drawn(name, evidence.tables.get(*name), results.get(name), at))
                }
                (below)
            }
        }
    }
}

/// How far right a layer begins.
fn step(layer: usize) -> i32 {
    MARGIN + i32::try_from(layer).unwrap_or_default() * (BOX.0 + GAP.0)
}

/// The head of an arrow.
fn head(class: &str) -> Markup {
    html! {
        marker id={"head-" (class)} class=(class) viewBox="0 0 8 8" refX="7" refY="4"
            markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto" {
            path d="M0 0L8 4L0 8z" {}
        }
    }
}

/// From a box's left side to the right side of what it leads to; against the others, from its
/// right side to the nearer one.
fn line(placed: &Placed, edge: &Edge, at: usize, class: &str) -> Markup {
    let (from, to) = (placed.boxes[edge.from], placed.boxes[edge.to]);
    let against = from.0 <= to.0;
    let (mut x, mut y) = (step(from.0) + if against { BOX.0 } else { 0 }, MARGIN + from.1);
    let mut path = format!("M{x} {y}");
    let mut curve = |to_x: i32, to_y: i32| {
        // Within a layer it bends outwards.
        let middle = if x == to_x { x + GAP.0 / 2 } else { i32::midpoint(x, to_x) };
        path += &format!("C{middle} {y} {middle} {to_y} {to_x} {to_y}");
        (x, y) = (to_x, to_y);
    };
    for (index, bend) in placed.bends[at].iter().enumerate() {
        let left = step(from.0 - 1 - index);
        curve(left + BOX.0, MARGIN + bend);
        curve(left, MARGIN + bend);
    }
    let end = step(to.0) + if from.0 < to.0 { 0 } else { BOX.0 };
    curve(end, MARGIN + to.1);
    html! { path class={"line " (class)} d=(path) marker-end={"url(#head-" (class) ")"} {} }
}

/// A table's or view's box.
fn drawn(
    name: &str,
    table: Option<&TableRecord>,
    result: Option<&Outcome>,
    (x, y): (i32, i32),
) -> Markup {
    let class = result.map_or("root", Outcome::class);
    let kind = if table.is_some_and(|table| table.kind == "view") { "view" } else { "" };
    let owner = table.map_or("the platform's users", |table| table.owner.as_str());
    let second = if kind == "view" { format!("view: {owner}") } else { owner.to_owned() };
    let short: String = if second.chars().count() > LETTERS {
        second.chars().take(LETTERS - 1).chain(['…']).collect()
    } else {
        second.clone()
    };
    let third = result.map_or_else(|| "every path ends here".to_owned(), Outcome::words);
    let text = |class: &str, down: i32, text: &str| {
        html! { text class=(class) x=(x + 12) y=(y + down) { (text) } }
    };
    html! {
        g class={"box " (class) " " (kind)} {
            title { (name) ": " (second) "; " (third) }
            rect x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="5" {}
            (text("name", 21, name))
            (text("", 39, &short))
            (text("result", 55, &third))
        }
    }
}

/// Tables without an owner, below the others.
fn separate(
    evidence: &Evidence,
    apart: &[&str],
    results: &BTreeMap<&str, Outcome>,
    below: i32,
    width: i32,
) -> (Markup, i32) {
    if apart.is_empty() {
        return (html! {}, below + MARGIN);
    }
    let across = usize::try_from((width - MARGIN) / (BOX.0 + GAP.1)).unwrap_or(1).max(1);
    let top = below + 44;
    let count = |number: usize| i32::try_from(number).unwrap_or_default();
    let place = |at: usize| {
        (MARGIN + count(at % across) * (BOX.0 + GAP.1), top + count(at / across) * (BOX.1 + GAP.1))
    };
    let drawn = html! {
        line.apart x1=(MARGIN) y1=(below + 8) x2=(width - MARGIN) y2=(below + 8) {}
        text.apart x=(MARGIN) y=(below + 30) { "Without an owner: no user owns a row of theirs" }
        @for (at, name) in apart.iter().enumerate() {
            (drawn(name, evidence.tables.get(*name), results.get(name), place(at)))
        }
    };
    (drawn, place(apart.len() - 1).1 + BOX.1 + MARGIN)
}

/// The same as a table.
fn words(evidence: &Evidence, results: &BTreeMap<&str, Outcome>) -> Markup {
    let heads = ["table or view", "kind", "owner of a row", "path", "foreign keys", "its checks"];
    let rows = html! {
        @for (name, it) in &evidence.tables {
            @let keys = it.foreign_keys.iter().map(|(key, to)| format!("{key} → {}", target(to)));
            @let result = &results[name.as_str()];
            tr {
                th scope="row" { a href={"#matrix-" (name)} { (name) } }
                td { (it.kind) }
                td { (it.owner) }
                td { (paths(evidence, name)) }
                td { (lines(keys)) }
                td { b class=(result.class()) { (result.words()) } }
            }
        }
    };
    table("Paths to the owner, in words", &heads, &rows)
}

/// Each path from a table to the users.
fn paths(evidence: &Evidence, name: &str) -> Markup {
    let mut found = BTreeSet::new();
    walk(evidence, &mut vec![name], &mut found);
    html! { @if found.is_empty() { "none" } @else { (lines(found)) } }
}

fn walk<'a>(evidence: &'a Evidence, path: &mut Vec<&'a str>, found: &mut BTreeSet<String>) {
    let parents = path.last().and_then(|last| evidence.tables.get(*last)).map(|it| &it.parents);
    for parent in parents.into_iter().flatten() {
        let again = path.contains(&parent.as_str());
        path.push(parent);
        if again || !evidence.tables.contains_key(parent) {
            let end = if again { " (a cycle)" } else { "" };
            found.insert(path.join(" → ") + end);
        } else {
            walk(evidence, path, found);
        }
        path.pop();
    }
}
