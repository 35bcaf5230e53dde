//! Mistakes in a table's access grid: an unknown word, and a cell that is left out.

use rstest::rstest;

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

/// The message begins with file and line, and ends with the remedy.
#[rstest]
#[case::unknown_persona(
    "carol, guest ",
    "carol, quest ",
    7,
    "unknown persona \"quest\"; say users, alice, bob, carol, guest, no_token, anon_key, \
     service_role"
)]
#[case::unknown_target(
    "every             own rows",
    "evry              own rows",
    10,
    "unknown target \"evry\" for alice; the table has own, another's, own pinned, \
     another's pinned, every"
)]
#[case::unknown_variant(
    "own pinned ",
    "own pined  ",
    6,
    "unknown target \"own pined\" for alice; the table has own, another's, own pinned, \
     another's pinned, every"
)]
#[case::unknown_command(
    "  delete\n",
    "  remove\n",
    4,
    "unknown command \"remove\"; say select, insert, update, delete"
)]
#[case::unknown_cell(
    "1 row         1 row             1 row         1 row\nalice",
    "one row       1 row             1 row         1 row\nalice",
    5,
    "unknown cell \"one row\"; say \"1 row\", \"0 rows\", \"own rows\", \"all rows\", \
     \"no privilege\", \"policy violation\" or \"-\""
)]
#[case::single_space_between_cells(
    "own rows      own rows\n",
    "own rows own rows\n",
    10,
    "expected 4 cells after \"every\", found 3; two or more spaces separate cells"
)]
#[case::line_left_out(
    "carol, guest        own               -             1 row             -             -\n",
    "",
    4,
    "no line says what carol may do to own"
)]
#[case::line_twice(
    "carol, guest        own  ",
    "alice, guest        own  ",
    7,
    "alice and own are answered twice"
)]
#[case::insert_of_every_row(
    "own rows      -     ",
    "own rows      1 row ",
    10,
    "an insert has no \"every\"; say \"-\""
)]
fn mistake_in_a_grid_is_told_with_file_and_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    told(from, to, line, message);
}

/// T03: a missing cell would be a missing check.
#[rstest]
#[case::of_a_row_that_exists(
    "users               another's         0 rows ",
    "users               another's         -      ",
    8,
    "select of another's is not answered for alice; \"-\" is for a row that does not exist"
)]
#[case::of_a_command(
    "select        insert            update        delete",
    "select        insert            update        update",
    4,
    "the command \"update\" has two columns"
)]
fn cell_cannot_be_left_out_of_a_table(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    told(from, to, line, message);
}

/// The same: a table whose grid has no column for writes is never written to.
#[test]
fn command_cannot_be_left_out_of_a_table() {
    let workspace = workspace();
    workspace.write("fixtures/contract/tables/log.toml", LOG);
    assert_eq!(
        workspace.mistake(),
        "contract tables/log.toml:4: the grid has no column for insert, update, delete; a table's \
         grid has select, insert, update, delete"
    );
}
