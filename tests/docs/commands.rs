//! Commands on the project's pages: each is understood by the program that it calls.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::process::Command as Process;

use rstest::rstest;

use schema_harness::Project;
use schema_harness::cli;
use schema_harness::source::project;

use super::page::{Block, Page};
use crate::attacks::weaknesses::example;

/// Programs that are not of this project: that they understand their arguments is not tested.
const OTHERS: [&str; 8] =
    ["chromium", "createdb", "gh", "grep", "pg_dump", "pg_restore", "pngquant", "psql"];

/// Options of cargo whose value is the next word.
const WITH_VALUE: [&str; 5] = ["--bench", "--manifest-path", "--package", "--target-dir", "--test"];

/// A command, without variables before it, and what follows a pipe apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// `page:line`.
    pub(super) place: String,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
}

impl Command {
    /// The arguments of `scripts/verify` that it stands for, if any.
    pub(super) fn of_verify(&self) -> Option<Vec<String>> {
        let (program, arguments) = self.words.split_first()?;
        match program.as_str() {
            "scripts/verify" => Some(arguments.to_vec()),
            "scripts/doctor" => Some([&["doctor".to_owned()], arguments].concat()),
            _ => None,
        }
    }
}

/// The commands of a page: those of its `sh` blocks, and code spans that call the project's
/// scripts or cargo.
pub(super) fn on(page: &Page) -> Vec<Command> {
    let blocks = page.blocks_in("sh").flat_map(|block| in_block(&page.path, block));
    let is_command = |text: &str| {
        ["scripts/", ".ci/run", "cargo "].iter().any(|program| text.starts_with(program))
    };
    let spans = page.spans.iter().filter(|(_, text)| is_command(text));
    let spans = spans.flat_map(|(line, text)| in_line(&format!("{}:{line}", page.path), text));
    blocks.chain(spans).collect()
}

fn in_block(path: &str, block: &Block) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut lines = block.text.lines().enumerate();
    while let Some((at, first)) = lines.next() {
        let mut text = first.to_owned();
        while text.ends_with(['\\', '|']) {
            let Some((_, next)) = lines.next() else { break };
            text = text.trim_end_matches('\\').to_owned() + " " + next.trim_start();
        }
        commands.extend(in_line(&format!("{path}:{}", block.line + at), &text));
    }
    commands
}

fn in_line(place: &str, text: &str) -> Vec<Command> {
    let words = shlex::split(text).unwrap_or_else(|| panic!("{place}: a quote is not closed"));
    let is_setting = |word: &String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let commands = words.split(|word| word == "|").map(|words| {
        let end = words.iter().position(|word| word == ">").unwrap_or(words.len());
        words[..end].iter().skip_while(|word| is_setting(word)).cloned().collect()
    });
    let commands = commands.filter(|words: &Vec<String>| !words.is_empty());
    commands.map(|words| Command { place: place.to_owned(), words }).collect()
}

/// What there is to compare commands with.
pub(super) struct Checker {
    tests: Vec<String>,
    manifest: String,
    /// What programs say of themselves, by the words that ask.
    help: BTreeMap<String, String>,
}

impl Checker {
    /// Asks this program for its tests.
    pub(super) fn new() -> Self {
        let this = env::current_exe().expect("this program");
        let tests = said(this.to_str().expect("its path"), &["--list", "--format", "terse"]);
        let tests: Vec<String> =
            tests.lines().filter_map(|it| it.strip_suffix(": test")).map(str::to_owned).collect();
        assert_ne!(tests.len(), 0, "T02: tests");
        let manifest = fs::read_to_string(project().join("Cargo.toml")).expect("Cargo.toml");
        Self { tests, manifest, help: BTreeMap::new() }
    }

    /// What is wrong with a command.
    pub(super) fn mistake(&mut self, command: &Command) -> Option<String> {
        let (program, arguments) = command.words.split_first()?;
        let wrong = match (command.of_verify(), program.as_str()) {
            (Some(arguments), _) => verify_mistake(&arguments),
            (None, ".ci/run") => {
                let help = self.help(".ci/run", &[]);
                let unknown = arguments.iter().find(|it| !it.contains('/') && !help.contains(*it));
                unknown.map(|it| format!("`.ci/run` does not know `{it}`"))
            }
            (None, "cargo") => self.cargo_mistake(arguments),
            (None, script) if script.starts_with("scripts/") => {
                let help = self.help(script, &[]);
                unknown_option(script, arguments, &help)
            }
            (None, other) if OTHERS.contains(&other) => None,
            (None, other) => Some(format!("`{other}` is no program that these pages call")),
        };
        let wrong = wrong.or_else(|| missing_path(arguments));
        wrong.map(|why| format!("{}: {why}", command.place))
    }

