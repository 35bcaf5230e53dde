//! Reads policies for guesses: what they compare with the caller's id, and with a literal.

use super::found::{Found, OBJECTS};
use crate::catalog::{Column, Relation};
use crate::contract::OWNER;
use crate::sql::tokens::Tokens;
use crate::sql::{quote, text_of};

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

/// A variant of a row: its name, and the value of the column that makes it one.
#[derive(Clone)]
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) value: String,
    /// The condition that is true for it, as the server writes it.
    condition: String,
}

/// The kinds of rows of a table: files differ by their bucket, and other rows by the flags that
/// views look at. Files of a bucket that nobody may read without a further condition are the
/// plain ones.
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
    let flags = if is_owned { flags(found, relation) } else { Vec::new() };
    let of = |variant: Option<Variant>| {
        let mut relation = relation.clone();
        for policy in relation.policies.iter_mut().filter(|it| it.permissive) {
            let flag = variant.as_ref().map(|variant| variant.condition.as_str());
            if let (Some(text), Some(flag)) = (&mut policy.using, flag)
                && opens(text, flag)
            {
                "true".clone_into(text);
            }
        }
        Kind { variant, relation }
    };
    [None].into_iter().chain(flags.into_iter().map(Some)).map(of).collect()
}

/// Whether a condition holds for every row with that flag.
fn opens(condition: &str, flag: &str) -> bool {
    condition == flag
        || condition.starts_with(&format!("({flag} OR "))
        || condition.ends_with(&format!(" OR {flag})"))
}

/// The flags of a table that the query of a view names, and those that open rows by themselves.
fn flags(found: &Found<'_>, relation: &Relation) -> Vec<Variant> {
    let queries = found.catalog.relations.iter().filter_map(|view| {
        let query = view.query.as_deref()?;
        let words = query.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let words: Vec<&str> = words.collect();
        words.contains(&relation.name.as_str()).then_some(words)
    });
    let queries: Vec<Vec<&str>> = queries.collect();
    let columns = relation.columns.iter().filter(|column| {
        let is_named = queries.iter().any(|words| words.contains(&column.name.as_str()));
        let mut conditions = relation.policies.iter().filter_map(|it| it.using.as_deref());
        let decides = is_named || conditions.any(|text| opens(text, &column.name));
        relation.is_table() && column.data_type == "boolean" && column.made.is_none() && decides
    });
    let variant = |column: &Column| Variant {
        name: column.name.strip_prefix("is_").unwrap_or(&column.name).replace('_', "-"),
        column: column.name.clone(),
        value: "true".to_owned(),
        condition: column.name.clone(),
    };
    let words = relation.columns.iter().flat_map(|column| words(relation, column));
    columns.map(variant).chain(words.filter(|_| relation.is_table())).collect()
}

/// The words by which policies for reading tell the rows of a table apart, apart from the one that
/// plain rows have.
fn words(relation: &Relation, column: &Column) -> Vec<Variant> {
    let is_text = ["text", "character varying"].contains(&column.data_type.as_str());
    let reading = relation.policies.iter().filter(|it| ["select", "all"].contains(&&*it.command));
    let mut found: Vec<String> = Vec::new();
    for text in reading.filter(|_| is_text).filter_map(|it| it.using.as_deref()) {
        found.extend(own_literals(text, &column.name));
    }
    let default = column.default.as_deref().and_then(text_of).map(quote);
    let plain = demanded(relation, &column.name).or(default);
    found.sort();
    found.dedup();
    let is_name = |it: &str| it.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    found.retain(|it| is_name(it) && plain.as_deref() != Some(&quote(it)));
    let variant = |word: String| Variant {
        column: column.name.clone(),
        value: quote(&word),
        condition: format!("({} = '{word}'::text)", column.name),
        name: word,
    };
    found.into_iter().map(variant).collect()
}

/// The literals that an expression compares a row's own column with, outside of sub-selects.
fn own_literals(text: &str, column: &str) -> Vec<String> {
    let tokens = Tokens::of(text);
    let mut literals = Vec::new();
    for at in (0..tokens.all.len()).filter(|at| tokens.text(*at) == column) {
        let mut level = tokens.all[at].depth;
        let within = (0..at).rev().any(|before| {
            level = level.min(tokens.all[before].depth);
            tokens.word(before) == "select" && tokens.all[before].depth <= level
        });
        let is_of_another = at > 0 && tokens.text(at - 1) == ".";
        let cast = |it: &usize| [")", "::", "text"].contains(&tokens.text(*it));
        let equals = (at + 1..tokens.all.len()).find(|it| !cast(it));
        let operand = equals.filter(|it| tokens.text(*it) == "=").map(|it| tokens.text(it + 1));
        if let (false, false, Some(literal)) = (within, is_of_another, operand.and_then(text_of)) {
            literals.push(literal.to_owned());
        }
    }
    literals
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
    let (column, value) = (BUCKET.to_owned(), quote(&bucket));
    let variant = Variant { name: bucket, column, value, condition: is_it };
    Kind { variant: Some(variant), relation }
}

/// The only value of a column that policies take in a new row, where they name one.
pub(super) fn demanded(relation: &Relation, column: &str) -> Option<String> {
    let its = relation.column(column)?;
    let checks = || relation.policies.iter().filter_map(|it| it.with_check.as_deref());
    // A new row has to pass the policies for reading, too.
    let readers = relation.policies.iter().filter(|it| ["select", "all"].contains(&&*it.command));
    let readers = readers.filter_map(|it| it.using.as_deref());
    let is_null = format!("({column} IS NULL)");
    if !its.not_null && checks().chain(readers).any(|text| text.contains(&is_null)) {
        return Some("null".to_owned());
    }
    let begin = format!("({column} = '");
    let literal = checks().find_map(|text| {
        let rest = &text[text.find(&begin)? + begin.len()..];
        rest.split_once('\'').map(|(literal, _)| literal)
    });
    literal.map(quote)
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
    if let Some(list) = bare.strip_prefix("ANY (").and_then(|it| it.strip_suffix(')'))
        && relation.column(list).is_some_and(|it| it.data_type == "uuid[]")
    {
        let example = format!("'{{{OWNER}}}'");
        let text = format!("({list}[1])");
        return Some(Side::Expression(Expression { text, column: list.to_owned(), example }));
    }
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
