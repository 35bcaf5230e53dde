//! Rules about one file at a time, each of which returns its offenders.

use rstest::rstest;

use super::{Source, contract};
use schema_harness::source::project;

/// A rule: returns the offenders as `path:line: text`.
pub(super) type Rule = fn(&Source) -> Vec<String>;

/// The harness's server and its tests, which open connections and wait for processes.
const ABOUT_SERVERS: [&str; 2] = ["tests/harness/src/server/", "tests/servers"];
/// Where processes that the code does not run are waited for: a test's, a case's, the server's.
const WAITS_FOR_PROCESSES: [&str; 3] =
    ["tests/bad_input", "tests/harness/src/cli/cases.rs", "tests/harness/src/probe/mod.rs"];

/// A module begins with a sentence about what it is responsible for, not with a formula.
pub(super) fn has_no_sentence(source: &Source) -> Vec<String> {
    // In two pieces, so that this file does not offend.
    let formula = concat!("//! This", " file is");
    let begins_well = source.text.starts_with("//! ") && !source.text.starts_with(formula);
    let offends = source.is_rust() && !begins_well;
    let why = "does not begin with //! and a sentence of its own";
    offends.then(|| format!("{}: {why}", source.path)).into_iter().collect()
}

/// Code and comments use terms of the field, no figures of speech.
pub(super) fn uses_a_figure_of_speech(source: &Source) -> Vec<String> {
    // In two pieces each, so that this file does not offend.
    const WORDS: [(&str, &str); 9] = [
        ("are", "na"),
        ("are", "nas"),
        ("gla", "nce"),
        ("gla", "nces"),
        ("labora", "tory"),
        ("put up", " with"),
        ("puts up", " with"),
        ("sce", "ne"),
        ("sce", "nes"),
    ];
    if !source.is_rust() {
        return Vec::new();
    }
    let words = WORDS.map(|(head, tail)| format!("{head}{tail}"));
    source.offenders(|line| {
        // The parts of an identifier are words, too.
        let line = line.to_lowercase().replace('_', " ");
        words.iter().any(|word| has_word(&line, word))
    })
}

/// No lint is silenced, no test ignored, and nothing is left to do.
pub(super) fn is_incomplete(source: &Source) -> Vec<String> {
    // In two pieces each, so that this file does not offend.
    const WORDS: [(&str, &str); 9] = [
        ("[al", "low("),
        ("#[ig", "nore"),
        ("#[should", "_panic"),
        ("to", "do!("),
        ("unimple", "mented!("),
        ("db", "g!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
    ];
    let words = WORDS.map(|(head, tail)| format!("{head}{tail}"));
    // A template of mktemp has six of the last.
    source.offenders(|line| {
        words.iter().any(|word| line.contains(word)) && !line.contains(&"X".repeat(6))
    })
}

/// Only code that waits for other processes sleeps.
pub(super) fn sleeps(source: &Source) -> Vec<String> {
    let may = source.is_below(&ABOUT_SERVERS) || source.is_below(&WAITS_FOR_PROCESSES);
    if !source.is_rust() || may {
        return Vec::new();
    }
    source.offenders(|line| {
        [concat!(":sle", "ep("), concat!(" sle", "ep(")].iter().any(|it| line.contains(it))
    })
}

/// A test uses the harness's library, not the protocol's; only benchmarks need it, to measure
/// times.
pub(super) fn uses_the_protocol(source: &Source) -> Vec<String> {
    let may = source.is_below(&["tests/harness/", "tests/bench/"]);
    if !source.is_rust() || may || source.is_below(&ABOUT_SERVERS) {
        return Vec::new();
    }
    source.offenders(|line| line.contains(concat!("tokio", "_postgres")))
}

/// The harness works with any schema: its code names no table. Its comments may, as examples.
pub(super) fn names_a_table(source: &Source) -> Vec<String> {
    if !source.is_rust() || !source.is_below(&["tests/harness/"]) {
        return Vec::new();
    }
    let contract = contract();
    source.offenders(|line| {
        let line = line.split("//").next().unwrap_or_default();
        contract.relations().any(|(name, _)| {
            // `messages` is also an ordinary word; in quotes or after its schema it is the
            // table.
            let is_a_word = !name.contains('_');
            let quoted = [format!("\"{name}\""), format!("\"{name}."), format!("public.{name}")];
            quoted.iter().any(|it| line.contains(it)) || (!is_a_word && has_word(line, name))
        })
    })
}

/// The libraries are not compiled as tests, so a test in them would never run.
pub(super) fn has_a_test_that_never_runs(source: &Source) -> Vec<String> {
    if !source.is_below(&["tests/harness/src/", "tests/properties/src/"]) {
        return Vec::new();
    }
    let attributes = ["#[cfg(test", "#[test]", "#[tokio::test", "#[rstest"];
    source.offenders(|line| attributes.iter().any(|it| line.trim_start().starts_with(it)))
}

/// Whether `text` holds `word` as a word of its own.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// A longer file should be two modules.
pub(super) fn is_too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let offends = source.is_rust() && lines > 400;
    offends.then(|| format!("{}: {lines} lines; split it", source.path)).into_iter().collect()
}

