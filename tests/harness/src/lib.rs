//! Proves on a disposable PostgreSQL that a database schema keeps every user's rows to that user.
//!
//! A project has its migrations, a contract that says what is intended, and a test target of a
//! few lines without libtest:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     schema_harness::Project::new(env!("CARGO_MANIFEST_DIR")).main()
//! }
//! ```
//!
//! `cargo test` runs it as the main job; `scripts/verify` gives it a command line. What the
//! project knows of its own functions it adds as a [`Property`], see there.
//!
//! The modules are the stages of the data's way, each using only those before it: `platform`,
//! `server`, `database`, `catalog`, `contract`, `rows`, `checks`, `report`, `job`, `cli`.

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

pub use checks::properties::{Broken, CaseTransaction, Property, Refused, Runner, Sender};
pub use cli::Project;
pub use error::CannotRun;

/// A server's supervisor is this program once more, see `server::supervisor`.
#[cfg(test)]
#[test]
fn server_is_supervised() {
    server::supervisor::supervise_if_asked();
}
