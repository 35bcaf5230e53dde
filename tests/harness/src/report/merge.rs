//! Merges the evidence of several shards, which planned the same checks, into one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::document::{AttackRecord, Check, FunctionRecord, MatrixCell, Measured};
use super::{Evidence, FORMAT, controls, denials, families, verdict};
use crate::error::CannotRun;
use crate::findings::ledger::Finding;

/// Reads the evidence of shards in those directories, or below them, and merges it.
///
/// # Errors
/// A directory without evidence; evidence of another format; shards of different runs.
pub fn merged(directories: &[PathBuf]) -> Result<Evidence, CannotRun> {
    let mut shards = Vec::new();
    for directory in directories {
        let files = files_below(directory)?;
        if files.is_empty() {
            return Err(CannotRun(format!(
                "there is no evidence.json in {} or below it; name the directories that the \
                 shards wrote",
                directory.display()
            )));
        }
        for file in files {
            shards.push((file.display().to_string(), read(&file)?));
        }
    }
    merge(shards)
}

fn files_below(directory: &Path) -> Result<Vec<PathBuf>, CannotRun> {
    let unreadable = |error: std::io::Error| {
        CannotRun(format!("could not read the evidence in {}: {error}", directory.display()))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() && !path.is_symlink() {
            files.append(&mut files_below(&path)?);
        } else if path.file_name().is_some_and(|name| name == "evidence.json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Evidence, CannotRun> {
    let wrong = |why: String| CannotRun(format!("could not read {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let document: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let format = &document["format"];
    if *format != FORMAT {
        return Err(wrong(format!(
            "it is of format {format}, and this harness reads format {FORMAT}; make all shards \
             with the same version"
        )));
    }
    serde_json::from_value(document).map_err(|error| wrong(error.to_string()))
}

/// Merges the evidence of several shards, each with its name in messages.
///
/// # Errors
/// The difference between two of them.
pub(super) fn merge(shards: Vec<(String, Evidence)>) -> Result<Evidence, CannotRun> {
    let mut shards = shards.into_iter();
    let Some((first, mut whole)) = shards.next() else {
        return Err(CannotRun("there is no evidence to merge".to_owned()));
    };
    let plan = planned(&whole);
    if plan.len() != whole.accounting.planned {
        let (count, planned) = (plan.len(), whole.accounting.planned);
        return Err(CannotRun(format!(
            "{first} planned {planned} checks and records {count}; merge the files of a run"
        )));
    }
    let unjudged = |name: &str, it: &Evidence| {
        if it.baseline.is_empty() {
            return Ok(());
        }
        Err(CannotRun(format!(
            "{name} has a baseline already; make the shards without, and give --baseline here"
        )))
    };
    unjudged(&first, &whole)?;
    for (name, shard) in shards {
        unjudged(&name, &shard)?;
        if let Some(what) = difference(&whole, &shard) {
            return Err(CannotRun(format!(
                "{first} and {name} are not about the same {what}; merge the shards of one run"
            )));
        }
        if planned(&shard) != plan {
            return Err(CannotRun(format!(
                "{first} and {name} did not plan the same checks; merge the shards of one run"
            )));
        }
        absorb(&mut whole, shard);
    }
    account(&mut whole, &plan);
    whole.verdict = verdict(&whole.accounting, &whole.findings, &[], whole.strict);
    Ok(whole)
}

/// The privilege regimes in which each check was to be made.
fn planned(evidence: &Evidence) -> BTreeMap<String, BTreeSet<String>> {
    let unplanned: BTreeSet<&String> = evidence.accounting.unplanned.iter().collect();
    let made = evidence.checks.iter().filter(|check| !unplanned.contains(&check.id));
    let made = made.map(|check| (&check.id, check.observed.keys().collect::<Vec<_>>()));
    let missing = evidence.accounting.missing.iter();
    let missing = missing.map(|(id, regimes)| (id, regimes.iter().collect::<Vec<_>>()));
    let mut planned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, regimes) in made.chain(missing) {
        planned.entry(id.clone()).or_default().extend(regimes.into_iter().cloned());
    }
    planned
}

/// The difference between the inputs of two shards.
fn difference(one: &Evidence, other: &Evidence) -> Option<&'static str> {
    let (this, that) = (&one.tested, &other.tested);
    let same = [
        ("migrations", this.migrations == that.migrations),
        ("contract", this.contract == that.contract),
        ("platform shim", this.platform_shim == that.platform_shim),
        ("server", this.server.version == that.server.version),
        ("kind of server", this.server.kind == that.server.kind),
        ("privilege regimes", this.regimes == that.regimes),
        ("commit", this.commit == that.commit),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

fn absorb(whole: &mut Evidence, shard: Evidence) {
    whole.parts.extend(shard.parts);
    whole.accounting.unplanned.extend(shard.accounting.unplanned);
    // What no shard covers is not proved.
    whole.not_proved.retain(|open| shard.not_proved.contains(open));
    whole.mutants = whole.mutants.take().or(shard.mutants);
    measure(&mut whole.tested.measured, shard.tested.measured);
    let of_finding =
        |it: &Finding| [&it.rule, &it.check, &it.object, &it.observed].map(String::clone);
    // Several attacks can have one number.
    let of_attack = |it: &AttackRecord| [&it.id, &it.title].map(String::clone);
    join(&mut whole.checks, shard.checks, |it| it.id.clone(), absorb_check);
    join(&mut whole.findings, shard.findings, of_finding, |it, other| it.seen_in(other.regimes));
    join(&mut whole.matrix, shard.matrix, |it| it.id.clone(), absorb_cell);
    join(&mut whole.attacks, shard.attacks, of_attack, absorb_attack);
    for (name, function) in shard.functions {
        match whole.functions.get_mut(&name) {
            Some(known) => absorb_function(known, function),
            None => {
                whole.functions.insert(name, function);
            }
        }
    }
}

/// Adds new entries by key, and merges those that exist.
fn join<T, K: Ord>(
    known: &mut Vec<T>,
    others: Vec<T>,
    key: impl Fn(&T) -> K,
    absorb: impl Fn(&mut T, T),
) {
    let places: BTreeMap<K, usize> =
        known.iter().enumerate().map(|(at, it)| (key(it), at)).collect();
    for other in others {
        match places.get(&key(&other)) {
            Some(at) => absorb(&mut known[*at], other),
            None => known.push(other),
        }
    }
}

fn absorb_check(known: &mut Check, other: Check) {
    known.passed &= other.passed;
    known.observed.extend(other.observed);
}

fn absorb_cell(known: &mut MatrixCell, other: MatrixCell) {
    known.passed &= other.passed;
    known.observed.extend(other.observed);
    known.cell.changed.extend(other.cell.changed);
}

/// Of two shards, only the one with checks has tried the attack.
fn absorb_attack(known: &mut AttackRecord, other: AttackRecord) {
    if known.checks.is_empty() {
        *known = other;
    } else if !other.checks.is_empty() {
        known.passed &= other.passed;
        known.checks.extend(other.checks);
        known.checks.sort();
        known.checks.dedup();
    }
}

fn absorb_function(known: &mut FunctionRecord, other: FunctionRecord) {
    known.checks.extend(other.checks);
    known.checks.sort();
    known.checks.dedup();
    if known.statements.is_empty() {
        known.statements = other.statements;
    } else {
        for (known, other) in known.statements.iter_mut().zip(other.statements) {
            known.executed |= other.executed;
        }
    }
}

/// Shards run in parallel: the longest time counts.
fn measure(known: &mut Measured, other: Measured) {
    known.total_ms = known.total_ms.max(other.total_ms);
    known.compared_ms = known.compared_ms.max(other.compared_ms);
    known.probes += other.probes;
    known.probe_median_us = known.probe_median_us.max(other.probe_median_us);
    known.properties.extend(other.properties);
    known.mutants = known.mutants.max(other.mutants);
    known.mutant_median_ms = known.mutant_median_ms.max(other.mutant_median_ms);
    known.attack_probes += other.attack_probes;
    known.controls_ms = known.controls_ms.max(other.controls_ms);
    known.attacks_ms = known.attacks_ms.max(other.attacks_ms);
}

/// Recounts the checks, and sorts everything as in a single run.
fn account(whole: &mut Evidence, plan: &BTreeMap<String, BTreeSet<String>>) {
    whole.checks.sort_by(|one, other| one.id.cmp(&other.id));
    whole.matrix.sort_by(|one, other| one.id.cmp(&other.id));
    whole.findings.sort_by(|one, other| {
        let key = |it: &Finding| (it.rank(), it.rule.clone(), it.object.clone(), it.check.clone());
        key(one).cmp(&key(other))
    });
    let with_findings: BTreeSet<&String> =
        whole.findings.iter().map(|finding| &finding.check).collect();
    for check in &mut whole.checks {
        check.passed &= !with_findings.contains(&check.id);
    }
    whole.families = families(whole.checks.iter());
    whole.controls = controls(&whole.checks);
    whole.denials = denials(&whole.matrix);
    let made: BTreeMap<&String, &Check> =
        whole.checks.iter().map(|check| (&check.id, check)).collect();
    let missing = plan.iter().map(|(id, regimes)| {
        let made = made.get(id);
        let missing = regimes
            .iter()
            .filter(|regime| made.is_none_or(|check| !check.observed.contains_key(*regime)));
        (id.clone(), missing.cloned().collect::<Vec<String>>())
    });
    let missing: BTreeMap<String, Vec<String>> =
        missing.filter(|(_, regimes)| !regimes.is_empty()).collect();
    let passed = whole.checks.iter().filter(|check| check.passed).count();
    let accounting = &mut whole.accounting;
    accounting.planned = plan.len();
    accounting.executed = plan.len() - missing.len();
    accounting.missing = missing;
    accounting.passed = passed;
    accounting.failed = whole.checks.len() - passed;
    accounting.unplanned.sort();
    accounting.unplanned.dedup();
}
