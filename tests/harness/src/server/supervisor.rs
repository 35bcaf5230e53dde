//! The process that owns a server: starts it, keeps it while a process of the run uses it, and
//! removes it.
//!
//! It is this test binary once more, in a session of its own, so that Ctrl-C does not reach it.
//! It makes everything that has to be removed later; when the last user ends, however that
//! happens, the kernel drops that user's lock. A deputy waits for the supervisor's own death.

use super::home::{Claim, Claimed, Home};
use super::running::Running;
use super::settings::Settings;
use super::{account, choice};
use crate::error::CannotRun;
use serde::{Deserialize, Serialize};
use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// The variable that turns this binary into a supervisor; its value is a [`Task`].
const TASK: &str = "IDENTRA_SUPERVISE";

/// The test that a program of libtest's must have, so that it can become a supervisor.
const ENTRY: &str = "server_is_supervised";

/// The task of a supervisor.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) settings: Settings,
    pub(super) home: PathBuf,
    /// Wait for the supervisor's death instead of starting a server.
    deputy: bool,
}

/// A supervisor's reply to the process that started it.
#[derive(Serialize, Deserialize)]
enum Reply {
    /// A slow step has begun.
    Note(String),
    /// The server can be used.
    Ready,
    /// Another supervisor is in charge of the home.
    Taken,
    CannotRun(String),
}

/// A supervisor, seen from the process that started it.
pub struct Supervisor {
    pub process: Child,
    /// Open until this process has joined; it closes by itself when the process dies.
    line: UnixStream,
}

impl Supervisor {
    /// Says that this process has joined.
    pub fn let_go(&self) {
        // The other end may be closed already, which means the same.
        let _ = self.line.shutdown(Shutdown::Both);
    }

    /// Waits until the supervisor has removed everything.
    pub fn wait(&mut self) {
        let _ = self.process.wait();
    }
}

/// Starts a supervisor and waits until its server can be used; none where the home has one.
///
/// # Errors
/// The supervisor's reason why there is no server.
pub fn start(settings: &Settings, home: &Home) -> Result<Option<Supervisor>, CannotRun> {
    let task = Task { settings: settings.clone(), home: home.path().to_owned(), deputy: false };
    let cannot = |problem: io::Error| {
        CannotRun(format!("could not start the supervisor of a PostgreSQL server: {problem}"))
    };
    let (line, far_end) = UnixStream::pair().map_err(cannot)?;
    let process = spawn(&task, Stdio::from(OwnedFd::from(far_end))).map_err(cannot)?;
    let mut supervisor = Supervisor { process, line };
    let replies = BufReader::new(supervisor.line.try_clone().map_err(cannot)?);
    for reply in replies.lines() {
        match serde_json::from_str(&reply.map_err(cannot)?).map_err(|it| cannot(it.into()))? {
            Reply::Note(note) => {
                // Not eprintln, whose output is captured while a test runs.
                let _ = writeln!(io::stderr(), "{note}");
            }
            Reply::Ready => return Ok(Some(supervisor)),
            // It may have taken over a home in use, so it is not waited for.
            Reply::Taken => return Ok(None),
            Reply::CannotRun(problem) => {
                supervisor.wait();
                return Err(CannotRun(problem));
            }
        }
    }
    supervisor.wait();
    Ok(None)
}

/// This binary once more, with the one test that supervises.
fn spawn(task: &Task, stdin: Stdio) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .args(["--exact", ENTRY, "--nocapture"])
        .env(TASK, serde_json::to_string(task)?)
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Does the supervisor's work and ends the process, if this process is a supervisor.
pub fn supervise_if_asked() {
    let Ok(task) = env::var(TASK) else { return };
    // In the terminal's session, Ctrl-C would end the supervisor with the tests.
    let _ = rustix::process::setsid();
    let supervised = serde_json::from_str(&task).map_err(io::Error::from).and_then(|task: Task| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(supervise(&task));
        // A thread may wait for a lock that nobody gives up.
        runtime.shutdown_background();
        done
    });
    std::process::exit(supervised.is_err().into());
}

