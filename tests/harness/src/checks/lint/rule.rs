//! A rule of the linter, and how it is detected.

use crate::findings::rules::Rule;

/// A rule of the linter's.
pub(super) struct Lint {
    /// The rule; its id is `lint.` and the linter's number and name.
    pub(super) rule: Rule,
    /// How it is detected.
    pub(super) looks: Detection,
}

/// How a rule is detected.
pub(super) enum Detection {
    /// By a query of the catalog for offenders: object and detail.
    At(&'static str),
    /// Not here, and why.
    Nowhere(&'static str),
}

impl Lint {
    /// Its number and name, `0004_no_primary_key`.
    pub(super) fn name(&self) -> &'static str {
        self.rule.id.trim_start_matches("lint.")
    }

    pub(super) fn check(&self) -> String {
        format!("lint/{}", self.name())
    }
}

/// The expected outcome of every rule.
pub(super) const NOTHING: &str = "nothing";
