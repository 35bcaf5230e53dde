//! The options of a run of the main job: which parts, attacks, properties and mutants.

use std::sync::Arc;

use crate::checks::attacks;
use crate::checks::attacks::runner::Attack;
use crate::checks::controls::{CONTROLS, Control};
use crate::checks::mutants::judge::Which;
use crate::checks::properties::{self, Property};
use crate::platform::Regime;
use crate::progress::Progress;

/// A part of the main job, which can be split into shards. Each part plans every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Schema verification and the linter's rules.
    Schema,
    /// The access matrix, sign-up and login.
    Isolation,
    /// The attack catalogue.
    Attacks,
    /// The properties of functions, triggers and constraints.
    Properties,
    /// The negative controls.
    Controls,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 5] =
        [Self::Schema, Self::Isolation, Self::Attacks, Self::Properties, Self::Controls];

    /// Its name in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Isolation => "isolation",
            Self::Attacks => "attacks",
            Self::Properties => "properties",
            Self::Controls => "controls",
        }
    }
}

/// The options of a run.
pub struct Job {
    /// The attacks to try.
    pub attacks: Vec<&'static Attack>,
    /// The properties to try, of those that the contract names.
    pub properties: Vec<&'static Property>,
    /// The negative controls to plant.
    pub controls: &'static [Control],
    /// The mutants to judge.
    pub mutants: Option<Which>,
    /// Whether weakened defences and matters of style fail, too.
    pub strict: bool,
    /// The privilege regimes to prove the schema in; none lets the migrations show which.
    pub regimes: Option<Vec<Regime>>,
    /// The parts to do.
    pub parts: Vec<Part>,
    /// Where it says how far it is.
    pub progress: Arc<Progress>,
}

impl Job {
    /// Everything but mutants, with a project's properties.
    pub fn whole(properties: &[&'static Property]) -> Self {
        Self {
            attacks: attacks::all().collect(),
            properties: properties::all(properties),
            controls: CONTROLS,
            mutants: None,
            strict: true,
            regimes: None,
            parts: Part::ALL.to_vec(),
            progress: Arc::new(Progress::silent()),
        }
    }

    /// Nothing but the catalog, the cells, the ways in and those properties.
    pub fn without_attacks(properties: &[&'static Property]) -> Self {
        let properties = properties.to_vec();
        Self { attacks: Vec::new(), properties, controls: &[], ..Self::whole(&[]) }
    }

    /// Whether it does that part.
    pub(super) fn does(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}