async fn supervise(task: &Task) -> io::Result<()> {
    let home = Home::at(task.home.clone());
    if task.deputy {
        let waiting = home.clone();
        let claimed = tokio::task::spawn_blocking(move || waiting.succeed()).await?;
        return settle(claimed?, &home, &task.settings).await;
    }
    let requester = Requester::on_stdin()?;
    for sibling in home.siblings() {
        // A leftover that cannot be removed must not prevent this run.
        let _ = sweep(&sibling, &task.settings).await;
    }
    let reply = match home.claim(account::owner()) {
        Ok(Claimed::New(claim)) => match serve(task, &home, &claim, &requester).await {
            Ok(running) => {
                requester.reply(&Reply::Ready);
                claim.users.unlock()?;
                requester.gone().await;
                return hold(running, claim, &home, &task.settings).await;
            }
            Err(CannotRun(problem)) => {
                let _ = home.remove();
                Reply::CannotRun(problem)
            }
        },
        Ok(claimed) => {
            if let Claimed::Orphan(claim) = &claimed {
                // If it is unused, keep new users out: it is removed.
                let _ = claim.users.try_lock();
            }
            requester.reply(&Reply::Taken);
            return settle(claimed, &home, &task.settings).await;
        }
        Err(problem) => Reply::CannotRun(home.cannot("make", &problem).0),
    };
    requester.reply(&reply);
    Ok(())
}

/// Starts the server. Its deputy is started first, so that everything is removed even if the
/// supervisor dies.
async fn serve(
    task: &Task,
    home: &Home,
    claim: &Claim,
    requester: &Requester,
) -> Result<Running, CannotRun> {
    let cannot = |problem| home.cannot("start a server in", &problem);
    spawn(&Task { deputy: true, ..task.clone() }, Stdio::null()).map_err(cannot)?;
    let chosen = tokio::select! {
        chosen = choice::choose(&task.settings, |note| requester.reply(&Reply::Note(note))) => chosen?,
        () = requester.gone() => return Err(CannotRun("nobody waits for the server".to_owned())),
    };
    let (running, address) = Running::start(chosen, &task.settings, home, claim).await?;
    match home.set_address(&address) {
        Ok(()) => Ok(running),
        Err(problem) => {
            running.stop().await;
            Err(cannot(problem))
        }
    }
}

/// Takes over what a dead supervisor left, until it can be removed.
async fn settle(claimed: Claimed, home: &Home, settings: &Settings) -> io::Result<()> {
    let Claimed::Orphan(claim) = claimed else { return Ok(()) };
    let task = Task { settings: settings.clone(), home: home.path().to_owned(), deputy: true };
    spawn(&task, Stdio::null())?;
    hold(Running::adopt(home).await, claim, home, settings).await
}

/// Removes what dead processes left in another home.
async fn sweep(home: &Home, settings: &Settings) -> io::Result<()> {
    let claimed = home.inherit()?;
    match &claimed {
        Claimed::Orphan(claim) if claim.users.try_lock().is_ok() => {
            claim.users.unlock()?;
            settle(claimed, home, settings).await
        }
        _ => Ok(()),
    }
}

/// Keeps the server until its last user is gone, then removes it.
async fn hold(
    mut running: Running,
    claim: Claim,
    home: &Home,
    settings: &Settings,
) -> io::Result<()> {
    let (mut terminate, mut limit) =
        (signal(SignalKind::terminate())?, Box::pin(sleep(settings.limit)));
    loop {
        tokio::select! {
            unused = lock(claim.users.try_clone()?) => unused?,
            _ = terminate.recv() => break,
            () = &mut limit => break,
            () = running.ended() => break,
        }
        if settings.grace.is_zero() {
            break;
        }
        claim.users.unlock()?;
        sleep(settings.grace).await;
        if claim.users.try_lock().is_ok() {
            break;
        }
    }
    running.stop().await;
    home.remove()
}

/// Locks the file exclusively, however long that takes.
async fn lock(file: File) -> io::Result<()> {
    tokio::task::spawn_blocking(move || file.lock()).await?
}

/// The process that started this supervisor.
struct Requester(UnixStream);

impl Requester {
    fn on_stdin() -> io::Result<Self> {
        Ok(Self(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?)))
    }

    fn reply(&self, reply: &Reply) {
        // A requester that is gone needs no reply.
        let _ = serde_json::to_string(reply).map(|line| writeln!(&self.0, "{line}"));
    }

    /// Waits until it has joined or died.
    async fn gone(&self) {
        let Ok(line) = self.0.try_clone() else { return };
        let waiting = move || io::copy(&mut &line, &mut io::sink());
        let _ = tokio::task::spawn_blocking(waiting).await;
    }
}
