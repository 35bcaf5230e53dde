//! Databases are made once, cloned often and dropped.

use super::{Workspace, eventually, names, session};
use schema_harness::error::CannotRun;
use schema_harness::server::{Server, Template};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Config, NoTls};

async fn make(config: Config) -> Result<(), CannotRun> {
    let (client, connection) = config.connect(NoTls).await.expect("the empty database");
    tokio::spawn(connection);
    client.batch_execute("create table note (body text)").await.expect("a table");
    Ok(())
}

async fn template(server: &Server) -> Template {
    server.template("notes", make).await.expect("a template")
}

#[tokio::test]
async fn template_is_made_once_by_many_callers() {
    let workspace = Workspace::new();
    // Each has locks, sessions and settings of its own, as processes have.
    let servers = [(); 4].map(|()| Server::shared_with(&workspace.settings).expect("a server"));
    let made = AtomicU32::new(0);
    let ask = async |server: &Server| {
        let count = async |config| {
            made.fetch_add(1, Ordering::Relaxed);
            make(config).await
        };
        server.template("notes", count).await.expect("a template")
    };
    let [a, b, c, d] = &servers;
    let templates = tokio::join!(ask(a), ask(b), ask(c), ask(d));
    assert_eq!(made.into_inner(), 1, "how often it was made");
    assert_eq!(templates.0, templates.3, "the first caller's and the last caller's");
}

#[tokio::test]
async fn other_key_is_another_template() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let other = server.template("other notes", make).await.expect("a template");
    assert_ne!(template(&server).await, other, "templates of two keys");
}

#[tokio::test]
async fn clone_holds_what_the_template_holds() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let template = template(&server).await;
    let one = server.clone_of(&template).await.expect("a clone");
    let other = server.clone_of(&template).await.expect("a clone");
    let plant = "insert into note values ('planted')";
    let planted = session(&server, one.name()).await.execute(plant, &[]).await;
    assert_eq!(planted.expect("an insert"), 1, "control: it can be written");
    let rows = session(&server, other.name()).await.query("table note", &[]).await;
    assert_eq!(rows.expect("the table").len(), 0, "rows in the other clone");
}

#[tokio::test]
async fn clone_is_dropped_with_its_guard_even_if_it_is_in_use() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let template = template(&server).await;
    let clone = server.clone_of(&template).await.expect("a clone");
    let _open = session(&server, clone.name()).await;
    drop(clone);
    let admin = session(&server, "postgres").await;
    let mut left = names(&admin).await;
    while left.len() > 1 {
        left = names(&admin).await;
    }
    assert_eq!(left, [template.name()], "databases that are left");
}

#[tokio::test]
async fn failed_template_leaves_nothing_and_can_be_made_again() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let refusal = CannotRun("the migration has a syntax error".to_owned());
    let fail = async |_| Err(refusal.clone());
    let failed = server.template("notes", fail).await;
    assert_eq!(failed, Err(refusal), "what make said");
    assert_eq!(names(&session(&server, "postgres").await).await, [""; 0], "databases left");
    assert!(server.template("notes", make).await.is_ok(), "control: it can be made");
}

#[tokio::test]
async fn template_of_a_caller_that_died_is_made_again() {
    let workspace = Workspace::new();
    let server = Server::shared_with(&workspace.settings).expect("a server");
    let (begun, mut halfway) = tokio::sync::mpsc::channel(1);
    let stall = async |config| {
        make(config).await?;
        begun.send(()).await.expect("a listener");
        std::future::pending().await
    };
    tokio::select! {
        _ = server.template::<CannotRun>("notes", stall) => unreachable!("it never ends"),
        _ = halfway.recv() => (),
    }
    let admin = session(&server, "postgres").await;
    assert_eq!(names(&admin).await.len(), 1, "control: it was half-made");
    let clone = server.clone_of(&template(&server).await).await.expect("a clone");
    let rows = session(&server, clone.name()).await.query("table note", &[]).await;
    assert_eq!(rows.expect("the table").len(), 0, "rows in a clone of the new one");
}

#[tokio::test]
async fn guards_may_outlive_their_server() {
    let workspace = Workspace::new();
    let server = Server::private_with(&workspace.settings).expect("a server");
    let clone = server.clone_of(&template(&server).await).await.expect("a clone");
    drop(server);
    drop(clone);
    eventually("nothing is left", || workspace.entries().is_empty());
}
