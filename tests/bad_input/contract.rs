//! Mistakes in the contract are reported with file, line and remedy.

use rstest::rstest;

use super::{Workspace, compact};

/// A contract that has no mistake yet; its lines are counted in the cases.
pub(super) const NOTES: &str = r#"owner = "user_id"

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

/// Notes with `from` replaced are refused with these mistakes.
pub(super) fn told(from: &str, to: &str, mistakes: &str) {
    let workspace = workspace();
    let tags = NOTES.replace("notes", "tags");
    workspace.write("fixtures/contract/tables/tags.toml", &tags);
    workspace.edit("fixtures/contract/tables/notes.toml", from, to);
    assert_eq!(compact(&workspace.mistake()), format!("tables/notes.toml:{mistakes}"));
}

/// The control: without a mistake, the contract is read.
#[test]
fn contract_without_a_mistake_is_read() {
    let inputs = workspace().read().unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(inputs.contract.tables["notes"].grid.cells.len(), 95);
}

#[rstest]
#[case::unknown_key(
    "[privileges]",
    "indices = []\n[privileges]",
    "17:1 [indices] unknown key `indices`; did you mean `indexes`?"
)]
#[case::unknown_key_of_a_column(
    "default = ",
    "defalt = ",
    "34:1 [defalt] unknown key `defalt`; there are `type`, `nullable`, `default`, `check`, \
     `references`, `unique`, `example`, `guard`, `anon`, `authenticated`; did you mean \
     `default`?"
)]
#[case::invalid_toml(
    "type = \"uuid\"",
    "type = uuid",
    "25:8 [uuid] string values must be quoted, expected literal string"
)]
#[case::missing_key("owner = \"user_id\"", "", "1:1 [] missing key `owner`; add `owner = …`")]
#[case::column_twice("[columns.is_pinned]", "[columns.id]", "32:10 [id] duplicate key; remove one")]
#[case::unknown_column_in_owner(
    "owner = \"user_id\"",
    "owner = \"usr_id\"",
    "1:10 [usr_id] unknown column `usr_id`; table `notes` has `id`, `is_pinned`, `user_id`; \
     did you mean `user_id`?"
)]
#[case::view_among_tables(
    "[privileges]",
    "materialized = true\n[privileges]",
    "17:1 [materialized] `materialized` is for a view; remove it, or move the file to `views/`"
)]
#[case::expression_without_example(
    "owner = \"user_id\"",
    "owner = \"(user_id)\"",
    "1:9 [\"(user_id)\"] no `example` says in which column the owner's id stands; give the \
     column that the expression reads one, such as `example = \"'{owner}/{row}.png'\"`"
)]
#[case::unknown_column_in_variant(
    "is_pinned = \"true\"",
    "is_pined = \"true\"",
    "22:1 [is_pined] unknown column `is_pined`; table `notes` has `id`, `is_pinned`, `user_id`; \
     did you mean `is_pinned`?"
)]
#[case::unknown_column_in_seed(
    "is_pinned = true",
    "is_pined = true",
    "41:1 [is_pined] unknown column `is_pined`; table `notes` has `id`, `is_pinned`, `user_id`; \
     did you mean `is_pinned`?"
)]
#[case::unknown_role(
    "authenticated = [\"delete\"]",
    "authenticatd = [\"delete\"]",
    "18:1 [authenticatd] unknown role `authenticatd`; there are `anon`, `authenticated`, \
     `service_role`; did you mean `authenticated`?"
)]
#[case::unknown_privilege(
    "[\"delete\"]",
    "[\"remove\"]",
    "18:18 [\"remove\"] unknown privilege `remove`; there are `all`, `select`, `insert`, \
     `update`, `delete`, `truncate`, `references`, `trigger`, `maintain`; say one of these"
)]
#[case::unknown_privilege_of_a_column(
    "[\"select\"]",
    "[\"read\"]",
    "26:18 [\"read\"] unknown privilege `read`; there are `select`, `insert`, `update`, \
     `references`; say one of these"
)]
#[case::path_to_an_unknown_table(
    "owner = \"user_id\"",
    "owner = \"user_id -> notebooks\"",
    "1:21 [notebooks] unknown table `notebooks`; files declare `notes`, `tags`; did you mean \
     `notes`?"
)]
#[case::path_in_a_circle(
    "owner = \"user_id\"",
    "owner = \"user_id -> notes\"",
    "1:21 [notes] the owner's path over `notes` leads to no user; name the column that holds the \
     user's id, or `none`"
)]
#[case::unknown_command_of_a_policy(
    "\"select to authenticated using",
    "\"read to authenticated using",
    "38:33 [read] unknown command `read`; there are `select`, `insert`, `update`, `delete`, \
     `all`; say one of these"
)]
#[case::unknown_role_of_a_policy(
    "\"select to authenticated using",
    "\"select to authenticatd using",
    "38:43 [authenticatd] unknown role `authenticatd`; there are `anon`, `authenticated`, \
     `service_role`, `public`; did you mean `authenticated`?"
)]
#[case::policy_without_rows(
    "authenticated using (user_id = auth.uid())",
    "authenticated",
    "38:33 [select to authenticated] the policy has no `using` and no `with check`; \
     say `select to authenticated using (…)`"
)]
fn mistake_in_a_table_is_told_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistake: &str,
) {
    told(from, to, mistake);
}

