//! Page section of the tenancy graph: the path from each table's rows to their owner, as a
//! picture and as text.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Placed, Room, distinct, place};
use super::markup::{count, e, section as chapter};
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

/// What came of the checks of one table.
struct Outcome {
    passed: usize,
    failed: usize,
    /// Planned, and not made in every regime.
    missing: usize,
}

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
    let results: BTreeMap<&str, Outcome> =
        evidence.tables.keys().map(|name| (name.as_str(), result(evidence, name))).collect();
    let lead = "<p>From each table to the users whose rows it holds. A thick line is the \
                contract's path from a row to its owner, a thin dashed one a foreign key; both \
                point at what they lead to. A box counts the checks of its catalog, its cells and \
                its attacks.</p>\n";
    let content = format!("{lead}{}{}", picture(evidence, &results), words(evidence, &results));
    chapter("tenancy", "Tenancy: whose rows a table holds", &content)
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
            (0, 0, _) => "? nothing was tried".to_owned(),
            (passed, 0, 0) => format!("✓ {} passed", count(passed, "check")),
            (passed, 0, missing) => format!("? {passed} passed, {missing} not made"),
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
fn picture(evidence: &Evidence, results: &BTreeMap<&str, Outcome>) -> String {
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
    let lines: String = edges
        .iter()
        .enumerate()
        .map(|(at, it)| {
            let class = if of_owner.contains(it) { "owner" } else { "key" };
            line(&placed, it, at, class)
        })
        .collect();
    let boxes: String = names
        .iter()
        .zip(&placed.boxes)
        .map(|(name, (layer, middle))| {
            let at = (step(*layer), MARGIN + middle - BOX.1 / 2);
            drawn(name, evidence.tables.get(*name), results.get(name), at)
        })
        .collect();
    format!(
        "<figure class=wide role=group tabindex=0 aria-labelledby=tenancy-title>\n\
         <svg viewBox=\"0 0 {width} {height}\" width={width} height={height} role=img \
         aria-labelledby=\"tenancy-title tenancy-desc\">\n\
         <title id=tenancy-title>Paths from tables to their users</title>\n\
         <desc id=tenancy-desc>A graph with {ROOT} on the left. The table below it says the same in \
         words.</desc>\n<defs>{}{}</defs>\n{lines}{boxes}{below}</svg>\n</figure>\n",
        head("owner"),
        head("key"),
    )
}

/// How far right a layer begins.
fn step(layer: usize) -> i32 {
    MARGIN + i32::try_from(layer).unwrap_or_default() * (BOX.0 + GAP.0)
}

/// The head of an arrow.
fn head(class: &str) -> String {
    format!(
        "<marker id=head-{class} class={class} viewBox=\"0 0 8 8\" refX=7 refY=4 markerWidth=8 \
         markerHeight=8 markerUnits=userSpaceOnUse orient=auto><path d=\"M0 0L8 4L0 8z\"/></marker>"
    )
}

/// From a box's left side to the right side of what it leads to; against the others, from its
/// right side to the nearer one.
fn line(placed: &Placed, edge: &Edge, at: usize, class: &str) -> String {
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
    format!("<path class=\"line {class}\" d=\"{path}\" marker-end=\"url(#head-{class})\"/>\n")
}

/// A table's or view's box.
fn drawn(
    name: &str,
    table: Option<&TableRecord>,
    result: Option<&Outcome>,
    at: (i32, i32),
) -> String {
    let (x, y) = at;
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
        format!("<text class=\"{class}\" x={} y={}>{}</text>", x + 12, y + down, e(text))
    };
    format!(
        "<g class=\"box {class} {kind}\"><title>{}: {}; {}</title><rect x={x} y={y} width={} \
         height={} rx=5 />{}{}{}</g>\n",
        e(name),
        e(&second),
        e(&third),
        BOX.0,
        BOX.1,
        text("name", 21, name),
        text("", 39, &short),
        text("result", 55, &third),
    )
}

/// Tables without an owner, below the others.
fn separate(
    evidence: &Evidence,
    apart: &[&str],
    results: &BTreeMap<&str, Outcome>,
    below: i32,
    width: i32,
) -> (String, i32) {
    if apart.is_empty() {
        return (String::new(), below + MARGIN);
    }
    let across = usize::try_from((width - MARGIN) / (BOX.0 + GAP.1)).unwrap_or(1).max(1);
    let top = below + 44;
    let mut text = format!(
        "<line class=apart x1={MARGIN} y1={0} x2={1} y2={0} /><text class=apart x={MARGIN} y={2}>\
         Without an owner: no row of theirs is anybody's</text>\n",
        below + 8,
        width - MARGIN,
        below + 30,
    );
    let mut height = top;
    for (at, name) in apart.iter().enumerate() {
        let place = |at: usize| i32::try_from(at).unwrap_or_default();
        let x = MARGIN + place(at % across) * (BOX.0 + GAP.1);
        let y = top + place(at / across) * (BOX.1 + GAP.1);
        text += &drawn(name, evidence.tables.get(*name), results.get(name), (x, y));
        height = y + BOX.1 + MARGIN;
    }
    (text, height)
}

/// The same as a table.
fn words(evidence: &Evidence, results: &BTreeMap<&str, Outcome>) -> String {
    let row = |(name, it): (&String, &TableRecord)| {
        let keys: Vec<String> = it
            .foreign_keys
            .iter()
            .map(|(columns, to)| format!("{} → {}", e(columns), e(target(to))))
            .collect();
        let result = &results[name.as_str()];
        format!(
            "<tr><th scope=row><a href=\"#matrix-{0}\">{0}</a></th><td>{1}</td><td>{2}</td><td>{3}\
             </td><td>{4}</td><td><b class={5}>{6}</b></td></tr>\n",
            e(name),
            e(&it.kind),
            e(&it.owner),
            paths(evidence, name),
            keys.join("<br>"),
            result.class(),
            result.words(),
        )
    };
    let rows: String = evidence.tables.iter().map(row).collect();
    super::markup::table(
        "Paths to the owner, in words",
        &["table or view", "kind", "owner of a row", "path", "foreign keys", "its checks"],
        &rows,
    )
}

/// Each way from a table to the users.
fn paths(evidence: &Evidence, name: &str) -> String {
    let mut found = BTreeSet::new();
    walk(evidence, &mut vec![name], &mut found);
    match found.len() {
        0 => "none".to_owned(),
        _ => found.into_iter().collect::<Vec<_>>().join("<br>"),
    }
}

fn walk<'a>(evidence: &'a Evidence, path: &mut Vec<&'a str>, found: &mut BTreeSet<String>) {
    let parents = path.last().and_then(|last| evidence.tables.get(*last)).map(|it| &it.parents);
    for parent in parents.into_iter().flatten() {
        let again = path.contains(&parent.as_str());
        path.push(parent);
        if again || !evidence.tables.contains_key(parent) {
            let end = if again { " (a circle)" } else { "" };
            found.insert(format!("{}{end}", e(&path.join(" → "))));
        } else {
            walk(evidence, path, found);
        }
        path.pop();
    }
}
