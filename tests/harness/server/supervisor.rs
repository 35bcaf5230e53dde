//! The process that owns a server: it starts it, waits until nobody needs it, and removes it.
//!
//! It is this test binary once more, in a session of its own, so that Ctrl-C does not reach it. It
//! makes everything that has to be removed again, and the kernel tells it, by dropping locks, when
//! the last user is gone, however that ended. A deputy waits for the supervisor's own death.

use super::home::{Claim, Claimed, Home};
use super::running::Running;
use super::settings::Settings;
use super::{CannotRun, choice, embedded};
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

/// What a supervisor is told.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) settings: Settings,
    pub(super) home: PathBuf,
    /// Wait for the supervisor's death instead of starting a server.
    deputy: bool,
}

/// What a supervisor says to who started it.
#[derive(Serialize, Deserialize)]
enum Reply {
    /// Something that takes a while has begun.
    Note(String),
    /// The server can be used.
    Ready,
    /// Another supervisor is in charge of the home.
    Taken,
    CannotRun(String),
}

/// A supervisor, seen from the process that started it.
pub(super) struct Supervisor {
    process: Child,
    /// Open until this process has joined; it closes by itself when the process dies.
    line: UnixStream,
}

impl Supervisor {
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Says that this process has joined.
    pub(super) fn let_go(&self) {
        // The other end may be gone, which says the same.
        let _ = self.line.shutdown(Shutdown::Both);
    }

    /// Waits until the supervisor has removed everything.
    pub(super) fn wait(&mut self) {
        let _ = self.process.wait();
    }
}

/// Starts a supervisor and waits until its server can be used; none where the home has one.
///
/// # Errors
/// What the supervisor says about why there is no server.
pub(super) fn start(settings: &Settings, home: &Home) -> Result<Option<Supervisor>, CannotRun> {
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
            Reply::Note(note) => eprintln!("{note}"),
            Reply::Ready => return Ok(Some(supervisor)),
            Reply::Taken => {
                supervisor.wait();
                return Ok(None);
            }
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
    let entry = module_path!().split_once("::").map_or("", |(_, path)| path);
    Command::new(env::current_exe()?)
        .args(["--exact", &format!("{entry}::server_ends_with_its_supervisor"), "--nocapture"])
        .env(TASK, serde_json::to_string(task)?)
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Does the supervisor's work and ends the process, if this process is a supervisor.
pub(crate) fn supervise_if_asked() {
    let Ok(task) = env::var(TASK) else { return };
    // In the terminal's session, Ctrl-C would end the supervisor with the tests.
    let _ = rustix::process::setsid();
    let supervised = serde_json::from_str(&task).map_err(io::Error::from).and_then(|task: Task| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(supervise(&task))
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
        settle(sibling.inherit()?, &sibling, &task.settings).await?;
    }
    let reply = match home.claim(embedded::owner()) {
        Ok(Claimed::New(claim)) => match serve(task, &home, &claim, &requester).await {
            Ok(running) => {
                requester.say(&Reply::Ready);
                claim.users.unlock()?;
                requester.gone().await;
                return hold(running, claim, &home, &task.settings).await;
            }
            Err(CannotRun(problem)) => {
                home.remove()?;
                Reply::CannotRun(problem)
            }
        },
        Ok(claimed) => {
            requester.say(&Reply::Taken);
            return settle(claimed, &home, &task.settings).await;
        }
        Err(problem) => Reply::CannotRun(home.cannot("make", &problem).0),
    };
    requester.say(&reply);
    Ok(())
}

/// Starts the server. Its deputy comes first: from then on, nothing is left whoever dies.
async fn serve(
    task: &Task,
    home: &Home,
    claim: &Claim,
    requester: &Requester,
) -> Result<Running, CannotRun> {
    let cannot = |problem| home.cannot("start a server in", &problem);
    spawn(&Task { deputy: true, ..task.clone() }, Stdio::null()).map_err(cannot)?;
    let chosen = tokio::select! {
        chosen = choice::choose(&task.settings, |note| requester.say(&Reply::Note(note))) => chosen?,
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

/// Brings a home that a dead supervisor left to its end.
async fn settle(claimed: Claimed, home: &Home, settings: &Settings) -> io::Result<()> {
    match claimed {
        Claimed::Orphan(claim) => hold(Running::adopt(home).await, claim, home, settings).await,
        Claimed::New(_) | Claimed::Taken => Ok(()),
    }
}

/// Keeps the server until nobody needs it, then removes it.
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

    fn say(&self, reply: &Reply) {
        // Who is gone needs no answer.
        let _ = serde_json::to_string(reply).map(|line| writeln!(&self.0, "{line}"));
    }

    /// Waits until it has joined or died.
    async fn gone(&self) {
        let Ok(line) = self.0.try_clone() else { return };
        let waiting = move || io::copy(&mut &line, &mut io::sink());
        let _ = tokio::task::spawn_blocking(waiting).await;
    }
}

#[test]
fn server_ends_with_its_supervisor() {
    supervise_if_asked();
}
