//! Page section of the access matrix: for each table, the expected and the observed outcomes.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::cell::cell;
use super::markup::{anchor, count, section as chapter, table};
use crate::report::Evidence;
use crate::report::document::MatrixCell;

/// The columns of every grid.
const COMMANDS: [&str; 4] = ["select", "insert", "update", "delete"];

/// The chapter.
pub(super) fn section(evidence: &Evidence) -> Markup {
    let tables: BTreeSet<&str> = evidence
        .tables
        .keys()
        .map(String::as_str)
        .chain(evidence.matrix.iter().map(|cell| cell.cell.table.as_str()))
        .collect();
    let roles = roles(evidence);
    let mut personas: Vec<&str> = roles.keys().copied().collect();
    personas.sort_by_key(|name| rank(name, &roles));
    let differ = evidence.matrix.iter().filter(|cell| !cell.passed).count();
    let cells = count(evidence.matrix.len(), "cell");
    let content = html! {
        p {
            "Which persona may run which command on which rows: "
            @if evidence.matrix.is_empty() {
                b.gap { "? no cell was executed in this run" }
            } @else if differ == 0 {
                "all " (cells) " are as expected"
            } @else {
                b.bad { "✗ " (differ) } " of " (cells) " failed"
            }
            ". A cell says what the contract expects and what the server did in every privilege "
            "regime; one outcome with ✓ means both. Open a cell for its persona, its statement, "
            "its control and what it changed."
        }
        p {
            "The outcomes: " em { "n rows" } "; " em { "no privilege" } ", the role lacks a grant; "
            em { "policy violation" } ", a WITH CHECK refused the row; " em { "failed" }
            ", any other error. What a policy hides shows as " em { "0 rows" }
            ". A dash is a cell that cannot exist, such as an insert of every row."
        }
        details {
            summary { "Personas: " (personas.len()) }
            (table("Personas and their roles", &["persona", "role", "cells"], &html! {
                @for name in &personas {
                    tr {
                        th scope="row" { (name) }
                        td { (roles[name]) }
                        @let of_it = evidence.matrix.iter().filter(|it| it.cell.persona == *name);
                        td.n { (of_it.count()) }
                    }
                }
            }))
        }
        (overview(evidence, &tables))
        (filter(&tables.iter().copied().collect::<Vec<_>>(), &personas))
        @for name in &tables { (grid(evidence, name, &roles)) }
    };
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

/// A line for each table, as contents.
fn overview(evidence: &Evidence, tables: &BTreeSet<&str>) -> Markup {
    let heads = ["table or view", "cells of rows", "cells of columns", "result"];
    let number = |name: &str, is_counted: fn(&MatrixCell) -> bool| {
        evidence.matrix.iter().filter(|it| it.cell.table == name && is_counted(it)).count()
    };
    let rows = html! {
        @for name in tables {
            tr {
                th scope="row" { a href={"#matrix-" (name)} { (name) } }
                td.n { (number(name, |it| it.cell.column.is_none())) }
                td.n { (number(name, |it| it.cell.column.is_some())) }
                td {
                    @match (number(name, |it| !it.passed), number(name, |_| true)) {
                        (0, 0) => b.gap { "? not executed" },
                        (failed, _) => (result(failed)),
                    }
                }
            }
        }
    };
    table("Cells by table", &heads, &rows)
}

fn result(failed: usize) -> Markup {
    html! {
        @if failed == 0 { b.ok { "✓ as expected" } } @else { b.bad { "✗ " (failed) " failed" } }
    }
}

/// The controls, which the script shows.
fn filter(tables: &[&str], personas: &[&str]) -> Markup {
    let selects = [
        ("table", "Table", tables),
        ("persona", "Persona", personas),
        ("command", "Command", &COMMANDS),
    ];
    html! {
        form #filter role="search" aria-label="Cells of the matrix" hidden {
            label for="filter-text" {
                "Search " input #filter-text type="search" placeholder="a column, an id, SQL";
            }
            @for (id, label, names) in selects {
                label for={"filter-" (id)} {
                    (label) " "
                    select id={"filter-" (id)} {
                        option value="" { "all" }
                        @for name in names { option value=(anchor(name)) { (name) } }
                    }
                }
            }
            label.check for="filter-failed" {
                input #filter-failed type="checkbox"; " only what differs or failed"
            }
            button type="reset" { "Show all" }
            p #filter-count role="status" {}
        }
    }
}