#[rstest]
#[case::unknown_key(
    "invariant =",
    "invariants =",
    "8:1 [invariants] unknown key `invariants`; there are `arguments`, `returns`, `language`, \
     `volatility`, `security`, `search_path`, `callers`, `invariant`, `promise`, `proved_by`; \
     did you mean `invariant`?"
)]
#[case::unknown_volatility(
    "\"stable\"",
    "\"steady\"",
    "4:14 [\"steady\"] unknown volatility `steady`; there are `volatile`, `stable`, `immutable`; \
     say one of these"
)]
#[case::unknown_security(
    "\"invoker\"",
    "\"caller\"",
    "5:12 [\"caller\"] unknown security `caller`; there are `invoker`, `definer`; say one of these"
)]
#[case::unknown_caller(
    "[\"authenticated\"]",
    "[\"authenticatd\"]",
    "7:12 [\"authenticatd\"] unknown role `authenticatd`; there are `anon`, `authenticated`, \
     `service_role`, `public`; did you mean `authenticated`?"
)]
fn mistake_in_a_function_is_told_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistake: &str,
) {
    let workspace = workspace();
    workspace.edit("fixtures/contract/functions/note_count.toml", from, to);
    let mistake = format!("functions/note_count.toml:{mistake}");
    assert_eq!(compact(&workspace.mistake()), mistake);
}

#[rstest]
#[case::unknown_key(
    "[extensions]",
    "[extension]",
    "1:2 [extension] unknown key `extension`; there are `without_tables`, `clients`, \
     `schemas`, `sequences`, `extensions`, `default_privileges`, `buckets`, `triggers`, \
     `proved_by`, `personas`, `accounts`, `accepted`, \
     `lint_exceptions`; did you mean \
     `extensions`?"
)]
#[case::unknown_kind(
    "tables =",
    "table =",
    "5:1 [table] unknown kind `table`; there are `tables`, `sequences`, `functions`, `types`, \
     `schemas`; did you mean `tables`?"
)]
#[case::unknown_role(
    "service_role =",
    "service =",
    "5:12 [service] unknown role `service`; there are `anon`, `authenticated`, `service_role`; \
     did you mean `service_role`?"
)]
#[case::unknown_account_table(
    "profile = \"notes\"",
    "profile = \"profiles\"",
    "8:11 [\"profiles\"] unknown table `profiles`; files declare `notes`; say one of these"
)]
#[case::unknown_rule(
    "0004_no_primary_key",
    "0004_no_key",
    "12:8 [\"0004_no_key\"] unknown rule `0004_no_key`; did you mean `0004_no_primary_key`?"
)]
#[case::exception_without_a_reason(
    "it has none",
    " ",
    "14:10 [\" \"] the exception of `notes` has no reason; say why it is intended"
)]
#[case::exception_with_an_unknown_key(
    "reason =",
    "because =",
    "14:1 [because] unknown key `because`; there are `rule`, `object`, `reason`; say one of these"
)]
fn mistake_about_the_database_is_told_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistake: &str,
) {
    let workspace = workspace();
    workspace.edit("fixtures/contract/database.toml", from, to);
    assert_eq!(compact(&workspace.mistake()), format!("database.toml:{mistake}"));
}

/// The second path of an owner is checked, too.
#[test]
fn second_path_cannot_lead_to_an_unknown_table() {
    let workspace = Workspace::of_the_project();
    let table = "fixtures/contract/tables/memory_links.toml";
    workspace.edit(table, "target_memory_id -> memories", "target_memory_id -> memoirs");
    let told = compact(&workspace.mistake());
    let mistake = "tables/memory_links.toml:4:63 [memoirs] unknown table `memoirs`; files declare ";
    assert!(told.starts_with(mistake), "{told}");
    assert!(told.ends_with("; did you mean `memories`?"), "{told}");
}

#[test]
fn table_cannot_be_declared_twice() {
    let workspace = workspace();
    let again = format!("name = \"notes\"\n{NOTES}");
    workspace.write("fixtures/contract/tables/records.toml", &again);
    assert_eq!(
        compact(&workspace.mistake()),
        "tables/records.toml:1:8 [\"notes\"] `notes` is already declared by `tables/notes.toml`; \
         remove one"
    );
}

#[test]
fn function_cannot_be_declared_twice() {
    let workspace = workspace();
    workspace.write("fixtures/contract/functions/old/note_count.toml", COUNT);
    assert_eq!(
        compact(&workspace.mistake()),
        "functions/old/note_count.toml:1:1 [a] `note_count` is already declared by \
         `functions/note_count.toml`; remove one"
    );
}

/// The author of a file in an unknown directory would believe that it is read.
#[test]
fn file_in_no_known_directory_is_a_mistake() {
    let workspace = workspace();
    workspace.write("fixtures/contract/table/tags.toml", NOTES);
    assert_eq!(
        compact(&workspace.mistake()),
        "table/tags.toml:1:1 [o] nothing is read from here; put it into `tables/`, `views/` or \
         `functions/`"
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
async fn misspelt_column_is_told_with_its_place() {
    let workspace = Workspace::of_the_project();
    let table = "fixtures/contract/tables/import_history.toml";
    workspace.edit(table, "[columns.filename]", "[columns.filenames]");
    let told = compact(&workspace.refusal().await);
    assert_eq!(
        told,
        "tables/import_history.toml:37:10 [filenames] unknown column `filenames`; table \
         `import_history` has `id`, `user_id`, `source`, `filename`, `status`, `total_items`, \
         `imported_items`, `failed_items`, `error_log`, `created_at`, `completed_at`; did you mean \
         `filename`?"
    );
}
