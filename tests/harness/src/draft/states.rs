//! What policies ask of a row's own state, whoever asks: `is_public`, `status = 'published'`,
//! `deleted_at is null`.

use super::found::Found;
use crate::catalog::{Column, Policy, Relation};
use crate::sql::quote;
use crate::sql::tokens::{Kind, Tokens};

/// A column, and a literal that it has to hold.
pub(super) type State = (String, String);

/// The parts of a condition that a word joins, without the parentheses around them.
pub(super) fn parts<'t>(condition: &'t str, word: &str) -> Vec<&'t str> {
    let condition = bare(condition);
    let tokens = Tokens::of(condition);
    let mut parts = Vec::new();
    let mut from = 0;
    let mut ranges = false;
    for (at, token) in tokens.all.iter().enumerate().filter(|(_, token)| token.depth == 0) {
        let is_joint = tokens.word(at) == word && !std::mem::take(&mut ranges);
        // The AND of BETWEEN joins nothing.
        ranges |= tokens.word(at) == "between";
        if is_joint {
            parts.push(bare(&condition[from..token.start]));
            from = token.end;
        }
    }
    parts.push(bare(&condition[from..]));
    parts
}

/// A condition without the parentheses around the whole of it.
fn bare(condition: &str) -> &str {
    let mut text = condition.trim();
    loop {
        let tokens = Tokens::of(text);
        let is_last = |at: usize| at + 1 == tokens.all.len();
        let close =
            (1..tokens.all.len()).find(|at| tokens.text(*at) == ")" && tokens.all[*at].depth == 0);
        if tokens.text(0) != "(" || !close.is_some_and(is_last) {
            return text;
        }
        text = text[1..text.len() - 1].trim();
    }
}

/// The states in which a condition holds of every row, if it is about nothing else.
pub(super) fn opening(relation: &Relation, condition: &str) -> Option<Vec<State>> {
    let states = parts(condition, "and").into_iter().map(|part| state(relation, part));
    states.collect::<Option<Vec<State>>>()
}

/// The policies for reading, whoever they are for.
pub(super) fn readers(relation: &Relation) -> impl Iterator<Item = &Policy> + Clone {
    relation.policies.iter().filter(|it| ["select", "all"].contains(&it.command.as_str()))
}

/// The states that policies for reading ask for beside something else; of a table
/// whose rows have no owner, whatever they ask for.
pub(super) fn asked(relation: &Relation, is_owned: bool) -> Vec<State> {
    let is_other = |it: &&str| !is_owned || opening(relation, it).is_none();
    let conditions = readers(relation).map(|it| it.using.as_deref().unwrap_or_default());
    let first = conditions.filter_map(|text| parts(text, "or").into_iter().find(is_other));
    first.flat_map(|it| parts(it, "and")).filter_map(|it| state(relation, it)).collect()
}

/// A literal that a column can hold, other than that one, if it would hold that one.
pub(super) fn another(
    found: &Found<'_>,
    relation: &Relation,
    (column, value): &State,
) -> Option<String> {
    let its = relation.column(column)?;
    let default = default_of(its);
    if default.is_some_and(|it| it != value) || default.is_none() && !its.not_null {
        return None;
    }
    choices(found, relation, column).into_iter().find(|it| it != value)
}

/// A column's default without its cast.
pub(super) fn default_of(column: &Column) -> Option<&str> {
    column.default.as_deref().map(|it| it.split("::").next().unwrap_or_default())
}

/// The literals that a column can hold, where its type or a check lists them.
pub(super) fn choices(found: &Found<'_>, relation: &Relation, column: &str) -> Vec<String> {
    let Some(its) = relation.column(column) else { return Vec::new() };
    if its.data_type == "boolean" {
        return ["false", "true"].map(str::to_owned).to_vec();
    }
    let labels = found.catalog.type_named(&its.data_type).filter(|it| it.kind == "enum");
    let labels = labels.into_iter().flat_map(|it| it.parts.iter().cloned());
    let checks = relation.constraints.iter().filter(|it| it.kind == "c");
    let listed = checks.filter(|it| it.columns == [column.to_owned()]).flat_map(|check| {
        let tokens = Tokens::of(check.expression.as_deref().unwrap_or_default());
        let texts = (0..tokens.all.len()).filter(|at| tokens.all[*at].kind == Kind::Text);
        texts.map(|at| tokens.text(at).to_owned()).collect::<Vec<_>>()
    });
    labels.chain(listed.filter(|it| it.starts_with('\''))).collect()
}

/// The state that makes a condition about one column hold.
pub(super) fn state(relation: &Relation, condition: &str) -> Option<State> {
    let negated = Tokens::of(condition).word(0) == "not";
    let tokens = Tokens::of(if negated { bare(&condition["not".len()..]) } else { condition });
    let name = match (tokens.text(0), tokens.text(1)) {
        (table, ".") if table == relation.name => 2,
        _ => 0,
    };
    let column = relation.column(tokens.text(name).trim_matches('"'))?;
    let rest: Vec<String> = (name + 1..tokens.all.len()).map(|at| tokens.word(at)).collect();
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let is_time = column.data_type.starts_with("timestamp") || column.data_type == "date";
    let is_now = |words: &[&str]| {
        matches!(words, ["now", "(", ")"] | ["current_timestamp" | "current_date"])
    };
    let value = match words.as_slice() {
        [] | ["is" | "=", "true"] if is_flag(column) => (!negated).to_string(),
        ["is" | "=", "false"] if is_flag(column) && !negated => "false".to_owned(),
        _ if negated => return None,
        ["is", "null"] if !column.not_null => "null".to_owned(),
        ["is", "not", "null"] if is_time => quote(PAST),
        ["<" | "<=", now @ ..] if is_time && is_now(now) => quote(PAST),
        [">" | ">=", now @ ..] if is_time && is_now(now) => quote(FUTURE),
        ["=", ..] => constant(&tokens, name + 2)?,
        _ => return None,
    };
    Some((column.name.clone(), value))
}

fn is_flag(column: &Column) -> bool {
    column.data_type == "boolean"
}

/// A constant, whatever it is cast to, or the first of a list.
fn constant(tokens: &Tokens<'_>, at: usize) -> Option<String> {
    let at = if tokens.is(at, &["any", "(", "array", "["]) { at + 4 } else { at };
    let kind = tokens.all.get(at)?.kind;
    let text = tokens.text(at);
    (kind == Kind::Number || text.starts_with('\'')).then(|| text.to_owned())
}

/// A time that has passed, and one that has not.
const PAST: &str = "2026-01-05 00:00:00+00";
const FUTURE: &str = "2099-01-05 00:00:00+00";
