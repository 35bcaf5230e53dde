//! Severity of a finding: what an attacker gains by it, the most first.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an attacker gains, or who is hindered.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Rows of another user are read, changed or detected.
    #[default]
    Isolation,
    /// Users give themselves what they are not to have.
    Escalation,
    /// Users do not reach what is theirs.
    Blocked,
    /// Somebody cannot sign up or log in, or a forged token is accepted.
    SignUp,
    /// The schema is not what its contract or one of its properties says: nothing is reached, but
    /// for another reason, or with another answer.
    Contract,
    /// Something could not be tried, so that nothing is known of it.
    Untried,
    /// A line of defence is missing behind which another stands: it takes SQL that the API does
    /// not offer, or tells no more than that a key is taken.
    Weakened,
    /// Advice.
    Style,
}

impl Severity {
    /// Whether nothing is proved while there is such a finding.
    pub fn fails(self) -> bool {
        self < Self::Weakened
    }

    /// Its name, for a reader.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isolation => "breaks isolation",
            Self::Escalation => "escalation",
            Self::Blocked => "owners blocked",
            Self::SignUp => "sign-up",
            Self::Contract => "not as declared",
            Self::Untried => "not tried",
            Self::Weakened => "weakened defence",
            Self::Style => "style",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
