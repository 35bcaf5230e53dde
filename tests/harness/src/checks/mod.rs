//! The checks, in a folder for each kind.

pub mod attacks;
pub mod controls;
pub mod isolation;
pub mod lint;
pub mod mutants;
pub mod plans;
pub mod properties;
pub mod reachable;
pub mod schema;
pub mod sign_up;
