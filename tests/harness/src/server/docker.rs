//! A server in a container that ends itself when its supervisor is gone.

use super::address::{Address, Kind, SUPERUSER, Where};
use super::embedded::{SETTINGS, locale};
use super::{extensions, sql};
use crate::error::CannotRun;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use testcontainers_modules::testcontainers::bollard::models::PortBinding;
use testcontainers_modules::testcontainers::core::client::docker_client_instance;
use testcontainers_modules::testcontainers::core::{IntoContainerPort, Mount};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::io::AsyncReadExt;
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
const PORT: u16 = 5432;

/// How long the daemon may take to answer.
const DAEMON_PATIENCE: Duration = Duration::from_secs(5);

/// How long the server in a new container may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether the daemon that answers has the image.
///
/// # Errors
/// Why no daemon answers.
pub(super) async fn look(image: &str) -> Result<bool, String> {
    let silent = |problem: &dyn std::fmt::Display| format!("no Docker daemon answers ({problem})");
    let docker = docker_client_instance().await.map_err(|problem| silent(&problem))?;
    match timeout(DAEMON_PATIENCE, docker.ping()).await {
        Ok(answer) => answer.map_err(|problem| silent(&problem))?,
        Err(late) => return Err(silent(&late)),
    };
    Ok(docker.inspect_image(image).await.is_ok())
}

/// Pulls the image; `note` is called with a message before.
///
/// # Errors
/// Why it cannot be pulled, and how else to get it.
pub(super) async fn pull(image: &str, note: impl Fn(String)) -> Result<(), String> {
    note(format!("pulling the image {image}"));
    generic(image).pull_image().await.map(drop).map_err(|problem| {
        format!("image {image} is not there and cannot be pulled ({problem}); scripts/build-image makes one")
    })
}

fn generic(image: &str) -> GenericImage {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => GenericImage::new(name, tag),
        _ => GenericImage::new(image, "latest"),
    }
}

/// A container, and the session that keeps it alive.
pub(super) struct Container {
    /// None for one that a dead supervisor started.
    handle: Option<ContainerAsync<GenericImage>>,
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
        let options = ["--encoding=UTF8", "--no-sync", "--wal-segsize=1"];
        // The image's major version is not known yet; this locale is in each.
        let options = [&options[..], locale(15)].concat().join(" ");
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        let command = ["-c", WATCH, "identra", "postgres"].into_iter().chain(settings);
        let mut request = generic(image).with_entrypoint("sh").with_cmd(command);
        for (name, text) in extensions::files() {
            request = request.with_copy_to(format!("/identra/{name}"), text.into_bytes());
        }
        let handle = request
            .with_env_var("POSTGRES_USER", SUPERUSER)
            .with_env_var("POSTGRES_DB", sql::MAINTENANCE)
            .with_env_var("POSTGRES_HOST_AUTH_METHOD", "trust")
            .with_env_var("POSTGRES_INITDB_ARGS", options)
            .with_env_var("PGDATA", DATA)
            .with_mount(Mount::tmpfs_mount(DATA))
            .with_label(LABEL, "disposable")
            .with_host_config_modifier(|host| {
                let here = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
                let bindings = HashMap::from([(format!("{PORT}/tcp"), Some(vec![here]))]);
                host.publish_all_ports = Some(false);
                host.port_bindings = Some(bindings);
                host.auto_remove = Some(true);
            })
            .start()
            .await
            .map_err(|problem| cannot(&problem))?;
        let port =
            handle.get_host_port_ipv4(PORT.tcp()).await.map_err(|problem| cannot(&problem))?;
        let place = Where { host: "127.0.0.1".to_owned(), port };
        let address = Address::new(Kind::Docker, place, line);
        // Read from the start: a container's output is removed with it.
        let mut stderr = handle.stderr(true);
        let output = tokio::spawn(async move {
            let mut output = Vec::new();
            let _ = stderr.read_to_end(&mut output).await;
            output
        });
        let deadline = Instant::now() + PATIENCE;
        loop {
            let problem = match tie(&address).await {
                Ok((lifeline, session)) => {
                    return Ok((Self { handle: Some(handle), lifeline, session }, address));
                }
                Err(problem) => problem,
            };
            if !handle.is_running().await.unwrap_or(false) || Instant::now() > deadline {
                let _ = handle.rm().await;
                let output = output.await.unwrap_or_default();
                return Err(cannot(&with_last_output(&problem, &String::from_utf8_lossy(&output))));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Keeps the container of a dead supervisor alive.
    pub(super) async fn adopt(address: &Address) -> Result<Self, CannotRun> {
        let (lifeline, session) = tie(address).await?;
        Ok(Self { handle: None, lifeline, session })
    }

    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.session).await;
    }

    /// Removes the container; one that another process started ends itself without its lifeline.
    pub(super) async fn stop(self) {
        drop(self.lifeline);
        if let Some(handle) = self.handle {
            // It may have ended and removed itself already.
            let _ = handle.rm().await;
        }
    }
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
