//! Drafts a contract for migrations that have none: `scripts/verify draft`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::observed::Observed;
use super::options;
use crate::catalog::facets::Facets;
use crate::catalog::{Catalog, EVERYTHING};
use crate::checks::schema::Comparison;
use crate::contract::{Contract, Facet};
use crate::draft::{self, Found};
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::sandbox::{Database, Regimes, State};
use crate::source::SourceFile;
use crate::source::project;

/// A draft that was written.
pub struct Draft {
    /// Where its `contract` is.
    pub out: PathBuf,
    /// How many guesses there are, in how many files.
    pub guesses: (usize, usize),
    /// The privilege regimes whose catalogs it was compared with, the first being the one that
    /// was written down.
    pub regimes: Regimes,
    /// The number of facets that stand alone in `catalog.toml`.
    pub alone: usize,
}

/// Applies the migrations, writes the draft, and reads it back. Of a database that `is_right`, the
/// grids say what it does.
pub async fn write(
    inputs: &Inputs,
    out: &Path,
    wanted: Option<&[Regime]>,
    is_right: bool,
) -> Result<Draft, CannotRun> {
    let contract = out.join("contract");
    refuse_to_overwrite(&contract)?;
    let regimes = Regimes::of(inputs, wanted).await?;
    let database = Database::of(inputs, regimes.all[0]).await?;
    let admin = database.admin().await?;
    let catalog = Catalog::read(&admin, EVERYTHING).await?;
    let baseline: Facets = database.state(&admin, State::Baseline).await?;
    let seeds = database.state(&admin, State::Seeds).await?;
    let mut idle = BTreeSet::new();
    let mut files;
    loop {
        let found = Found { catalog: &catalog, baseline: &baseline, seeds: &seeds, without: &idle };
        files = draft::draft(&found);
        for file in &files {
            put(&contract, file)?;
        }
        if !is_right {
            break;
        }
        let contract_files = Contract::files(out)?;
        let drafted = Arc::new(Inputs { contract: read(out)?, contract_files, ..inputs.clone() });
        let observed = Observed::of(&drafted, regimes.all[0]).await?;
        let more = observed.idle(&drafted.contract);
        if more.is_empty() {
            for file in &mut files {
                *file = observed.in_place(&drafted.contract, file);
                put(&contract, file)?;
            }
            break;
        }
        idle.extend(more);
    }
    let counts: Vec<usize> = files.iter().map(draft::guesses).filter(|&count| count > 0).collect();
    let guesses = (counts.iter().sum(), counts.len());
    let alone = alone(inputs, &read(out)?, &regimes.all).await?;
    if !alone.is_empty() {
        put(&contract, &draft::rest(&alone))?;
    }
    Ok(Draft { out: out.to_owned(), guesses, regimes, alone: alone.len() })
}

fn read(out: &Path) -> Result<Contract, CannotRun> {
    Contract::read(out).map_err(|CannotRun(why)| {
        CannotRun(format!("{why}\n\nthe draft in {} is no contract yet", out.display()))
    })
}

/// The facets in which the catalogs still differ from the draft.
async fn alone(
    inputs: &Inputs,
    drafted: &Contract,
    regimes: &[Regime],
) -> Result<BTreeMap<String, BTreeMap<Regime, String>>, CannotRun> {
    let mut comparisons = Vec::new();
    for &regime in regimes {
        let database = Database::of(inputs, regime).await?;
        comparisons.push((regime, Comparison::read_in(&database, drafted, regime).await?));
    }
    let mut facets = BTreeMap::new();
    for id in comparisons.iter().flat_map(|(_, it)| it.differences()) {
        let text = |(regime, comparison): &(Regime, Comparison)| {
            (*regime, comparison.observed(&id).unwrap_or(Facet::ABSENT).to_owned())
        };
        let texts = comparisons.iter().map(text).collect();
        facets.insert(id, texts);
    }
    Ok(facets)
}

/// A draft never overwrites an existing contract.
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

/// The summary: the number of guesses, and the next step.
pub fn summary(draft: &Draft, migrations: &Path) -> String {
    let names: Vec<&str> = draft.regimes.all.iter().map(|regime| regime.name()).collect();
    let mut lines = vec![format!("regime {}: {}", names.join(" and "), draft.regimes.why)];
    let out = draft.out.display();
    let (guesses, files) = draft.guesses;
    let migrations = if migrations == project().join("migrations") {
        String::new()
    } else {
        format!(" --migrations {}", migrations.display())
    };
    lines.push(format!(
        "{guesses} guesses in {files} files below {out}/contract: correct them, and what else is \
         not meant; then scripts/verify{migrations} --fixtures {out}"
    ));
    if draft.alone > 0 {
        let alone = draft.alone;
        lines.insert(
            1,
            format!("{alone} things that no key says stand in {out}/contract/catalog.toml"),
        );
    }
    lines.join("\n")
}

/// Reads, drafts and writes; returns the summary.
///
/// # Errors
/// Why there is no draft.
pub(super) fn run(options: &options::Draft) -> Result<String, CannotRun> {
    let migrations = options.inputs.migrations();
    let inputs = Inputs::without_contract(&migrations, &options.inputs.fixtures())?;
    let inputs = options.inputs.complete(inputs)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CannotRun(format!("could not start a runtime: {error}")))?;
    let wanted = options.regime.wanted();
    let out = options.out.or("target/draft");
    let draft = runtime.block_on(write(&inputs, &out, wanted.as_deref(), options.as_observed))?;
    Ok(summary(&draft, &migrations))
}
