//! A property that does not hold: the smallest input that breaks it, and the observed outcome.

use super::transaction::Refused;
use crate::error::CannotRun;

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The smallest input that breaks it.
    pub input: String,
    /// The observed outcome.
    pub reason: String,
    /// The statements of that case.
    pub script: String,
    /// The object of the finding, if it is not the first of the property's.
    pub object: Option<String>,
}

impl Broken {
    /// No case could be tried.
    pub fn untried(reason: String) -> Self {
        let input = "none: the case could not be set".to_owned();
        Self { input, reason, script: String::new(), object: None }
    }

    /// The same with another object.
    pub fn of(self, object: String) -> Self {
        Self { object: Some(object), ..self }
    }
}

impl From<Refused> for Broken {
    fn from(refused: Refused) -> Self {
        Self::untried(refused.to_string())
    }
}

impl From<CannotRun> for Broken {
    fn from(why: CannotRun) -> Self {
        Self::untried(why.to_string())
    }
}
