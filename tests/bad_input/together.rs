//! Mistakes in several files: one run reports all of them.

use super::CommandOutput;
use super::contract::{NOTES, workspace};

/// A mistake in one file hides none in another.
#[test]
fn mistakes_of_all_files_are_told_together() {
    let workspace = workspace();
    let notes = "fixtures/contract/tables/notes.toml";
    workspace.edit(notes, "owner = \"user_id\"", "owner = \"user_id\"\nindices = []");
    workspace.edit(notes, "\"Users read", "Users read");
    workspace
        .write("fixtures/contract/tables/tags.toml", &NOTES.replace("own pinned", "own pined"));
    workspace.edit("fixtures/contract/tables/tags.toml", "[\"select\"]", "[\"read\"]");
    workspace.edit("fixtures/contract/functions/note_count.toml", "\"stable\"", "\"steady\"");
    workspace.edit("fixtures/contract/database.toml", "tables =", "table =");
    workspace.write("fixtures/mutants.toml", "[[idle]]\nchecks = \"a\"\n");
    let said = workspace.verify();
    let expected = "\
error: unknown kind `table`
 --> fixtures/contract/database.toml:5:1
  |
5 | table = { service_role = [\"all\"] }
  | ^^^^^ there are `tables`, `sequences`, `functions`, `types`, `schemas`
help: did you mean `tables`?

error: unknown volatility `steady`
 --> fixtures/contract/functions/note_count.toml:4:14
  |
4 | volatility = \"steady\"
  |              ^^^^^^^^ there are `volatile`, `stable`, `immutable`
help: say one of these

error: key with no value, expected `=`
  --> fixtures/contract/tables/notes.toml:39:7
   |
39 | Users read their own notes\" = \"select to authenticated using (user_id = auth.uid())\"
   |       ^

error: unknown target `own pined`
 --> fixtures/contract/tables/tags.toml:6:21
  |
6 | alice, bob          own pined        1 row         1 row             1 row         1 row
  |                     ^^^^^^^^^ for `alice` the table has `own`, `another's`, `own pinned`, `another's pinned`, `every`
help: did you mean `own pinned`?

error: unknown privilege `read`
  --> fixtures/contract/tables/tags.toml:26:18
   |
26 | authenticated = [\"read\"]
   |                  ^^^^^^ there are `select`, `insert`, `update`, `references`
help: say one of these

error: missing key `reason`
 --> fixtures/mutants.toml:1:1
  |
1 | [[idle]]
  | ^^^^^^^^
help: add `reason = …`

COULD NOT RUN: 6 mistakes, see above";
    assert_eq!(said, CommandOutput { status: Some(2), error: expected.to_owned() });
}
