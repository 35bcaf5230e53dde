//! Mistakes in a table's access grid: an unknown word, and a cell that is left out.

use rstest::rstest;

use super::compact;
use super::contract::{told, workspace};

/// A table that says nothing about writes.
const LOG: &str = r#"owner = "none"

access = """
who                   whose row  select
users                 any        1 row
users                 every      all rows
no_token, anon_key    any        no privilege
no_token, anon_key    every      no privilege
service_role          any        1 row
service_role          every      all rows
"""

[columns.id]
type = "uuid"
"#;

#[rstest]
#[case::unknown_persona(
    "carol, guest ",
    "carol, quest ",
    "7:8 [quest] unknown persona `quest`; there are `users`, `alice`, `bob`, `carol`, `guest`, \
     `no_token`, `anon_key`, `service_role`; did you mean `guest`?"
)]
#[case::unknown_target(
    "every             own rows",
    "evry              own rows",
    "10:21 [evry] unknown target `evry`; for `alice` the table has `own`, `another's`, \
     `own pinned`, `another's pinned`, `every`; did you mean `every`?"
)]
#[case::unknown_variant(
    "own pinned ",
    "own pined  ",
    "6:21 [own pined] unknown target `own pined`; for `alice` the table has `own`, `another's`, \
     `own pinned`, `another's pinned`, `every`; did you mean `own pinned`?"
)]
#[case::unknown_command(
    "  delete\n",
    "  remove\n",
    "4:85 [remove] unknown command `remove`; there are `select`, `insert`, `update`, `delete`; \
     say one of these"
)]
#[case::unknown_cell(
    "1 row         1 row             1 row         1 row\nalice",
    "one row       1 row             1 row         1 row\nalice",
    "5:39 [one row] unknown cell `one row`; there are `1 row`, `0 rows`, `own rows`, \
     `own + shared rows`, `own + own shared rows`, `all rows`, `no privilege`, \
     `policy violation`, `refused by trigger NAME`, `refused 'SQLSTATE'`, `-`; did you mean `own rows`?"
)]
#[case::single_space_between_cells(
    "own rows      own rows\n",
    "own rows own rows\n",
    "10:1 [users every own rows - own rows own rows] expected 4 cells after `every`, found 3; \
     separate cells by two or more spaces"
)]
#[case::line_left_out(
    "carol, guest        own               -             1 row             -             -\n",
    "",
    "4:1 [who whose row select insert update delete] no line says what `carol` may do to `own`; \
     and 1 more like it; add a line for it"
)]
#[case::line_twice(
    "carol, guest        own  ",
    "alice, guest        own  ",
    "7:1 [alice, guest own - 1 row - -] `alice` and `own` are answered twice; remove one"
)]
#[case::insert_of_every_row(
    "own rows      -     ",
    "own rows      1 row ",
    "10:53 [1 row] an insert has no `every`; say `-`"
)]
#[case::several_lines(
    "users               another's         0 rows        policy violation  0 rows        0 rows\n\
     users               another's pinned  0 rows ",
    "users               anothers          0 rows        policy violation  0 rows        0 rows\n\
     users               another's pinned  nothing",
    "8:21 [anothers] unknown target `anothers`; for `alice` the table has `own`, `another's`, \
     `own pinned`, `another's pinned`, `every`; did you mean `another's`?\n\
     tables/notes.toml:9:39 [nothing] unknown cell `nothing`; there are `1 row`, `0 rows`, \
     `own rows`, `own + shared rows`, `own + own shared rows`, `all rows`, `no privilege`, \
     `policy violation`, `refused by trigger NAME`, `refused 'SQLSTATE'`, `-`; say one of these"
)]
fn mistake_in_a_grid_is_told_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistakes: &str,
) {
    told(from, to, mistakes);
}

/// T03: a missing cell would be a missing check.
#[rstest]
#[case::of_a_row_that_exists(
    "users               another's         0 rows ",
    "users               another's         -      ",
    "8:39 [-] select of `another's` is not answered for `alice`; `-` is for a row that does not \
     exist"
)]
#[case::of_a_command(
    "select        insert            update        delete",
    "select        insert            update        update",
    "4:1 [who whose row select insert update update] the command `update` has two columns; \
     remove one"
)]
fn cell_cannot_be_left_out_of_a_table(#[case] from: &str, #[case] to: &str, #[case] mistake: &str) {
    told(from, to, mistake);
}

/// The same: a table whose grid has no column for writes is never written to.
#[test]
fn command_cannot_be_left_out_of_a_table() {
    let workspace = workspace();
    workspace.write("fixtures/contract/tables/log.toml", LOG);
    assert_eq!(
        compact(&workspace.mistake()),
        "tables/log.toml:4:1 [who whose row select] the grid has no column for `insert`, \
         `update`, `delete`; a table's grid has `select`, `insert`, `update`, `delete`"
    );
}
