//! Generates every single change to a token or phrase of SQL that could make a difference.

use std::ops::Range;

use crate::sql::tokens::{Kind, Tokens};

/// A changed text, and what was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was changed, with a few tokens around it.
    pub what: String,
    /// The whole text with the change.
    pub text: String,
}

/// Replacements of one token or phrase by another.
const SWAPS: [(&[&str], &str); 33] = [
    (&["not", "exists"], "exists"),
    (&["exists"], "not exists"),
    (&["is", "not", "null"], "is null"),
    (&["is", "null"], "is not null"),
    (&["="], "<>"),
    (&["<>"], "="),
    (&["*<>"], "*="),
    (&["<"], "<="),
    (&["<="], "<"),
    (&[">"], ">="),
    (&[">="], ">"),
    (&["+"], "-"),
    (&["-"], "+"),
    (&["%"], "+"),
    (&["&"], "|"),
    (&["true"], "false"),
    (&["false"], "true"),
    (&["greatest"], "least"),
    (&["max"], "min"),
    (&["desc"], ""),
    (&["distinct"], ""),
    (&["left", "join"], "join"),
    (&["union", "all"], "except"),
    (&["union", "all"], "union"),
    (&["except", "all"], "except"),
    (&["for", "no", "key", "update"], ""),
    (&["for", "update"], ""),
    (&["any"], "all"),
    (&["new"], "old"),
    (&["old"], "new"),
    (&["insert"], "update"),
    (&["exit", "when", "found"], "exit"),
    (&["now", "(", ")"], "clock_timestamp()"),
];

/// Every change to one token or phrase in a part of a text.
pub fn changes(text: &str, part: Range<usize>) -> Vec<Change> {
    let tokens = Tokens::within(text, part);
    let with = |from: usize, to: usize, by: &str| replaced(&tokens, from, to, by);
    let mut changes = Vec::new();
    for at in 0..tokens.all.len() {
        let token = tokens.all[at];
        let is_negated = at > 0 && tokens.is(at - 1, &["not"]);
        // A name makes no difference.
        if at > 0 && tokens.is(at - 1, &["as"]) && token.kind == Kind::Word {
            continue;
        }
        for (words, by) in SWAPS {
            // "not exists" is a phrase of its own, and "is not null" is not "is null".
            if tokens.is(at, words) && !(is_negated && words == ["exists"]) {
                changes.push(with(at, at + words.len(), by));
            }
        }
        match tokens.word(at).as_str() {
            "and" | "or" if !is_between(&tokens, at) => {
                let other = if tokens.is(at, &["and"]) { "or" } else { "and" };
                changes.push(with(at, at + 1, other));
                let end = end_of_operand(&tokens, at + 1, token.depth, &ENDS);
                let start = start_of_operand(&tokens, at, token.depth);
                changes.push(with(at, end, ""));
                changes.push(with(start, at + 1, ""));
            }
            "on" if tokens.is(at + 1, &["conflict"]) => {
                let end = (at..tokens.all.len()).find(|it| tokens.is(*it, &["do", "nothing"]));
                changes.extend(end.map(|end| with(at, end + 2, "")));
            }
            "coalesce" => changes.extend(first_argument(&tokens, at)),
            "where" => {
                let end = end_of_operand(&tokens, at + 1, token.depth, &ENDS_OF_WHERE);
                changes.push(with(at, end, ""));
            }
            "limit" | "offset" if at + 1 < tokens.all.len() => {
                changes.push(with(at, at + 2, ""));
            }
            _ => {}
        }
        match token.kind {
            Kind::Number if !tokens.text(at).contains('.') => {
                if let Ok(number) = tokens.text(at).parse::<i64>() {
                    changes.push(with(at, at + 1, &number.wrapping_add(1).to_string()));
                    if number > 0 {
                        changes.push(with(at, at + 1, &(number - 1).to_string()));
                    }
                }
            }
            Kind::Text if tokens.text(at).len() > 2 && tokens.text(at).ends_with('\'') => {
                let text = tokens.text(at);
                let longer = format!("{}~'", &text[..text.len() - 1]);
                changes.push(with(at, at + 1, &longer));
            }
            _ => {}
        }
    }
    changes
}

