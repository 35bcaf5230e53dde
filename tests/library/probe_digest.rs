//! For whom a row has changed.

use schema_harness::probe::digest::Digest;

/// One row of a table whose rows can be shared.
fn row(owner: &str, text: &str) -> Digest {
    Digest::of_rows(&[["t", owner, "1", "1", text].map(str::to_owned).to_vec()])
}

fn changed(before: [&str; 2], after: [&str; 2]) -> Vec<String> {
    let changed = row(before[0], before[1]).changed(&row(after[0], after[1]));
    changed.into_iter().map(|it| it.owner).collect()
}

#[test]
fn row_that_gains_a_user_has_changed_for_its_former_user() {
    assert_eq!(changed(["alice", "x"], ["alice&bob", "x"]), ["alice"]);
    assert_eq!(changed(["alice", "x"], ["bob", "x"]), ["alice"]);
}

#[test]
fn row_that_only_loses_a_user_has_not_changed() {
    assert_eq!(changed(["alice&bob", "x"], ["alice", "x"]), [""; 0]);
}

#[test]
fn changed_row_that_loses_a_user_has_changed_for_that_user_too() {
    assert_eq!(changed(["alice&bob", "x"], ["bob", "y"]), ["alice", "alice&bob", "bob"]);
}

#[test]
fn changed_row_has_changed_for_its_users() {
    assert_eq!(changed(["alice&bob", "x"], ["alice&bob", "y"]), ["alice&bob"]);
}
