//! Which server a run gets, and the line that says why not another.

use super::CannotRun;
use super::binaries::{self, Binaries};
use super::settings::{Settings, Wanted};

/// Where the server comes from.
pub(super) enum Source {
    Embedded(Binaries),
}

/// The decision.
pub(super) struct Chosen {
    pub(super) source: Source,
    /// What was chosen and why not the others, on one line.
    pub(super) line: String,
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
        Wanted::Embedded | Wanted::Auto | Wanted::Docker | Wanted::Url => {
            let (binaries, reasons) = match Binaries::find(settings) {
                Ok(found) => found,
                Err(reasons) => {
                    note("fetching PostgreSQL".into());
                    (binaries::fetch(settings).await?, reasons)
                }
            };
            let line = format!("embedded {binaries}; {}", reasons.join("; "));
            Ok(Chosen { source: Source::Embedded(binaries), line })
        }
    }
}
