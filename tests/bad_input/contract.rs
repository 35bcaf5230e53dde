//! Mistakes in the contract are reported with file, line and remedy.

use rstest::rstest;

use super::Workspace;

/// A contract that has no mistake yet; its lines are counted in the cases.
const NOTES: &str = r#"owner = "user_id"

access = """
who                 whose row         select        insert            update        delete
alice, bob          own               1 row         1 row             1 row         1 row
alice, bob          own pinned        1 row         1 row             1 row         1 row
carol, guest        own               -             1 row             -             -
users               another's         0 rows        policy violation  0 rows        0 rows
users               another's pinned  0 rows        policy violation  0 rows        0 rows
users               every             own rows      -                 own rows      own rows
no_token, anon_key  any               no privilege  no privilege      no privilege  no privilege
no_token, anon_key  every             no privilege  -                 no privilege  no privilege
service_role        any               1 row         1 row             1 row         1 row
service_role        every             all rows      -                 all rows      all rows
"""

[privileges]
authenticated = ["delete"]
service_role = ["all"]

[variants.pinned]
is_pinned = "true"

[columns.id]
type = "uuid"
authenticated = ["select"]

[columns.user_id]
type = "uuid"
authenticated = ["select", "insert"]

[columns.is_pinned]
type = "boolean"
default = "false"
authenticated = ["select", "insert", "update"]

[policies]
"Users read their own notes" = "select to authenticated using (user_id = auth.uid())"

[[seed]]
is_pinned = true
"#;

/// A function's contract, without a mistake.
const COUNT: &str = r#"arguments = ""
returns = "integer"
language = "sql"
volatility = "stable"
security = "invoker"
search_path = ""
callers = ["authenticated"]
invariant = "how many notes there are"
"#;

/// The database's contract, without a mistake.
const DATABASE: &str = r#"[extensions]
vector = "extensions"

[default_privileges]
tables = { service_role = ["all"] }

[accounts]
profile = "notes"
session = "notes"

[[lint_exceptions]]
rule = "0004_no_primary_key"
object = "notes"
reason = "it has none"
"#;

pub(super) fn workspace() -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("migrations/1_notes.sql", "select 1");
    workspace.write("fixtures/contract/tables/notes.toml", NOTES);
    workspace.write("fixtures/contract/functions/note_count.toml", COUNT);
    workspace.write("fixtures/contract/database.toml", DATABASE);
    workspace
}

/// Notes with `from` replaced are refused with a message that begins with file and line, and
/// then like `message`.
pub(super) fn told(from: &str, to: &str, line: usize, message: &str) {
    let workspace = workspace();
    let tags = NOTES.replace("notes", "tags");
    workspace.write("fixtures/contract/tables/tags.toml", &tags);
    workspace.edit("fixtures/contract/tables/notes.toml", from, to);
    let told = workspace.mistake();
    let place = format!("contract tables/notes.toml:{line}: ");
    assert!(told.starts_with(&place), "{told}\nhas another place than {place}");
    assert!(told[place.len()..].starts_with(message), "{told}\ndoes not say {message}");
}

/// The control: without a mistake, the contract is read.
#[test]
fn contract_without_a_mistake_is_read() {
    let inputs = workspace().read().unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(inputs.contract.tables["notes"].grid.cells.len(), 95);
}

