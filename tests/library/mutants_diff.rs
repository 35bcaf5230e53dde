//! Which mutants a diff touches.

use schema_harness::checks::mutants::diff::{lines, touches};
use schema_harness::checks::mutants::{Mutant, Scope};

#[test]
fn lines_of_a_diff_are_those_of_the_new_file() {
    let diff = "--- a/migrations/1_a.sql\n+++ b/migrations/1_a.sql\n@@ -3 +3,2 @@ x\n+a\n+b\n\
                @@ -9,2 +10,0 @@\n-c\n-d\n";
    assert_eq!(lines(diff)["1_a.sql"], [3..=4, 10..=11]);
}

#[test]
fn changed_policy_touches_its_own_mutants() {
    let policy = "create policy \"users read notes\" on public.notes using (true)".to_owned();
    let mutant = |id: &str, object: &str| Mutant::new(id, object, "x", "", Scope::Catalog);
    let touched = |mutant: Mutant| touches(std::slice::from_ref(&policy), &mutant);
    assert!(touched(mutant("policies", "notes.Users read notes")));
    assert!(!touched(mutant("policies", "notes.Users delete notes")));
    assert!(!touched(mutant("columns", "notes.body")));
}
