//! What a transcript masks.

use std::collections::BTreeSet;

use schema_harness::checks::attacks::runner::transcript::mask;

#[test]
fn generated_values_are_masked_and_the_worlds_are_not() {
    let known = BTreeSet::from(["a11ce000-0000-4000-8000-000000000001".to_owned()]);
    let text = "a11ce000-0000-4000-8000-000000000001 | \
                0f0e0d0c-0b0a-4908-8706-050403020100 | 2026-11-22 10:00:00.123+00 | \
                2025-01-03 00:00:00+00 | 2026-11-22T10:00:00+00:00, é";
    assert_eq!(
        mask(text, &known),
        "a11ce000-0000-4000-8000-000000000001 | <uuid> | <time>| 2025-01-03 00:00:00+00 | \
         <time>, é"
    );
}
