//! Runs that are interrupted or killed leave nothing behind.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process_group};

use super::script::script;
use super::{Workspace, eventually};

/// A run in a process group of its own, as a terminal starts it, with a server of its own.
struct Run {
    process: Child,
    /// A directory in its PATH that does not exist: all processes of the run have it in their
    /// environment, and runs with another PATH share no server with it.
    mark: String,
}

impl Run {
    fn start(arguments: &[(&str, &Path)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("/nonexistent/identra-run-{}-{number}", std::process::id());
        let path = std::env::var("PATH").unwrap_or_default();
        let arguments =
            arguments.iter().flat_map(|(option, path)| [(*option).as_ref(), path.as_os_str()]);
        let process = script(&[])
            .args(arguments)
            .env("PATH", format!("{path}:{mark}"))
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self { process: process.expect("the script runs"), mark }
    }

    /// The environments of the run's processes.
    ///
    /// # Panics
    /// The system does not show them: a check that could not run has failed.
    fn environments(&self) -> Vec<String> {
        let entries = fs::read_dir("/proc").expect("processes to look for in /proc").flatten();
        let own = std::process::id().to_string();
        let others = entries.filter(|entry| entry.file_name() != *own);
        let environments = others.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
        let texts = environments.map(|text| String::from_utf8_lossy(&text).into_owned());
        texts.filter(|text| text.contains(&self.mark)).collect()
    }

    /// The directory of its server, from its supervisor's environment.
    fn home(&self) -> Option<PathBuf> {
        self.environments().iter().find_map(|environment| {
            let task = environment.split('\0').find_map(|it| it.strip_prefix("IDENTRA_SUPERVISE="));
            let task: serde_json::Value = serde_json::from_str(task?).ok()?;
            Some(PathBuf::from(task["home"].as_str()?))
        })
    }

    fn leaves_nothing(&self, home: &Path) {
        eventually("no directory and no process is left", || {
            !home.exists() && self.environments().is_empty()
        });
    }

    fn signal(&self, signal: Signal) {
        let group = Pid::from_child(&self.process);
        kill_process_group(group, signal).expect("a signal to the run");
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// There is a directory, and no server yet.
    Starting,
    /// The server can be used.
    Proving,
}

impl Moment {
    fn is_here(self, home: &Path) -> bool {
        match self {
            Self::Starting => home.is_dir(),
            Self::Proving => home.join("server.json").is_file(),
        }
    }
}

/// Neither Ctrl-C nor SIGKILL leaves a server, a directory, a process or a verdict.
#[rstest]
#[case::interrupted_while_starting(Signal::INT, Moment::Starting, Some(2))]
#[case::interrupted_while_proving(Signal::INT, Moment::Proving, Some(2))]
#[case::killed_while_starting(Signal::KILL, Moment::Starting, None)]
#[case::killed_while_proving(Signal::KILL, Moment::Proving, None)]
fn run_that_is_stopped_leaves_nothing(
    #[case] signal: Signal,
    #[case] moment: Moment,
    #[case] status: Option<i32>,
) {
    let workspace = Workspace::empty();
    let out = workspace.path("out");
    let mut run = Run::start(&[("--out", &out)]);
    let mut home = None;
    eventually("the run's server has a directory", || {
        home = home.take().or_else(|| run.home());
        home.as_deref().is_some_and(|home| moment.is_here(home))
    });
    run.signal(signal);
    let stderr = run.process.stderr.take();
    let ended = run.process.wait().expect("the run's end");
    assert_eq!(ended.code(), status, "{signal:?}");
    if status.is_some() {
        let mut said = String::new();
        let read = stderr.map(|mut it| std::io::Read::read_to_string(&mut it, &mut said));
        read.expect("its standard error").expect("its words");
        let last = said.trim().lines().last().unwrap_or_default();
        assert_eq!(last, "COULD NOT RUN: interrupted, nothing is proved");
    }
    run.leaves_nothing(&home.expect("the directory that was seen"));
    assert!(!out.join("evidence.json").exists(), "a verdict");
}

/// The same for a run that ends by itself.
#[test]
fn run_that_could_not_run_leaves_nothing() {
    let workspace = Workspace::of_the_project();
    workspace.write("migrations/2_more.sql", "create tabel t ();");
    let [migrations, fixtures, out] = workspace.directories();
    let arguments: [(&str, &Path); 3] =
        [("--migrations", &migrations), ("--fixtures", &fixtures), ("--out", &out)];
    let mut run = Run::start(&arguments);
    let mut home = None;
    eventually("the run's server has a directory", || {
        home = home.take().or_else(|| run.home());
        home.is_some()
    });
    let ended = run.process.wait().expect("the run's end");
    assert_eq!(ended.code(), Some(2));
    run.leaves_nothing(&home.expect("the directory that was seen"));
}
