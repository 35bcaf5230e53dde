//! Processes share a server, which is removed however they end.

use super::{Holder, Workspace, identity, kill_supervisors, processes, session, supervisors};
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use schema_harness::server::{Server, Settings};
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

#[test]
fn two_processes_share_one_server() {
    let workspace = Workspace::new();
    let mut holders = [Holder::start(&workspace.settings), Holder::start(&workspace.settings)];
    let [one, other] = holders.each_mut().map(Holder::server);
    assert_eq!(one, other, "the servers of two processes that started at once");
    let third = Server::shared_with(&workspace.settings).expect("a server");
    assert_eq!(identity(&third), one, "the server of a third process");
    assert_eq!(workspace.entries().len(), 1, "directories: {:?}", workspace.entries());
    drop(third);
    drop(holders);
    workspace.is_left_empty();
}

#[tokio::test]
async fn server_of_the_run_describes_itself() {
    let server = Server::shared().expect("the server of this run");
    assert!(std::ptr::eq(server, Server::shared().expect("it again")), "one per process");
    let said = session(server, "postgres").await.query_one("show server_version", &[]).await;
    assert_eq!(server.version(), said.expect("a version").get::<_, &str>(0), "its version");
    assert!(server.version_num() >= 150_000, "its number: {}", server.version_num());
    let kind = format!("{:?}: ", server.kind()).to_lowercase();
    assert!(server.choice().starts_with(&kind), "{}", server.choice());
    assert!(!server.choice().contains('\n'), "one line: {}", server.choice());
}

#[test]
fn private_servers_are_not_shared() {
    let workspace = Workspace::new();
    let servers = [(); 2].map(|()| Server::private_with(&workspace.settings).expect("a server"));
    assert_ne!(identity(&servers[0]), identity(&servers[1]), "two private servers");
    drop(servers);
    assert_eq!(workspace.entries(), [""; 0], "directories as soon as they are dropped");
}

#[rstest]
#[case::ctrl_c(Signal::INT)]
#[case::terminated(Signal::TERM)]
#[case::killed(Signal::KILL)]
fn server_is_gone_after_a_signal(#[case] signal: Signal) {
    let workspace = Workspace::new();
    let mut holder = Holder::start(&workspace.settings);
    holder.server();
    holder.signal(signal);
    workspace.is_left_empty();
}

/// Before the supervisor runs, between mkdir and initdb, in initdb, before the server answers.
#[rstest]
fn process_killed_while_the_server_starts_leaves_nothing(
    #[values(0, 5, 10, 15, 20, 30, 50, 100, 200, 300, 400, 500)] after: u64,
    #[values(Signal::INT, Signal::KILL)] signal: Signal,
) {
    let workspace = Workspace::new();
    let mut holder = Holder::start(&workspace.settings);
    thread::sleep(Duration::from_millis(after));
    holder.signal(signal);
    workspace.is_left_empty();
}

/// The deputy takes over: the server stays as long as it is used, and no longer.
#[cfg(target_os = "linux")]
#[test]
fn server_outlives_its_supervisor_and_is_removed() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let supervisor = supervisors(&workspace)[0];
    kill_process(supervisor, Signal::KILL).expect("kill the supervisor");
    let second = Server::shared_with(&workspace.settings).expect("the server, still");
    assert_eq!(identity(&second), identity(&server), "the server without its supervisor");
    drop((server, second));
    workspace.is_left_empty();
}

#[cfg(target_os = "linux")]
#[rstest]
fn supervisor_killed_while_the_server_starts_leaves_nothing(
    #[values(5, 20, 50, 100, 200, 300, 400)] after: u64,
) {
    let workspace = Workspace::new();
    let holder = Holder::start(&workspace.settings);
    thread::sleep(Duration::from_millis(after));
    if let Some(supervisor) = supervisors(&workspace).first() {
        let _ = kill_process(*supervisor, Signal::KILL);
    }
    drop(holder);
    workspace.is_left_empty();
}

