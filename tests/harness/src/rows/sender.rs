//! The claims that triggers ask for when the rows of a table are written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::owner::Owner;
use crate::platform::persona::Persona;
use crate::sql::quote;

/// As whom the administrator writes the rows of a table, as far as triggers ask for claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Sender {
    /// As nobody: there are no claims.
    Nobody,
    /// With the claims of the back end.
    BackEnd,
    /// With the claims of the row's owner.
    Owner,
}

impl Sender {
    pub(super) const ALL: [Self; 3] = [Self::Nobody, Self::BackEnd, Self::Owner];

    /// The statement with what makes it this sender's; nothing of it stays.
    pub(super) fn sends(self, owner: Owner, statement: String) -> Vec<String> {
        let owner = match owner {
            Owner::User(persona) => persona,
            Owner::Shared | Owner::Nobody => Persona::Alice,
        };
        let claims: Option<Value> = match self {
            Self::Nobody => return vec![statement],
            Self::BackEnd => Persona::ServiceRole.claims(),
            Self::Owner => owner.claims(),
        };
        let claims = claims.map(|claims| claims.to_string()).unwrap_or_default();
        let set = |claims: &str| {
            format!("select set_config('request.jwt.claims', {}, false)", quote(claims))
        };
        vec![set(&claims), statement, set("")]
    }
}
