//! The project's Markdown pages: links resolve, commands are valid, and cheap commands do what
//! the page says.

mod commands;
mod contract;
mod links;
mod page;

use std::collections::BTreeSet;
use std::path::Path;

use tempfile::TempDir;

use schema_harness::cli;
use schema_harness::source::project;

use self::commands::{Checker, Command, verify};
use self::page::Page;
use crate::conventions::{Source, sources};

/// The page of the contract's language.
const CONTRACT: &str = "fixtures/contract/README.md";
/// The page of the other fixtures.
const FIXTURES: &str = "fixtures/README.md";

/// Every page of the project.
fn pages() -> Vec<Page> {
    let sources = sources();
    let is_page = |it: &&Source| Path::new(&it.path).extension().is_some_and(|it| it == "md");
    let pages: Vec<Page> =
        sources.iter().filter(is_page).map(|it| Page::read(&it.path, &it.text)).collect();
    assert!(pages.iter().any(|page| page.path == CONTRACT), "T02: pages");
    pages
}

fn page(path: &str) -> Page {
    pages().into_iter().find(|page| page.path == path).unwrap_or_else(|| panic!("no {path}"))
}

#[test]
fn every_link_leads_somewhere() {
    let broken = links::broken(&pages(), |path| project().join(path).exists());
    assert_eq!(broken, [""; 0]);
}

#[test]
fn every_command_is_understood() {
    let mut checker = Checker::new();
    let commands: Vec<Command> = pages().iter().flat_map(commands::on).collect();
    let mistakes: Vec<String> = commands.iter().filter_map(|it| checker.mistake(it)).collect();
    assert_eq!(mistakes, [""; 0]);
}

/// Code that is indented has no language, so that nothing could be said of it.
#[test]
fn every_code_block_is_fenced() {
    let is_indented = |it: &&page::Block| it.language.is_none();
    let of = |page: &Page| -> Vec<String> {
        let blocks = page.blocks.iter().filter(is_indented);
        blocks.map(|block| format!("{}:{}", page.path, block.line)).collect()
    };
    let indented: Vec<String> = pages().iter().flat_map(of).collect();
    assert_eq!(indented, [""; 0]);
}

/// Those that need no server, and whatever is about an example, which takes seconds.
#[test]
fn cheap_commands_succeed() {
    let commands: Vec<Command> = pages().iter().flat_map(commands::on).collect();
    let cheap: BTreeSet<Vec<String>> =
        commands.iter().filter_map(Command::of_verify).filter(|it| is_cheap(it)).collect();
    assert!(cheap.iter().any(|it| it[0] == "draft"), "T02: commands about an example");
    for arguments in cheap {
        let out = TempDir::with_prefix("identra-docs-").expect("a directory of the test's own");
        let ended = cli::run(&verify(), here(&arguments, out.path()));
        let told = format!("{arguments:?}\n{}{}", ended.output, ended.error);
        assert_eq!(ended.status, 0, "{told}");
    }
}

fn is_cheap(arguments: &[String]) -> bool {
    let needs_no_server = ["--help", "--version", "doctor", "explain"];
    let is_example = |it: &String| it.starts_with("fixtures/examples/");
    arguments.iter().any(|it| needs_no_server.contains(&it.as_str()) || is_example(it))
}

/// The same arguments from wherever this runs, with another directory to write to.
fn here(arguments: &[String], out: &Path) -> Vec<String> {
    let mut here = arguments.to_vec();
    for at in 0..here.len() {
        if at > 0 && here[at - 1] == "--out" {
            here[at] = out.display().to_string();
        } else if here[at].starts_with("fixtures/") {
            here[at] = project().join(&here[at]).display().to_string();
        }
    }
    here
}

/// What a person reads first is read in one sitting.
#[test]
fn readme_has_150_lines_at_most() {
    let readme = sources().into_iter().find(|it| it.path == "README.md").expect("README.md");
    let lines = readme.text.lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; move what is about one folder there");
}

/// A reader learns what each library is for, and why none was made here instead.
#[test]
fn every_dependency_is_in_the_table_of_libraries() {
    let table = page("tests/README.md").keys;
    let sources = sources();
    let ours = ["Cargo.toml", "tests/harness/Cargo.toml", "tests/properties/Cargo.toml"];
    let manifests = sources.iter().filter(|it| ours.contains(&it.path.as_str()));
    let all: BTreeSet<&str> = manifests.flat_map(|it| dependencies(&it.text)).collect();
    let untold: Vec<&&str> = all.iter().filter(|it| !table.iter().any(|row| row == **it)).collect();
    assert_eq!(untold, [&""; 0], "libraries that tests/README.md does not tell");
}

/// The libraries of others that a manifest names.
fn dependencies(manifest: &str) -> Vec<&str> {
    let sections = manifest
        .split("\n[")
        .filter(|it| it.starts_with("dependencies]") || it.starts_with("dev-dependencies]"));
    let lines = sections.flat_map(|it| it.lines().skip(1));
    let named = lines.filter(|it| !it.starts_with('#') && !it.contains("path = "));
    named.filter_map(|it| it.split_once(" = ")).map(|(name, _)| name).collect()
}

#[test]
fn dependency_is_found() {
    let manifest = "[package]\nname = \"x\"\n\n[dev-dependencies]\n# Why.\na-b = \"1\"\n\
                    c = { path = \"c\" }\n\n[profile.dev]\nd = 1\n";
    assert_eq!(dependencies(manifest), ["a-b"]);
}
