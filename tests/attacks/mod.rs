//! The attack catalogue on this schema: whether each attack can fail, and two attacks that are
//! generated or of the engine alone.

mod claims;
mod unpatched_engine;
pub(crate) mod weaknesses;