/// Every statement of a PL/pgSQL body left out.
pub fn removals(text: &str, body: Range<usize>) -> Vec<Change> {
    let tokens = Tokens::within(text, body);
    let begin = (0..tokens.all.len()).find(|at| tokens.is(*at, &["begin"]));
    let Some(begin) = begin else { return Vec::new() };
    let mut changes = Vec::new();
    let mut start = begin + 1;
    for at in begin + 1..tokens.all.len() {
        if tokens.all[at].depth > 0 {
            continue;
        }
        match tokens.word(at).as_str() {
            ";" => {
                if start < at && !tokens.is(start, &["end"]) && !tokens.is(start, &["null"]) {
                    changes.push(replaced(&tokens, start, at, "null"));
                }
                start = at + 1;
            }
            "then" | "else" | "loop" => start = at + 1,
            _ => {}
        }
    }
    changes
}

/// The tokens from `from` up to `to` replaced.
fn replaced(tokens: &Tokens<'_>, from: usize, to: usize, by: &str) -> Change {
    let (start, end) = (tokens.all[from].start, tokens.all[to - 1].end);
    let text = format!("{}{by}{}", &tokens.text[..start], &tokens.text[end..]);
    let around = |from: usize, to: usize| {
        (from..to.min(tokens.all.len())).map(|at| tokens.text(at)).collect::<Vec<_>>().join(" ")
    };
    let (before, after) = (around(from.saturating_sub(2), from), around(to, to + 2));
    let short = |text: &str| text.chars().take(32).collect::<String>();
    let (old, by) = (short(&around(from, to)), short(by));
    let by = if by.trim().is_empty() { "nothing" } else { &by };
    Change { what: format!("{before} [{old} to {by}] {after}"), text }
}

/// What ends a condition.
const ENDS: [&str; 20] = [
    "and",
    "or",
    "then",
    "loop",
    ";",
    "order",
    "group",
    "limit",
    "offset",
    "returning",
    "from",
    "where",
    "when",
    "else",
    "end",
    ",",
    "union",
    "except",
    "for",
    "into",
];

/// What a condition begins behind.
const STARTS: [&str; 16] = [
    "and", "or", "where", "on", "if", "elsif", "when", "using", "check", "select", "return", ",",
    ":=", "having", "not", "then",
];

/// Whether a token is outside an operand on that level, or one of the words that bound it.
fn is_bound(tokens: &Tokens<'_>, at: usize, depth: usize, words: &[&str]) -> bool {
    let own = tokens.all[at].depth;
    own < depth || (own == depth && words.contains(&tokens.word(at).as_str()))
}

/// Where the operand that begins with a token ends: at what binds less, on the same level.
fn end_of_operand(tokens: &Tokens<'_>, at: usize, depth: usize, ends: &[&str]) -> usize {
    let end = tokens.all.len();
    (at..end).find(|it| is_bound(tokens, *it, depth, ends)).unwrap_or(end)
}

/// Where the operand before a token begins.
fn start_of_operand(tokens: &Tokens<'_>, at: usize, depth: usize) -> usize {
    (0..at).rev().find(|it| is_bound(tokens, *it, depth, &STARTS)).map_or(0, |before| before + 1)
}

/// Whether this "and" belongs to a BETWEEN.
fn is_between(tokens: &Tokens<'_>, at: usize) -> bool {
    let depth = tokens.all[at].depth;
    let before = (0..at).rev().take_while(|it| tokens.all[*it].depth >= depth);
    let same_level = before.filter(|it| tokens.all[*it].depth == depth);
    let mut words = same_level.map(|it| tokens.word(it));
    words.find(|it| ["and", "or", "between", "where", ";"].contains(&it.as_str()))
        == Some("between".to_owned())
}

/// What ends a WHERE.
const ENDS_OF_WHERE: [&str; 9] =
    ["order", "group", "limit", "offset", "returning", ";", "union", "except", "for"];

/// `coalesce(a, b)` without its guard: `a`.
fn first_argument(tokens: &Tokens<'_>, at: usize) -> Option<Change> {
    let open = tokens.all.get(at + 1).filter(|_| tokens.is(at + 1, &["("]))?;
    let inner = open.depth + 1;
    let comma = (at + 2..tokens.all.len())
        .find(|it| tokens.text(*it) == "," && tokens.all[*it].depth == inner)?;
    let close = (comma..tokens.all.len())
        .find(|it| tokens.text(*it) == ")" && tokens.all[*it].depth == open.depth)?;
    let argument = &tokens.text[tokens.all[at + 2].start..tokens.all[comma - 1].end];
    Some(replaced(tokens, at, close + 1, &format!("({argument})")))
}
