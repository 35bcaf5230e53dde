//! The contract: the intended schema, read from files that are written by hand.

pub mod cell;
mod checks;
mod database;
pub mod effects;
mod file;
mod files;
pub mod grid;
pub mod guard;
pub mod known_mutants;
pub mod membership;
mod model;
mod parties;
mod path;
pub mod personas;
pub mod shape;
mod sharing;
pub mod tenant;

use std::path::Path;

pub use self::database::{
    AcceptedFinding, Accounts, BUCKETS, Bucket, Clients, Database, LintException,
};
pub use self::model::{
    Accepted, CLIENT_ROLES, Column, Contract, Facet, Function, OWNER, Owner, Party, Relation,
    example_of,
};
use crate::error::CannotRun;
use crate::source::SourceFile;

impl Contract {
    /// Reads `contract/` below `fixtures`.
    ///
    /// # Errors
    /// The mistakes of all files, with place and remedy.
    pub fn read(fixtures: &Path) -> Result<Self, CannotRun> {
        files::read(&fixtures.join("contract"))
    }

    /// The files below `fixtures` that it is read from.
    ///
    /// # Errors
    /// Which of them could not be read.
    pub fn files(fixtures: &Path) -> Result<Vec<SourceFile>, CannotRun> {
        files::texts(&fixtures.join("contract"))
    }
}
