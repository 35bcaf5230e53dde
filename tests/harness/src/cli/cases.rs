//! Proves every schema of a folder, each in a process of its own, and prints a line for each:
//! `scripts/verify cases`.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::ended::Ended;
use super::options::{COMMAND_LINE, Cases};
use crate::error::CannotRun;
use crate::findings::ledger::Finding;
use crate::findings::rules;
use crate::progress::Progress;
use crate::report::Evidence;
use crate::source::toml_file::TomlFile;

/// A schema of the folder.
struct Case {
    /// Its path within the folder, without `.sql`.
    name: String,
    /// A file, or a directory of migrations.
    migrations: PathBuf,
    /// The directory with its contract; a draft is written where there is none.
    fixtures: Option<PathBuf>,
    /// What `expected.toml` beside it says of it.
    expected: Expected,
}

/// What is expected of a case, beside that it applies, that every table is tried and that its
/// draft agrees with the database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Words of the message with which it has to stop.
    stops: Option<String>,
    /// Findings that it has to have, as `rule object`.
    #[serde(default)]
    finds: Vec<String>,
    /// Whether the verdict has to be that it is proved, with the contract that is drafted of it.
    #[serde(default)]
    proved: bool,
    /// Rules that it may break: what is not yet right, with the reason in a comment.
    #[serde(default)]
    tolerates: Vec<String>,
}

/// What became of a case.
enum Outcome {
    /// It has a verdict.
    Judged(Box<Evidence>),
    /// It ended without one, and why.
    Stopped(String),
}

/// A case that was run.
struct Done {
    case: Case,
    outcome: Outcome,
    took: Duration,
}

/// Runs the cases of a folder.
pub(super) fn run(options: &Cases, progress: &Progress) -> Result<Ended, CannotRun> {
    let cases = cases_in(&options.folder)?;
    if cases.is_empty() {
        let folder = options.folder.display();
        return Err(CannotRun(format!("there is no .sql file and no migrations below {folder}")));
    }
    let out = options.out.or("target/cases");
    let limit = Duration::from_secs(options.limit);
    let (all, width) = (cases.len(), cases.iter().map(|it| it.name.len()).max().unwrap_or(0));
    let work = Mutex::new(cases.into_iter().enumerate());
    let (sender, receiver) = mpsc::channel();
    let mut done: BTreeMap<usize, Done> = BTreeMap::new();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (sender, work, out) = (sender.clone(), &work, &out);
            scope.spawn(move || {
                let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some((number, case)) = next() {
                    let began = Instant::now();
                    let outcome = judge(&case, &out.join(&case.name), limit);
                    let outcome = outcome.unwrap_or_else(|CannotRun(why)| Outcome::Stopped(why));
                    let done = Done { case, outcome, took: began.elapsed() };
                    // The receiver is there until every sender has gone.
                    let _ = sender.send((number, done));
                }
            });
        }
        drop(sender);
        for (number, one) in receiver {
            done.insert(number, one);
            progress.show(|| format!("{} of {all} cases", done.len()));
        }
    });
    progress.end();
    let mut output: String =
        done.values().map(|it| format!("{:<width$}  {it}\n", it.case.name)).collect();
    let wrong = done.values().filter(|it| it.wrong().is_some()).count();
    output += &format!("\n{}\n", totals(done.values()));
    output += &match wrong {
        0 => format!("all {all} cases are as expected: {}", out.display()),
        wrong => format!("{wrong} of {all} cases are not as expected: {}", out.display()),
    };
    Ok(Ended::done(u8::from(wrong > 0), output))
}

/// The cases in a folder: each `.sql` file, and each directory with `migrations` or
/// `supabase/migrations`; other directories are folders of cases.
fn cases_in(folder: &Path) -> Result<Vec<Case>, CannotRun> {
    let mut cases = Vec::new();
    collect(folder, "", &mut cases)?;
    Ok(cases)
}

