//! Files of the platform's storage: buckets are compared with the contract, and the policies on
//! `storage.objects` are proved with those of the project's own tables.

use std::sync::Arc;

use rstest::rstest;
use tempfile::TempDir;

use schema_harness::cli::draft::write;
use schema_harness::contract::Contract;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::platform::Regime;
use schema_harness::source::{SourceFile, project};

/// Files that only the user reads in whose folder they are, or whose id they name.
const FOLDER: &str = "(storage.foldername(name))[1] = (select auth.uid())::text";
const OWNER_ID: &str = "owner_id = (select auth.uid())::text";

fn files(is_theirs: &str) -> String {
    format!(
        "insert into storage.buckets (id, name, file_size_limit) values ('files', 'files', 1000);
         create policy \"Users read their own files\" on storage.objects for select
             to authenticated using (bucket_id = 'files' and {is_theirs});
         create policy \"Users add their own files\" on storage.objects for insert
             to authenticated with check (bucket_id = 'files' and {is_theirs});"
    )
}

fn migrated(migration: &str) -> Inputs {
    let read = Inputs::read(&project().join("migrations"), &project().join("fixtures"));
    let read = read.unwrap_or_else(|why| panic!("{why}"));
    let migrations =
        vec![SourceFile { name: "1_files.sql".to_owned(), text: migration.to_owned() }];
    let (contract, contract_files) = (Contract::default(), Vec::new());
    Inputs { contract, contract_files, migrations, ..read }
}

/// The contract that is drafted of that migration, changed in its file of `storage.objects`.
async fn contract_of(migration: &str, change: [&str; 2]) -> (TempDir, Contract) {
    let out = TempDir::with_prefix("identra-storage-").expect("a directory of the test's own");
    let draft = write(&migrated(migration), out.path(), Some(&[Regime::Explicit]), false).await;
    let draft = draft.unwrap_or_else(|why| panic!("{why}"));
    let path = out.path().join("contract/tables/storage.objects.toml");
    let text = std::fs::read_to_string(&path).expect("the file of the platform's table");
    std::fs::write(&path, text.replace(change[0], change[1])).expect("the file");
    let contract = Contract::read(&draft.out).unwrap_or_else(|why| panic!("{why}"));
    (out, contract)
}

/// What breaks that rule, of a migration with the contract that is drafted of another.
async fn found(meant: &str, migration: &str, rule: &str) -> Vec<String> {
    let (_out, contract) = contract_of(meant, ["", ""]).await;
    let inputs = Inputs { contract, ..migrated(migration) };
    let evidence = job::run(Arc::new(inputs), &Job::without_attacks(&[])).await;
    let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(evidence.accounting.planned, evidence.accounting.executed);
    let of = evidence.findings.iter().filter(|finding| finding.rule == rule);
    of.map(|finding| finding.check.clone()).collect()
}

/// CWE-639: the bucket alone says who reads a file.
#[rstest]
#[case::folder(FOLDER, FOLDER, &[])]
#[case::owner_id(OWNER_ID, OWNER_ID, &[])]
#[case::any_folder(
    FOLDER,
    "(storage.foldername(name))[1] is not null",
    &["insert/alice/bobs-row", "select/bob/alices-row", "select/alice/ownerless-row"]
)]
#[case::second_folder(
    FOLDER,
    "(storage.foldername(name))[2] = (select auth.uid())::text",
    &["insert/alice/alices-row", "select/bob/bobs-row"]
)]
#[case::anybodys_id(OWNER_ID, "owner_id <> ''", &["insert/alice/bobs-row", "select/bob/alices-row"])]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_of_files_follow_the_policies(
    #[case] meant: &str,
    #[case] policy: &str,
    #[case] cells: &[&str],
) {
    let found = found(&files(meant), &files(policy), "isolation.cell").await;
    assert_eq!(found.is_empty(), cells.is_empty(), "{found:?}");
    for cell in cells {
        let id = format!("isolation/storage.objects/{cell}");
        assert!(found.contains(&id), "{cell} in {found:?}");
    }
}

#[rstest]
#[case::as_meant("", &[])]
#[case::public("update storage.buckets set public = true", &["database/buckets/files"])]
#[case::larger(
    "update storage.buckets set file_size_limit = null",
    &["database/buckets/files"]
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bucket_is_compared_with_the_contract(#[case] change: &str, #[case] different: &[&str]) {
    let files = files(FOLDER);
    let migration = format!("{files}{change}");
    assert_eq!(found(&files, &migration, "schema.different").await, different);
}

/// A bucket that nobody declares, and one that no migration makes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bucket_is_in_both_or_in_neither() {
    let files = files(FOLDER);
    let more = format!("{files}insert into storage.buckets (id, name) values ('more', 'more');");
    assert_eq!(found(&files, &more, "schema.undeclared").await, ["database/buckets/more"]);
    assert_eq!(found(&more, &files, "schema.missing").await, ["database/buckets/more"]);
}

/// Files of several buckets are variants of a row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_bucket_is_a_variant() {
    let avatars =
        "insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
        create policy \"Everybody sees avatars\" on storage.objects for select
            to anon, authenticated using (bucket_id = 'avatars');";
    let both = format!("{avatars}{}", files(FOLDER));
    assert_eq!(found(&both, &both, "isolation.cell").await, [""; 0]);
    assert_eq!(found(&both, &both, "harness.could-not-run").await, [""; 0]);
}

/// The server says what it cannot compute, with the line in the contract.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owner_that_cannot_be_computed_is_a_mistake() {
    let change = ["(storage.foldername(name))[1]", "(storage.foldername(nam))[1]"];
    let (_out, contract) = contract_of(&files(FOLDER), change).await;
    let inputs = Inputs { contract, ..migrated(&files(FOLDER)) };
    let why = job::run(Arc::new(inputs), &Job::without_attacks(&[])).await;
    let why = why.expect_err("there is no such column").0;
    assert!(why.contains("the owner cannot be computed: column \"nam\" does not exist"), "{why}");
    assert!(why.contains("tables/storage.objects.toml:9:9"), "{why}");
}