    fn cargo_mistake(&mut self, arguments: &[String]) -> Option<String> {
        let (subcommand, arguments) = arguments.split_first()?;
        let end = arguments.iter().position(|it| it == "--").unwrap_or(arguments.len());
        let mut words = arguments[..end].iter();
        let (mut filters, mut targets) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            if WITH_VALUE.contains(&word.as_str()) {
                let value = words.next()?;
                if ["--bench", "--test"].contains(&word.as_str()) {
                    targets.push(value);
                }
            } else if !word.starts_with('-') {
                filters.push(word);
            }
        }
        let unknown = |name: &&&String| !self.manifest.contains(&format!("name = \"{name}\""));
        if let Some(target) = targets.iter().find(unknown) {
            return Some(format!("there is no target `{target}`"));
        }
        let unmet = |filter: &&&String| !self.tests.iter().any(|name| name.contains(**filter));
        if subcommand == "test"
            && let Some(filter) = filters.iter().find(unmet)
        {
            return Some(format!("no test has a name with `{filter}`"));
        }
        // It is not everywhere, and no part of cargo.
        if subcommand == "nextest" {
            return None;
        }
        let help = self.help("cargo", &[subcommand]);
        unknown_option(&format!("cargo {subcommand}"), &arguments[..end], &help)
    }

    fn help(&mut self, program: &str, arguments: &[&str]) -> String {
        let asked = format!("{program} {}", arguments.join(" "));
        let ask = || said(program, &[arguments, &["--help"]].concat());
        self.help.entry(asked).or_insert_with(ask).clone()
    }
}

/// What the command line says of arguments, without doing what they ask for.
fn verify_mistake(arguments: &[String]) -> Option<String> {
    let ended = cli::run(&verify(), arguments.iter().map(String::as_str).chain(["--help"]));
    if ended.status != 0 {
        return Some(ended.error.lines().next().unwrap_or_default().to_owned());
    }
    // Older spellings are understood, and no page should use them.
    unknown_option("scripts/verify", arguments, &ended.output)
}

/// The command line of this project.
pub(super) fn verify() -> Project {
    let project = Project::new(env!("CARGO_MANIFEST_DIR"));
    project.with_properties(identra_properties::ALL).with_examples(example)
}

fn unknown_option(program: &str, arguments: &[String], help: &str) -> Option<String> {
    let name = |word: &String| word.split('=').next().unwrap_or_default().to_owned();
    let options = arguments.iter().filter(|it| it.starts_with("--")).map(name);
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    let known: Vec<&str> = help.split(|c| !is_part(c)).collect();
    let mut unknown = options.filter(|it| !known.contains(&it.as_str()));
    unknown.next().map(|it| format!("the help of `{program}` has no `{it}`"))
}

/// A file or folder of the project that is not there.
fn missing_path(arguments: &[String]) -> Option<String> {
    let is_ours = |it: &&String| {
        ["fixtures/", "migrations/", "tests/"].iter().any(|folder| it.starts_with(folder))
    };
    let missing = arguments.iter().filter(is_ours).find(|it| !project().join(it).exists());
    missing.map(|it| format!("there is no `{it}`"))
}

/// What a program says to arguments that ask for no more.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Process::new(program).args(arguments).current_dir(project()).output();
    let output = output.unwrap_or_else(|error| panic!("could not run {program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Words are separated by `·`.
#[rstest]
#[case::comment("cargo test isolation   # the grids", &["cargo·test·isolation"])]
#[case::two_lines("scripts/lint \\\n    --migrations DIR", &["scripts/lint·--migrations·DIR"])]
#[case::variable("PROPTEST_CASES=9 cargo test", &["cargo·test"])]
#[case::pipe("pg_dump \"$URL\" |\n    grep -v 'a b' > x", &["pg_dump·$URL", "grep·-v·a b"])]
fn command_is_taken_apart(#[case] text: &str, #[case] expected: &[&str]) {
    let page = Page::read("a.md", &format!("```sh\n{text}\n```"));
    let words: Vec<String> = on(&page).iter().map(|it| it.words.join("·")).collect();
    assert_eq!(words, expected);
}

#[rstest]
#[case::option("scripts/verify --migration DIR", "error: unexpected argument '--migration' found")]
#[case::option_of_another_subcommand(
    "scripts/verify doctor --out DIR",
    "error: unexpected argument"
)]
#[case::older_spelling(
    "scripts/verify --merge DIR",
    "the help of `scripts/verify` has no `--merge`"
)]
#[case::subcommand("scripts/verify proof", "error: unrecognized subcommand 'proof'")]
#[case::option_of_a_script("scripts/lint --migration DIR", "the help of `scripts/lint` has no")]
#[case::part_of_the_gate(".ci/run proof style everything", "`.ci/run` does not know `everything`")]
#[case::filter("cargo test isolaton", "no test has a name with `isolaton`")]
#[case::target("cargo test --test schemas", "there is no target `schemas`")]
#[case::option_of_cargo(
    "cargo test --everything",
    "the help of `cargo test` has no `--everything`"
)]
#[case::path("scripts/verify --fixtures fixtures/example", "there is no `fixtures/example`")]
#[case::program("make test", "`make` is no program that these pages call")]
fn command_that_is_not_understood_is_named(#[case] text: &str, #[case] mistake: &str) {
    let page = Page::read("a.md", &format!("```sh\n{text}\n```"));
    let found = on(&page).iter().find_map(|it| Checker::new().mistake(it)).expect("a mistake");
    assert!(found.starts_with(&format!("a.md:2: {mistake}")), "{found}");
}

#[rstest]
#[case::placeholder("scripts/verify --migrations DIR --fixtures DIR")]
#[case::subcommand("scripts/verify merge target/parts --out target/all")]
#[case::gate(".ci/run shard 1/3")]
#[case::filter("cargo test --test schema docs -- --nocapture")]
#[case::script("scripts/lint --migrations DIR")]
fn command_that_is_understood_is_passed_over(#[case] text: &str) {
    let page = Page::read("a.md", &format!("It is `{text}`."));
    let [command] = &on(&page)[..] else { panic!("one command") };
    assert_eq!(Checker::new().mistake(command), None);
}