fn collect(folder: &Path, prefix: &str, cases: &mut Vec<Case>) -> Result<(), CannotRun> {
    let unreadable = |error: std::io::Error| {
        CannotRun(format!("could not read the cases in {}: {error}", folder.display()))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    let expected = folder.join("expected.toml");
    let expected: BTreeMap<String, Expected> = if expected.is_file() {
        let file = TomlFile::read(&expected).map_err(unreadable)?;
        file.parse().map_err(|mistake| CannotRun(mistake.to_string()))?
    } else {
        BTreeMap::new()
    };
    let fixtures = folder.join("contract").is_dir().then(|| folder.to_owned());
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = if prefix.is_empty() { stem.clone() } else { format!("{prefix}/{stem}") };
        let expected = expected.get(&stem).cloned().unwrap_or_default();
        if path.extension().is_some_and(|it| it == "sql") {
            cases.push(Case { name, migrations: path, fixtures: fixtures.clone(), expected });
            continue;
        }
        if !path.is_dir() || stem == "contract" {
            continue;
        }
        let known = ["supabase/migrations", "migrations"].map(|it| path.join(it));
        match known.into_iter().find(|it| it.is_dir()) {
            Some(migrations) => {
                let own = ["fixtures", "."].map(|it| path.join(it));
                let fixtures = own.into_iter().find(|it| it.join("contract").is_dir());
                cases.push(Case { name, migrations, fixtures, expected });
            }
            None => collect(&path, &name, cases)?,
        }
    }
    Ok(())
}

/// Drafts a contract, where the case has none, and proves the case against it.
fn judge(case: &Case, out: &Path, limit: Duration) -> Result<Outcome, CannotRun> {
    let could_not =
        |error: std::io::Error| CannotRun(format!("could not write to {}: {error}", out.display()));
    // What an earlier run of the same case wrote.
    let (contract, single) = (out.join("contract"), out.join("migrations"));
    for directory in [&contract, &single] {
        if directory.is_dir() {
            fs::remove_dir_all(directory).map_err(could_not)?;
        }
    }
    fs::create_dir_all(out).map_err(could_not)?;
    let mut migrations = case.migrations.clone();
    if migrations.is_file() {
        fs::create_dir_all(&single).map_err(could_not)?;
        fs::copy(&migrations, single.join("1_case.sql")).map_err(could_not)?;
        migrations = single;
    }
    let deadline = Instant::now() + limit;
    let migrations = ["--migrations".as_ref(), migrations.as_os_str()];
    let fixtures = case.fixtures.as_deref().unwrap_or(out);
    if case.fixtures.is_none() {
        let draft = Command::new(program()?)
            .args([COMMAND_LINE, "draft"])
            .args(migrations)
            .args(["--out".as_ref(), out.as_os_str()])
            .stdout(Stdio::null())
            .spawned(&out.join("draft.txt"), deadline)?;
        if !draft.success() {
            return Ok(Outcome::Stopped(said(&out.join("draft.txt"), draft)));
        }
    }
    let verified = Command::new(program()?)
        .arg(COMMAND_LINE)
        .args(migrations)
        .args(["--fixtures".as_ref(), fixtures.as_os_str()])
        .args(["--out".as_ref(), out.as_os_str()])
        .stdout(File::create(out.join("verdict.txt")).map_err(could_not)?)
        .spawned(&out.join("errors.txt"), deadline)?;
    match verified.code() {
        Some(0 | 1) => {
            let text = fs::read_to_string(out.join("evidence.json")).map_err(could_not)?;
            let evidence = serde_json::from_str(&text);
            let evidence = evidence.map_err(|error| CannotRun(error.to_string()))?;
            Ok(Outcome::Judged(Box::new(evidence)))
        }
        _ => Ok(Outcome::Stopped(said(&out.join("errors.txt"), verified))),
    }
}

/// This program, which also runs each case.
fn program() -> Result<PathBuf, CannotRun> {
    std::env::current_exe().map_err(|error| CannotRun(format!("could not find itself: {error}")))
}

/// A child with its errors in a file, which is ended when its time is over.
trait Spawned {
    fn spawned(&mut self, errors: &Path, deadline: Instant) -> Result<ExitStatus, CannotRun>;
}

