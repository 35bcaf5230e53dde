//! Properties: invariants that generated cases try to break, and the results.

mod broken;
pub mod constraints;
pub mod coverage;
pub mod plan;
mod property;
mod runner;
mod transaction;

pub use self::broken::Broken;
pub use self::property::{FaultRunner, Property, Tried};
pub use self::runner::{PATIENCE, Runner, runtime};
pub use self::transaction::{CaseTransaction, Refused, Sender};

/// All properties: the project's, and those of the constraints of any schema.
pub fn all(project: &[&'static Property]) -> Vec<&'static Property> {
    project.iter().copied().chain(&constraints::PROPERTIES).collect()
}
