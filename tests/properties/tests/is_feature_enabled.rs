//! `is_feature_enabled` has its properties, and faults in it are noticed.

use identra_properties::is_feature_enabled::{
    FOLLOWS_ITS_FLAG, GROWS, IS_STABLE, SPREADS, UNKNOWN_IS_OFF,
};
use rstest::rstest;
use schema_harness::checks::properties::Property;

use super::{holds, notices, with_replaced};

#[rstest]
#[case::follows_its_flag(&FOLLOWS_ITS_FLAG)]
#[case::grows(&GROWS)]
#[case::is_stable(&IS_STABLE)]
#[case::spreads(&SPREADS)]
#[case::does_not_know_other_names(&UNKNOWN_IS_OFF)]
fn feature(#[case] property: &Property) {
    holds(property);
}

const HASHED: &str = "f.name || caller.id::text";
const BELOW: &str = "< f.rollout_percentage";

#[rstest]
#[case::that_off_is_on(&FOLLOWS_ITS_FLAG, "f.enabled\n", "true\n")]
#[case::that_targets_are_left_out(&FOLLOWS_ITS_FLAG, "caller.id = any", "caller.id <> all")]
#[case::that_nobody_is_targeted(&FOLLOWS_ITS_FLAG, "caller.id = any (f.target_user_ids)", "false")]
#[case::that_the_last_place_is_in(&FOLLOWS_ITS_FLAG, BELOW, "<= f.rollout_percentage")]
#[case::that_nobody_has_the_first_place(&FOLLOWS_ITS_FLAG, " 99\n", " 0\n")]
#[case::that_another_flag_answers(
    &FOLLOWS_ITS_FLAG,
    "f.name = p_name",
    "f.name >= p_name order by f.rollout_percentage limit 1"
)]
#[case::that_a_percentage_draws_anew(&GROWS, HASHED, "f.rollout_percentage || caller.id::text")]
#[case::that_more_is_less(&GROWS, BELOW, ">= f.rollout_percentage")]
#[case::that_a_few_are_in_at_no_percentage(&SPREADS, BELOW, "<= f.rollout_percentage")]
#[case::that_some_are_never_in(&GROWS, "% 100", "% 200")]
#[case::that_it_is_drawn_at_each_call(&IS_STABLE, HASHED, "random()::text")]
#[case::that_a_transaction_draws(&IS_STABLE, HASHED, "now()::text || caller.id")]
#[case::that_a_new_flag_draws(&IS_STABLE, HASHED, "f.id::text || caller.id")]
#[case::that_every_flag_has_the_same_users(&SPREADS, HASHED, "caller.id::text")]
#[case::that_there_are_ninety_places(&SPREADS, "% 100", "% 90")]
#[case::that_the_hash_is_negative(&SPREADS, "9223372036854775807", "-1")]
#[case::that_case_is_ignored(&UNKNOWN_IS_OFF, "f.name = p_name", "lower(f.name) = lower(p_name)")]
#[case::that_a_name_is_a_pattern(&UNKNOWN_IS_OFF, "f.name = p_name", "f.name like p_name limit 1")]
#[case::that_blanks_are_cut(&UNKNOWN_IS_OFF, "f.name = p_name", "f.name = trim(p_name)")]
#[case::that_what_is_unknown_is_on(&UNKNOWN_IS_OFF, "    false\n)", "    true\n)")]
#[case::that_null_is_null(&UNKNOWN_IS_OFF, "    false\n)", "    nullif(p_name is null, true)\n)")]
fn feature_property_catches(#[case] property: &Property, #[case] piece: &str, #[case] by: &str) {
    notices(property, &with_replaced("is_feature_enabled", piece, by));
}
