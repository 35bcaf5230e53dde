//! Proves every schema of a folder, each in a process of its own, and prints a line for each:
//! `scripts/verify cases`.

mod told;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use self::told::totals;
use super::ended::Ended;
use super::options::{COMMAND_LINE, Cases};
use crate::error::CannotRun;
use crate::progress::Progress;
use crate::report::Evidence;
use crate::source::toml_file::TomlFile;

/// The folder beside cases with the files that a person has put in place of a draft's.
const CORRECTIONS: &str = "contract";

/// The folder of a schema with migrations each of which makes a mistake in it.
const FAULTS: &str = "faults";

/// A schema of the folder.
struct Case {
    /// Its path within the folder, without `.sql`.
    name: String,
    /// A file, or a directory of migrations.
    migrations: PathBuf,
    /// A mistake that is applied after them.
    fault: Option<PathBuf>,
    /// What it is proved against.
    contract: Contract,
    /// What `expected.toml` beside it says of it.
    expected: Expected,
}

/// What a case is proved against.
enum Contract {
    /// A contract, below this directory.
    Written(PathBuf),
    /// A draft from this schema, with the files of a directory in place of the draft's.
    Drafted {
        from: PathBuf,
        /// Whether that schema is known to be right.
        is_right: bool,
        corrections: Option<PathBuf>,
    },
}

impl Case {
    /// Whether it is the faulty one of two, the other of which is its repair, or has a planted
    /// fault.
    fn has_a_fault(&self) -> bool {
        self.fault.is_some()
            || matches!(&self.contract, Contract::Drafted { from, .. } if *from != self.migrations)
    }
}

/// What is expected of a case, beside that it applies, that every table is tried and that its
/// draft agrees with the database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Words of the message with which it has to stop.
    stops: Option<String>,
    /// Whether it is right, too, although there is a repaired one.
    #[serde(default)]
    fine: bool,
    /// Findings that it has to have, as `rule object` or `rule object persona`.
    #[serde(default)]
    finds: Vec<String>,
    /// True findings beside these, in the same form, with the reason in a comment.
    #[serde(default)]
    tells: Vec<String>,
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
    let is_broken = done.values().any(Done::is_by_a_broken_harness);
    Ok(Ended::done(if is_broken { 3 } else { u8::from(wrong > 0) }, output))
}

/// The cases in a folder: each `.sql` file, and each directory with `migrations` or
/// `supabase/migrations`; other directories are folders of cases. Each file of the `faults` beside
/// migrations and a contract is a case of its own: the same, with that file applied last.
fn cases_in(folder: &Path) -> Result<Vec<Case>, CannotRun> {
    let mut cases = Vec::new();
    collect(folder, "", &mut cases)?;
    Ok(cases)
}

/// The cases of a correct schema with each of its faults.
fn with_faults(correct: &Case, folder: &Path) -> Result<Vec<Case>, CannotRun> {
    let Contract::Written(contract) = &correct.contract else { return Ok(Vec::new()) };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let expected = expected_in(folder)?;
    let faults = in_order(folder)?;
    let faults = faults.into_iter().filter(|it| it.extension().is_some_and(|it| it == "sql"));
    let case = |fault: PathBuf| {
        let stem = fault.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Case {
            name: format!("{}/{stem}", correct.name),
            migrations: correct.migrations.clone(),
            contract: Contract::Written(contract.clone()),
            expected: expected.get(&stem).cloned().unwrap_or_default(),
            fault: Some(fault),
        }
    };
    Ok(faults.map(case).collect())
}

/// What is in a folder, by name.
fn in_order(folder: &Path) -> Result<Vec<PathBuf>, CannotRun> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()
    });
    let mut paths = entries.map_err(|error| {
        CannotRun(format!("could not read the cases in {}: {error}", folder.display()))
    })?;
    paths.sort();
    Ok(paths)
}

/// What the `expected.toml` of a folder says of its cases, by name.
fn expected_in(folder: &Path) -> Result<BTreeMap<String, Expected>, CannotRun> {
    let path = folder.join("expected.toml");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let unreadable = |error| CannotRun(format!("could not read {}: {error}", path.display()));
    let file = TomlFile::read(&path).map_err(unreadable)?;
    file.parse().map_err(|mistake| CannotRun(mistake.to_string()))
}