/// As after a crash of the machine, or after all processes were killed.
#[cfg(target_os = "linux")]
#[test]
fn next_start_removes_an_unsupervised_server() {
    let workspace = Workspace::new();
    let mut holder = Holder::start(&workspace.settings);
    let left = holder.server();
    let home = workspace.path().join(&workspace.entries()[0]);
    let pid = postmaster(&home);
    kill_supervisors(&workspace);
    holder.signal(Signal::KILL);
    assert!(processes(&home).contains(&pid), "control: the server runs though all are dead");
    let next = Server::shared_with(&workspace.settings).expect("a new server");
    assert!(!processes(&home).contains(&pid), "the old server is stopped");
    assert_eq!(identity(&next), left, "control: the new one is in the same place");
    drop(next);
    workspace.is_left_empty();
}

/// The next process starts a supervisor for the same server.
#[cfg(target_os = "linux")]
#[test]
fn server_in_use_gets_a_new_supervisor() {
    let workspace = Workspace::new();
    let mut holder = Holder::start(&workspace.settings);
    let used = holder.server();
    let pid = postmaster(&workspace.path().join(&workspace.entries()[0]));
    kill_supervisors(&workspace);
    let next = Server::shared_with(&workspace.settings).expect("the same server");
    assert_eq!(identity(&next), used, "the next process's server");
    assert!(processes(workspace.path()).contains(&pid), "the server was not started anew");
    drop(next);
    drop(holder);
    workspace.is_left_empty();
}

/// A start removes abandoned homes of other names, too, because names of private servers are
/// not reused.
#[cfg(target_os = "linux")]
#[test]
fn next_start_removes_abandoned_homes_of_other_names() {
    let workspace = Workspace::new();
    let other = Settings { limit: Duration::from_hours(1), ..workspace.settings.clone() };
    let mut holder = Holder::start(&other);
    holder.server();
    kill_supervisors(&workspace);
    holder.signal(Signal::KILL);
    let left = workspace.entries();
    let next = Server::shared_with(&workspace.settings).expect("a server");
    assert_eq!(workspace.entries().len(), 1, "only the new home is there");
    assert_ne!(workspace.entries(), left, "the old home");
    drop(next);
    workspace.is_left_empty();
}

/// nextest runs each test in a process of its own, with gaps between them.
#[test]
fn server_waits_for_the_next_process_if_it_may() {
    let workspace = Workspace::new();
    let settings = Settings { grace: Duration::from_secs(2), ..workspace.settings.clone() };
    let mut holder = Holder::start(&settings);
    holder.server();
    let home = workspace.path().join(&workspace.entries()[0]).join("server.json");
    let address = fs::read(&home).expect("the server's address");
    holder.signal(Signal::KILL);
    let next = Server::shared_with(&settings).expect("the same server");
    assert_eq!(fs::read(&home).expect("an address"), address, "the next process's server");
    drop(next);
    workspace.is_left_empty();
}

#[test]
fn server_ends_at_its_limit_even_if_it_is_used() {
    let workspace = Workspace::new();
    let limit = Duration::from_secs(1);
    let server = Server::shared_with(&Settings { limit, ..workspace.settings.clone() });
    let server = server.expect("a server");
    workspace.is_left_empty();
    drop(server);
}

#[test]
fn dead_server_is_replaced() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let home = workspace.path().join(&workspace.entries()[0]);
    let pid = postmaster(&home);
    kill_process(pid, Signal::QUIT).expect("stop the server");
    let next = Server::shared_with(&workspace.settings).expect("another server");
    assert!(home.join("data/postmaster.pid").exists(), "it serves");
    drop((server, next));
    workspace.is_left_empty();
}

/// The number of the server that has its home there.
fn postmaster(home: &Path) -> Pid {
    let file = fs::read_to_string(home.join("data/postmaster.pid")).expect("a server's file");
    let number = file.lines().next().and_then(|line| line.parse().ok());
    number.and_then(Pid::from_raw).expect("a server's number")
}