/// One table: its rows' cells as a grid, its columns' cells as another below it.
fn grid(evidence: &Evidence, name: &str, roles: &BTreeMap<&str, &str>) -> Markup {
    let of_it = || evidence.matrix.iter().filter(|cell| cell.cell.table == name);
    // By persona, then by row, then by command.
    let mut rows: BTreeMap<_, BTreeMap<_, BTreeMap<&str, &MatrixCell>>> = BTreeMap::new();
    for it in of_it().filter(|it| it.cell.column.is_none()) {
        let (persona, target) = (it.cell.persona.as_str(), it.cell.target.as_str());
        let row = rows.entry(rank(persona, roles)).or_default();
        row.entry((position(target), target)).or_default().insert(&it.cell.command, it);
    }
    let record = evidence.tables.get(name);
    html! {
        section.grid aria-labelledby={"matrix-" (name)} {
            h3 id={"matrix-" (name)} {
                (name) " "
                span.soft {
                    (record.map_or("table", |table| &table.kind)) ", owner: "
                    (record.map_or("unknown", |table| &table.owner))
                }
            }
            @if !rows.is_empty() {
                table.cells {
                    caption.vh {
                        "Rows of " (name) ": persona, rows, and the outcome of each command"
                    }
                    thead {
                        tr {
                            th scope="col" { "persona" }
                            th scope="col" { "rows" }
                            @for command in COMMANDS { th scope="col" { (command) } }
                        }
                    }
                    @for ((_, persona), targets) in &rows {
                        tbody {
                            @for ((_, target), cells) in targets {
                                tr {
                                    th scope="row" { (persona) }
                                    th scope="row" { (target) }
                                    @for command in COMMANDS {
                                        (cell_or_dash(evidence, cells.get(command), command))
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @let of_columns = of_it().filter(|it| it.cell.column.is_some());
            (columns(evidence, name, &of_columns.collect::<Vec<_>>()))
            (missing(evidence, name))
        }
    }
}

fn cell_or_dash(evidence: &Evidence, it: Option<&&MatrixCell>, label: &str) -> Markup {
    it.map_or_else(|| html! { td.none { span { "–" } } }, |it| cell(evidence, it, label))
}

/// The position of a row in a grid, by its owner.
fn position(target: &str) -> usize {
    let first = target.split(' ').next().unwrap_or_default();
    ["own", "another's", "nobody's", "any"].iter().position(|it| *it == first).unwrap_or(4)
}

/// The cells of a table's columns: a line for each column.
fn columns(evidence: &Evidence, name: &str, cells: &[&MatrixCell]) -> Markup {
    if cells.is_empty() {
        return html! {};
    }
    let rank = |command: &str| COMMANDS.iter().position(|it| *it == command);
    let head = |it: &MatrixCell| {
        (it.cell.persona.clone(), rank(&it.cell.command), it.cell.command.clone())
    };
    let heads: BTreeSet<_> = cells.iter().map(|it| head(it)).collect();
    let mut rows: BTreeMap<&str, BTreeMap<_, &MatrixCell>> = BTreeMap::new();
    for it in cells {
        rows.entry(it.cell.column.as_deref().unwrap_or_default()).or_default().insert(head(it), it);
    }
    let failed = cells.iter().filter(|it| !it.passed).count();
    html! {
        details.columns-of open[failed > 0] {
            summary { "Columns of " (name) ": " (count(cells.len(), "cell")) " " (result(failed)) }
            table class={"cells by-column of-" (heads.len())} {
                caption.vh { "Columns of " (name) ": persona and command" }
                thead {
                    tr {
                        th scope="col" { "column" }
                        @for (persona, _, command) in &heads {
                            th scope="col" { (persona) " " (command) }
                        }
                    }
                }
                tbody {
                    @for (column, cells) in &rows {
                        tr {
                            th scope="row" { (column) }
                            @for head in &heads {
                                @let label = format!("{} {}", head.0, head.2);
                                (cell_or_dash(evidence, cells.get(head), &label))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The cells of a table that were planned and not executed.
fn missing(evidence: &Evidence, name: &str) -> Markup {
    let of_it = format!("isolation/{name}/");
    let missing: Vec<&String> =
        evidence.accounting.missing.keys().filter(|id| id.starts_with(&of_it)).collect();
    html! {
        @if !missing.is_empty() {
            details.note {
                summary {
                    b.gap { "? " (count(missing.len(), "cell")) " planned and not executed" }
                }
                ul { @for id in missing { li { code { (id) } } } }
            }
        }
    }
}