/// SQL fits on a screen.
pub(super) fn has_a_wide_line(source: &Source) -> Vec<String> {
    if !source.is_sql() {
        return Vec::new();
    }
    source.offenders(|line| line.chars().count() > 100)
}

/// SQL is written in lower case, except in comments and literals.
pub(super) fn is_in_upper_case(source: &Source) -> Vec<String> {
    const KEYWORDS: [&str; 28] = [
        "ALTER", "AND", "AS", "BEGIN", "CREATE", "DEFAULT", "DELETE", "DROP", "END", "EXISTS",
        "FROM", "FUNCTION", "GRANT", "IF", "INDEX", "INSERT", "INTO", "NOT", "NULL", "ON", "OR",
        "POLICY", "RETURNS", "REVOKE", "SELECT", "TABLE", "UPDATE", "WHERE",
    ];
    if !source.is_sql() {
        return Vec::new();
    }
    source.offenders(|line| {
        let code = line.split("--").next().unwrap_or_default();
        let unquoted: String = code.split('\'').step_by(2).collect();
        KEYWORDS.iter().any(|keyword| has_word(&unquoted, keyword))
    })
}

/// A script begins with a sentence that says what it does.
pub(super) fn has_no_introduction(source: &Source) -> Vec<String> {
    if !source.is_script() {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().collect();
    let [first, second, ..] = lines.as_slice() else {
        return vec![format!("{}: it is empty", source.path)];
    };
    let mut comment = lines[1..].iter().take_while(|line| line.starts_with("# "));
    let sentence = comment.any(|line| line.ends_with('.'))
        || (second.starts_with("\"\"\"") && second.contains('.'));
    let offends = !first.starts_with("#!/usr/bin/env ") || !sentence;
    offends.then(|| format!("{}: no sentence at its top", source.path)).into_iter().collect()
}

/// A dependency has its reason in a comment above.
pub(super) fn depends_without_a_reason(source: &Source) -> Vec<String> {
    if !source.path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().collect();
    let is_dependency = |at: &usize| {
        let mut above = lines[..*at].iter().rev();
        let header = above.find(|line| line.starts_with('['));
        header.is_some_and(|header| header.contains("dependencies]"))
            && lines[*at].contains(" = ")
            && lines[*at].starts_with(|c: char| c.is_alphanumeric())
    };
    (1..lines.len())
        .filter(is_dependency)
        .filter(|at| !lines[at - 1].starts_with("# "))
        .map(|at| format!("{}:{}: {}", source.path, at + 1, lines[at]))
        .collect()
}

/// No file names a directory of one machine.
pub(super) fn names_a_machine(source: &Source) -> Vec<String> {
    // In two pieces each, so that this file does not offend.
    let homes = [("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/")];
    let mut places = homes.map(|(head, tail)| format!("{head}{tail}")).to_vec();
    places.push(format!("{}/", project().display()));
    source.offenders(|line| places.iter().any(|place| begins_a_path(line, place)))
}

/// Whether `line` has `place` at the beginning of a path.
fn begins_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}*/~".contains(c))
    })
}

/// A test's name is a fact in the present tense.
pub(super) fn is_not_a_fact(source: &Source) -> Vec<String> {
    if !source.is_rust() {
        return Vec::new();
    }
    source.offenders(|line| {
        let mut words = line.trim().split(['(', ' ', '<']);
        let mut before = words.by_ref().take_while(|word| *word != "fn");
        let is_function = before.all(|word| ["async", "pub", "const"].contains(&word));
        let name = words.next().filter(|_| is_function).unwrap_or_default();
        name.starts_with("test_") || name.split('_').any(|word| word == "should")
    })
}

