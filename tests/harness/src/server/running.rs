//! A running server of any kind, as its supervisor handles it.

use super::address::{Address, Kind};
use super::choice::{Chosen, Source};
use super::docker::Container;
use super::embedded::Postmaster;
use super::extensions::Completed;
use super::home::{Claim, Home};
use super::inspect;
use super::settings::Settings;
use super::url::Stay;
use crate::error::CannotRun;

pub(super) enum Running {
    Embedded(Postmaster),
    Docker(Box<Container>),
    Url(Stay),
    /// The server of a dead supervisor is gone, too.
    Gone,
}

impl Running {
    /// Starts what was chosen and makes sure that it has what the schema needs.
    ///
    /// # Errors
    /// Why it could not be started or used; it is removed then.
    pub(super) async fn start(
        chosen: Chosen,
        settings: &Settings,
        home: &Home,
        claim: &Claim,
    ) -> Result<(Self, Address), CannotRun> {
        let line = chosen.line;
        let mut extensions = None;
        let (running, mut address) = match &chosen.source {
            Source::Embedded(binaries) => {
                let completed = Completed::make(binaries, home.path())?;
                let started = Postmaster::start(binaries, &completed, home, claim).await;
                let (postmaster, place) = started?;
                extensions = Some(completed);
                (Self::Embedded(postmaster), Address::new(Kind::Embedded, place, line))
            }
            Source::Docker(image) => {
                let (container, address) = Container::start(image, line).await?;
                (Self::Docker(Box::new(container)), address)
            }
            Source::Url => {
                let (stay, address) = Stay::start(settings, line).await?;
                (Self::Url(stay), address)
            }
        };
        let mut usable = inspect::inspect(&mut address).await;
        if let (Ok(()), Some(extensions)) = (&usable, extensions) {
            usable = extensions.replace_what_fails(&address).await;
        }
        match usable {
            Ok(()) => Ok((running, address)),
            Err(problem) => {
                running.stop().await;
                Err(problem)
            }
        }
    }

    /// Takes over the server that a dead supervisor left in this home.
    pub(super) async fn adopt(home: &Home) -> Self {
        let Some(address) = home.address() else {
            return Self::Embedded(Postmaster::Left(home.clone()));
        };
        match address.kind {
            Kind::Embedded => Self::Embedded(Postmaster::Left(home.clone())),
            Kind::Docker => match Container::adopt(&address).await {
                Ok(container) => Self::Docker(Box::new(container)),
                Err(_) => Self::Gone,
            },
            Kind::Url => Stay::adopt(&address).await.map_or(Self::Gone, Self::Url),
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Embedded(postmaster) => postmaster.ended().await,
            Self::Docker(container) => container.ended().await,
            Self::Url(stay) => stay.ended().await,
            Self::Gone => (),
        }
    }

    /// Stops it; of a server that was there before, drops this run's databases.
    pub(super) async fn stop(self) {
        match self {
            Self::Embedded(postmaster) => postmaster.stop().await,
            Self::Docker(container) => container.stop().await,
            Self::Url(stay) => stay.stop().await,
            Self::Gone => (),
        }
    }
}
