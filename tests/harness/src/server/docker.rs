//! A server in a container that ends itself when its supervisor is gone.

use super::address::{Address, Kind, SUPERUSER, Where};
use super::embedded::{SETTINGS, locale};
use super::{extensions, sql};
use crate::error::CannotRun;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

/// The name of the session that keeps the container alive.
const LIFELINE: &str = "identra lifeline";

/// Puts in what the image lacks of the platform's extensions, and lets `postgres` create them. Then
/// runs the image's own entrypoint, and ends it when there has been no lifeline for two seconds,
/// or, from when the server answers, none for five. A container has no other end: nothing outside
/// reaps it after SIGKILL.
const WATCH: &str = r#"
share=$(pg_config --sharedir)/extension
for control in /identra/*.control; do
    name=$(basename "$control" .control)
    [ -e "$share/$name.control" ] || cp "$control" "/identra/$name--1.0.sql" "$share/"
done
for name in $(grep -v '^#' /identra/privileged.txt); do
    [ -e "$share/$name.control" ] && ! grep -q '^ *trusted' "$share/$name.control" &&
        printf '\ntrusted = true\n' >>"$share/$name.control"
done
docker-entrypoint.sh "$@" &
server=$!
finish() { kill -QUIT "$server" 2>/dev/null; wait "$server"; exit; }
trap finish TERM INT
sessions="select count(*) from pg_stat_activity where application_name = 'identra lifeline'"
pause=0.2 patience=25
while kill -0 "$server" 2>/dev/null; do
    sleep "$pause" & wait $!
    case $(psql -XAtq -U supabase_admin -d postgres -c "$sessions" 2>/dev/null) in
        '') ;;
        0) [ "$patience" -gt 0 ] || finish; patience=$((patience - 1)) ;;
        *) pause=1 patience=1 ;;
    esac
done
wait "$server"
"#;

/// The label of this harness's containers, to find them with `docker ps`.
pub(super) const LABEL: &str = "org.identra.schema-harness";

const DATA: &str = "/var/lib/postgresql/data";
const PORT: &str = "5432/tcp";

/// How long the daemon may take to answer.
const DAEMON_PATIENCE: Duration = Duration::from_secs(5);

/// How long the server in a new container may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Docker's own client with these arguments, whose settings and contexts hold here, too.
fn command<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What the client prints.
///
/// # Errors
/// What it says instead.
async fn docker<A: AsRef<OsStr>>(arguments: &[A]) -> Result<String, String> {
    let output = command(arguments).output().await.map_err(|problem| problem.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Whether the daemon that answers has the image.
///
/// # Errors
/// Why no daemon answers.
pub(super) async fn look(image: &str) -> Result<bool, String> {
    let silent = |problem: &dyn std::fmt::Display| format!("no Docker daemon answers ({problem})");
    let version = docker(&["version", "--format", "{{.Server.Version}}"]);
    match timeout(DAEMON_PATIENCE, version).await {
        Ok(answer) => answer.map_err(|problem| silent(&problem))?,
        Err(late) => return Err(silent(&late)),
    };
    Ok(docker(&["image", "inspect", image]).await.is_ok())
}

/// Pulls the image; `note` is called with a message before.
///
/// # Errors
/// Why it cannot be pulled, and how else to get it.
pub(super) async fn pull(image: &str, note: impl Fn(String)) -> Result<(), String> {
    note(format!("pulling the image {image}"));
    docker(&["pull", "--quiet", image]).await.map(drop).map_err(|problem| {
        format!("image {image} is not there and cannot be pulled ({problem}); scripts/build-image makes one")
    })
}

/// A container, and the session that keeps it alive.
pub(super) struct Container {
    /// None for one that a dead supervisor started.
    id: Option<String>,
    lifeline: Client,
    session: JoinHandle<()>,
}

impl Container {
    /// Starts a container and waits until its server answers.
    ///
    /// # Errors
    /// The error of the daemon, or the output of the server.
    pub(super) async fn start(image: &str, line: String) -> Result<(Self, Address), CannotRun> {
        let cannot = |problem: &dyn std::fmt::Display| {
            CannotRun(format!("could not start a container of {image}: {problem}"))
        };
        let id = create(image).await.map_err(|problem| cannot(&problem))?;
        match Self::begin(&id, line).await {
            Ok((lifeline, session, address)) => {
                Ok((Self { id: Some(id), lifeline, session }, address))
            }
            Err(problem) => {
                let _ = remove(&id).await;
                Err(cannot(&problem))
            }
        }
    }

    /// Starts a container that was made, and waits until its server answers.
    async fn begin(id: &str, line: String) -> Result<(Client, JoinHandle<()>, Address), String> {
        docker(&["start", id]).await?;
        // Read from the start: a container's output is removed with it.
        let mut logs = command(&["logs", "--follow", id]);
        let logs = logs.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let logs = logs.map_err(|problem| problem.to_string())?;
        let output = tokio::spawn(logs.wait_with_output());
        let published = docker(&["port", id, PORT]).await?;
        let port = published.lines().find_map(|line| line.rsplit_once(':')?.1.parse().ok());
        let port = port.ok_or_else(|| format!("its port is published as \"{published}\""))?;
        let place = Where { host: "127.0.0.1".to_owned(), port };
        let address = Address::new(Kind::Docker, place, line);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let problem = match tie(&address).await {
                Ok((lifeline, session)) => return Ok((lifeline, session, address)),
                Err(problem) => problem,
            };
            let running = docker(&["inspect", "--format", "{{.State.Running}}", id]).await;
            if running.as_deref() != Ok("true") || Instant::now() > deadline {
                let _ = remove(id).await;
                let output = output.await.ok().and_then(Result::ok);
                let output = output.map(|it| it.stderr).unwrap_or_default();
                return Err(with_last_output(&problem, &String::from_utf8_lossy(&output)));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Keeps the container of a dead supervisor alive.
    pub(super) async fn adopt(address: &Address) -> Result<Self, CannotRun> {
        let (lifeline, session) = tie(address).await?;
        Ok(Self { id: None, lifeline, session })
    }

    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.session).await;
    }

    /// Removes the container; one that another process started ends itself without its lifeline.
    pub(super) async fn stop(self) {
        drop(self.lifeline);
        if let Some(id) = self.id {
            // It may have ended and removed itself already.
            let _ = remove(&id).await;
        }
    }
}

/// Makes a container of the image that is to be started, and returns its id.
async fn create(image: &str) -> Result<String, String> {
    let options = ["--encoding=UTF8", "--no-sync", "--wal-segsize=1"];
    // The image's major version is not known yet; this locale is in each.
    let options = [&options[..], locale(15)].concat().join(" ");
    let variables = [
        ("POSTGRES_USER", SUPERUSER),
        ("POSTGRES_DB", sql::MAINTENANCE),
        ("POSTGRES_HOST_AUTH_METHOD", "trust"),
        ("POSTGRES_INITDB_ARGS", &options),
        ("PGDATA", DATA),
    ];
    let variables = variables.map(|(name, value)| format!("--env={name}={value}"));
    let (label, data) = (format!("--label={LABEL}=disposable"), format!("--tmpfs={DATA}"));
    let mut arguments = vec!["create", "--rm", "--pull=never", "--entrypoint=sh"];
    arguments.extend(["--publish=127.0.0.1::5432", &label, &data]);
    arguments.extend(variables.iter().map(String::as_str));
    arguments.extend([image, "-c", WATCH, "identra", "postgres"]);
    arguments.extend(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    let id = docker(&arguments).await?;
    let put = put_extensions(&id).await;
    if put.is_err() {
        let _ = remove(&id).await;
    }
    put.map(|()| id)
}

/// Copies the stand-ins of extensions into a container.
async fn put_extensions(id: &str) -> Result<(), String> {
    let problem = |problem: std::io::Error| problem.to_string();
    let directory = tempfile::tempdir().map_err(problem)?;
    for (name, text) in extensions::files() {
        fs::write(directory.path().join(name), text).map_err(problem)?;
    }
    // With the mode of a directory that everybody may read, which a scratch one has not.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).map_err(problem)?;
    let from = format!("{}/.", directory.path().display());
    docker(&["cp", &from, &format!("{id}:/identra")]).await.map(drop)
}

async fn remove(id: &str) -> Result<String, String> {
    docker(&["rm", "--force", "--volumes", id]).await
}

async fn tie(address: &Address) -> Result<(Client, JoinHandle<()>), CannotRun> {
    let mut login = address.login(SUPERUSER, sql::MAINTENANCE);
    sql::session(login.application_name(LIFELINE)).await
}

fn with_last_output(problem: &CannotRun, output: &str) -> String {
    let lines: Vec<_> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(5)..];
    format!("{problem}; its last output:\n  {}", last.join("\n  "))
}