impl Spawned for Command {
    fn spawned(&mut self, errors: &Path, deadline: Instant) -> Result<ExitStatus, CannotRun> {
        const PAUSE: Duration = Duration::from_millis(20);
        let could_not = |error: std::io::Error| CannotRun(format!("could not run it: {error}"));
        let file = File::create(errors).map_err(could_not)?;
        let mut child = self.stdin(Stdio::null()).stderr(file).spawn().map_err(could_not)?;
        let mut told_to_end = false;
        loop {
            if let Some(status) = child.try_wait().map_err(could_not)? {
                return if told_to_end {
                    Err(CannotRun("not done within --limit".to_owned()))
                } else {
                    Ok(status)
                };
            }
            if Instant::now() > deadline && !told_to_end {
                // A child that has ended by itself is seen above.
                let _ = kill_process(Pid::from_child(&child), Signal::TERM);
                told_to_end = true;
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Why a child ended without a verdict: the first line that it wrote, or the signal that ended it.
fn said(errors: &Path, status: ExitStatus) -> String {
    let text = fs::read_to_string(errors).unwrap_or_default();
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => line.trim_start_matches("COULD NOT RUN: ").to_owned(),
        None => format!("crashed: {status}"),
    }
}

impl Done {
    /// What is not as expected, in short.
    fn wrong(&self) -> Option<String> {
        let Expected { stops, finds, proved, tolerates } = &self.case.expected;
        match (&self.outcome, stops) {
            (Outcome::Stopped(why), Some(words)) if why.contains(words) => None,
            (Outcome::Stopped(_), _) => Some("it stops".to_owned()),
            (Outcome::Judged(_), Some(_)) => Some("it does not stop".to_owned()),
            (Outcome::Judged(evidence), None) => {
                let has = |wanted: &&String| {
                    evidence
                        .findings
                        .iter()
                        .any(|it| format!("{} {}", it.rule, it.object) == **wanted)
                };
                if let Some(lacking) = finds.iter().find(|it| !has(it)) {
                    return Some(format!("no finding {lacking}"));
                }
                let expected = |rule: &str| {
                    finds.iter().any(|it| it.split(' ').next() == Some(rule))
                        || tolerates.iter().any(|it| it == rule)
                };
                let wrong = |it: &&Finding| {
                    (it.rule.starts_with("schema.") || is_of_the_untried(&it.rule))
                        && !expected(&it.rule)
                };
                let wrong = evidence.findings.iter().find(wrong).map(|it| it.rule.clone());
                let is_proved = evidence.verdict.exit_status() == 0;
                wrong.or_else(|| (*proved && !is_proved).then(|| "it is not proved".to_owned()))
            }
        }
    }
}

/// Whether a rule says that something was not tried.
fn is_of_the_untried(rule: &str) -> bool {
    [rules::COULD_NOT_RUN.id, rules::ROWS.id].contains(&rule)
}

/// The number of findings of each rule.
fn by_rule(evidence: &Evidence) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for finding in &evidence.findings {
        *counts.entry(finding.rule.as_str()).or_default() += 1;
    }
    counts
}

impl Display for Done {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        match &self.outcome {
            Outcome::Stopped(why) => write!(f, "does not apply  {seconds:>5.1} s  {why}")?,
            Outcome::Judged(evidence) => {
                let (tried, all) = (evidence.tables_tried(), evidence.tables.len());
                let rules = by_rule(evidence);
                let untried: usize =
                    rules.iter().filter(|(rule, _)| is_of_the_untried(rule)).map(|(_, n)| n).sum();
                let rules: Vec<String> =
                    rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
                write!(
                    f,
                    "{:<10}  {tried:>3} of {all:>3} tables  {untried:>3} could not run  \
                     {seconds:>5.1} s  {}",
                    evidence.verdict.word(),
                    rules.join(", ")
                )?;
            }
        }
        match self.wrong() {
            Some(wrong) => write!(f, "  NOT AS EXPECTED: {wrong}"),
            None => Ok(()),
        }
    }
}

/// The sums of all cases.
fn totals<'a>(done: impl Iterator<Item = &'a Done>) -> String {
    let (mut cases, mut applied, mut proved, mut tried, mut tables, mut untried) =
        (0, 0, 0, 0, 0, 0);
    for one in done {
        cases += 1;
        let Outcome::Judged(evidence) = &one.outcome else { continue };
        applied += 1;
        proved += usize::from(evidence.verdict.exit_status() == 0);
        tried += evidence.tables_tried();
        tables += evidence.tables.len();
        untried += evidence.findings.iter().filter(|it| is_of_the_untried(&it.rule)).count();
    }
    format!(
        "{applied} of {cases} applied, {proved} proved, {tried} of {tables} tables tried, \
         {untried} could not run"
    )
}
