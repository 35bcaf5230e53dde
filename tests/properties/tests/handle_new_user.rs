//! `handle_new_user` has its properties, and faults in it are noticed.

use identra_properties::handle_new_user::{AT_ONCE, EVERY_SIGN_UP};
use rstest::rstest;
use schema_harness::checks::properties::Property;

use super::{holds, notices, with_replaced};

#[rstest]
#[case::every_sign_up_succeeds(&EVERY_SIGN_UP)]
#[case::many_want_one_name_at_once(&AT_ONCE)]
fn sign_up_profiles(#[case] property: &Property) {
    holds(property);
}

#[rstest]
#[case::that_a_taken_name_is_not_tried_again("array[0, 4, 8, 32]", "array[0]")]
#[case::that_a_taken_name_is_an_error("on conflict (username) do nothing", "")]
#[case::that_an_address_is_needed("text := 'user'", "text not null := new.email")]
#[case::that_a_name_may_have_51_characters("''), 50)", "''), 51)")]
#[case::that_blanks_stay_at_its_end("blanks || '$'", "'$'")]
#[case::that_a_number_is_a_name(
    "jsonb_typeof(new.raw_user_meta_data -> 'username') = 'string'",
    "true"
)]
#[case::that_the_username_is_not_asked_for("-> 'username'", "-> 'user_name'")]
#[case::that_a_name_is_the_whole_address("split_part(new.email, '@', 1)", "new.email::text")]
#[case::that_another_name_is_another("left(wanted, 49 - ending_length)", "''")]
#[case::that_the_table_is_not_qualified("into public.user_profiles", "into user_profiles")]
fn sign_up_profiles_catch(#[case] piece: &str, #[case] by: &str) {
    notices(&EVERY_SIGN_UP, &with_replaced("handle_new_user", piece, by));
}

#[rstest]
#[case::that_it_runs_with_the_rights_of_the_auth_server(
    "alter function public.handle_new_user() security invoker"
)]
#[case::that_nothing_fires_it("drop trigger on_auth_user_created on auth.users")]
fn sign_up_profiles_catch_also(#[case] fault: &str) {
    notices(&EVERY_SIGN_UP, fault);
}

/// Faults of concurrent sign-ups: between the check and the insert, another takes the name.
#[rstest]
#[case::that_looking_comes_before_inserting(
    "insert into public.user_profiles (id, username)",
    "continue when exists (select from public.user_profiles as p where p.username = wanted) \
     and ending_length = 0; insert into public.user_profiles (id, username)"
)]
#[case::that_endings_run_out("array[0, 4, 8, 32]", "array[0, 1]")]
fn concurrent_sign_ups_catch(#[case] piece: &str, #[case] by: &str) {
    let mut fault = with_replaced("handle_new_user", piece, by);
    if by.contains("continue") {
        fault += &format!(
            "; {}",
            with_replaced("handle_new_user", "on conflict (username) do nothing", "")
        );
    }
    notices(&AT_ONCE, &fault);
}
