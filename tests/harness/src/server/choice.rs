//! Chooses the server of a run, and writes the line that says why.

use super::binaries::{self, Binaries};
use super::docker;
use super::settings::{Settings, Wanted};
use crate::error::CannotRun;

/// Where the server comes from.
pub(super) enum Source {
    Embedded(Binaries),
    /// The image.
    Docker(String),
    Url,
}

/// The decision.
pub(super) struct Chosen {
    pub(super) source: Source,
    /// What was chosen and why, on one line.
    pub(super) line: String,
}

impl Chosen {
    fn new(source: Source, what: &str, reasons: &[String]) -> Self {
        let line = [what.to_owned()].iter().chain(reasons).cloned().collect::<Vec<_>>().join("; ");
        Self { source, line }
    }

    fn embedded(binaries: Binaries, reasons: &[String]) -> Self {
        let what = format!("embedded: {binaries}");
        Self::new(Source::Embedded(binaries), &what, reasons)
    }
}

/// A possible server. Nothing has been started, pulled or fetched for it.
enum Candidate {
    Url,
    Embedded(Binaries),
    /// Whether the image is there.
    Docker(bool),
    /// Binaries that would be fetched.
    Fetch,
}

/// The possible servers in the order in which they are tried, and the reasons against those
/// that would come before.
struct Candidates {
    list: Vec<Candidate>,
    reasons: Vec<String>,
}

impl Candidates {
    fn one(candidate: Candidate, reasons: Vec<String>) -> Self {
        Self { list: vec![candidate], reasons }
    }
}

/// Chooses a server, and pulls or fetches what it needs. `note` is called before anything slow.
///
/// # Errors
/// What was tried, why it failed, and what to install.
pub(super) async fn choose(
    settings: &Settings,
    note: impl Fn(String),
) -> Result<Chosen, CannotRun> {
    let Candidates { list, mut reasons } = candidates(settings).await?;
    for candidate in list {
        match candidate {
            Candidate::Url => return Ok(Chosen::new(Source::Url, URL, &reasons)),
            Candidate::Embedded(binaries) => return Ok(Chosen::embedded(binaries, &reasons)),
            Candidate::Docker(true) => return Ok(container(settings, &reasons)),
            Candidate::Docker(false) => match docker::pull(&settings.image, &note).await {
                Ok(()) => return Ok(container(settings, &reasons)),
                Err(reason) => reasons.push(format!("not docker: {reason}")),
            },
            Candidate::Fetch => match binaries::fetch(settings, &note).await {
                Ok(binaries) => return Ok(Chosen::embedded(binaries, &reasons)),
                Err(CannotRun(problem)) => reasons.push(problem),
            },
        }
    }
    Err(nothing(settings, &reasons))
}

/// What [`choose`] would choose: nothing is started, pulled or fetched, and no connection is
/// made to a server by URL.
///
/// # Errors
/// As [`choose`].
pub(super) async fn predict(settings: &Settings) -> Result<String, CannotRun> {
    let Candidates { list, mut reasons } = candidates(settings).await?;
    for candidate in list {
        let what = match candidate {
            Candidate::Url => URL.to_owned(),
            Candidate::Embedded(binaries) => format!("embedded: {binaries}"),
            Candidate::Docker(true) => format!("docker: image {}", settings.image),
            Candidate::Docker(false) => {
                format!("docker: image {}, which is pulled first", settings.image)
            }
            Candidate::Fetch => match binaries::can_fetch(settings) {
                Ok(()) => format!("embedded: {}, fetched first", binaries::FETCHED),
                Err(problem) => {
                    reasons.push(problem);
                    continue;
                }
            },
        };
        reasons.insert(0, what);
        return Ok(reasons.join("; "));
    }
    Err(nothing(settings, &reasons))
}

const URL: &str = "url: the server of IDENTRA_DATABASE_URL";

