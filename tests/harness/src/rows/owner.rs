//! Whose a generated row is.

use crate::contract::grid::SHARED;
use crate::platform::persona::Persona;

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// That user's, alone.
    User(Persona),
    /// Alice's and Bob's.
    Shared,
    /// It leads to no single user, or its table has no owners.
    Nobody,
}

impl Owner {
    /// The word in values and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::User(persona) => persona.name(),
            Self::Shared => SHARED,
            Self::Nobody => "nobody",
        }
    }
}
