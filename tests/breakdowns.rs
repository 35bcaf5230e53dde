//! A check that breaks down is that check's finding, counted once, and the others go on.

use std::sync::Arc;

use tempfile::TempDir;

use crate::adopting::example;
use schema_harness::checks::attacks::runner::{Attack, Kind, Trial};
use schema_harness::checks::properties::Property;
use schema_harness::cli::draft::write;
use schema_harness::contract::Contract;
use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::report::{Evidence, Verdict};
use schema_harness::source::SourceFile;

async fn evidence(inputs: Inputs, job: Job) -> Evidence {
    job::run(Arc::new(inputs), &job).await.unwrap_or_else(|why| panic!("{why}"))
}

/// An attack that the harness itself fails at, or one that finds nothing.
const fn attack(id: &'static str, kind: Kind) -> Attack {
    Attack {
        id,
        title: "an attack of this test",
        meaning: "",
        remedy: "",
        references: &[],
        unless: "never",
        kind,
    }
}

static BREAKS_DOWN: Attack =
    attack("T97", Kind::Trials(|_| Box::pin(async { panic!("the attack of a test") })));
static FINDS_NOTHING: Attack =
    attack("T98", Kind::Trials(|_| Box::pin(async { Ok(vec![Trial::failed(None)]) })));

const FAILS: Property = Property {
    id: "teams/breaks-down",
    claim: "it is tried",
    about: &[],
    cases: 1,
    holds: |_| panic!("the property of a test"),
};

/// The rules, objects and outcomes of all findings.
fn found(evidence: &Evidence) -> Vec<[&str; 3]> {
    let of = evidence.findings.iter();
    of.map(|it| [it.rule.as_str(), it.check.as_str(), it.observed.as_str()]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_and_property_that_panic_are_findings_and_all_else_is_tried() {
    let whole = Job::without_attacks(&[&FAILS]);
    let broken = Job { attacks: vec![&BREAKS_DOWN, &FINDS_NOTHING], ..whole };
    let broken = evidence(example(), broken).await;
    let why = "the harness itself failed, which is a bug of it: ";
    let [attack, property] = ["attack", "property"].map(|it| format!("{why}the {it} of a test"));
    let expected = [
        ["harness.could-not-run", "attack/T97", attack.as_str()],
        ["harness.could-not-run", "property/teams/breaks-down", property.as_str()],
    ];
    assert_eq!(found(&broken), expected);
    assert_eq!(broken.verdict, Verdict::Incomplete, "what is wrong is not the schema");
    assert_eq!(broken.accounting.planned, broken.accounting.executed);
    let control = Job { attacks: vec![&FINDS_NOTHING], ..Job::without_attacks(&[]) };
    let control = evidence(example(), control).await;
    assert_eq!(control.verdict, Verdict::Proved, "control");
}

/// What a contract names and the database cannot have is found at its line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn type_that_is_not_there_is_a_finding_at_its_line() {
    let mut inputs = example();
    let tasks = inputs.contract.tables.get_mut("tasks").expect("a table of the example");
    let column = tasks.columns.get_mut("title").expect("its column");
    column.data_type = "public.prose".to_owned();
    let evidence = evidence(inputs, Job::without_attacks(&[])).await;
    let of_the_column = evidence.findings.iter().find(|it| it.object == "tasks.title");
    let finding = of_the_column.unwrap_or_else(|| panic!("{:#?}", evidence.findings));
    assert_eq!(finding.rule, "schema.different");
    assert!(finding.expected.contains("type \"public.prose\" does not exist"), "{finding:#?}");
    let place = finding.location.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(place.ends_with("contract/tables/tasks.toml:35"), "{place}");
    assert!(evidence.tables_tried() > 1, "all else is tried");
}

/// Two tables, one of which takes no row.
const REFUSED: &str = "create table public.open (
        id uuid primary key default gen_random_uuid(),
        user_id uuid not null references auth.users (id) on delete cascade
    );
    create table public.closed (like public.open including all);
    create function public.refuse() returns trigger language plpgsql set search_path = ''
        as 'begin raise exception ''closed''; end';
    create trigger refuse before insert on public.closed
        for each row execute function public.refuse();";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_that_takes_no_row_leaves_the_others_tried() {
    let out = TempDir::with_prefix("identra-breakdowns-").expect("a directory of its own");
    let migration = SourceFile { name: "1_refused.sql".to_owned(), text: REFUSED.to_owned() };
    let inputs = Inputs { migrations: vec![migration], ..example() };
    write(&inputs, out.path(), None, false).await.unwrap_or_else(|why| panic!("{why}"));
    let contract = Contract::read(out.path()).unwrap_or_else(|why| panic!("{why}"));
    let inputs = Inputs { contract, ..inputs };
    let evidence = evidence(inputs, Job::without_attacks(&[])).await;
    let about_rows = evidence.findings.iter().filter(|it| it.rule.starts_with("rows."));
    let about_rows: Vec<&str> = about_rows.map(|it| it.object.as_str()).collect();
    assert_eq!(about_rows, ["refuse"], "the function that refuses");
    let cells = |table: &str| evidence.matrix.iter().filter(|it| it.cell.table == table).count();
    assert!(cells("open") > 20, "{}", cells("open"));
    assert_eq!(cells("closed"), 0, "no cell of it is claimed to be tried");
    assert_eq!((evidence.tables_tried(), evidence.tables.len()), (1, 2));
    assert!(evidence.accounting.missing.keys().all(|id| id.starts_with("isolation/closed/")));
    assert_ne!(evidence.accounting.missing.len(), 0);
}
