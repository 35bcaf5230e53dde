//! The data of a run besides its ledger, from which the evidence is made; and its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::checks::attacks::runner::Attack;
use crate::checks::mutants::judge::Judgement;
use crate::checks::properties::plan::Try;
use crate::inputs::Inputs;
use crate::rows::World;
use crate::sandbox::Regimes;
use crate::server::Server;

/// The verdict of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every planned check was made and passed.
    Proved,
    /// Every finding is accepted by a baseline.
    NothingNew,
    /// The schema or its contract has a fault.
    Findings,
    /// Not every planned check was made, so nothing is proved.
    Incomplete,
    /// A check did not find a weakness that the harness planted, so no outcome can be relied on.
    HarnessBroken,
}

impl Verdict {
    /// Its exit status.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Proved | Self::NothingNew => 0,
            Self::Findings | Self::Incomplete => 1,
            Self::HarnessBroken => 3,
        }
    }

    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proved => "PROVED",
            Self::NothingNew => "NOTHING NEW",
            Self::Findings => "FINDINGS",
            Self::Incomplete => "INCOMPLETE",
            Self::HarnessBroken => "HARNESS BROKEN",
        }
    }
}

/// The data of a run besides its ledger.
pub struct Run<'a> {
    /// The inputs.
    pub inputs: &'a Inputs,
    /// The server.
    pub server: &'a Server,
    /// Whether weakened defences and matters of style fail, too.
    pub strict: bool,
    /// The privilege regimes, and why these.
    pub regimes: &'a Regimes,
    /// The extensions in use that only stand for the platform's own.
    pub stand_ins: Vec<String>,
    /// The attack catalogue.
    pub attacks: &'a [&'static Attack],
    /// The parts of the main job that were run.
    pub parts: BTreeSet<String>,
    /// The fingerprint of the rows before each cell, by privilege regime.
    pub states: BTreeMap<String, String>,
    /// The catalog.
    pub catalog: Catalog,
    /// The generated rows, or why there are none.
    pub world: Result<World, String>,
    /// Each property that was tried.
    pub tries: Vec<Try>,
    /// Whether the server has `plpgsql_check`.
    pub has_plpgsql_check: bool,
    /// The outcomes of mutants, if they were requested.
    pub mutants: Option<Judgement>,
    /// How long the negative controls took.
    pub controls: Duration,
    /// How long it took until the catalogs were compared.
    pub compared: Duration,
    /// How long the whole run took.
    pub took: Duration,
}
