//! Servers are found, started, shared and removed.

/// Databases are made once, copied often and dropped.
mod databases;
/// A container works like the machine's own binaries, and ends itself.
mod docker;
/// Each failure is one message, and leaves nothing behind.
mod faults;
/// The fetch gets the pinned file, or nothing.
mod fetch;
/// Processes share a server, which is removed however they end.
mod sharing;
/// A supervisor that is killed is followed by its deputy.
mod supervisor;
/// Only a server that is marked as disposable is used, and only this run's databases are dropped.
mod url;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use schema_harness::server::{Server, Settings, Wanted};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The variable that makes this binary a process that holds a server; its value is [`Settings`].
const HOLD: &str = "IDENTRA_HOLD_A_SERVER";

/// How long to wait for other processes, and how often to check.
const PATIENCE: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(5);

/// A directory of the test's own, in which servers get theirs.
struct Workspace {
    directory: TempDir,
    settings: Settings,
}

impl Workspace {
    fn new() -> Self {
        let settings = Settings::from_environment().expect("settings");
        let directory = TempDir::with_prefix_in("identra-test-", &settings.root);
        let directory = directory.expect("a directory of the test's own");
        // The server's user must get through.
        let open = fs::Permissions::from_mode(0o711);
        fs::set_permissions(directory.path(), open).expect("a directory for others to pass");
        let root = directory.path().to_owned();
        let settings = Settings {
            wanted: Wanted::Embedded,
            url: None,
            grace: Duration::ZERO,
            root,
            ..settings
        };
        Self { directory, settings }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The names in the directory.
    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("the directory").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Fails if a directory or a process remains for more than a few seconds.
    fn is_left_empty(&self) {
        let left = || (self.entries(), processes(self.path()));
        let deadline = Instant::now() + PATIENCE;
        while left() != (vec![], vec![]) && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        assert_eq!(left(), (vec![], vec![]), "directories and processes that are left");
    }
}

/// Waits until a condition of other processes is true.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        thread::sleep(PAUSE);
    }
}

/// The processes that use this directory: supervisors by their environment, servers by their
/// arguments. None where there is no `/proc`.
fn processes(directory: &Path) -> Vec<Pid> {
    let told = |file: &Path| {
        let text = fs::read(file).unwrap_or_default();
        let directory = directory.as_os_str().as_encoded_bytes();
        text.windows(directory.len()).any(|window| window == directory)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let others = entries.filter(|entry| entry.file_name() != *std::process::id().to_string());
    let found = others
        .filter(|entry| told(&entry.path().join("cmdline")) || told(&entry.path().join("environ")));
    found.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// The supervisors' numbers, each before its deputy's.
fn supervisors(workspace: &Workspace) -> Vec<Pid> {
    let supervises = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|it| it.starts_with(b"IDENTRA_SUPERVISE="))
    };
    let mut found = processes(workspace.path());
    found.retain(supervises);
    found.sort_by_key(|pid| pid.as_raw_nonzero());
    found
}

/// Kills them all; a deputy first, since it would take over and call a deputy of its own.
fn kill_supervisors(workspace: &Workspace) {
    for supervisor in supervisors(workspace).into_iter().rev() {
        kill_process(supervisor, Signal::KILL).expect("kill a supervisor");
        eventually("it is dead", || is_dead(supervisor));
    }
}

/// Whether it holds no lock any more: it is gone, or a zombie without other threads.
fn is_dead(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let zombie = stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'));
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    zombie && threads <= 1
}

/// Another process of the run, in a process group of its own like what a terminal starts.
struct Holder {
    process: Child,
}

impl Holder {
    fn start(settings: &Settings) -> Self {
        let process = Self::command(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self { process: process.expect("another process") }
    }

    fn command(settings: &Settings) -> Command {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command
            .args(["--exact", "servers::server_is_gone_when_its_only_process_ends", "--nocapture"])
            .env(HOLD, serde_json::to_string(settings).expect("settings as JSON"));
        command
    }

    /// Waits until it has a server, and says which.
    fn server(&mut self) -> String {
        let output = self.process.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let found = lines.find_map(|line| line.strip_prefix("holds ").map(str::to_owned));
        found.expect("a server in the other process")
    }

    fn signal(&mut self, signal: Signal) {
        let group = Pid::from_child(&self.process);
        kill_process_group(group, signal).expect("a signal to the other process");
        self.process.wait().expect("the other process's end");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The role of the other process: it holds a server until its input ends.
fn hold_if_asked() {
    let Ok(settings) = env::var(HOLD) else { return };
    let settings: Settings = serde_json::from_str(&settings).expect("settings from JSON");
    match Server::shared_with(&settings) {
        Ok(server) => {
            println!("\nholds {}", identity(&server));
            let _ = io::stdin().read_to_end(&mut Vec::new());
        }
        Err(problem) => println!("\nrefused {problem}"),
    }
    std::process::exit(0);
}

/// The identity of a server, by which two processes compare theirs.
fn identity(server: &Server) -> String {
    format!("{:?}", server.login("supabase_admin", "postgres"))
}

#[test]
fn server_is_gone_when_its_only_process_ends() {
    hold_if_asked();
    let workspace = Workspace::new();
    let mut holder = Holder::start(&workspace.settings);
    assert!(holder.server().contains("supabase_admin"), "it serves");
    drop(holder);
    workspace.is_left_empty();
}

async fn session(server: &Server, database: &str) -> Client {
    let login = server.login("supabase_admin", database);
    let (client, connection) = login.connect(NoTls).await.expect("a session");
    tokio::spawn(connection);
    client
}

/// The names of the databases that the harness or a test made.
async fn names(client: &Client) -> Vec<String> {
    let made = "select datname::text from pg_database where oid >= 16384 order by 1";
    let rows = client.query(made, &[]).await.expect("the databases");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Says that a check could not run, past the capture of a test's output.
fn could_not_run(why: &str) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(io::stderr(), "{name} COULD NOT RUN: {why}");
}
