//! Page section of the access matrix: for each table, the expected and the observed outcomes.

use std::collections::{BTreeMap, BTreeSet};

use super::cell;
use super::markup::{anchor, count, e, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::MatrixCell;

/// The columns of every grid.
const COMMANDS: [&str; 4] = ["select", "insert", "update", "delete"];

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> String {
    let tables: BTreeSet<&str> = evidence
        .tables
        .keys()
        .map(String::as_str)
        .chain(evidence.matrix.iter().map(|cell| cell.cell.table.as_str()))
        .collect();
    let roles = roles(evidence);
    let grids: String = tables.iter().map(|name| grid(evidence, name, &roles)).collect();
    let differ = evidence.matrix.iter().filter(|cell| !cell.passed).count();
    let said = if evidence.matrix.is_empty() {
        "<b class=gap>? no cell was tried in this run</b>".to_owned()
    } else if differ == 0 {
        format!("all {} are as intended", count(evidence.matrix.len(), "cell"))
    } else {
        format!("<b class=bad>✗ {differ}</b> of {} failed", count(evidence.matrix.len(), "cell"))
    };
    let content = format!(
        "<p>Who may do what with whose row: {said}. A cell says what the contract intends and what \
         the server did in every privilege regime; one word with ✓ means both. Open a cell for its \
         persona, its statement, its control and what it changed.</p>\n\
         <p>The outcomes: <em>n rows</em>; <em>no privilege</em>, the role lacks a grant; \
         <em>policy violation</em>, a WITH CHECK refused the row; <em>failed</em>, anything else. \
         What a policy hides shows as <em>0 rows</em>. A dash is a cell that cannot be tried, such \
         as an insert of every row.</p>\n{}{}{}{grids}",
        personas(evidence, &roles),
        overview(evidence, &tables),
        filter(&tables, &roles),
    );
    chapter("matrix", "Access matrix", &content)
}

/// The role of each persona, as its statements take it.
fn roles(evidence: &Evidence) -> BTreeMap<&str, &str> {
    fn role(cell: &MatrixCell) -> Option<(&str, &str)> {
        let (_, rest) = cell.cell.statement.split_once("set_config('role', '")?;
        Some((&cell.cell.persona, rest.split_once('\'')?.0))
    }
    evidence.matrix.iter().filter_map(role).collect()
}

/// Users first, then those without an account, then the back end.
fn rank<'a>(persona: &'a str, roles: &BTreeMap<&str, &str>) -> (u8, &'a str) {
    let by_role = match roles.get(persona).copied() {
        Some("authenticated") => 0,
        Some("anon") => 1,
        _ => 2,
    };
    (by_role, persona)
}

fn personas(evidence: &Evidence, roles: &BTreeMap<&str, &str>) -> String {
    let mut names: Vec<&str> = roles.keys().copied().collect();
    names.sort_by_key(|name| rank(name, roles));
    let row = |name: &&str| {
        let cells = evidence.matrix.iter().filter(|cell| cell.cell.persona == *name);
        format!(
            "<tr><th scope=row>{}</th><td>{}</td><td class=n>{}</td></tr>\n",
            e(name),
            e(roles[name]),
            cells.count()
        )
    };
    let rows: String = names.iter().map(row).collect();
    format!(
        "<details><summary>Who tries: {}</summary>\n{}</details>\n",
        count(names.len(), "persona"),
        table("Personas and the roles that they have", &["persona", "role", "cells"], &rows)
    )
}

/// A line for each table, as contents.
fn overview(evidence: &Evidence, tables: &BTreeSet<&str>) -> String {
    let rows: String = tables
        .iter()
        .map(|name| {
            let of_it = || evidence.matrix.iter().filter(|cell| cell.cell.table == **name);
            let number = |columns: bool| {
                of_it().filter(|cell| cell.cell.column.is_some() == columns).count()
            };
            let failed = of_it().filter(|cell| !cell.passed).count();
            let result = match (failed, of_it().count()) {
                (0, 0) => "<b class=gap>? not tried</b>".to_owned(),
                (0, _) => "<b class=ok>✓ as intended</b>".to_owned(),
                _ => format!("<b class=bad>✗ {failed} failed</b>"),
            };
            format!(
                "<tr><th scope=row><a href=\"#matrix-{0}\">{0}</a></th><td class=n>{1}</td>\
                 <td class=n>{2}</td><td>{result}</td></tr>\n",
                e(name),
                number(false),
                number(true),
            )
        })
        .collect();
    table(
        "Cells by table",
        &["table or view", "cells of rows", "cells of columns", "result"],
        &rows,
    )
}

/// The controls, which the script shows.
fn filter(tables: &BTreeSet<&str>, roles: &BTreeMap<&str, &str>) -> String {
    let select = |id: &str, label: &str, names: &[&str]| {
        let options: String = names
            .iter()
            .map(|name| format!("<option value=\"{}\">{}", anchor(name), e(name)))
            .collect();
        format!(
            "<label for=filter-{id}>{label} <select id=filter-{id}><option value=\"\">all{options}\
             </select></label>\n"
        )
    };
    let tables: Vec<&str> = tables.iter().copied().collect();
    let mut personas: Vec<&str> = roles.keys().copied().collect();
    personas.sort_by_key(|name| rank(name, roles));
    format!(
        "<form id=filter role=search aria-label=\"Cells of the matrix\" hidden>\n\
         <label for=filter-text>Search <input id=filter-text type=search \
         placeholder=\"a column, an id, SQL\"></label>\n{}{}{}\
         <label class=check for=filter-failed><input id=filter-failed type=checkbox> only what \
         differs or failed</label>\n<button type=reset>Show all</button>\n\
         <p id=filter-count role=status></p>\n</form>\n",
        select("table", "Table", &tables),
        select("persona", "Persona", &personas),
        select("command", "Command", &COMMANDS),
    )
}

