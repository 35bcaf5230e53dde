//! Guesses guards: the triggers that protect a column from clients who may update it.

use crate::catalog::{Column, Function, Relation};
use crate::sql::tokens::Tokens;

/// How a trigger protects a column from clients who may update it: its function raises an error,
/// or restores the value.
pub(super) fn guard(
    functions: &[Function],
    relation: &Relation,
    column: &Column,
) -> Option<String> {
    if !relation.grants("authenticated", "update", &column.name) {
        return None;
    }
    relation.triggers.iter().find_map(|trigger| {
        let definition = trigger.definition.to_lowercase();
        let is_before = definition.contains(" before ") && definition.contains("update");
        let its = |function: &&Function| {
            let name = format!("{}(", function.name).to_lowercase();
            is_before && definition.split(['.', ' ']).any(|word| word.starts_with(&name))
        };
        let body = functions.iter().find(its)?.body.to_lowercase();
        let tokens = Tokens::of(&body);
        let name = column.name.to_lowercase();
        let is = |at: usize, words: [&str; 3]| tokens.is(at, &[words[0], words[1], words[2]]);
        let at = (0..tokens.all.len()).find(|at| is(*at, ["new", ".", &name]))?;
        let behind = tokens.word(at + 3);
        if [":=", "="].contains(&behind.as_str()) && is(at + 4, ["old", ".", &name]) {
            return Some(format!("kept by trigger {}", trigger.name));
        }
        let compares = is(at + 3, ["is", "distinct", "from"]) || behind == "<>";
        let raises = (0..tokens.all.len()).any(|at| tokens.word(at) == "raise");
        (compares && raises).then(|| format!("refused by trigger {}", trigger.name))
    })
}
