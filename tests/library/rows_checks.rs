//! Values of several columns that a check accepts.

use std::collections::BTreeSet;

use schema_harness::rows::checks::grow;

/// Of `lowest < highest` with 0, 1, 2 in both.
#[test]
fn what_is_kept_can_be_combined_at_will() {
    let all: [&[usize]; 3] = [&[0, 1], &[0, 2], &[1, 2]];
    let options = vec![vec![String::new(); 3]; 2];
    let kept = grow(&BTreeSet::from(all), &options);
    assert_eq!(kept, Some(vec![vec![0], vec![1, 2]]));
    assert_eq!(grow(&BTreeSet::new(), &options), None);
}
