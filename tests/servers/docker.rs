//! A container serves like the machine's own binaries, and ends itself.

use super::{Holder, Workspace, could_not_run, eventually, kill_supervisors, session};
use rustix::process::Signal;
use schema_harness::database::plpgsql_check;
use schema_harness::server::{Kind, Server, Settings, Wanted};
use std::net::TcpStream;
use std::process::Command;

/// Settings for a container, if a daemon answers and has the image.
fn settings(workspace: &Workspace) -> Option<Settings> {
    let settings = Settings { wanted: Wanted::Docker, ..workspace.settings.clone() };
    let image = Command::new("docker").args(["image", "inspect", &settings.image]).output();
    if image.is_ok_and(|it| it.status.success()) {
        return Some(settings);
    }
    could_not_run("no Docker daemon answers and has the image; scripts/build-image makes one");
    None
}

/// The port in a holder's description of its server.
fn port(identity: &str) -> u16 {
    let (_, rest) = identity.split_once("port: [").expect("a port");
    rest.split([',', ']']).next().and_then(|it| it.parse().ok()).expect("a number")
}

fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[tokio::test]
async fn container_serves_what_the_schema_needs() {
    let workspace = Workspace::new();
    let Some(settings) = settings(&workspace) else { return };
    let server = Server::private_with(&settings).expect("a container");
    assert_eq!(server.kind(), Kind::Docker);
    let needed = "create extension vector; create extension pg_trgm";
    session(&server, "postgres").await.batch_execute(needed).await.expect("the extensions");
    drop(server);
    workspace.is_left_empty();
}

/// The image that `scripts/build-image` makes can look into function bodies.
#[tokio::test]
async fn container_reports_on_bodies_and_executed_statements() {
    let workspace = Workspace::new();
    let Some(settings) = settings(&workspace) else { return };
    let server = Server::private_with(&settings).expect("a container");
    let admin = session(&server, "postgres").await;
    let functions = "create schema identra_harness;
        create function public.good(a integer) returns integer language plpgsql immutable as $$
        begin
            if a > 0 then
                return 1;
            end if;
            return 0;
        end $$;
        create function public.bad() returns integer language plpgsql as $$
        declare
            unused integer;
        begin
            return (select missing from public.nowhere);
        end $$";
    admin.batch_execute(functions).await.expect("two functions");
    assert!(plpgsql_check::is_available(&admin).await.expect("an answer"), "plpgsql_check");
    plpgsql_check::install(&admin).await.expect("plpgsql_check");
    let reports = plpgsql_check::reports(&admin).await.expect("reports");
    assert_eq!(reports["good"], [""; 0], "control");
    let bad = reports["bad"].join("; ");
    assert!(bad.contains("nowhere") && bad.contains("unused"), "{bad}");
    // A call that is rolled back was executed, too.
    admin.batch_execute("begin; select public.good(1); rollback").await.expect("a call");
    let ran = admin.query(plpgsql_check::STATEMENTS, &[]).await.expect("statements");
    let ran = ran.iter().filter(|row| row.get::<_, String>(0) == "good");
    let ran: Vec<(i32, bool)> = ran.map(|row| (row.get(2), row.get::<_, i64>(4) > 0)).collect();
    assert!(ran.contains(&(4, true)) && ran.contains(&(6, false)), "{ran:?}");
}

/// The container cannot be reached over the network.
#[tokio::test]
async fn container_listens_to_this_machine_only() {
    let workspace = Workspace::new();
    let Some(settings) = settings(&workspace) else { return };
    let server = Server::private_with(&settings).expect("a container");
    let published = format!("publish={}", port(&format!("{:?}", server.login("a", "b"))));
    let ports = Command::new("docker")
        .args(["ps", "--format", "{{.Ports}}", "--filter", &published])
        .output()
        .expect("docker ps");
    let ports = String::from_utf8_lossy(&ports.stdout).into_owned();
    assert!(ports.starts_with("127.0.0.1:") && !ports.contains("0.0.0.0"), "{ports}");
    drop(server);
}

#[test]
fn container_is_shared_and_gone_after_sigkill() {
    let workspace = Workspace::new();
    let Some(settings) = settings(&workspace) else { return };
    let mut holders = [Holder::start(&settings), Holder::start(&settings)];
    let [one, other] = holders.each_mut().map(Holder::server);
    assert_eq!(one, other, "the servers of two processes");
    for holder in &mut holders {
        holder.signal(Signal::KILL);
    }
    workspace.is_left_empty();
    assert!(!answers(port(&one)), "the container is gone");
}

/// Nothing outside is left to remove it.
#[cfg(target_os = "linux")]
#[test]
fn container_ends_itself_when_everything_else_is_killed() {
    let workspace = Workspace::new();
    let Some(settings) = settings(&workspace) else { return };
    let mut holder = Holder::start(&settings);
    let port = port(&holder.server());
    kill_supervisors(&workspace);
    holder.signal(Signal::KILL);
    assert!(answers(port), "control: it serves for a moment longer");
    eventually("the container is gone", || !answers(port));
}

#[test]
fn unknown_image_is_refused() {
    let workspace = Workspace::new();
    let Some(settings) = settings(&workspace) else { return };
    let image = "identra.invalid/none:none".to_owned();
    let refused = Server::shared_with(&Settings { image, ..settings }).err();
    let refusal = refused.expect("a refusal").0;
    assert!(refusal.contains("scripts/build-image makes one"), "{refusal}");
    workspace.is_left_empty();
}
