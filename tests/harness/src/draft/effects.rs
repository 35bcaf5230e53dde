//! Guesses effects: counts and times that the functions of triggers keep in other tables.

use super::writer::Writer;
use crate::catalog::{Function, Relation};
use crate::contract::grid::Command;
use crate::sql::tokens::{Tokens, has_word};

/// Writes the effects on a table of statements on others.
pub(super) fn effects(
    file: &mut Writer,
    relation: &Relation,
    (all, functions): (&[Relation], &[Function]),
) {
    for other in all.iter().filter(|it| it.is_table() && it.name != relation.name) {
        for trigger in &other.triggers {
            let definition = trigger.definition.to_lowercase();
            let calls =
                |it: &&Function| definition.contains(&format!("{}(", it.name).to_lowercase());
            let Some(function) = functions.iter().find(calls) else { continue };
            let columns = kept(&function.body, relation);
            let events = definition.split(" on ").next().unwrap_or_default();
            for command in [Command::Insert, Command::Update, Command::Delete] {
                if columns.is_empty() || !has_word(events, command.name()) {
                    continue;
                }
                let name = other.declared_name();
                let of = match command {
                    Command::Insert => format!("insert into {name}"),
                    Command::Delete => format!("delete from {name}"),
                    _ => format!("{} {name}", command.name()),
                };
                file.gap().guess("a trigger's function counts there");
                file.line("[[effects]]").pair("of", of);
                file.pair("does", format!("update of {}", columns.join(", ")));
                file.pair("function", function.name.as_str());
                file.pair("reason", "a count or a time, whoever owns the row");
            }
        }
    }
}

/// The columns of a table that a function's updates set, if each becomes one more or less, or the
/// time.
fn kept(body: &str, relation: &Relation) -> Vec<String> {
    let body = body.to_lowercase();
    let tokens = Tokens::of(&body);
    let mut columns = Vec::new();
    for at in (0..tokens.all.len()).filter(|at| tokens.word(*at) == "update") {
        let named = if tokens.text(at + 2) == "." { at + 3 } else { at + 1 };
        if tokens.text(named) != relation.name {
            continue;
        }
        let Some(set) = (named..named + 4).find(|it| tokens.word(*it) == "set") else { continue };
        let end = (set..tokens.all.len())
            .find(|it| ["where", ";", "from"].contains(&tokens.word(*it).as_str()))
            .unwrap_or(tokens.all.len());
        let depth = tokens.all[set].depth;
        let is_end =
            |it: &usize| *it == end || tokens.text(*it) == "," && tokens.all[*it].depth == depth;
        let mut from = set + 1;
        for to in (set + 1..=end).filter(is_end) {
            let column = tokens.text(from);
            let has = |word: &str| (from + 2..to).any(|it| tokens.text(it) == word);
            let counts = has(column) && (has("+") || has("-"));
            if relation.column(column).is_none() || !(counts || has("now")) {
                return Vec::new();
            }
            if !columns.iter().any(|it| it == column) {
                columns.push(column.to_owned());
            }
            from = to + 1;
        }
    }
    columns
}
