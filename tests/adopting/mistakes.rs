//! Mistakes in an owner by membership are reported with file, line and remedy.

use rstest::rstest;

use crate::bad_input::Workspace;
use schema_harness::source::project;

/// The example, with `from` replaced in a file of its contract.
fn told(file: &str, from: &str, to: &str) -> String {
    let workspace = Workspace::of(&project().join("fixtures/examples/teams"));
    workspace.edit(&format!("fixtures/contract/tables/{file}"), from, to);
    workspace.mistake()
}

#[rstest]
#[case::unknown_table(
    "teams.toml",
    "<- team_members.team_id",
    "<- memberships.team_id",
    "tables/teams.toml:4: the owner names \"memberships\", which no file declares"
)]
#[case::unknown_column_there(
    "teams.toml",
    "<- team_members.team_id",
    "<- team_members.team",
    "tables/teams.toml:4: unknown column \"team\" of team_members; the contract's columns are \
     created_at, role, team_id, user_id"
)]
#[case::unknown_column_here(
    "teams.toml",
    "id <- team",
    "team_id <- team",
    "tables/teams.toml:4: unknown column \"team_id\"; the contract's columns are created_at, id, \
     name"
)]
#[case::column_that_is_no_key(
    "teams.toml",
    "id <- team",
    "name <- team",
    "tables/teams.toml:4: \"name\" is not the key of teams; say \"name -> table\" if it points \
     at the table that has the members"
)]
#[case::no_column(
    "teams.toml",
    "<- team_members.team_id",
    "<- team_members",
    "tables/teams.toml:4: \"id <- team_members\" is no membership; say \"column <- \
     table.column\": this table's key, and the column of the table of memberships that holds it"
)]
#[case::in_a_list(
    "teams.toml",
    "\"id <- team_members.team_id\"",
    "[\"id <- team_members.team_id\"]",
    "tables/teams.toml:4: \"id <- team_members.team_id\" is no path; say \"column\", \"column -> \
     table\" or, by itself, \"column <- table.column\""
)]
#[case::table_without_owner(
    "team_members.toml",
    "owner = \"user_id\"",
    "owner = \"none\"",
    "tables/teams.toml:4: the owner's members are rows of team_members, which has no owner; let \
     the file of team_members name the column that holds the member's id"
)]
#[case::cycle(
    "team_members.toml",
    "owner = \"user_id\"",
    "owner = \"team_id -> teams\"",
    "tables/teams.toml:4: the owner's path over \"team_members\" leads to no user; let the file \
     of team_members name the column that holds the member's id"
)]
#[case::unknown_member(
    "team_members.toml",
    "bob = { role",
    "rob = { role",
    "tables/team_members.toml:34: unknown member \"rob\"; say alone, alice, bob"
)]
#[case::members_of_nothing(
    "tasks.toml",
    "[privileges]",
    "[members]\nalone = { title = \"'mine'\" }\n\n[privileges]",
    "tables/tasks.toml:20: [members] is for a table of memberships, and no owner says \"… <- \" \
     of this one; remove it, or say so in the file of the table that has members"
)]
#[case::shared_is_left_out(
    "tasks.toml",
    "alice, bob            shared     1 row              1 row             1 row              1 \
        row\n",
    "",
    "tables/tasks.toml:7: no line says what alice may do to shared"
)]
#[case::members_before_the_row(
    "teams.toml",
    "users                 another's  0 rows             -  ",
    "users                 another's  0 rows             policy violation  ",
    "tables/teams.toml:12: there is no insert of another's, since a new row has no members yet; \
     say \"-\""
)]
#[case::member_twice(
    "team_members.toml",
    "bob                   own shared  1 row              -       ",
    "bob                   own shared  1 row              1 row   ",
    "tables/team_members.toml:17: there is no insert of own shared, since nobody becomes a \
     member twice; say \"-\""
)]
#[case::shared_rows_where_there_are_none(
    "../tables/tasks.toml",
    "owner = \"project_id -> projects\"",
    "owner = \"project_id\"",
    "tables/tasks.toml:11: unknown target \"shared\" for alice; the table has own, another's, every"
)]
fn mistake_in_an_owner_by_membership_is_told_with_file_and_line(
    #[case] file: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] message: &str,
) {
    let told = told(file, from, to);
    assert!(told.starts_with(&format!("contract {message}")), "{told}\ndoes not say {message}");
}
