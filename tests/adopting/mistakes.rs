//! Mistakes in an owner by membership are reported with file, line and remedy.

use rstest::rstest;

use crate::bad_input::{Workspace, compact};
use schema_harness::source::project;

/// The example, with `from` replaced in a file of its contract.
fn told(file: &str, from: &str, to: &str) -> String {
    let workspace = Workspace::of(&project().join("fixtures/examples/teams"));
    workspace.edit(&format!("fixtures/contract/tables/{file}"), from, to);
    compact(&workspace.mistake())
}

#[rstest]
#[case::unknown_table(
    "teams.toml",
    "<- team_members.team_id",
    "<- memberships.team_id",
    "tables/teams.toml:4:16 [memberships] unknown table `memberships`; files declare `projects`, \
     `tasks`, `team_members`, `teams`; say one of these"
)]
#[case::unknown_column_there(
    "teams.toml",
    "<- team_members.team_id",
    "<- team_members.team",
    "tables/teams.toml:4:29 [team] unknown column `team`; table `team_members` has `created_at`, \
     `role`, `team_id`, `user_id`; did you mean `team_id`?"
)]
#[case::unknown_column_here(
    "teams.toml",
    "id <- team",
    "team_id <- team",
    "tables/teams.toml:4:10 [team_id] unknown column `team_id`; table `teams` has `created_at`, \
     `id`, `name`; say one of these"
)]
#[case::column_that_is_no_key(
    "teams.toml",
    "id <- team",
    "name <- team",
    "tables/teams.toml:4:10 [name] `name` is not the key of `teams`; say `name -> table` if it \
     points at the table that has the members"
)]
#[case::no_column(
    "teams.toml",
    "<- team_members.team_id",
    "<- team_members",
    "tables/teams.toml:4:9 [\"id <- team_members\"] `id <- team_members` is no membership; say \
     `column <- table.column`: this table's key, and the column of the table of memberships that \
     holds it"
)]
#[case::in_a_list(
    "teams.toml",
    "\"id <- team_members.team_id\"",
    "[\"id <- team_members.team_id\"]",
    "tables/teams.toml:4:9 [[\"id <- team_members.team_id\"]] `id <- team_members.team_id` is no \
     path; say `column`, `column -> table` or, by itself, `column <- table.column`"
)]
#[case::table_without_owner(
    "team_members.toml",
    "owner = \"user_id\"",
    "owner = \"none\"",
    "tables/teams.toml:4:16 [team_members] table `team_members` has no owner; its rows are the \
     members; let the file of `team_members` name the column that holds the member's id"
)]
#[case::cycle(
    "team_members.toml",
    "owner = \"user_id\"",
    "owner = \"team_id -> teams\"",
    "tables/teams.toml:4:16 [team_members] the owner's path over `team_members` leads to no user; \
     let the file of `team_members` name the column that holds the member's id"
)]
#[case::unknown_member(
    "team_members.toml",
    "bob = { role",
    "rob = { role",
    "tables/team_members.toml:34:1 [rob] unknown member `rob`; there are `alone`, `alice`, `bob`; \
     did you mean `bob`?"
)]
#[case::members_of_nothing(
    "tasks.toml",
    "[privileges]",
    "[members]\nalone = { title = \"'mine'\" }\n\n[privileges]",
    "tables/tasks.toml:20:2 [members] `[members]` is for a table of memberships; no owner says \
     `… <- ` of this table; remove it, or say so in the file of the table that has members"
)]
#[case::shared_is_left_out(
    "tasks.toml",
    "alice, bob            shared     1 row              1 row             1 row              1 \
        row\n",
    "",
    "tables/tasks.toml:7:1 [who whose row select insert update delete] no line says what `alice` \
     may do to `shared`; and 1 more like it; add a line for it"
)]
#[case::members_before_the_row(
    "teams.toml",
    "users                 another's  0 rows             -  ",
    "users                 another's  0 rows             policy violation  ",
    "tables/teams.toml:12:53 [policy violation] there is no insert of `another's`, since a new row \
     has no members yet; say `-`"
)]
#[case::member_twice(
    "team_members.toml",
    "bob                   own shared  1 row              -       ",
    "bob                   own shared  1 row              1 row   ",
    "tables/team_members.toml:17:54 [1 row] there is no insert of `own shared`, since nobody \
     becomes a member twice; say `-`"
)]
#[case::shared_rows_where_there_are_none(
    "../tables/tasks.toml",
    "owner = \"project_id -> projects\"",
    "owner = \"project_id\"",
    "tables/tasks.toml:11:23 [shared] unknown target `shared`; for `alice` the table has `own`, \
     `another's`, `every`; say one of these\n\
     tables/tasks.toml:12:23 [shared] unknown target `shared`; for `carol` the table has `own`, \
     `another's`, `every`; say one of these\n\
     tables/tasks.toml:13:34 [own + shared rows] the table has no such rows as \
     `own + shared rows`; say `own rows`"
)]
fn mistake_in_an_owner_by_membership_is_told_with_its_place(
    #[case] file: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistakes: &str,
) {
    assert_eq!(told(file, from, to), mistakes);
}
