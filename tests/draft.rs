//! This file is the draft of a contract for migrations that have none: what
//! `scripts/verify --draft-contract` does.

mod read_again;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::CannotRun;
use crate::harness::catalog::facets::Facets;
use crate::harness::catalog::{Catalog, EVERYTHING};
use crate::harness::contract::Contract;
use crate::harness::database::{Database, State};
use crate::harness::draft::{self, Found};
use crate::harness::inputs::{self, Inputs, Regime, SourceFile};
use crate::harness::schema::Comparison;

/// A draft that was written.
struct Draft {
    /// Where its `contract` is.
    out: PathBuf,
    /// How many guesses there are, in how many files.
    guesses: (usize, usize),
    /// What is there and no contract can say, and the other way round.
    unsaid: Vec<String>,
    /// How much more there is where the platform exposes what a migration makes.
    exposed: usize,
}

/// Applies the migrations, writes down what there is, and reads it again.
async fn write(inputs: &Inputs, out: &Path) -> Result<Draft, CannotRun> {
    let contract = out.join("contract");
    refuse_to_overwrite(&contract)?;
    let database = Database::of(inputs, Regime::Explicit).await?;
    let admin = database.admin().await?;
    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    let baseline: Facets = database.state(&admin, State::Baseline).await?;
    let seeds = database.state(&admin, State::Seeds).await?;
    let files = draft::draft(&Found { catalog: &catalog, baseline: &baseline, seeds: &seeds });
    for file in &files {
        put(&contract, file)?;
    }
    let counts: Vec<usize> = files.iter().map(draft::guesses).filter(|&count| count > 0).collect();
    let guesses = (counts.iter().sum(), counts.len());
    let read = Contract::read(out).map_err(|CannotRun(why)| {
        CannotRun(format!("the draft in {} is no contract yet: {why}", out.display()))
    })?;
    let unsaid = unsaid(&database, &read, Regime::Explicit).await?;
    let exposing = Database::of(inputs, Regime::AutoExpose).await?;
    let all = self::unsaid(&exposing, &read, Regime::AutoExpose).await?;
    let exposed = all.iter().filter(|it| !unsaid.contains(it)).count();
    Ok(Draft { out: out.to_owned(), guesses, unsaid, exposed })
}

/// A draft never takes the place of what somebody has corrected.
fn refuse_to_overwrite(contract: &Path) -> Result<(), CannotRun> {
    let is_there = fs::read_dir(contract).is_ok_and(|mut entries| entries.next().is_some());
    if is_there {
        let contract = contract.display();
        return Err(CannotRun(format!(
            "{contract} is there already, and may have been corrected; move it away, or name \
             another directory with --out"
        )));
    }
    Ok(())
}

fn put(contract: &Path, file: &SourceFile) -> Result<(), CannotRun> {
    let path = contract.join(&file.name);
    let could_not =
        |error: std::io::Error| CannotRun(format!("could not write {}: {error}", path.display()));
    fs::create_dir_all(path.parent().unwrap_or(contract)).map_err(could_not)?;
    fs::write(&path, &file.text).map_err(could_not)
}

/// In what the catalog still differs from the draft.
async fn unsaid(
    database: &Database,
    read: &Contract,
    regime: Regime,
) -> Result<Vec<String>, CannotRun> {
    let comparison = Comparison::read_in(database, read, regime).await?;
    let entries = comparison.entries([]);
    let findings = entries.iter().flat_map(|entry| &entry.findings);
    Ok(findings
        .map(|it| format!("{}: {}, and not {}", it.check, it.observed, it.expected))
        .collect())
}

/// What is told at the end: what was guessed, and what comes next.
fn told(draft: &Draft) -> String {
    let mut lines = Vec::new();
    if !draft.unsaid.is_empty() {
        let count = draft.unsaid.len();
        lines.push(format!("{count} things that no contract says; each stays a finding:"));
        lines.extend(draft.unsaid.iter().map(|it| format!("  {it}")));
    }
    if draft.exposed > 0 {
        lines.push(format!(
            "{} things differ on projects from before May 2026, where every role gets what a \
             migration makes: let the migrations revoke before they grant",
            draft.exposed
        ));
    }
    let out = draft.out.display();
    let (guesses, files) = draft.guesses;
    let migrations = env::var("IDENTRA_MIGRATIONS").unwrap_or_default();
    let migrations =
        if migrations.is_empty() { String::new() } else { format!(" --migrations {migrations}") };
    lines.push(format!(
        "{guesses} guesses in {files} files below {out}/contract: correct them, and what else is \
         not meant; then scripts/verify{migrations} --fixtures {out}"
    ));
    lines.join("\n")
}

/// Reads, drafts and writes; what `scripts/verify --draft-contract` does.
fn job(inputs: &Inputs, out: &Path) -> Result<String, CannotRun> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CannotRun(format!("could not start a runtime: {error}")))?;
    Ok(told(&runtime.block_on(write(inputs, out))?))
}

/// With `IDENTRA_DRAFT` set this is `scripts/verify --draft-contract`: it prints to standard
/// error, and its exit status says whether there is a draft.
#[test]
fn contract_is_drafted() {
    if inputs::asked("draft::contract_is_drafted", "IDENTRA_DRAFT").is_some() {
        let (status, text) = match Inputs::without_contract()
            .and_then(|inputs| job(&inputs, &inputs::out("target/draft")))
        {
            Ok(told) => (0, told),
            Err(why) => (2, format!("COULD NOT RUN: {why}")),
        };
        eprintln!("{text}");
        std::process::exit(status);
    }
    let out = tempfile::TempDir::with_prefix("identra-draft-").expect("a directory of its own");
    let inputs = Inputs::without_contract().unwrap_or_else(|why| panic!("{why}"));
    let told = job(&inputs, out.path()).unwrap_or_else(|why| panic!("{why}"));
    assert!(told.contains(" guesses in "), "{told}");
}
