//! Only a server that is marked as disposable is used, and only this run's databases are dropped.

use super::{Holder, Workspace, eventually, names, session};
use rustix::process::Signal;
use schema_harness::error::CannotRun;
use schema_harness::server::{Kind, Server, Settings, Wanted};
use tokio_postgres::Client;

/// A server that is given by URL.
struct Given {
    server: Server,
    settings: Settings,
    workspace: Workspace,
}

impl Given {
    fn unmarked() -> Self {
        let workspace = Workspace::new();
        let server = Server::private_with(&workspace.settings).expect("a server to be given");
        let given = Self { settings: workspace.settings.clone(), server, workspace };
        let settings = given.login("supabase_admin");
        Self { settings, ..given }
    }

    async fn marked() -> Self {
        let given = Self::unmarked();
        let mark = "comment on role supabase_admin is
                    'identra may destroy everything on this server'";
        given.admin().await.batch_execute(mark).await.expect("the mark");
        given
    }

    /// Settings with a URL that logs in as this role.
    fn login(&self, role: &str) -> Settings {
        let home = self.workspace.path().join(&self.workspace.entries()[0]);
        let url = format!("host={} user={role} password=secret", home.display());
        Settings { wanted: Wanted::Url, url: Some(url), ..self.workspace.settings.clone() }
    }

    async fn admin(&self) -> Client {
        session(&self.server, "postgres").await
    }

    fn refusal(&self) -> String {
        Server::shared_with(&self.settings).err().expect("a refusal").0
    }
}

async fn empty(_: tokio_postgres::Config) -> Result<(), CannotRun> {
    Ok(())
}

#[tokio::test]
async fn marked_server_is_used_and_cleaned_up() {
    let given = Given::marked().await;
    let server = Server::shared_with(&given.settings).expect("the given server");
    assert_eq!(server.kind(), Kind::Url);
    assert_eq!(server.role_password(), Some("secret"), "the password that roles must have");
    let template = server.template("notes", empty).await.expect("a template");
    let clone = server.clone_of(&template).await.expect("a clone");
    let admin = given.admin().await;
    assert_eq!(names(&admin).await, [clone.name(), template.name()], "control: they are there");
    std::mem::forget(clone);
    drop(server);
    eventually("its directory is gone", || given.workspace.entries().len() == 1);
    assert_eq!(names(&admin).await, [""; 0], "databases after the run");
}

#[tokio::test]
async fn databases_are_dropped_after_sigkill() {
    let given = Given::marked().await;
    let server = Server::shared_with(&given.settings).expect("the given server");
    server.template("notes", empty).await.expect("a template");
    let mut holder = Holder::start(&given.settings);
    holder.server();
    drop(server);
    let admin = given.admin().await;
    assert_eq!(names(&admin).await.len(), 1, "control: the other process keeps it");
    holder.signal(Signal::KILL);
    eventually("its directory is gone", || given.workspace.entries().len() == 1);
    assert_eq!(names(&admin).await, [""; 0], "databases after the run");
}

/// The message has the SQL that marks the server, which is sufficient.
#[tokio::test]
async fn unmarked_server_is_refused_with_the_sql_that_marks_it() {
    let given = Given::unmarked();
    let refusal = given.refusal();
    let sql = refusal.lines().last().expect("the SQL");
    given.admin().await.batch_execute(sql).await.expect(&refusal);
    assert!(Server::shared_with(&given.settings).is_ok(), "after {sql}");
}

#[tokio::test]
async fn server_whose_bootstrap_superuser_is_postgres_is_refused() {
    let given = Given::marked().await;
    let rename =
        ["create role boss superuser login", "alter role supabase_admin rename to postgres"];
    given.admin().await.batch_execute(rename[0]).await.expect("another superuser");
    let login = given.server.login("boss", "postgres");
    let (boss, connection) = login.connect(tokio_postgres::NoTls).await.expect("a session");
    tokio::spawn(connection);
    boss.batch_execute(rename[1]).await.expect("another name");
    let settings = given.login("postgres");
    let refusal = Server::shared_with(&settings).err().expect("a refusal").0;
    assert!(refusal.contains("initdb --username=supabase_admin"), "{refusal}");
    assert!(refusal.contains("POSTGRES_USER=supabase_admin"), "{refusal}");
}

#[tokio::test]
async fn login_as_another_role_is_refused() {
    let given = Given::marked().await;
    let role = "create role boss superuser login";
    given.admin().await.batch_execute(role).await.expect("another superuser");
    let refusal = Server::shared_with(&given.login("boss")).err().expect("a refusal").0;
    assert!(refusal.contains("logs in as boss; log in as supabase_admin"), "{refusal}");
}

#[tokio::test]
async fn databases_of_others_are_never_dropped() {
    let given = Given::marked().await;
    let admin = given.admin().await;
    let others = ["identra", "identra_0000000000000001_template_x", "prod"];
    for name in others {
        admin.batch_execute(&format!("create database {name}")).await.expect(name);
    }
    let server = Server::shared_with(&given.settings).expect("the given server");
    server.template("notes", empty).await.expect("a template");
    drop(server);
    eventually("its directory is gone", || given.workspace.entries().len() == 1);
    assert_eq!(names(&admin).await.len(), 3, "others' databases after the run");
}

/// Databases of a run have its number as name and, in the statement that makes them, as limit.
#[tokio::test]
async fn databases_of_a_dead_run_are_dropped_and_of_a_live_one_are_kept() {
    let given = Given::marked().await;
    let admin = given.admin().await;
    for run in [1, 2] {
        let name = format!("identra_000000000000000{run}_clone_1_0");
        let made = format!("create database {name} connection limit {}", 1_000_000_000 + run);
        admin.batch_execute(&made).await.expect("a database of another run");
    }
    admin.batch_execute("select pg_advisory_lock(2)").await.expect("the live run's lock");
    let server = Server::shared_with(&given.settings).expect("the given server");
    assert_eq!(names(&admin).await, ["identra_0000000000000002_clone_1_0"], "what is left");
    drop(server);
}

#[tokio::test]
async fn given_server_is_not_private() {
    let given = Given::marked().await;
    let refusal = Server::private_with(&given.settings).err().expect("a refusal").0;
    assert!(refusal.contains("needs a server of its own"), "{refusal}");
}

#[test]
fn url_is_required_if_requested() {
    let workspace = Workspace::new();
    let settings = Settings { wanted: Wanted::Url, url: None, ..workspace.settings.clone() };
    let refusal = Server::shared_with(&settings).err().expect("a refusal").0;
    assert!(refusal.contains("IDENTRA_DATABASE_URL=postgres://"), "{refusal}");
    workspace.is_left_empty();
}
