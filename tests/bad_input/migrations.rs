//! Migrations that cannot be applied, and inputs that are missing.

use std::fs;

use rstest::rstest;

use super::{CommandOutput, Workspace, compact};

/// The message names file and line, and shows the statement and the server's answer.
#[rstest]
#[case::syntax_error(
    "create table public.notes (id int);\n\n-- A comment.\ncreate tabel public.tags (\n  id \
        int\n);",
    "2_more.sql:4: syntax error at or near \"tabel\" (SQLSTATE 42601)\n  create tabel public.tags \
        (\n    id int\n  )"
)]
#[case::syntax_error_behind_characters_of_several_bytes(
    "select 'žluťoučký kůň';\n\nselect 1 frm t;",
    "2_more.sql:3: syntax error at or near \"t\" (SQLSTATE 42601)\n  select 1 frm t"
)]
#[case::unknown_table(
    "select 1;\nselect 2;\nselect *\nfrom public.nowhere;\nselect 3;",
    "2_more.sql:4: relation \"public.nowhere\" does not exist (SQLSTATE 42P01)\n  select *\n  from \
        public.nowhere"
)]
#[case::runtime_error_without_a_position(
    "select 1;\n-- One; two.\nselect ';';\n\nselect 1 / (id - id)\nfrom (values (1)) as t \
        (id);\nselect 2;",
    "2_more.sql:5: division by zero (SQLSTATE 22012)\n  select 1 / (id - id)\n  from (values (1)) \
        as t (id)"
)]
#[case::exception_in_a_block(
    "select 1;\ndo $$\nbegin\n  raise exception 'no; not so' using hint = 'do \
        otherwise';\nend\n$$;\nselect 2;",
    "2_more.sql:2: no; not so (SQLSTATE P0001); hint: do otherwise\n  do $$\n  begin\n    raise \
        exception 'no; not so' using hint = 'do otherwise';\n  end\n  $$"
)]
#[case::needs_a_superuser(
    "select 1;\ncopy (select 1) to program 'true';",
    "2_more.sql:2: permission denied to COPY to or from an external program (SQLSTATE 42501)"
)]
#[tokio::test]
async fn migration_that_does_not_apply_is_told_with_file_and_line(
    #[case] migration: &str,
    #[case] message: &str,
) {
    let workspace = Workspace::of_the_project();
    workspace.write("migrations/1_good.sql", "select 1");
    workspace.write("migrations/2_more.sql", migration);
    let told = workspace.refusal().await;
    let message = format!("could not apply the migration: {message}");
    assert!(told.starts_with(&message), "{told}\ndoes not begin with\n{message}");
}

/// On the platform, too, migrations run as an ordinary role.
#[tokio::test]
async fn migration_that_needs_a_superuser_is_told_who_it_runs_as() {
    let workspace = Workspace::of_the_project();
    workspace.write("migrations/2_more.sql", "create role r superuser;");
    let told = workspace.refusal().await;
    assert!(
        told.ends_with(
            "note: migrations run as postgres, which is no superuser on the platform \
                        either; leave out what needs one"
        ),
        "{told}"
    );
}

#[test]
fn migrations_cannot_be_none() {
    let workspace = Workspace::of_the_project();
    fs::remove_dir_all(workspace.path("migrations")).expect("the migrations to remove");
    workspace.write("migrations/README.md", "# Migrations");
    let message = "could not find the migrations: migrations holds no file that ends in .sql; \
                   name another directory with --migrations or IDENTRA_MIGRATIONS";
    assert_eq!(workspace.mistake(), message);
}

#[test]
fn migrations_cannot_be_missing() {
    let workspace = Workspace::of_the_project();
    fs::remove_dir_all(workspace.path("migrations")).expect("the migrations to remove");
    let message = "could not find the migrations: migrations is not a directory; name another \
                   directory with --migrations or IDENTRA_MIGRATIONS";
    assert_eq!(workspace.mistake(), message);
}

#[rstest]
#[case::of_the_roles("roles.sql")]
#[case::of_the_platform("platform.sql")]
#[case::of_its_library("supautils.sql")]
#[case::of_the_auth_server("auth.sql")]
#[case::of_the_storage_server("storage.sql")]
#[case::of_the_realtime_server("realtime.sql")]
#[case::of_older_projects("auto-expose.sql")]
#[case::of_newer_projects("explicit.sql")]
fn file_of_the_platform_cannot_be_missing(#[case] file: &str) {
    let workspace = Workspace::of_the_project();
    workspace.remove(&format!("fixtures/supabase/{file}"));
    let message = format!(
        "could not find the platform shim: fixtures/supabase holds no {file}; restore it, or \
         remove the directory to use the project's own"
    );
    assert_eq!(workspace.mistake(), message);
}

/// Its parent is a file, which stops the superuser too.
#[test]
fn evidence_needs_a_directory_that_can_be_written() {
    let workspace = Workspace::of_the_project();
    workspace.write("out", "not a directory");
    let [migrations, fixtures, out] = workspace.directories();
    let said = workspace.verify_with(&migrations, &fixtures, &out.join("evidence"));
    let message = "could not write the evidence to out/evidence: Not a directory (os error 20); \
                   name another directory with --out or IDENTRA_EVIDENCE";
    assert_eq!(said, CommandOutput::could_not_run(message));
}

/// A run without a verdict removes the verdict of an earlier one.
#[test]
fn run_that_could_not_run_leaves_no_verdict_of_an_earlier_one() {
    let workspace = Workspace::of_the_project();
    for stale in ["out/evidence.json", "out/summary.md"] {
        workspace.write(stale, "PROVED");
    }
    workspace.edit("fixtures/contract/tables/memories.toml", "owner =", "ownr =");
    let said = workspace.verify();
    assert_eq!(said.status, Some(2), "{}", said.error);
    let mistake = "tables/memories.toml:3:1 [ownr] unknown key `ownr`; did you mean `owner`?";
    assert_eq!(compact(&said.error), mistake);
    assert!(said.error.ends_with("\n\nCOULD NOT RUN: 1 mistake, see above"), "{}", said.error);
    let left =
        ["evidence.json", "summary.md"].map(|name| workspace.path("out").join(name).exists());
    assert_eq!(left, [false, false], "evidence of the earlier run");
}