/// One table: its rows' cells as a grid, its columns' cells as another below it.
fn grid(evidence: &Evidence, name: &str, roles: &BTreeMap<&str, &str>) -> String {
    let of_it = || evidence.matrix.iter().filter(|cell| cell.cell.table == name);
    let mut rows: BTreeMap<_, BTreeMap<&str, &MatrixCell>> = BTreeMap::new();
    for cell in of_it().filter(|cell| cell.cell.column.is_none()) {
        let (persona, target) = (cell.cell.persona.as_str(), cell.cell.target.as_str());
        let row = (rank(persona, roles), whose(target), persona, target);
        rows.entry(row).or_default().insert(&cell.cell.command, cell);
    }
    let mut bodies = String::new();
    let mut before = "";
    for ((.., persona, target), cells) in &rows {
        if *persona != before {
            bodies += "<tbody>\n";
            before = persona;
        }
        let cells: String = COMMANDS
            .iter()
            .map(|command| match cells.get(command) {
                Some(it) => cell::cell(evidence, it, command),
                None => "<td class=none><span>–</span></td>\n".to_owned(),
            })
            .collect();
        bodies += &format!(
            "<tr><th scope=row>{}</th><th scope=row>{}</th>{cells}</tr>\n",
            e(persona),
            e(target)
        );
    }
    let heads: String = COMMANDS.iter().map(|it| format!("<th scope=col>{it}</th>")).collect();
    let kind = evidence.tables.get(name).map_or("table", |table| table.kind.as_str());
    let owner = evidence.tables.get(name).map_or("unknown", |table| table.owner.as_str());
    let mut text = format!(
        "<section class=grid aria-labelledby=\"matrix-{0}\">\n<h3 id=\"matrix-{0}\">{0} \
         <span class=soft>{1}, owner: {2}</span></h3>\n",
        e(name),
        e(kind),
        e(owner)
    );
    if !rows.is_empty() {
        text += &format!(
            "<table class=cells><caption class=vh>Rows of {}: who, whose row, and what each \
             command does</caption><thead><tr><th scope=col>who</th><th scope=col>whose \
             row</th>{heads}</tr></thead>\n{bodies}</table>\n",
            e(name)
        );
    }
    text += &columns(evidence, name, &of_it().filter(|it| it.cell.column.is_some()).collect());
    text += &not_made(evidence, name);
    text + "</section>\n"
}

/// Whose row, in the order of a grid.
fn whose(target: &str) -> usize {
    let first = target.split(' ').next().unwrap_or_default();
    ["own", "another's", "nobody's", "any"].iter().position(|it| *it == first).unwrap_or(4)
}

/// The cells of a table's columns: a line for each column.
fn columns(evidence: &Evidence, name: &str, cells: &Vec<&MatrixCell>) -> String {
    if cells.is_empty() {
        return String::new();
    }
    let rank = |command: &str| COMMANDS.iter().position(|it| *it == command);
    let mut heads: Vec<_> = cells
        .iter()
        .map(|it| (it.cell.persona.as_str(), rank(&it.cell.command), it.cell.command.as_str()))
        .collect();
    heads.sort_unstable();
    heads.dedup();
    let mut rows: BTreeMap<&str, BTreeMap<_, &MatrixCell>> = BTreeMap::new();
    for it in cells {
        let head = (it.cell.persona.as_str(), rank(&it.cell.command), it.cell.command.as_str());
        rows.entry(it.cell.column.as_deref().unwrap_or_default()).or_default().insert(head, it);
    }
    let row = |(column, cells): (&&str, &BTreeMap<_, &MatrixCell>)| {
        let cells: String = heads
            .iter()
            .map(|head| match cells.get(head) {
                Some(it) => cell::cell(evidence, it, &format!("{} {}", head.0, head.2)),
                None => "<td class=none><span>–</span></td>\n".to_owned(),
            })
            .collect();
        format!("<tr><th scope=row>{}</th>{cells}</tr>\n", e(column))
    };
    let rows: String = rows.iter().map(row).collect();
    let head = |(persona, _, command): &(&str, _, &str)| {
        format!("<th scope=col>{} {}</th>", e(persona), e(command))
    };
    let failed = cells.iter().filter(|it| !it.passed).count();
    let (open, result) = match failed {
        0 => ("", "<b class=ok>✓ as intended</b>".to_owned()),
        _ => (" open", format!("<b class=bad>✗ {failed} failed</b>")),
    };
    format!(
        "<details class=columns-of{open}><summary>Columns of {0}: {1} {result}</summary>\n\
         <table class=\"cells by-column of-{2}\"><caption class=vh>Columns of {0}: who, which command\
         </caption><thead><tr><th scope=col>column</th>{3}</tr></thead>\n<tbody>{rows}</table>\n\
         </details>\n",
        e(name),
        count(cells.len(), "cell"),
        heads.len(),
        heads.iter().map(head).collect::<String>(),
    )
}

/// The cells of a table that were planned and not made.
fn not_made(evidence: &Evidence, name: &str) -> String {
    let of_it = format!("isolation/{name}/");
    let missing: Vec<String> = evidence
        .accounting
        .missing
        .keys()
        .filter(|id| id.starts_with(&of_it))
        .map(|id| format!("<li><code>{}</code></li>", e(id)))
        .collect();
    if missing.is_empty() {
        return String::new();
    }
    format!(
        "<details class=note><summary><b class=gap>? {} planned and not made</b></summary>\
         <ul>{}</ul></details>\n",
        count(missing.len(), "cell"),
        missing.concat()
    )
}
