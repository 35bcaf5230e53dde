//! Reads policies for guesses: what they compare with the caller's id, and with a literal.

use super::found::{Found, OBJECTS};
use super::states::{State, opening, parts, readers, state};
use crate::catalog::Relation;
use crate::contract::OWNER;
use crate::contract::grid::SHARED;
use crate::sql::quote;

/// What a policy compares with the caller's id, where it is more than a column.
pub(super) struct Expression {
    pub(super) text: String,
    /// A column that it reads.
    pub(super) column: String,
    /// An example of that column.
    pub(super) example: String,
}

/// What a comparison with the caller's id is understood as.
enum Side {
    Column,
    Expression(Expression),
}

/// What the policies of a table compare with the caller's id, unless the first that is understood
/// is a column.
pub(super) fn with_the_caller(relation: &Relation) -> Option<Expression> {
    let mut sides = expressions(relation).filter_map(|text| {
        // However the id is written, and whatever it is cast to.
        let text =
            text.replace("( SELECT auth.uid() AS uid)", CALLER).replace("auth.uid()", CALLER);
        let text = text.replace(&format!("({CALLER})"), CALLER).replace("::text", "");
        let at = text.match_indices(CALLER).map(|(at, _)| at);
        at.filter_map(|at| other_side(&text, at)).find_map(|other| understood(relation, other))
    });
    match sides.next()? {
        Side::Column => None,
        Side::Expression(expression) => Some(expression),
    }
}

/// The literal that a column is compared with by some policy, the most frequent one first.
pub(super) fn literals(relation: &Relation, column: &str) -> Vec<String> {
    let mut found: Vec<(String, usize)> = Vec::new();
    let begin = format!("{column} = '");
    for text in expressions(relation) {
        for (at, _) in text.match_indices(&begin) {
            let rest = &text[at + begin.len()..];
            let literal = &rest[..rest.find('\'').unwrap_or(rest.len())];
            match found.iter_mut().find(|(it, _)| it == literal) {
                Some((_, count)) => *count += 1,
                None => found.push((literal.to_owned(), 1)),
            }
        }
    }
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    found.into_iter().map(|(literal, _)| literal).collect()
}

/// Rows that policies treat alike.
pub(super) struct Kind {
    /// The variant, where they are not the plain rows.
    pub(super) variant: Option<Variant>,
    /// The table, with the policies that are about them.
    pub(super) relation: Relation,
}

/// A variant of a row: its name, and the values of the columns that make it one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) states: Vec<State>,
}

/// The kinds of rows of a table: files differ by their bucket, and other rows by the states that
/// policies open, and the flags that views look at. Files of a bucket that nobody may read without
/// a further condition are the plain ones.
pub(super) fn kinds(found: &Found<'_>, relation: &Relation, is_owned: bool) -> Vec<Kind> {
    let buckets =
        if relation.declared_name() == OBJECTS { literals(relation, BUCKET) } else { Vec::new() };
    let mut kinds: Vec<Kind> = buckets.into_iter().map(|it| of_bucket(relation, it)).collect();
    kinds.sort_by_key(|kind| {
        kind.relation.policies.iter().any(|it| it.using.as_deref() == Some("true"))
    });
    if let Some(first) = kinds.first_mut() {
        first.variant = None;
        return kinds;
    }
    let variants = if is_owned { variants(found, relation) } else { Vec::new() };
    let of = |variant: Option<Variant>| {
        let mut of_kind = relation.clone();
        for policy in of_kind.policies.iter_mut().filter(|it| it.permissive) {
            if let (Some(text), Some(variant)) = (&mut policy.using, &variant)
                && parts(text, "or")
                    .iter()
                    .any(|it| opening(relation, it).as_ref() == Some(&variant.states))
            {
                "true".clone_into(text);
            }
        }
        Kind { variant, relation: of_kind }
    };
    [None].into_iter().chain(variants.into_iter().map(Some)).map(of).collect()
}

/// The states that open rows by themselves, and the flags that the query of a view names.
fn variants(found: &Found<'_>, relation: &Relation) -> Vec<Variant> {
    let queries = found.catalog.relations.iter().filter_map(|view| {
        let query = view.query.as_deref()?;
        let words = query.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let words: Vec<&str> = words.collect();
        words.contains(&relation.name.as_str()).then_some(words)
    });
    let queries: Vec<Vec<&str>> = queries.collect();
    let flags = relation.columns.iter().filter(|column| {
        let is_named = queries.iter().any(|words| words.contains(&column.name.as_str()));
        column.data_type == "boolean" && column.made.is_none() && is_named
    });
    let flags = flags.map(|column| vec![(column.name.clone(), "true".to_owned())]);
    let conditions = readers(relation).filter(|it| it.permissive);
    let conditions = conditions.filter_map(|it| it.using.as_deref());
    let opened = conditions.flat_map(|text| parts(text, "or"));
    let opened = opened.filter_map(|part| opening(relation, part));
    let mut variants: Vec<Variant> = Vec::new();
    for states in opened.chain(flags).filter(|_| relation.is_table()) {
        let variant = Variant { name: name(relation, &states), states };
        let is_new = |it: &Variant| it.name != variant.name && it.states != variant.states;
        if variants.iter().all(is_new) {
            variants.push(variant);
        }
    }
    variants
}

