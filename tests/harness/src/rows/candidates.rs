//! Candidates for what a check accepts: constants from its text and their neighbours, text that
//! its patterns match, forms that are common, and literals of the column's type.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;

use super::values::literal;
use crate::catalog::Catalog;
use crate::sql::quote;

/// Literals that the checks' text suggests, and those of the column's type.
pub(super) fn candidates(catalog: &Catalog, base: &str, checks: &[&str]) -> Vec<String> {
    let named: Vec<String> = checks.iter().flat_map(|check| strings(check)).collect();
    let numbers: Vec<f64> = checks.iter().flat_map(|check| numbers(check)).collect();
    let mut all: Vec<String> = Vec::new();
    if checks.iter().any(|check| check.contains(" = ANY (ARRAY[") || check.contains(" = '")) {
        all.extend(named.iter().map(|it| quote(it)));
    }
    if let Some(known) = catalog.type_named(base).filter(|known| known.kind == "enum") {
        all.extend(known.parts.iter().cloned());
    }
    // Short, and enough of them that one is left which no row has.
    let letters = ('a'..='z').map(|letter| letter.to_string());
    all.extend(letters.filter_map(|tag| literal(catalog, base, &tag, 0)));
    let short = base.split('(').next().unwrap_or_default();
    if base == "boolean" {
        all.extend(["true", "false"].map(str::to_owned));
    } else if NUMBERS.contains(&short) {
        all.extend(["1", "2", "0", "5", "10", "100", "-1"].map(str::to_owned));
        let near = |n: &f64| [*n, n + 1.0, n - 1.0, n + 0.5, n / 2.0];
        // A fraction would be rounded, to a value that the row may have.
        let fits = |n: &f64| n.fract() == 0.0 || !WHOLE_NUMBERS.contains(&short);
        let near = |n: &f64| near(n).into_iter().filter(fits).map(|n| n.to_string());
        all.extend(numbers.iter().chain(&[0.0]).flat_map(near));
    } else if ["text", "character varying", "character", "citext"].contains(&short) {
        all.extend(named.iter().flat_map(|it| matching(it)));
        all.extend(numbers.iter().flat_map(|n| of_length(*n)));
        all.extend(FORMS.map(quote));
        all.extend(named.iter().map(|it| quote(it)));
    } else if short.starts_with("timestamp") || short == "date" {
        all.extend((1..=9).map(|day| format!("'2025-06-0{day}'")));
        all.extend(["'2999-12-31'", "'1999-12-31'", "now()"].map(str::to_owned));
        all.extend(named.iter().map(|it| quote(it)));
    } else {
        all.extend((1..=3).filter_map(|round| literal(catalog, base, "a", round)));
        all.extend(named.iter().map(|it| quote(it)));
        all.extend(numbers.iter().filter_map(|n| elements(catalog, base, *n)));
    }
    let mut seen = BTreeSet::new();
    all.retain(|it| seen.insert(it.clone()));
    all
}

const WHOLE_NUMBERS: [&str; 3] = ["smallint", "integer", "bigint"];

const NUMBERS: [&str; 7] =
    ["smallint", "integer", "bigint", "numeric", "real", "double precision", "money"];

/// Forms that text is often held to.
const FORMS: [&str; 22] = [
    "abc",
    "abcdef",
    "ABC",
    "AB",
    "Abc",
    "a-b",
    "a_b",
    "a1",
    "someone@example.com",
    "https://example.com/a",
    "example.com",
    "+12025550123",
    "2025550123",
    "12345",
    "2025-01-01",
    "12:30",
    "#a1b2c3",
    "en-US",
    "1.0.0",
    "/a/b",
    "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988",
    "11111111-1111-4111-8111-111111111111",
];

/// The string literals in an expression.
pub fn strings(expression: &str) -> Vec<String> {
    let joined = expression.replace("''", "\u{1}");
    let parts = joined.split('\'').skip(1).step_by(2);
    parts.map(|part| part.replace('\u{1}', "'")).collect()
}

/// The numbers in an expression, those within quotes among them.
pub fn numbers(expression: &str) -> Vec<f64> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-';
    expression.split(|c: char| !in_word(c)).filter_map(|word| word.parse().ok()).collect()
}

/// Text that a regular expression matches.
pub fn matching(pattern: &str) -> Vec<String> {
    const SAMPLES: usize = 24;
    if !pattern.contains(['^', '$', '[', '+', '*', '\\']) {
        return Vec::new();
    }
    let bare = pattern.trim_start_matches('^').trim_end_matches('$');
    let Ok(strategy) = string_regex(bare) else { return Vec::new() };
    let mut runner = TestRunner::deterministic();
    let samples = (0..SAMPLES).filter_map(|_| Some(strategy.new_tree(&mut runner).ok()?.current()));
    let plain = samples.filter(|it| it.chars().all(|c| c.is_ascii_graphic() || c == ' '));
    plain.map(|it| quote(&it)).collect()
}

/// Other text of the same form: with another first letter or last digit.
pub(super) fn alike(literal: &str) -> Vec<String> {
    let first = literal.find(|c: char| c.is_ascii_lowercase());
    let last = literal.rfind(|c: char| c.is_ascii_digit());
    let with = |at: usize, other: char| {
        format!("{}{other}{}", &literal[..at], &literal[at + other.len_utf8()..])
    };
    let letters = first.into_iter().flat_map(|at| ('a'..='z').map(move |it| with(at, it)));
    let digits = last.into_iter().flat_map(|at| ('0'..='9').map(move |it| with(at, it)));
    letters.chain(digits).filter(|it| literal.starts_with('\'') && it != literal).collect()
}

/// Text about that long, of letters and of digits.
fn of_length(length: f64) -> Vec<String> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    let length =
        if (0.0..=2_000.0).contains(&length) { length as usize } else { return Vec::new() };
    let lengths = [length, length + 1, length.saturating_sub(1)];
    let of = |length: usize| ["a", "b", "A", "1"].map(|letter| quote(&letter.repeat(length)));
    lengths.into_iter().flat_map(of).collect()
}

/// An array with that many elements.
fn elements(catalog: &Catalog, data_type: &str, count: f64) -> Option<String> {
    let element = data_type.strip_suffix("[]")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    let count = if (1.0..=20.0).contains(&count) { count as usize } else { return None };
    let each = (0..count).map(|nth| literal(catalog, element, "a", nth));
    let each: Option<Vec<String>> = each.collect();
    Some(format!("array[{}]::{data_type}", each?.join(", ")))
}