/// The table of contents has a sentence for each module.
pub(super) fn has_a_chapter_without_a_sentence(source: &Source) -> Vec<String> {
    if source.path != "tests/main.rs" {
        return Vec::new();
    }
    let mut before = "";
    let mut offenders = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        if line.starts_with("mod ") && !before.starts_with("/// ") {
            offenders.push(format!("{}:{}: {line}", source.path, at + 1));
        }
        // An attribute may be between the two.
        if !line.starts_with("#[") {
            before = line;
        }
    }
    offenders
}

/// The control: each rule reports the offender planted on the last line, and no other.
#[rstest]
#[case::promise(is_incomplete, "tests/a.rs", concat!("fn f() {\nto", "do!()"))]
#[case::silence(is_incomplete, "tests/a.rs", concat!("use std::fs;\n#[al", "low(dead_code)]"))]
#[case::test_that_is_left_out(is_incomplete, "tests/a.rs", concat!("#[test]\n#[ig", "nore]"))]
#[case::nap(sleeps, "tests/a.rs", concat!("// A nap.\nthread::sle", "ep(SECOND);"))]
#[case::protocol(uses_the_protocol, "tests/attacks/a.rs", concat!("use tokio", "_postgres::Row;"))]
#[case::table(names_a_table, "tests/harness/a.rs", "// memory_links\nf(messages, \"messages\")")]
#[case::table_in_a_statement(names_a_table, "tests/harness/a.rs", "delete from memory_links")]
#[case::test_in_a_library(
    has_a_test_that_never_runs,
    "tests/harness/src/a.rs",
    "//! The `#[test]` that it is.\nfn f() {}\n#[cfg(test)]"
)]
#[case::figure_of_speech(uses_a_figure_of_speech, "tests/a.rs", concat!("// scenery\nfn sce", "ne() {}"))]
#[case::figure_of_speech_in_a_name(uses_a_figure_of_speech, "tests/a.rs", concat!("fn at_a_gla", "nce() {}"))]
#[case::keyword(
    is_in_upper_case,
    "migrations/a.sql",
    "-- NOT this\nselect 'NOT this';\nselect 1 \
    FROM t"
)]
#[case::dependency(
    depends_without_a_reason,
    "Cargo.toml",
    "[dev-dependencies]\n# Why.\na = \"1\"\nb = { version = \"1\" }"
)]
#[case::home(names_a_machine, "README.md", concat!("target/ho", "me/x\nsee /ho", "me/somebody/x"))]
#[case::wish(is_not_a_fact, "tests/a.rs", "fn rows_stay() {}\nasync fn rows_should_stay() {}")]
#[case::name_with_a_prefix(is_not_a_fact, "tests/a.rs", "#[test]\nfn test_rows() {")]
#[case::chapter(
    has_a_chapter_without_a_sentence,
    "tests/main.rs",
    "//! It.\n\n/// One.\n#[path = \"a/b.rs\"]\nmod a;\nmod b;"
)]
fn planted_line_is_named(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
    let (number, line) = text.lines().enumerate().last().expect("a planted line");
    let offender = format!("{path}:{}: {line}", number + 1);
    assert_eq!(rule(&Source::new(path, text)), [offender]);
}

/// The same for rules about a whole file.
#[rstest]
#[case::module(
    has_no_sentence,
    "tests/a.rs",
    "use std::fs;\n",
    "does not begin with //! and a sentence of its own"
)]
#[case::formula(
    has_no_sentence,
    "tests/a.rs",
    concat!("//! This", " file is the rules.\n"),
    "does not begin with //! and a sentence of its own"
)]
#[case::length(is_too_long, "tests/a.rs", &"//! It.\n".repeat(401), "401 lines; split it")]
#[case::script(
    has_no_introduction,
    "scripts/a",
    "#!/usr/bin/env bash\nset -e\n",
    "no sentence at its top"
)]
fn planted_file_is_named(
    #[case] rule: Rule,
    #[case] path: &str,
    #[case] text: &str,
    #[case] why: &str,
) {
    assert_eq!(rule(&Source::new(path, text)), [format!("{path}: {why}")]);
}

#[test]
fn planted_wide_line_is_named() {
    let (narrow, wide) = ("ž".repeat(100), "x".repeat(101));
    let source = Source::new("migrations/a.sql", &format!("{narrow}\n{wide}\n"));
    assert_eq!(has_a_wide_line(&source), [format!("migrations/a.sql:2: {wide}")]);
}
