//! Proves on a disposable PostgreSQL that a database schema keeps every user's rows to that user.
//!
//! A project has its migrations, a contract that says what is intended, and a test target of a
//! few lines without libtest (`harness = false`):
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     schema_harness::Project::new(env!("CARGO_MANIFEST_DIR")).main()
//! }
//! ```
//!
//! `cargo test` runs it as the main job, and behind `--command-line` it has one:
//! `cargo test --test verify -- --command-line --help`. What the project knows of its own
//! functions it adds as a [`Property`], see there. `fixtures/examples/teams` is such a project.
//!
//! The modules are the stages of the data's way, each using only those before it: `error`, `sql`,
//! `source`, `progress`, `platform`, `server`, `database`, `catalog`, `contract`, `inputs`,
//! `draft`, `rows`, `sandbox`, `probe`, `findings`, `checks`, `report`, `job`, `cli`.

#![cfg_attr(
    not(feature = "internals"),
    expect(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "public for the tests of this repository, which have the feature"
    )
)]
#![cfg_attr(
    feature = "internals",
    expect(
        missing_docs,
        clippy::missing_errors_doc,
        clippy::missing_panics_doc,
        reason = "what the feature opens is not for others, and says what its readers need"
    )
)]

// Private, but for the tests of this repository.
#[cfg(not(feature = "internals"))]
mod catalog;
#[cfg(not(feature = "internals"))]
mod checks;
#[cfg(not(feature = "internals"))]
mod cli;
#[cfg(not(feature = "internals"))]
mod contract;
#[cfg(not(feature = "internals"))]
mod database;
#[cfg(not(feature = "internals"))]
mod draft;
#[cfg(not(feature = "internals"))]
mod error;
#[cfg(not(feature = "internals"))]
mod findings;
#[cfg(not(feature = "internals"))]
mod inputs;
#[cfg(not(feature = "internals"))]
mod job;
#[cfg(not(feature = "internals"))]
mod platform;
#[cfg(not(feature = "internals"))]
mod probe;
#[cfg(not(feature = "internals"))]
mod progress;
#[cfg(not(feature = "internals"))]
mod report;
#[cfg(not(feature = "internals"))]
mod rows;
#[cfg(not(feature = "internals"))]
mod sandbox;
#[cfg(not(feature = "internals"))]
mod server;
#[cfg(not(feature = "internals"))]
mod source;
#[cfg(not(feature = "internals"))]
mod sql;

#[cfg(feature = "internals")]
pub mod catalog;
#[cfg(feature = "internals")]
pub mod checks;
#[cfg(feature = "internals")]
pub mod cli;
#[cfg(feature = "internals")]
pub mod contract;
#[cfg(feature = "internals")]
pub mod database;
#[cfg(feature = "internals")]
pub mod draft;
#[cfg(feature = "internals")]
pub mod error;
#[cfg(feature = "internals")]
pub mod findings;
#[cfg(feature = "internals")]
pub mod inputs;
#[cfg(feature = "internals")]
pub mod job;
#[cfg(feature = "internals")]
pub mod platform;
#[cfg(feature = "internals")]
pub mod probe;
#[cfg(feature = "internals")]
pub mod progress;
#[cfg(feature = "internals")]
pub mod report;
#[cfg(feature = "internals")]
pub mod rows;
#[cfg(feature = "internals")]
pub mod sandbox;
#[cfg(feature = "internals")]
pub mod server;
#[cfg(feature = "internals")]
pub mod source;
#[cfg(feature = "internals")]
pub mod sql;

pub use checks::attacks::runner::Example;
pub use checks::properties::{Broken, CaseTransaction, Property, Refused, Runner, Sender};
pub use cli::Project;
pub use database::batch::{Answer, Unexpected};
pub use error::CannotRun;
pub use platform::persona::{Identity, Persona};
/// The strategies of a property, and what its cases say, in the version that tries them.
pub use proptest;
