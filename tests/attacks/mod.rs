//! The attack catalogue on this schema: each attack finds a planted weakness, a property of
//! claims, and an unpatched server.

mod claims;
mod unpatched_engine;
pub(crate) mod weaknesses;
