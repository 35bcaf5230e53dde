//! What a GRANT is about.

use rstest::rstest;

use schema_harness::sql::grants::gives;

#[rstest]
#[case::of_all("grant all on public.notes to authenticated", true)]
#[case::by_name(
    "grant truncate, trigger on table \"public\".\"notes\" to anon, authenticated",
    true
)]
#[case::of_each_table("grant all privileges on all tables in schema public to authenticated", true)]
#[case::later("alter default privileges in schema public grant all on tables to public", true)]
#[case::to_everyone("grant truncate on notes to public", true)]
#[case::another_privilege("grant select on public.notes to authenticated", false)]
#[case::another_table("grant all on public.notes_of_others to authenticated", false)]
#[case::another_role("grant all on public.notes to service_role", false)]
#[case::another_schema("grant all on all tables in schema api to authenticated", false)]
#[case::another_kind("grant all on all functions in schema public to authenticated", false)]
#[case::later_functions("alter default privileges grant all on functions to public", false)]
#[case::taken_back("revoke all on public.notes from authenticated", false)]
#[case::a_role("grant authenticated to authenticator", false)]
#[case::in_a_body("create function f() returns text return 'grant all on notes to public'", false)]
fn grant_of_a_table_is_recognised(#[case] statement: &str, #[case] expected: bool) {
    assert_eq!(gives(statement, ["public", "notes"], "truncate", "authenticated"), expected);
}
