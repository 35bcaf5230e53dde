//! Which statements name an object.

use schema_harness::report::locate::names;

#[test]
fn a_name_is_a_word_of_its_own() {
    assert!(names("grant all on public.memories to anon", "memories"));
    assert!(!names("create index memories_tags_idx on t", "memories"));
}
