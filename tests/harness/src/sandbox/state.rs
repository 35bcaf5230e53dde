//! What a template stores of how it was made.

/// A document that a template holds besides its tables.
#[derive(Debug, Clone, Copy)]
pub enum State {
    /// The catalog's facets before the migration.
    Baseline,
    /// The rows that migrations left in each table: table to rows as JSON.
    Seeds,
    /// The rows of the world, or why there are none.
    World,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Seeds => "seeds",
            Self::World => "world",
        }
    }
}
