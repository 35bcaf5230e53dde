//! What this machine offers for a server, and which server a run would get; nothing is started
//! or changed.

use super::binaries::{self, Binaries, OLDEST};
use super::programs::Program;
use super::settings::{Settings, Wanted};
use super::{choice, docker, guard};
use crate::error::CannotRun;
use tokio_postgres::config::Host;

/// Whether something is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is available.
    Good,
    /// It is not available, and a run does not need it.
    Optional,
    /// It is not available, and a run needs it.
    Missing,
}

/// One thing that a run may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub standing: Standing,
    /// What it is, in a line.
    pub what: String,
    /// What to do about it, where something can be done.
    pub remedy: Option<String>,
}

impl Fact {
    pub fn good(what: String) -> Self {
        Self { standing: Standing::Good, what, remedy: None }
    }

    pub fn optional(what: String, remedy: String) -> Self {
        Self { standing: Standing::Optional, what, remedy: Some(remedy) }
    }

    pub fn missing(what: String, remedy: String) -> Self {
        Self { standing: Standing::Missing, what, remedy: Some(remedy) }
    }
}

/// The PostgreSQL binaries on this machine; only those of `IDENTRA_PG_BINDIR`, if it is set.
pub fn postgres(settings: &Settings) -> Vec<Fact> {
    if let Some(directory) = &settings.bindir {
        let fact = match Binaries::inspect(directory) {
            Ok(binaries) => usable(&binaries),
            Err(reason) => Fact::missing(
                format!("IDENTRA_PG_BINDIR cannot be used: {reason}"),
                "name a directory with PostgreSQL 15 or later that has pgvector and pg_trgm, or \
                 unset it"
                    .to_owned(),
            ),
        };
        return vec![fact];
    }
    let inspected = |directory| match Binaries::inspect(directory) {
        Ok(binaries) => usable(&binaries),
        Err(reason) => {
            let major = binaries::parse(&reason).map_or(OLDEST, |(major, _)| major);
            let remedy = if reason.ends_with("vector") {
                format!("install pgvector for it (Debian: postgresql-{major}-pgvector)")
            } else if reason.ends_with("pg_trgm") {
                format!("install its contrib modules (Debian: postgresql-{major} has them)")
            } else {
                "leave it, and let another be used".to_owned()
            };
            Fact::optional(reason, remedy)
        }
    };
    let facts: Vec<Fact> = binaries::candidates(settings).iter().map(|it| inspected(it)).collect();
    if !facts.is_empty() {
        return facts;
    }
    let remedy = format!(
        "install PostgreSQL {OLDEST} or later with pgvector (Debian: apt-get install \
         postgresql-17 postgresql-17-pgvector), or leave it to Docker or to the fetch"
    );
    vec![Fact::optional("no PostgreSQL binaries on this machine".to_owned(), remedy)]
}

fn usable(binaries: &Binaries) -> Fact {
    let extra = if binaries.has("plpgsql_check") { "and" } else { "without" };
    Fact::good(format!("{binaries}, with vector and pg_trgm, {extra} plpgsql_check"))
}

/// The Docker daemon and the image.
pub async fn docker(settings: &Settings) -> Fact {
    let image = &settings.image;
    match docker::look(image).await {
        Ok(true) => Fact::good(format!("a Docker daemon answers and has the image {image}")),
        Ok(false) => Fact::optional(
            format!("a Docker daemon answers and has no image {image}"),
            format!("docker pull {image}, or scripts/build-image where no registry is reached"),
        ),
        Err(reason) => {
            let needed = settings.wanted == Wanted::Docker;
            let fact = if needed { Fact::missing } else { Fact::optional };
            let other = if needed { "unset IDENTRA_POSTGRES" } else { "leave it" };
            fact(reason, format!("start Docker and let this user connect to it, or {other}"))
        }
    }
}

/// The programs that the tests of migrations dump and restore with.
pub fn programs(settings: &Settings) -> Vec<Fact> {
    let fact = |name: &str| {
        let mut found = Program::found(name, settings);
        found.dedup_by(|one, other| one.is_the_same_as(other));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        if found.is_empty() {
            let remedy = "install postgresql-client of the server's version or later; cargo test \
                          dumps and restores with it, scripts/verify does without";
            return Fact::optional(format!("no {name}"), remedy.to_owned());
        }
        Fact::good(format!("{name}: {}", found.join("; ")))
    };
    ["psql", "pg_dump", "pg_restore"].map(fact).into()
}

/// The server by URL, described without its password; nothing where no URL is set.
pub fn url(settings: &Settings) -> Option<Fact> {
    let url = settings.url.as_ref()?;
    Some(match guard::judge(url, &settings.allowed_hosts) {
        Err(CannotRun(why)) => {
            Fact::missing(why, "see \"A server by URL\" in README.md".to_owned())
        }
        Ok(config) => {
            let host = match (config.get_hostaddrs(), config.get_hosts()) {
                ([address, ..], _) => address.to_string(),
                (_, [Host::Tcp(name), ..]) => name.clone(),
                (_, [Host::Unix(directory), ..]) => directory.display().to_string(),
                _ => String::new(),
            };
            let port = config.get_ports().first().copied().unwrap_or(5432);
            let user = config.get_user().unwrap_or("nobody");
            let what = format!("IDENTRA_DATABASE_URL names {user} at {host}, port {port}");
            Fact::good(format!("{what}; it was not asked whether it is marked as disposable"))
        }
    })
}

/// The first line that a run would print, or why it could not start.
pub async fn server(settings: &Settings) -> Result<String, CannotRun> {
    choice::predict(settings).await
}