fn collect(folder: &Path, prefix: &str, cases: &mut Vec<Case>) -> Result<(), CannotRun> {
    let expected = expected_in(folder)?;
    let contracts = Some(folder.join(CORRECTIONS)).filter(|it| it.is_dir());
    let repaired = Some(folder.join("fixed.sql")).filter(|it| it.is_file());
    for path in in_order(folder)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = if prefix.is_empty() { stem.clone() } else { format!("{prefix}/{stem}") };
        let expected = expected.get(&stem).cloned().unwrap_or_default();
        if path.extension().is_some_and(|it| it == "sql") {
            // What is intended is what the repaired one of two does.
            let corrections = match &repaired {
                Some(_) => contracts.clone(),
                None => contracts.as_ref().map(|it| it.join(&stem)).filter(|it| it.is_dir()),
            };
            let is_right = repaired.is_some();
            let repaired = repaired.as_ref().filter(|_| !expected.fine);
            let from = repaired.unwrap_or(&path).clone();
            let contract = Contract::Drafted { from, is_right, corrections };
            cases.push(Case { name, migrations: path, fault: None, contract, expected });
            continue;
        }
        if !path.is_dir() || stem == CORRECTIONS {
            continue;
        }
        let known = ["supabase/migrations", "migrations"].map(|it| path.join(it));
        match known.into_iter().find(|it| it.is_dir()) {
            Some(migrations) => {
                let own = ["fixtures", "."].map(|it| path.join(it));
                let own = own.into_iter().find(|it| it.join("contract").is_dir());
                let draft = || Contract::Drafted {
                    from: migrations.clone(),
                    is_right: false,
                    corrections: None,
                };
                let contract = own.map_or_else(draft, Contract::Written);
                let faults = path.join(FAULTS);
                let correct = Case { name, migrations, fault: None, contract, expected };
                let with_faults = with_faults(&correct, &faults)?;
                cases.push(correct);
                cases.extend(with_faults);
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
    for directory in ["contract", "migrations", "intended"].map(|it| out.join(it)) {
        if directory.is_dir() {
            fs::remove_dir_all(directory).map_err(could_not)?;
        }
    }
    fs::create_dir_all(out).map_err(could_not)?;
    // A file becomes a directory of migrations.
    let directory = |migrations: &Path, name: &str| {
        if migrations.is_dir() {
            return Ok(migrations.to_owned());
        }
        let single = out.join(name);
        fs::create_dir_all(&single)?;
        fs::copy(migrations, single.join("1_case.sql"))?;
        Ok(single)
    };
    let deadline = Instant::now() + limit;
    let fixtures = match &case.contract {
        Contract::Written(fixtures) => fixtures.as_path(),
        Contract::Drafted { from, is_right, corrections } => {
            let intended = directory(from, "intended").map_err(could_not)?;
            let draft = Command::new(program()?)
                .args([COMMAND_LINE, "draft"])
                .args(["--migrations".as_ref(), intended.as_os_str()])
                .args(["--out".as_ref(), out.as_os_str()])
                .args(is_right.then_some("--as-observed"))
                .stdout(Stdio::null())
                .spawned(&out.join("draft.txt"), deadline)?;
            if !draft.success() {
                return Ok(Outcome::Stopped(said(&out.join("draft.txt"), draft)));
            }
            if let Some(corrections) = corrections {
                copy_over(corrections, &out.join("contract")).map_err(could_not)?;
            }
            out
        }
    };
    let migrations = match &case.fault {
        None => directory(&case.migrations, "migrations").map_err(could_not)?,
        Some(fault) => {
            let all = out.join("migrations");
            copy_over(&case.migrations, &all).map_err(could_not)?;
            let stem = fault.file_stem().unwrap_or_default().to_string_lossy();
            // Later than any date.
            let last = all.join(format!("99999999999999_{stem}.sql"));
            fs::copy(fault, last).map_err(could_not)?;
            all
        }
    };
    let verified = Command::new(program()?)
        .arg(COMMAND_LINE)
        .args(["--migrations".as_ref(), migrations.as_os_str()])
        .args(["--fixtures".as_ref(), fixtures.as_os_str()])
        .args(["--out".as_ref(), out.as_os_str()])
        .stdout(File::create(out.join("verdict.txt")).map_err(could_not)?)
        .spawned(&out.join("errors.txt"), deadline)?;
    match verified.code() {
        Some(0 | 1 | 3) => {
            let text = fs::read_to_string(out.join("evidence.json")).map_err(could_not)?;
            let evidence = serde_json::from_str(&text);
            let evidence = evidence.map_err(|error| CannotRun(error.to_string()))?;
            Ok(Outcome::Judged(Box::new(evidence)))
        }
        _ => Ok(Outcome::Stopped(said(&out.join("errors.txt"), verified))),
    }
}

/// Copies files and folders over those of another folder.
fn copy_over(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_over(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
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
