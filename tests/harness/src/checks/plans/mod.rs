//! How queries are planned.

pub mod planner;
pub mod queries;