/// The message begins with file and line, and ends with the remedy.
#[rstest]
#[case::unknown_key("[privileges]", "indices = []\n[privileges]", 17, "unknown field `indices`")]
#[case::unknown_key_of_a_column("default = ", "defalt = ", 34, "unknown field `defalt`, expected")]
#[case::invalid_toml("type = \"uuid\"", "type = uuid", 25, "string values must be quoted")]
#[case::missing_key("owner = \"user_id\"", "", 1, "missing field `owner`")]
#[case::column_twice("[columns.is_pinned]", "[columns.id]", 32, "duplicate key")]
#[case::unknown_column_in_owner(
    "owner = \"user_id\"",
    "owner = \"usr_id\"",
    1,
    "unknown column \"usr_id\"; the contract's columns are id, is_pinned, user_id"
)]
#[case::unknown_column_in_variant(
    "is_pinned = \"true\"",
    "is_pined = \"true\"",
    22,
    "unknown column \"is_pined\"; the contract's columns are id, is_pinned, user_id"
)]
#[case::unknown_column_in_seed(
    "is_pinned = true",
    "is_pined = true",
    41,
    "unknown column \"is_pined\"; the contract's columns are id, is_pinned, user_id"
)]
#[case::unknown_role(
    "authenticated = [\"delete\"]",
    "authenticatd = [\"delete\"]",
    18,
    "unknown role \"authenticatd\"; say anon, authenticated or service_role"
)]
#[case::unknown_privilege(
    "[\"delete\"]",
    "[\"remove\"]",
    18,
    "unknown privilege \"remove\"; say all, select, insert, update, delete, truncate, \
     references, trigger, maintain"
)]
#[case::unknown_privilege_of_a_column(
    "[\"select\"]",
    "[\"read\"]",
    26,
    "unknown privilege \"read\"; say select, insert, update, references"
)]
#[case::path_to_an_unknown_table(
    "owner = \"user_id\"",
    "owner = \"user_id -> notebooks\"",
    1,
    "the owner's path names \"notebooks\", which no file declares"
)]
#[case::path_in_a_circle(
    "owner = \"user_id\"",
    "owner = \"user_id -> notes\"",
    1,
    "the owner's path over \"notes\" leads to no user"
)]
#[case::unknown_command_of_a_policy(
    "\"select to authenticated using",
    "\"read to authenticated using",
    38,
    "unknown command \"read\"; say \"select to authenticated using (…)\": select, insert, \
     update, delete or all, to anon, authenticated, service_role or public, using or with check"
)]
#[case::unknown_role_of_a_policy(
    "\"select to authenticated using",
    "\"select to authenticatd using",
    38,
    "unknown role \"authenticatd\"; say \"select to authenticated using (…)\": select, insert, \
     update, delete or all, to anon, authenticated, service_role or public, using or with check"
)]
fn mistake_in_a_table_is_told_with_file_and_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    told(from, to, line, message);
}

#[rstest]
#[case::unknown_key("invariant =", "invariants =", 8, "unknown field `invariants`, expected")]
#[case::unknown_volatility(
    "\"stable\"",
    "\"steady\"",
    4,
    "unknown volatility \"steady\"; say volatile, stable, immutable"
)]
#[case::unknown_security(
    "\"invoker\"",
    "\"caller\"",
    5,
    "unknown security \"caller\"; say invoker, definer"
)]
#[case::unknown_caller(
    "[\"authenticated\"]",
    "[\"authenticatd\"]",
    7,
    "unknown role \"authenticatd\"; say anon, authenticated or service_role"
)]
fn mistake_in_a_function_is_told_with_file_and_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    let workspace = workspace();
    workspace.edit("fixtures/contract/functions/note_count.toml", from, to);
    let told = workspace.mistake();
    let place = format!("contract functions/note_count.toml:{line}: {message}");
    assert!(told.starts_with(&place), "{told}\ndoes not begin with {place}");
}

