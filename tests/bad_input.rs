//! Mistakes in inputs: one message that names the remedy, exit status 2, and nothing left
//! behind.

mod contract;
mod effects;
mod grid;
mod migrations;
mod script;

pub(crate) use self::script::script;
mod signals;
mod together;
mod users;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use schema_harness::Project;
use schema_harness::checks::lint;
use schema_harness::checks::schema::Comparison;
use schema_harness::cli;
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;
use schema_harness::job::accepted;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::source::project;

/// A directory of the test's own with inputs to make a mistake in.
pub(crate) struct Workspace(TempDir);

impl Workspace {
    /// The project's own contract and migrations, copied.
    fn of_the_project() -> Self {
        Self::of(project())
    }

    /// The contract and migrations below that directory, copied.
    pub(crate) fn of(dir: &Path) -> Self {
        let workspace = Self::empty();
        for name in ["fixtures", "migrations"] {
            copy(&dir.join(name), &workspace.path(name));
        }
        workspace
    }

    fn empty() -> Self {
        Self(TempDir::with_prefix("identra-bad-input-").expect("a directory of the test's own"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is in the workspace")).expect("its directory");
        fs::write(path, text).expect("a file of the workspace");
    }

    /// Replaces the first occurrence, and fails where there is none.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).expect("a file of the workspace");
        assert!(text.contains(from), "{name} has no {from:?} to replace");
        self.write(name, &text.replacen(from, to, 1));
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("a file of the workspace to remove");
    }

    fn read(&self) -> Result<Inputs, CannotRun> {
        let [migrations, fixtures, _] = self.directories();
        let inputs = Inputs::read(&migrations, &fixtures)?;
        lint::are_known(&inputs)?;
        accepted::are_known(&inputs)?;
        Ok(inputs)
    }

    /// Why the inputs cannot be read, without the workspace's path.
    pub(crate) fn mistake(&self) -> String {
        let Err(CannotRun(why)) = self.read() else { panic!("no mistake was found") };
        self.relative(&why)
    }

    /// Why the schema cannot be compared with its contract, without the workspace's path.
    async fn refusal(&self) -> String {
        let inputs = self.read().unwrap_or_else(|why| panic!("{why}"));
        let compared = match Database::of(&inputs, Regime::Explicit).await {
            Ok(database) => {
                Comparison::read_in(&database, &inputs.contract, Regime::Explicit).await
            }
            Err(why) => Err(why),
        };
        self.relative(&compared.err().expect("a mistake").0)
    }

    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }

    /// The directories of `--migrations`, `--fixtures` and `--out`.
    fn directories(&self) -> [PathBuf; 3] {
        ["migrations", "fixtures", "out"].map(|name| self.path(name))
    }

    /// The main job on the workspace, as `scripts/verify` runs it.
    fn verify(&self) -> CommandOutput {
        let [migrations, fixtures, out] = self.directories();
        self.verify_with(&migrations, &fixtures, &out)
    }

    fn verify_with(&self, migrations: &Path, fixtures: &Path, out: &Path) -> CommandOutput {
        let project =
            Project::new(env!("CARGO_MANIFEST_DIR")).with_properties(identra_properties::ALL);
        let option = |name: &str, path: &Path| [name.into(), path.as_os_str().to_owned()];
        let arguments = [
            option("--migrations", migrations),
            option("--fixtures", fixtures),
            option("--out", out),
        ];
        let ended = cli::run(&project, arguments.into_iter().flatten());
        let said = ended.error + &ended.output;
        CommandOutput { status: Some(ended.status.into()), error: self.relative(said.trim()) }
    }
}

/// Each mistake that a message tells, in a line: where, `[what is marked]`, what is wrong, what
/// is said beside it and what to do. The form itself is checked where a message is written out.
pub(crate) fn compact(message: &str) -> String {
    let told = |mistake: &str| {
        let mut lines = mistake.lines();
        let mut next = || lines.next().unwrap_or_else(|| panic!("a line is missing in {message}"));
        let behind = |line: &str, what: &str| {
            let (_, text) = line.split_once(what).unwrap_or_else(|| panic!("no {what} in {line}"));
            text.to_owned()
        };
        let (title, place) = (behind(next(), "error: "), behind(next(), "--> "));
        let (_, source, carets) = (next(), behind(next(), "|"), behind(next(), "|"));
        let start = carets.find('^').expect("a caret");
        let (marks, label) = carets[start..].split_at(carets.matches('^').count());
        let marked: String = source.chars().skip(start).take(marks.len()).collect();
        let marked = marked.split_whitespace().collect::<Vec<_>>().join(" ");
        let place = place.split_once("contract/").map_or(&*place, |(_, place)| place);
        let help = lines.next().map(|line| behind(line, "help: ")).unwrap_or_default();
        let said = [title.as_str(), label.trim(), &help].into_iter().filter(|it| !it.is_empty());
        format!("{place} [{marked}] {}", said.collect::<Vec<_>>().join("; "))
    };
    let mistakes = message.split("\n\n").filter(|part| part.starts_with("error: "));
    mistakes.map(told).collect::<Vec<_>>().join("\n")
}

/// What a process said and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct CommandOutput {
    status: Option<i32>,
    error: String,
}

impl CommandOutput {
    fn of(output: &Output, workspace: &Workspace) -> Self {
        let error = String::from_utf8_lossy(&output.stderr);
        Self { status: output.status.code(), error: workspace.relative(error.trim()) }
    }

    /// Exit status 2 and this one message.
    fn could_not_run(message: &str) -> Self {
        Self { status: Some(2), error: format!("COULD NOT RUN: {message}") }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory for the copy");
    for entry in fs::read_dir(from).expect("a directory to copy") {
        let entry = entry.expect("an entry to copy");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file to copy");
        }
    }
}

/// Waits until a condition of other processes is true.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
