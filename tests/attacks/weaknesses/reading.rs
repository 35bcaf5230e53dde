//! This file is the weaknesses that family R looks for.

use super::Weakness;

/// One or more for each attack of the family.
pub(super) const WEAKNESSES: [Weakness; 1] = [Weakness {
    attack: "R01",
    object: "memories",
    by: "postgres",
    plant: "alter policy \"Users read their own memories\" on public.memories using (true)",
}];