/// The error after everything was tried.
fn nothing(settings: &Settings, reasons: &[String]) -> CannotRun {
    let last = reasons.last().cloned().unwrap_or_default();
    match settings.wanted {
        Wanted::Url | Wanted::Embedded => CannotRun(last),
        Wanted::Docker => CannotRun(last.trim_start_matches("not ").to_owned()),
        Wanted::Auto => CannotRun(format!(
            "there is no PostgreSQL to use; install PostgreSQL 15 or later with pgvector \
             (Debian: apt-get install postgresql-17 postgresql-17-pgvector), or start Docker, \
             or set IDENTRA_DATABASE_URL; tried:\n  {}",
            reasons.join("\n  ")
        )),
    }
}

/// Finds the possible servers, no further than needed.
///
/// # Errors
/// Why the requested kind of server is not available.
async fn candidates(settings: &Settings) -> Result<Candidates, CannotRun> {
    match settings.wanted {
        Wanted::Url => url(settings),
        Wanted::Embedded => {
            let mut reasons = vec!["not the others: IDENTRA_POSTGRES is embedded".to_owned()];
            let (candidate, skipped) = match present(settings)? {
                Ok((binaries, skipped)) => (Candidate::Embedded(binaries), skipped),
                Err(skipped) => (Candidate::Fetch, skipped),
            };
            reasons.extend(skipped);
            Ok(Candidates::one(candidate, reasons))
        }
        Wanted::Docker => {
            let asked = vec!["not the others: IDENTRA_POSTGRES is docker".to_owned()];
            let there = docker::look(&settings.image).await;
            let there = there.map_err(|reason| CannotRun(format!("docker: {reason}")))?;
            Ok(Candidates::one(Candidate::Docker(there), asked))
        }
        Wanted::Auto => auto(settings).await,
    }
}

fn url(settings: &Settings) -> Result<Candidates, CannotRun> {
    if settings.url.is_none() {
        return Err(CannotRun(
            "IDENTRA_POSTGRES is url; say which with \
             IDENTRA_DATABASE_URL=postgres://supabase_admin:PASSWORD@127.0.0.1:5432/postgres"
                .to_owned(),
        ));
    }
    let reasons = vec!["not the others: IDENTRA_DATABASE_URL is set".to_owned()];
    Ok(Candidates::one(Candidate::Url, reasons))
}

async fn auto(settings: &Settings) -> Result<Candidates, CannotRun> {
    let mut reasons = vec!["not url: IDENTRA_DATABASE_URL is not set".to_owned()];
    match present(settings)? {
        Ok((binaries, skipped)) => {
            reasons.push("not docker: binaries on this machine come first".to_owned());
            reasons.extend(skipped);
            return Ok(Candidates::one(Candidate::Embedded(binaries), reasons));
        }
        Err(skipped) if skipped.is_empty() => {
            reasons.push("not embedded: no PostgreSQL was found".to_owned());
        }
        Err(skipped) => reasons.extend(skipped),
    }
    match docker::look(&settings.image).await {
        Ok(true) => Ok(Candidates::one(Candidate::Docker(true), reasons)),
        Ok(false) => {
            Ok(Candidates { list: vec![Candidate::Docker(false), Candidate::Fetch], reasons })
        }
        Err(reason) => {
            reasons.push(format!("not docker: {reason}"));
            Ok(Candidates::one(Candidate::Fetch, reasons))
        }
    }
}

/// The binaries to use without fetching, or why there are none.
///
/// # Errors
/// Why the ones that `IDENTRA_PG_BINDIR` names cannot be used: then others are not looked for.
#[expect(clippy::type_complexity, reason = "the shape of Binaries::find, with one error around it")]
fn present(settings: &Settings) -> Result<Result<(Binaries, Vec<String>), Vec<String>>, CannotRun> {
    let Some(directory) = &settings.bindir else { return Ok(Binaries::find(settings)) };
    let asked = "no others were looked for: IDENTRA_PG_BINDIR is set".to_owned();
    match Binaries::inspect(directory) {
        Ok(binaries) => Ok(Ok((binaries, vec![asked]))),
        Err(reason) => Err(CannotRun(format!(
            "IDENTRA_PG_BINDIR cannot be used: {reason}; name a directory with PostgreSQL 15 or \
             later that has pgvector and pg_trgm, or unset it"
        ))),
    }
}

fn container(settings: &Settings, reasons: &[String]) -> Chosen {
    let what = format!("docker: image {}", settings.image);
    Chosen::new(Source::Docker(settings.image.clone()), &what, reasons)
}