#[rstest]
#[case::unknown_key("[extensions]", "[extension]", 1, "unknown field `extension`, expected")]
#[case::unknown_kind(
    "tables =",
    "table =",
    5,
    "unknown kind \"table\"; say tables, sequences, functions, types or schemas"
)]
#[case::unknown_role(
    "service_role =",
    "service =",
    5,
    "unknown role \"service\"; say anon, authenticated or service_role"
)]
#[case::unknown_account_table(
    "profile = \"notes\"",
    "profile = \"profiles\"",
    8,
    "the accounts name \"profiles\", which no file declares"
)]
#[case::unknown_rule(
    "0004_no_primary_key",
    "0004_no_key",
    12,
    "unknown rule \"0004_no_key\"; there are 0001_unindexed_foreign_keys, 0002_"
)]
#[case::exception_without_a_reason(
    "it has none",
    " ",
    13,
    "the exception of \"notes\" has no reason"
)]
#[case::exception_with_an_unknown_key("reason =", "because =", 14, "unknown field `because`")]
fn mistake_about_the_database_is_told_with_file_and_line(
    #[case] from: &str,
    #[case] to: &str,
    #[case] line: usize,
    #[case] message: &str,
) {
    let workspace = workspace();
    workspace.edit("fixtures/contract/database.toml", from, to);
    let told = workspace.mistake();
    let place = format!("contract database.toml:{line}: {message}");
    assert!(told.starts_with(&place), "{told}\ndoes not begin with {place}");
}

/// The second path of an owner is checked, too.
#[test]
fn second_path_cannot_lead_to_an_unknown_table() {
    let workspace = Workspace::of_the_project();
    let table = "fixtures/contract/tables/memory_links.toml";
    workspace.edit(table, "target_memory_id -> memories", "target_memory_id -> memoirs");
    let told = workspace.mistake();
    assert!(told.starts_with("contract tables/memory_links.toml:"), "{told}");
    assert!(
        told.ends_with(": the owner's path names \"memoirs\", which no file declares"),
        "{told}"
    );
}

#[test]
fn table_cannot_be_declared_twice() {
    let workspace = workspace();
    let again = format!("name = \"notes\"\n{NOTES}");
    workspace.write("fixtures/contract/tables/records.toml", &again);
    assert_eq!(
        workspace.mistake(),
        "contract tables/records.toml:1: \"notes\" is already declared by tables/notes.toml"
    );
}

#[test]
fn function_cannot_be_declared_twice() {
    let workspace = workspace();
    workspace.write("fixtures/contract/functions/old/note_count.toml", COUNT);
    assert_eq!(
        workspace.mistake(),
        "contract functions/old/note_count.toml:1: \"note_count\" is already declared by \
         functions/note_count.toml"
    );
}

/// The author of a file in an unknown directory would believe that it is read.
#[test]
fn file_in_no_known_directory_is_a_mistake() {
    let workspace = workspace();
    workspace.write("fixtures/contract/table/tags.toml", NOTES);
    assert_eq!(
        workspace.mistake(),
        "contract table/tags.toml:1: nothing is read from here; put it into tables/, views/ or \
         functions/"
    );
}

#[test]
fn contract_cannot_be_missing() {
    let workspace = Workspace::empty();
    workspace.write("migrations/1_notes.sql", "select 1");
    assert_eq!(
        workspace.mistake(),
        "could not find the contract: fixtures/contract is not a directory; write one TOML file \
         per table, view and function into its tables/, views/ and functions/"
    );
}

/// T02: without declarations there would be no check and no finding.
#[test]
fn contract_without_a_table_is_a_mistake() {
    let workspace = workspace();
    workspace.remove("fixtures/contract/tables/notes.toml");
    assert_eq!(
        workspace.mistake(),
        "the contract in fixtures/contract declares no table; write tables/<name>.toml"
    );
}

/// A misspelt column is one error, not two findings.
#[tokio::test]
async fn misspelt_column_is_told_with_file_and_line() {
    let workspace = Workspace::of_the_project();
    let table = "fixtures/contract/tables/import_history.toml";
    workspace.edit(table, "[columns.filename]", "[columns.filenames]");
    let text = std::fs::read_to_string(workspace.path(table)).expect("the table's file");
    let header = text.lines().position(|line| line == "[columns.filenames]");
    let line = header.expect("the header") + 1;
    let told = workspace.refusal().await;
    let message = format!(
        "contract tables/import_history.toml:{line}: unknown column \"filenames\"; the table has \
         id, user_id, source, filename, "
    );
    assert!(told.starts_with(&message), "{told}\ndoes not begin with {message}");
}
