//! Mistakes in what a contract says of tenants, parties and personas are reported with file, line
//! and remedy.

use rstest::rstest;

use super::compact;
use super::contract::{told, workspace};

#[rstest]
#[case::tenant_without_a_column(
    "owner = \"user_id\"",
    "owner = \"user_id = tags\"",
    "1:9 [\"user_id = tags\"] `user_id = tags` says nothing of a tenant; say `column = \
     table.column`, the table's rows being the users', or `column = claim name.name`, with `[]` \
     behind a list"
)]
#[case::tenant_in_an_unknown_table(
    "owner = \"user_id\"",
    "owner = \"user_id = staff.shop_id\"",
    "1:20 [staff] unknown table `staff`; files declare `notes`, `tags`; say one of these"
)]
#[case::tenant_in_a_table_without_users(
    "owner = \"user_id\"",
    "owner = \"id = notes.user_id\"",
    "1:15 [notes] `notes` cannot hold its own members; say `column <- table.column`: this \
     table's key, and the column of the table of memberships that holds it"
)]
#[case::party_that_is_no_path(
    "[privileges]",
    "parties.reader = \"none\"\n[privileges]",
    "17:19 [none] `none` does not lead to a party; say `column`, `column <- table.column` or \
     `column = claim name`"
)]
#[case::party_in_an_unknown_column(
    "[privileges]",
    "parties.reader = \"reader_id\"\n[privileges]",
    "17:19 [reader_id] unknown column `reader_id`; table `notes` has `id`, `is_pinned`, \
     `user_id`; did you mean `user_id`?"
)]
fn mistake_in_a_table_is_told_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] mistake: &str,
) {
    told(from, to, mistake);
}

/// What the grid does not say of a party, and what the table of a party must be.
#[rstest]
#[case::grid_without_the_party("id <- tags.id", "no line says what `alice` may do to `as reader`")]
#[case::unknown_table("id <- shares.id", "unknown table `shares`; files declare `notes`, `tags`")]
#[case::unknown_column("id <- tags.note_id", "unknown column `note_id`; table `tags` has")]
fn mistake_about_a_party_is_told(#[case] path: &str, #[case] mistake: &str) {
    let workspace = workspace();
    let notes = super::contract::NOTES;
    workspace.write("fixtures/contract/tables/tags.toml", &notes.replace("notes", "tags"));
    let line = "users               as reader         1 row         -                 0 rows        \
                0 rows\n";
    let every = "users               every ";
    let grid = if mistake.starts_with("no line") {
        notes.to_owned()
    } else {
        notes.replace(every, &format!("{line}{every}"))
    };
    let parties = format!("parties.reader = \"{path}\"\n[privileges]");
    let text = grid.replace("[privileges]", &parties);
    workspace.write("fixtures/contract/tables/notes.toml", &text);
    let told = compact(&workspace.mistake());
    assert!(told.starts_with("tables/notes.toml:") && told.contains(mistake), "{told}");
}

#[rstest]
#[case::built_in_name(
    "bob",
    "email = \"\"",
    "`bob` is a built-in persona; choose another name; a built-in user can be given"
)]
#[case::unknown_user(
    "admin",
    "user = \"alicia\"",
    "unknown user `alicia`; there are `alice`, `bob`, `carol`, `guest`; did you mean `alice`?"
)]
#[case::unknown_key(
    "admin",
    "claim = {}",
    "unknown key `claim`; there are `role`, `user`, `email`"
)]
#[case::unknown_table(
    "admin",
    "rows.memberships = {}",
    "unknown table `memberships`; files declare `notes`"
)]
#[case::unknown_column(
    "admin",
    "rows.notes = { title = \"'x'\" }",
    "unknown column `title`; table `notes` has `id`, `is_pinned`, `user_id`"
)]
fn mistake_in_a_persona_is_told(#[case] name: &str, #[case] key: &str, #[case] mistake: &str) {
    let workspace = workspace();
    let persona = format!("[personas.{name}]\n{key}\n\n[extensions]");
    workspace.edit("fixtures/contract/database.toml", "[extensions]", &persona);
    let told = compact(&workspace.mistake());
    assert!(told.starts_with("database.toml:") && told.contains(mistake), "{told}");
}

/// The control: what the mistakes are in, without them.
#[test]
fn persona_without_a_mistake_is_read() {
    let workspace = workspace();
    let persona = "[personas.admin]\nclaims = { app_metadata = { role = \"admin\" } }\n\
                   rows = { notes = { is_pinned = \"true\" } }\n\n[extensions]";
    workspace.edit("fixtures/contract/database.toml", "[extensions]", persona);
    workspace.edit(
        "fixtures/contract/tables/notes.toml",
        "no_token, anon_key  any ",
        "admin               another's         1 row         policy violation  0 rows        \
         0 rows\nno_token, anon_key  any ",
    );
    let contract = workspace.read().unwrap_or_else(|why| panic!("{why}")).contract;
    let admin = contract.personas[0].persona;
    let cells = &contract.tables["notes"].grid.cells;
    let says = |persona: &str| cells.iter().filter(|((who, ..), _)| who.name() == persona).count();
    assert_eq!(admin.claims().unwrap_or_default()["app_metadata"]["role"], "admin");
    assert_eq!(says("admin"), says("carol"), "what no line says is as for Carol");
}
