//! A server that runs, whatever its kind, as its supervisor sees it.

use super::choice::{Chosen, Source};
use super::embedded::Postmaster;
use super::home::{Claim, Home};
use super::settings::Settings;
use super::{Address, CannotRun, Kind, inspect};

pub(super) enum Running {
    Embedded(Postmaster),
}

impl Running {
    /// Starts what was chosen and makes sure that it has what the schema needs.
    ///
    /// # Errors
    /// Why it could not be started or used; nothing of it is left.
    pub(super) async fn start(
        chosen: Chosen,
        _settings: &Settings,
        home: &Home,
        claim: &Claim,
    ) -> Result<(Self, Address), CannotRun> {
        let (running, mut address) = match &chosen.source {
            Source::Embedded(binaries) => {
                let (postmaster, place) = Postmaster::start(binaries, home, claim).await?;
                (Self::Embedded(postmaster), Address::new(Kind::Embedded, place, chosen.line))
            }
        };
        match inspect::inspect(&mut address).await {
            Ok(()) => Ok((running, address)),
            Err(problem) => {
                running.stop().await;
                Err(problem)
            }
        }
    }

    /// What a dead supervisor left in this home.
    pub(super) async fn adopt(home: &Home) -> Self {
        Self::Embedded(Postmaster::Left(home.clone()))
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Embedded(postmaster) => postmaster.ended().await,
        }
    }

    pub(super) async fn stop(self) {
        match self {
            Self::Embedded(postmaster) => postmaster.stop().await,
        }
    }
}