/// A word for rows in that state: the constant, or the column if it says yes or no.
fn name(relation: &Relation, states: &[State]) -> String {
    let (column, value) = &states[0];
    let is_flag = relation.column(column).is_some_and(|it| it.data_type == "boolean");
    let word = |text: &str| -> String {
        text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
    };
    let of_column = word(column.strip_prefix("is_").unwrap_or(column));
    let constant = word(value.trim_matches('\''));
    match (is_flag, value.as_str()) {
        (true, "true") => of_column,
        (true, _) => format!("not-{of_column}"),
        (false, it) if it.starts_with('\'') && constant.len() < 20 && constant != SHARED => {
            constant
        }
        _ => format!("{of_column}-{constant}").chars().take(24).collect(),
    }
}

/// The column of the files' bucket.
pub(super) const BUCKET: &str = "bucket_id";

/// The policies about one bucket.
fn of_bucket(relation: &Relation, bucket: String) -> Kind {
    let mut relation = relation.clone();
    let is_it = format!("({BUCKET} = '{bucket}'::text)");
    relation.policies.retain(|policy| {
        let mut texts = policy.using.iter().chain(&policy.with_check);
        texts.all(|text| !text.contains(&format!("{BUCKET} = '")) || text.contains(&is_it))
    });
    for text in relation.policies.iter_mut().flat_map(|it| [&mut it.using, &mut it.with_check]) {
        if text.as_ref() == Some(&is_it) {
            *text = Some("true".to_owned());
        }
    }
    let states = vec![(BUCKET.to_owned(), quote(&bucket))];
    Kind { variant: Some(Variant { name: bucket, states }), relation }
}

/// The only value of a column that policies take in a new row, where they name one.
pub(super) fn demanded(relation: &Relation, column: &str) -> Option<String> {
    let checks = relation.policies.iter().filter_map(|it| it.with_check.as_deref());
    // A new row has to pass the policies for reading, too.
    let readers = readers(relation).filter_map(|it| it.using.as_deref());
    let is_null = format!("({column} IS NULL)");
    let its = relation.column(column)?;
    if !its.not_null && checks.clone().chain(readers).any(|text| text.contains(&is_null)) {
        return Some("null".to_owned());
    }
    let states = checks.flat_map(|text| parts(text, "and")).filter_map(|it| state(relation, it));
    states.into_iter().find_map(|(name, value)| (name == column).then_some(value))
}

/// What stands for the caller's id.
const CALLER: &str = "caller-id";

fn expressions(relation: &Relation) -> impl Iterator<Item = &str> {
    let policies = relation.policies.iter();
    policies.flat_map(|it| it.using.iter().chain(&it.with_check)).map(String::as_str)
}

/// The other side of the comparison in which something stands.
fn other_side(text: &str, at: usize) -> Option<&str> {
    let (before, behind) = (&text[..at], &text[at + CALLER.len()..]);
    let mut depth = 0;
    let closes = |open: char, close: char, depth: &mut i32, c: char| {
        *depth += i32::from(c == close) - i32::from(c == open);
        *depth < 0
    };
    if let Some(left) = before.trim_end_matches('(').strip_suffix(" = ") {
        let begin = left.char_indices().rev().find(|(_, c)| closes('(', ')', &mut depth, *c));
        return Some(&left[begin.map_or(0, |(at, _)| at + 1)..]);
    }
    let right = behind.trim_start_matches(')').strip_prefix(" = ")?;
    let end = right.char_indices().find(|(_, c)| closes(')', '(', &mut depth, *c));
    Some(&right[..end.map_or(right.len(), |(at, _)| at)])
}

/// A column, a part of a path, or a key of a document.
fn understood(relation: &Relation, side: &str) -> Option<Side> {
    let side = side.trim();
    let bare = side.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(side);
    if relation.column(bare.trim_matches('"')).is_some() {
        return Some(Side::Column);
    }
    let columns = || relation.columns.iter().map(|column| column.name.as_str());
    let expression = |column: &str, example: String| {
        let text = if bare.contains('(') { bare.to_owned() } else { format!("({bare})") };
        Side::Expression(Expression { text, column: column.to_owned(), example })
    };
    columns().find_map(|column| {
        let number = |begin: &str, end: char| {
            let number = bare.strip_prefix(begin)?.strip_suffix(end)?;
            number.trim().parse::<usize>().ok().filter(|it| (1..9).contains(it))
        };
        let part = number(&format!("storage.foldername({column}))["), ']')
            .or_else(|| number(&format!("(storage.foldername({column}))["), ']'))
            .or_else(|| number(&format!("string_to_array({column}, '/'))["), ']'))
            .or_else(|| number(&format!("(string_to_array({column}, '/'))["), ']'))
            .or_else(|| number(&format!("split_part({column}, '/', "), ')'));
        if let Some(part) = part {
            let folders = "folder/".repeat(part - 1);
            return Some(expression(column, format!("'{folders}{OWNER}/{{row}}.png'")));
        }
        let key = bare.strip_prefix(&format!("{column} ->> '"))?.strip_suffix('\'')?;
        Some(expression(column, format!("'{{\"{key}\": \"{OWNER}\"}}'")))
    })
}
