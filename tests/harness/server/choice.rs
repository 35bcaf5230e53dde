//! Which server a run gets, and the line that says why not another.

use super::binaries::{self, Binaries};
use super::settings::{Settings, Wanted};
use super::{CannotRun, docker};

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
    /// What was chosen and why not the others, on one line.
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

/// Decides. `note` hears of what takes a while.
///
/// # Errors
/// What was tried, why it failed, and what to install.
pub(super) async fn choose(
    settings: &Settings,
    note: impl Fn(String),
) -> Result<Chosen, CannotRun> {
    match settings.wanted {
        Wanted::Url => url(settings),
        Wanted::Embedded => embedded(settings, &note).await,
        Wanted::Docker => {
            let asked = ["not the others: IDENTRA_POSTGRES is docker".to_owned()];
            let found = docker::look(&settings.image, &note).await;
            found.map_err(|reason| CannotRun(format!("docker: {reason}")))?;
            Ok(container(settings, &asked))
        }
        Wanted::Auto => auto(settings, &note).await,
    }
}

fn url(settings: &Settings) -> Result<Chosen, CannotRun> {
    if settings.url.is_none() {
        return Err(CannotRun(
            "IDENTRA_POSTGRES is url; say which with \
             IDENTRA_DATABASE_URL=postgres://supabase_admin:PASSWORD@127.0.0.1:5432/postgres"
                .to_owned(),
        ));
    }
    let reasons = ["not the others: IDENTRA_DATABASE_URL is set".to_owned()];
    Ok(Chosen::new(Source::Url, "url: the server of IDENTRA_DATABASE_URL", &reasons))
}

async fn embedded(settings: &Settings, note: impl Fn(String)) -> Result<Chosen, CannotRun> {
    let asked = "not the others: IDENTRA_POSTGRES is embedded".to_owned();
    match present(settings)? {
        Ok((binaries, mut reasons)) => {
            reasons.insert(0, asked);
            Ok(Chosen::embedded(binaries, &reasons))
        }
        Err(mut reasons) => {
            let binaries = binaries::fetch(settings, note).await?;
            reasons.insert(0, asked);
            Ok(Chosen::embedded(binaries, &reasons))
        }
    }
}

async fn auto(settings: &Settings, note: &impl Fn(String)) -> Result<Chosen, CannotRun> {
    let mut reasons = vec!["not url: IDENTRA_DATABASE_URL is not set".to_owned()];
    match present(settings)? {
        Ok((binaries, skipped)) => {
            reasons.push("not docker: binaries on this machine come first".to_owned());
            reasons.extend(skipped);
            return Ok(Chosen::embedded(binaries, &reasons));
        }
        Err(skipped) if skipped.is_empty() => {
            reasons.push("not embedded: no PostgreSQL was found".to_owned());
        }
        Err(skipped) => reasons.extend(skipped),
    }
    match docker::look(&settings.image, note).await {
        Ok(()) => return Ok(container(settings, &reasons)),
        Err(reason) => reasons.push(format!("not docker: {reason}")),
    }
    match binaries::fetch(settings, note).await {
        Ok(binaries) => Ok(Chosen::embedded(binaries, &reasons)),
        Err(CannotRun(problem)) => {
            reasons.push(problem);
            Err(CannotRun(format!(
                "there is no PostgreSQL to use; install PostgreSQL 15 or later with pgvector \
                 (Debian: apt-get install postgresql-17 postgresql-17-pgvector), or start Docker, \
                 or set IDENTRA_DATABASE_URL; tried:\n  {}",
                reasons.join("\n  ")
            )))
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
