//! A server run from the machine's own binaries: initdb and postgres, with a socket in its
//! home.

use super::account;
use super::address::Where;
use super::binaries::Binaries;
use super::extensions::Completed;
use super::home::{Claim, Home};
use crate::error::CannotRun;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant, SystemTime};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Settings of every disposable server, of any kind: no durability, no background work, and the
/// same time zone and locale on each machine.
pub(super) const SETTINGS: [&str; 15] = [
    "fsync=off",
    "full_page_writes=off",
    // In the data directory, and so gone with it, whatever ends the server.
    "dynamic_shared_memory_type=mmap",
    "synchronous_commit=off",
    "autovacuum=off",
    "jit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "min_wal_size=32MB",
    "max_wal_size=64MB",
    "shared_buffers=64MB",
    "max_connections=400",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
];

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A leftover server that was just started may not answer yet.
const NEWBORN: Duration = Duration::from_secs(2);

const SOCKET: &str = ".s.PGSQL.5432";
const PORT: u16 = 5432;

/// A postmaster that this process started, or one that a dead supervisor left.
pub(super) enum Postmaster {
    Started(Child),
    Left(Home),
}

impl Postmaster {
    /// Makes a data directory in the home and starts a server on it.
    ///
    /// # Errors
    /// The error output of initdb or the server.
    pub(super) async fn start(
        binaries: &Binaries,
        extensions: &Completed,
        home: &Home,
        claim: &Claim,
    ) -> Result<(Self, Where), CannotRun> {
        let place = home.path();
        let cannot = |problem: io::Error| home.cannot("start PostgreSQL in", &problem);
        let data = place.join("data");
        DirBuilder::new().mode(0o700).create(&data).map_err(cannot)?;
        if let Some((user, group)) = account::owner() {
            chown(&data, Some(user), Some(group)).map_err(cannot)?;
        }
        // Its standard input is the lock, so the home is not taken over while initdb still runs.
        let lock = claim.supervisor.try_clone().map_err(cannot)?;
        let made = Command::from(binaries.command("initdb"))
            .args(initdb_options(binaries.major()))
            .arg("--pgdata")
            .arg(&data)
            .stdin(Stdio::from(lock))
            .current_dir(place)
            .output()
            .await
            .map_err(cannot)?;
        if !made.status.success() {
            return Err(explain("initdb", place, &said(&made)));
        }
        let log = place.join("log");
        let output = File::create(&log).map_err(cannot)?;
        let mut server = Command::from(extensions.command(binaries))
            .arg("-D")
            .arg(&data)
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .args(extensions.settings.iter().flat_map(|setting| ["-c", setting]))
            .args(["-c", "listen_addresses=", "-c", &format!("port={PORT}")])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", place.display()))
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(cannot)?)
            .stderr(output)
            .current_dir(place)
            .spawn()
            .map_err(cannot)?;
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(&data) {
            let ended = server.try_wait().map_err(cannot)?.is_some();
            if ended || Instant::now() > deadline {
                stop(&mut server).await;
                let log = fs::read_to_string(&log).unwrap_or_default();
                return Err(explain("the server", place, &log));
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok((Self::Started(server), Where { host: place.display().to_string(), port: PORT }))
    }

    /// Waits until the postmaster ends by itself.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Started(server) => {
                let _ = server.wait().await;
            }
            Self::Left(_) => std::future::pending().await,
        }
    }

    /// Shuts down immediately. SIGQUIT ends the backends, too; SIGKILL would leave them.
    pub(super) async fn stop(self) {
        match self {
            Self::Started(mut server) => stop(&mut server).await,
            Self::Left(home) => stop_leftover(&home).await,
        }
    }
}

async fn stop(server: &mut Child) {
    if let Some(pid) = server.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process(pid, Signal::QUIT);
    }
    let _ = server.wait().await;
}

/// Stops the server that a dead supervisor left in this home, if one runs.
async fn stop_leftover(home: &Home) {
    let started = fs::metadata(home.path().join("log")).and_then(|log| log.modified());
    let age = started.ok().and_then(|then| SystemTime::now().duration_since(then).ok());
    let is_new = age.is_some_and(|age| age < NEWBORN);
    let deadline = Instant::now() + NEWBORN;
    let socket = home.path().join(SOCKET);
    loop {
        // A process that listens in this directory is its postmaster: a pid alone proves
        // nothing.
        let file = home.path().join("data/postmaster.pid");
        if UnixStream::connect(&socket).is_ok()
            && let Some(pid) = postmaster(&file)
        {
            let _ = kill_process(pid, Signal::QUIT);
            let deadline = Instant::now() + PATIENCE;
            // It removes its file last. Its pid may remain where no init reaps zombies.
            while file.exists() && Instant::now() < deadline {
                sleep(Duration::from_millis(5)).await;
            }
            return;
        }
        if !is_new || Instant::now() > deadline {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// The first line of `postmaster.pid`.
fn postmaster(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// The eighth line of `postmaster.pid` is the server's state.
fn is_ready(data: &Path) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    file.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

/// A cluster like the platform's, where `postgres` is an ordinary role and no superuser.
pub(super) fn initdb_options(major: u32) -> Vec<&'static str> {
    let mut options = vec![
        "--username=supabase_admin",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
        "--no-instructions",
        // Small segments are quickly filled with zeros.
        "--wal-segsize=1",
    ];
    options.extend(locale(major));
    if major >= 16 {
        // What initdb itself shares goes with the directory, too, if it is killed.
        options.push("--set=dynamic_shared_memory_type=mmap");
    }
    options
}

/// `C.UTF-8`: from 17 on PostgreSQL has its own, the same on every machine.
pub(super) fn locale(major: u32) -> &'static [&'static str] {
    if major >= 17 {
        &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    } else {
        &["--locale=C.UTF-8"]
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The error lines of a program that failed, with advice for the usual causes.
fn explain(program: &str, place: &Path, log: &str) -> CannotRun {
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_error =
        |line: &&str| ["FATAL", "PANIC", "ERROR", "error:"].iter().any(|it| line.contains(it));
    let mut quoted: Vec<_> = lines.iter().copied().filter(is_error).take(5).collect();
    if quoted.is_empty() {
        quoted = lines[lines.len().saturating_sub(5)..].to_vec();
    }
    let quoted = quoted.join("\n  ");
    let advice = if log.contains("No space left") {
        format!("free 100 MB in {}, or", root_of(place).display())
    } else {
        "fix that, or".to_owned()
    };
    CannotRun(format!(
        "{program} failed in {}; {advice} set IDENTRA_POSTGRES to docker or url:\n  {quoted}",
        place.display()
    ))
}

fn root_of(place: &Path) -> PathBuf {
    place.parent().unwrap_or(place).to_owned()
}
