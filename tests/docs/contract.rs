//! The contract's pages: their examples are read by the harness's own parser, and every key
//! that it knows is explained.

use std::fs;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::contract::Contract;
use schema_harness::contract::known_mutants::Known;
use schema_harness::error::CannotRun;
use schema_harness::platform::persona::Persona;
use schema_harness::report::Baseline;

use super::page::Page;
use super::{CONTRACT, FIXTURES, page};

/// A key that no file has.
const UNKNOWN: &str = "unknown_key = 0\n";

/// The TOML of a page in a directory: each block goes to the file that its first line names.
fn written(page: &Page) -> TempDir {
    let directory = TempDir::with_prefix("identra-docs-").expect("a directory of the test's own");
    for block in page.blocks_in("toml") {
        let name = block.text.lines().next().and_then(|line| line.strip_prefix("# "));
        let name = name.unwrap_or_else(|| panic!("{}:{}: no file", page.path, block.line));
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
        fs::write(path, &block.text).expect("a file");
    }
    directory
}

#[test]
fn examples_of_the_page_are_a_contract() {
    let directory = written(&page(CONTRACT));
    let contract = Contract::read(directory.path()).unwrap_or_else(|why| panic!("{why}"));
    let tables: Vec<&str> = contract.tables.keys().map(String::as_str).collect();
    let told = ["invoices", "letter_readers", "letters", "notebooks", "notes", "plans"];
    assert_eq!(
        tables,
        [&told[..], &["posts", "profiles", "storage.objects", "team_members", "teams"]].concat()
    );
    assert!(contract.views.contains_key("notebook_counts"), "the view, by its name");
    assert!(contract.functions.contains_key("limit_notebooks"), "the function");
    assert!(contract.database.accounts.is_some(), "the database");
}

/// The parser's own words say which keys there are: those that it expects instead of one that
/// it does not know.
#[rstest]
#[case::relation("contract/tables/notebooks.toml", "")]
#[case::column("contract/tables/notebooks.toml", "[columns.id]\n")]
#[case::accepted_channel("contract/tables/notebooks.toml", "[[accepted]]\n")]
#[case::effect("contract/tables/posts.toml", "[[effects]]\n")]
#[case::function("contract/functions/limit_notebooks.toml", "")]
#[case::database("contract/database.toml", "")]
#[case::accounts("contract/database.toml", "[accounts]\n")]
#[case::persona("contract/database.toml", "[personas.invited]\n")]
#[case::bucket("contract/database.toml", "[buckets.photos]\n")]
#[case::accepted_finding("contract/database.toml", "[[accepted]]\n")]
#[case::lint_exception("contract/database.toml", "[[lint_exceptions]]\n")]
fn every_key_of_the_contract_is_explained(#[case] file: &str, #[case] header: &str) {
    let page = page(CONTRACT);
    let directory = written(&page);
    plant(&directory.path().join(file), header);
    let why = Contract::read(directory.path()).expect_err("an unknown key").0;
    assert_eq!(unexplained(&expected(&why), &page), [""; 0], "{why}");
}

#[rstest]
#[case::baseline("known.toml", "", |at: &Path| Baseline::read(&at.join("known.toml")).err())]
#[case::accepted("known.toml", "[[known]]\n", |at: &Path| {
    Baseline::read(&at.join("known.toml")).err()
})]
#[case::mutants("mutants.toml", "", |at: &Path| Known::read(at).err())]
#[case::equivalent("mutants.toml", "[[equivalent]]\n", |at: &Path| Known::read(at).err())]
#[case::idle("mutants.toml", "[[idle]]\n", |at: &Path| Known::read(at).err())]
fn every_key_of_other_fixtures_is_explained(
    #[case] file: &str,
    #[case] header: &str,
    #[case] read: fn(&Path) -> Option<CannotRun>,
) {
    let page = page(FIXTURES);
    let directory = written(&page);
    let control = read(directory.path()).map(|it| it.0);
    assert_eq!(control, None, "the example as it stands");
    plant(&directory.path().join(file), header);
    let why = read(directory.path()).expect("an unknown key").0;
    assert_eq!(unexplained(&expected(&why), &page), [""; 0], "{why}");
}

/// Writes an unknown key behind the header, or at the top.
fn plant(file: &Path, header: &str) {
    let text = fs::read_to_string(file).expect("a file of the page");
    let at = text.find(header).expect("the header") + header.len();
    fs::write(file, format!("{}{UNKNOWN}{}", &text[..at], &text[at..])).expect("the file");
}

/// The keys that a message says would be right.
fn expected(why: &str) -> Vec<String> {
    let keys = ["there are ", "say one of "].iter().find_map(|begin| why.split_once(begin));
    let (_, keys) = keys.unwrap_or_else(|| panic!("no keys in: {why}"));
    let keys =
        keys.lines().next().unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned);
    let keys: Vec<String> = keys.collect();
    assert_ne!(keys.len(), 0, "T02: keys in: {why}");
    keys
}

/// The keys that neither begin a row of a table on the page, nor stand in its text as code.
fn unexplained<'a>(keys: &'a [String], page: &Page) -> Vec<&'a str> {
    // An older name stands behind its newer one.
    let is_told = |key: &str| {
        page.keys.iter().any(|it| it == key)
            || key == "promise" && page.spans.iter().any(|(_, it)| it == key)
    };
    keys.iter().map(String::as_str).filter(|key| !is_told(key)).collect()
}

#[test]
fn every_word_of_a_grid_is_explained() {
    let page = page(CONTRACT);
    let outcomes = [
        "0 rows",
        "1 row",
        "all rows",
        "no privilege",
        "own + own shared rows",
        "own + shared rows",
        "own rows",
        "policy violation",
        "refused by trigger NAME",
        "-",
    ];
    let targets =
        ["another's", "any", "as PARTY", "every", "nobody's", "own", "own shared", "shared"];
    let personas = Persona::ALL.map(Persona::name);
    let words = outcomes.iter().chain(&targets).chain(&personas);
    let untold: Vec<&&str> =
        words.filter(|word| !page.keys.iter().any(|it| it == **word)).collect();
    assert_eq!(untold, [&""; 0]);
}

#[test]
fn key_without_a_row_is_named() {
    let page = Page::read("a.md", "| key | is |\n|---|---|\n| `owner` | `name` |\n\n`seed`");
    for begin in ["  | ^ there are", "help: say one of"] {
        let why = format!("error: unknown key `x`\n{begin} `name`, `owner`, `seed`\n`more`");
        assert_eq!(unexplained(&expected(&why), &page), ["name", "seed"]);
    }
}
