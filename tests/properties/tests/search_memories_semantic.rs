//! `search_memories_semantic` has its properties, and faults in it are noticed.

use identra_properties::search_memories_semantic::{
    ANOTHERS_ID, EQUALS_BRUTE_FORCE, FOR_USERS_ALONE, LARGE_USER, RECALL,
};
use rstest::rstest;
use schema_harness::checks::properties::Property;

use super::{holds, notices, with_replaced};

#[rstest]
#[case::equals_brute_force(&EQUALS_BRUTE_FORCE)]
#[case::finds_nothing_for_another_users_id(&ANOTHERS_ID)]
#[case::is_for_users_alone(&FOR_USERS_ALONE)]
#[case::has_a_recall_of_at_least_95_in_100(&RECALL)]
fn semantic_search(#[case] property: &Property) {
    holds(property);
}

#[rstest]
#[case::that_the_deleted_are_found(" and m.deleted_at is null", "")]
#[case::that_the_threshold_is_found("s.similarity > threshold", "s.similarity >= threshold")]
#[case::that_everybodys_are_found("where m.user_id = p_user_id and", "where")]
#[case::that_there_is_no_limit("limit wanted", "limit 1000")]
#[case::that_a_null_limit_is_none("coalesce(p_limit, 10)", "coalesce(p_limit, 1000)")]
#[case::that_a_null_threshold_is_none("coalesce(p_threshold, 0.3)", "coalesce(p_threshold, -1)")]
#[case::that_the_distance_is_another("operator(extensions.<=>)", "operator(extensions.<->)")]
#[case::that_the_farthest_come_first("order by s.similarity desc", "order by s.similarity")]
#[case::that_no_direction_is_near(" and s.similarity <> 'NaN'", "")]
#[case::that_the_length_is_not_looked_at("<> 384", "< 0")]
fn semantic_search_catches(#[case] piece: &str, #[case] by: &str) {
    notices(&EQUALS_BRUTE_FORCE, &with_replaced("search_memories_semantic", piece, by));
}

const SIGNATURE: &str = "public.search_memories_semantic(uuid, extensions.vector, integer, real)";

#[test]
fn semantic_search_catches_security_definer() {
    notices(&ANOTHERS_ID, &format!("alter function {SIGNATURE} security definer"));
}

#[test]
fn semantic_search_catches_that_anyone_may_call_it() {
    notices(&FOR_USERS_ALONE, &format!("grant execute on function {SIGNATURE} to anon"));
}

/// From the index alone, one of its hundred lists.
#[test]
fn semantic_search_catches_that_it_searches_few_lists() {
    let by_index = with_replaced("search_memories_semantic", "offset 20000", "offset 0");
    let one_list = by_index.replace("'ivfflat.probes', '20'", "'ivfflat.probes', '1'");
    assert_ne!(by_index, one_list, "it has such a piece");
    notices(&RECALL, &one_list);
}

#[test]
fn results_from_the_index_are_correct() {
    holds(&LARGE_USER);
}

#[rstest]
#[case::that_the_deleted_are_found("and m.deleted_at is null\n                order", "order")]
#[case::that_everybodys_are_found("m.user_id = p_user_id and m.deleted_at", "m.deleted_at")]
#[case::that_there_is_no_limit("limit wanted\n            )", "limit 1000)")]
#[case::that_the_threshold_is_ignored("n.similarity > threshold and", "")]
#[case::that_the_threshold_is_found("n.similarity > threshold", "n.similarity >= threshold")]
#[case::that_the_farthest_come_first(
    "order by n.similarity desc, n.id;\n        perform",
    "order by n.similarity; perform"
)]
#[case::that_settings_are_left_behind("'ivfflat.probes', probes, true", "'a.b', probes, true")]
fn search_of_a_large_user_catches(#[case] piece: &str, #[case] by: &str) {
    notices(&LARGE_USER, &with_replaced("search_memories_semantic", piece, by));
}
