//! Rules of style that a machine can check, each with an offender that it reports.

mod rules;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;

use self::rules::{Rule, has_word};
use schema_harness::contract::Contract;
use schema_harness::source::project;

/// The result of a check without offenders.
const NONE: [String; 0] = [];

/// The directories and files that are written by hand.
const TOP: [&str; 12] = [
    ".ci",
    ".config",
    ".github",
    ".squawk.toml",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "fixtures",
    "migrations",
    "rustfmt.toml",
    "scripts",
    "tests",
];

/// A file and its text.
pub(crate) struct Source {
    /// Relative to the project, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    fn is_sql(&self) -> bool {
        self.has_extension("sql")
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|it| it == extension)
    }

    fn is_script(&self) -> bool {
        self.is_below(&["scripts/", ".ci/"])
    }

    fn is_below(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// `path:line: text` of each line that offends.
    fn offenders(&self, offends: impl Fn(&str) -> bool) -> Vec<String> {
        let numbered = self.text.lines().enumerate();
        let offending = numbered.filter(|(_, line)| offends(line));
        offending.map(|(at, line)| format!("{}:{}: {}", self.path, at + 1, line.trim())).collect()
    }
}

/// Every text file of the project.
pub(crate) fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for name in TOP {
        gather(&project().join(name), name, &mut sources);
    }
    assert_ne!(sources.len(), 0, "T02: files to check");
    sources
}

fn gather(path: &Path, name: &str, into: &mut Vec<Source>) {
    if let Ok(text) = fs::read_to_string(path) {
        into.push(Source::new(name, &text));
        return;
    }
    let mut entries: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().collect();
    // What cargo makes below an example is no source; the corpora are as their authors wrote them.
    let is_kept = |name: &str| !["target", "obstacles", "cases"].contains(&name);
    entries.retain(|entry| is_kept(&entry.file_name().to_string_lossy()));
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        gather(&entry.path(), &name, into);
    }
}

/// Every rule is kept by every file.
#[rstest]
#[case::begins_with_its_sentence(rules::has_no_sentence)]
#[case::uses_no_figure_of_speech(rules::uses_a_figure_of_speech)]
#[case::is_complete(rules::is_incomplete)]
#[case::does_not_sleep(rules::sleeps)]
#[case::uses_the_library_of_the_harness(rules::uses_the_protocol)]
#[case::knows_no_table(rules::names_a_table)]
#[case::has_no_test_that_never_runs(rules::has_a_test_that_never_runs)]
#[case::has_400_lines_at_most(rules::is_too_long)]
#[case::has_100_columns_at_most(rules::has_a_wide_line)]
#[case::is_written_in_lower_case(rules::is_in_upper_case)]
#[case::introduces_itself(rules::has_no_introduction)]
#[case::says_why_it_depends(rules::depends_without_a_reason)]
#[case::is_of_no_machine(rules::names_a_machine)]
#[case::names_a_test_after_a_fact(rules::is_not_a_fact)]
#[case::describes_its_chapters(rules::has_a_chapter_without_a_sentence)]
fn every_file(#[case] rule: Rule) {
    let offenders: Vec<String> = sources().iter().flat_map(rule).collect();
    assert_eq!(offenders, NONE);
}

/// The root package has only tests; they use the harness's library.
#[test]
fn root_package_has_no_library() {
    assert!(!project().join("src").exists(), "src");
    let manifest = fs::read_to_string(project().join("Cargo.toml")).expect("Cargo.toml");
    assert!(!manifest.contains("\n[dependencies]"), "dependencies of no test");
}

#[test]
fn every_script_can_be_executed() {
    let everybody_may = |path: &str| {
        let metadata = fs::metadata(project().join(path)).expect("the script");
        metadata.permissions().mode() & 0o111 == 0o111
    };
    let scripts = sources().into_iter().filter(Source::is_script);
    let offenders: Vec<String> =
        scripts.map(|script| script.path).filter(|path| !everybody_may(path)).collect();
    assert_eq!(offenders, NONE, "scripts that cannot be executed");
}

/// Each table of the migration has a file in the contract, and the other way round.
#[test]
fn contract_has_a_file_for_each_table() {
    let migrations =
        sources().into_iter().filter(|it| it.is_sql() && it.is_below(&["migrations/"]));
    let mut created: Vec<String> = migrations.flat_map(|it| created_tables(&it.text)).collect();
    created.sort();
    let contract = contract();
    let declared: Vec<String> = contract.tables.keys().cloned().collect();
    assert_eq!(declared, created, "declared tables against created ones");
    let elsewhere: Vec<String> = contract
        .relations()
        .filter(|(name, relation)| !relation.file.ends_with(&format!("/{name}.toml")))
        .map(|(name, relation)| format!("{name} in {}", relation.file))
        .collect();
    assert_eq!(elsewhere, NONE, "relations whose file has another name");
}

fn contract() -> Contract {
    Contract::read(&project().join("fixtures")).unwrap_or_else(|why| panic!("{why}"))
}

/// The names after `create table public.`, in SQL that keeps the rules.
fn created_tables(sql: &str) -> Vec<String> {
    let name = |text: &str| {
        let text = text.trim_start_matches("if not exists ");
        let name = text.strip_prefix("public.")?.split([' ', '(']).next()?;
        Some(name.to_owned())
    };
    sql.split("create table ").skip(1).filter_map(name).collect()
}

#[test]
fn created_table_is_found() {
    let sql = "create table if not exists public.notes (id int);\ncreate table public.tags();";
    assert_eq!(created_tables(sql), ["notes", "tags"]);
}

/// The README has every variable that is read.
#[test]
fn readme_lists_every_variable() {
    const BETWEEN_PROCESSES: [&str; 2] = ["IDENTRA_SUPERVISE", "IDENTRA_HOLD_A_SERVER"];
    let sources = sources();
    let readme = sources.iter().find(|source| source.path == "README.md");
    let readme = &readme.expect("the README").text;
    let mut unlisted: Vec<String> = sources
        .iter()
        .filter(|source| source.is_rust() || source.is_script())
        .filter(|source| !source.is_below(&["tests/conventions"]))
        .flat_map(|source| variables(&source.text))
        .filter(|name| !BETWEEN_PROCESSES.contains(&name.as_str()) && !has_word(readme, name))
        .collect();
    unlisted.sort();
    unlisted.dedup();
    assert_eq!(unlisted, NONE, "variables that the README does not list");
}

fn variables(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    let starts = text.match_indices("IDENTRA_").map(|(at, _)| &text[at..]);
    starts
        .map(|rest| rest.split(|c| !is_part(c)).next().unwrap_or_default())
        .map(|name| name.trim_end_matches('_').to_owned())
        .filter(|name| name != "IDENTRA")
        .collect()
}

#[test]
fn variable_is_found() {
    assert_eq!(variables("text(\"IDENTRA_PG_IMAGE\").or(x)"), ["IDENTRA_PG_IMAGE"]);
}
