//! This file is the evidence: what was tested, what came of it and the verdict, made of the
//! ledger and nothing else.

mod document;
mod files;
mod locate;
mod summary;

pub(crate) use self::document::Evidence;
use self::document::{
    Accepted, Accounting, AttackRecord, Check, Fingerprint, FunctionRecord, MatrixCell, Measured,
    MutantsRecord, PropertyTimes, ServerFacts, StatementRecord, Tested,
};
pub(crate) use self::files::{clear, prepare, write};
pub(crate) use self::summary::{markdown, terminal};

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::harness::attack::Attack;
use crate::harness::attack::transcript::MASKS;
use crate::harness::contract::{Function, LintException};
use crate::harness::cves;
use crate::harness::inputs::{Inputs, Regime, fingerprint, project};
use crate::harness::ledger::{Entry, Finding, Ledger};
use crate::harness::mutants::report;
use crate::harness::mutants::run::Outcome;
use crate::harness::promises::{self, Try};
use crate::harness::property::coverage::Statement;
use crate::harness::server::Server;
use crate::mutants::Judgement;

/// What can be said at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Every planned check was made and passed.
    Proved,
    /// Something is wrong with the schema or its contract.
    Findings,
    /// Not every planned check was made, so nothing is proved.
    Incomplete,
}

impl Verdict {
    /// The exit status that tells it.
    pub(crate) fn exit_status(self) -> i32 {
        match self {
            Self::Proved => 0,
            Self::Findings | Self::Incomplete => 1,
        }
    }

    /// The word on the first line of everything.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Proved => "PROVED",
            Self::Findings => "FINDINGS",
            Self::Incomplete => "INCOMPLETE",
        }
    }
}

impl Evidence {
    /// Makes the evidence of a ledger.
    ///
    /// `promised` is what came of the properties; `took` how long it took until the catalogs were compared, and altogether.
    pub(crate) fn of(
        ledger: &Ledger,
        inputs: &Inputs,
        server: &Server,
        attacks: &[&Attack],
        promised: &Promised,
        took: [Duration; 2],
    ) -> Self {
        let passed = ledger.entries().filter(|entry| entry.passed()).count();
        let unaccounted: Vec<String> = ledger.unaccounted().into_iter().cloned().collect();
        let accounting = Accounting {
            planned: ledger.planned(),
            executed: ledger.executed(),
            passed,
            failed: ledger.entries().count() - passed,
            unaccounted,
        };
        let mut findings: Vec<Finding> = ledger.findings().into_iter().cloned().collect();
        for finding in &mut findings {
            finding.location = locate::location(inputs, finding);
        }
        let matrix = ledger.entries().filter_map(|entry| {
            entry.cell.clone().map(|cell| MatrixCell {
                id: entry.id.clone(),
                passed: entry.passed(),
                cell,
                observed: entry.observed.clone(),
            })
        });
        let checks = ledger.entries().map(|entry| Check {
            id: entry.id.clone(),
            passed: entry.passed(),
            expected: entry.expected.clone(),
            observed: entry.observed.clone(),
        });
        Self {
            format: 1,
            volatile: ["tested.commit", "tested.at", "tested.measured", "tested.server.choice"]
                .map(str::to_owned)
                .to_vec(),
            verdict: verdict(&accounting, &findings),
            tested: tested(inputs, server, ledger, promised, took),
            accepted: accepted(inputs),
            not_proved: not_proved(inputs, promised),
            functions: functions(inputs, promised),
            mutants: promised.mutants.as_ref().map(|judged| mutants(inputs, ledger, judged)),
            findings,
            attacks: attacks.iter().map(|attack| record(attack, ledger)).collect(),
            masks: MASKS.map(str::to_owned).to_vec(),
            matrix: matrix.collect(),
            checks: checks.collect(),
            accounting,
        }
    }
}

/// What came of the properties.
pub(crate) struct Promised {
    /// Each property that was tried.
    pub(crate) tries: Vec<Try>,
    /// Whether the server has `plpgsql_check`.
    pub(crate) has_plpgsql_check: bool,
    /// What came of mutants, where that was asked for.
    pub(crate) mutants: Option<Judgement>,
}

/// What no check says anything about.
fn not_proved(inputs: &Inputs, promised: &Promised) -> Vec<String> {
    let mut all: Vec<String> = inputs
        .contract
        .functions
        .iter()
        .filter(|(_, function)| function.proved_by.is_empty() || promised.tries.is_empty())
        .map(|(name, _)| format!("that {name} keeps its promise: no property is about it"))
        .collect();
    if !promised.has_plpgsql_check {
        all.push(
            "that the properties reach every statement of the functions: this server has no \
             plpgsql_check; scripts/build-image makes one that has"
                .to_owned(),
        );
    }
    let always = [
        "what a view computes, beyond whose rows it shows",
        "columns of seed rows that the contract leaves open",
        "how long an answer takes",
    ];
    all.extend(always.map(str::to_owned));
    all
}

/// What the ledger says of one attack.
fn record(attack: &Attack, ledger: &Ledger) -> AttackRecord {
    let number = |id: &str| id.split('/').nth(1).map(str::to_owned);
    let of_it = |entry: &&Entry| {
        entry.id.starts_with("attack/") && number(&entry.id).as_deref() == Some(attack.id)
    };
    let entries: Vec<&Entry> = ledger.entries().filter(of_it).collect();
    let answers: Vec<&String> = entries.iter().flat_map(|entry| entry.observed.values()).collect();
    let idle = answers.iter().all(|answer| answer.starts_with("not applicable"));
    let status = match answers.first() {
        None => "not executed".to_owned(),
        Some(reason) if idle => (*reason).clone(),
        Some(_) => "executed".to_owned(),
    };
    AttackRecord {
        id: attack.id.to_owned(),
        title: attack.title.to_owned(),
        references: attack.references.iter().map(|&r| r.to_owned()).collect(),
        status,
        passed: !entries.is_empty() && entries.iter().all(|entry| entry.passed()),
        checks: entries.iter().map(|entry| entry.id.clone()).collect(),
    }
}

/// Nothing planned, or anything planned and not made, is never a proof.
fn verdict(accounting: &Accounting, findings: &[Finding]) -> Verdict {
    let complete = accounting.planned > 0
        && accounting.planned == accounting.executed
        && accounting.unaccounted.is_empty();
    if !findings.is_empty() || accounting.failed > 0 {
        Verdict::Findings
    } else if complete {
        Verdict::Proved
    } else {
        Verdict::Incomplete
    }
}

fn tested(
    inputs: &Inputs,
    server: &Server,
    ledger: &Ledger,
    promised: &Promised,
    took: [Duration; 2],
) -> Tested {
    let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let unfixed = cves::unfixed(server.version_num()).unwrap_or_else(|why| panic!("{why}"));
    let probes = ledger.probes();
    let median = probes.get(probes.len() / 2).copied().unwrap_or_default();
    let names = |files: &[crate::harness::inputs::SourceFile]| {
        files.iter().map(|file| file.name.clone()).collect()
    };
    Tested {
        migrations: Fingerprint {
            sha256: inputs.migrations_sha256(),
            files: names(&inputs.migrations),
        },
        contract: Fingerprint {
            sha256: fingerprint(&inputs.contract_files),
            files: names(&inputs.contract_files),
        },
        platform_shim: Fingerprint { sha256: inputs.shim_sha256(), files: names(&inputs.shim) },
        server: ServerFacts {
            version: server.version().to_owned(),
            kind: format!("{:?}", server.kind()).to_lowercase(),
            unfixed,
            choice: server.choice().to_owned(),
        },
        regimes: Regime::ALL.map(|r| r.name().to_owned()).to_vec(),
        commit: commit(),
        at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        measured: Measured {
            total_ms: millis(took[1]),
            compared_ms: millis(took[0]),
            probes: probes.len(),
            probe_median_us: u64::try_from(median.as_micros()).unwrap_or(u64::MAX),
            properties: property_times(promised),
            mutants: promised.mutants.as_ref().map_or(0, |judgement| judgement.judged.len()),
            mutant_median_ms: millis(mutant_median(promised)),
            attack_probes: ledger.attacks().0,
            attacks_ms: millis(ledger.attacks().1),
        },
    }
}

fn commit() -> Option<String> {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
        .current_dir(project())
        .output()
        .ok()?;
    let name = String::from_utf8(described.stdout).ok()?.trim().to_owned();
    (described.status.success() && !name.is_empty()).then_some(name)
}

fn functions(inputs: &Inputs, promised: &Promised) -> BTreeMap<String, FunctionRecord> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let coverage = promises::coverage(&promised.tries, Regime::Explicit);
    let statements = |name: &str| {
        let known = coverage.statements.get(name).into_iter().flat_map(BTreeMap::values);
        let record = |statement: &Statement| StatementRecord {
            line: statement.line,
            kind: statement.kind.clone(),
            executed: statement.executed > 0,
        };
        known.map(record).collect()
    };
    let checks = |name: &str| {
        let about = promised.tries.iter().map(|(property, ..)| property);
        let about = about.filter(|property| property.about.contains(&name));
        let ids: BTreeSet<String> = about.map(|property| property.check()).collect();
        ids.into_iter().collect()
    };
    let record = |(name, function): (&String, &Function)| {
        let promise = one_line(&function.promise);
        let (checks, statements) = (checks(name), statements(name));
        (name.clone(), FunctionRecord { promise, checks, statements })
    };
    inputs.contract.functions.iter().map(record).collect()
}

fn mutants(inputs: &Inputs, ledger: &Ledger, judgement: &Judgement) -> MutantsRecord {
    let checks = ledger.entries().map(|entry| entry.id.clone()).collect();
    let excuse = |check: String| {
        let known = inputs.mutants.idle.iter().find(|idle| check.starts_with(&idle.checks));
        let reason = known.map_or_else(|| "no reason is given".to_owned(), |it| it.reason.clone());
        (check, reason)
    };
    let idle = report::idle(&judgement.judged, &checks).into_iter().map(excuse);
    let caught = judgement.judged.iter().filter_map(|one| match &one.outcome {
        Outcome::Caught(by) => Some((one.mutant.id.clone(), by.clone())),
        _ => None,
    });
    MutantsRecord {
        families: report::tally(&judgement.judged, &inputs.mutants),
        caught_by: caught.collect(),
        idle: if judgement.complete { idle.collect() } else { BTreeMap::new() },
    }
}

fn mutant_median(promised: &Promised) -> Duration {
    let judged = promised.mutants.iter().flat_map(|judgement| &judgement.judged);
    let mut times: Vec<Duration> = judged.map(|one| one.took).collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn property_times(promised: &Promised) -> BTreeMap<String, PropertyTimes> {
    let times = |(property, _, tried): &Try| {
        let mut cases = tried.cases.clone();
        cases.sort();
        let median = cases.get(cases.len() / 2).copied().unwrap_or_default();
        let times = PropertyTimes {
            cases: cases.len(),
            case_median_us: u64::try_from(median.as_micros()).unwrap_or(u64::MAX),
            total_ms: u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX),
        };
        (property.id.to_owned(), times)
    };
    promised.tries.iter().map(times).collect()
}

fn accepted(inputs: &Inputs) -> Vec<Accepted> {
    let of_relation = |(name, relation): (&String, &crate::harness::contract::Relation)| {
        let name = name.clone();
        let accepted = relation.accepted.clone();
        accepted.into_iter().map(move |accepted| Accepted {
            object: name.clone(),
            channel: accepted.channel,
            reason: accepted.reason,
        })
    };
    let of_lint = |exception: &LintException| Accepted {
        object: exception.object.clone(),
        channel: format!("lint/{}", exception.rule),
        reason: exception.reason.clone(),
    };
    let lints = inputs.contract.database.lint_exceptions.iter().map(of_lint);
    inputs.contract.relations().flat_map(of_relation).chain(lints).collect()
}

#[cfg(test)]
mod tests {
    use super::{Accounting, Verdict, verdict};

    fn accounting(planned: usize, executed: usize) -> Accounting {
        Accounting { planned, executed, passed: executed, failed: 0, unaccounted: Vec::new() }
    }

    /// T02: a suite that collects nothing is not a suite that passes.
    #[test]
    fn nothing_planned_proves_nothing() {
        assert_eq!(verdict(&accounting(0, 0), &[]), Verdict::Incomplete);
    }

    #[test]
    fn a_planned_check_that_was_not_made_leaves_the_proof_incomplete() {
        assert_eq!(verdict(&accounting(2, 1), &[]), Verdict::Incomplete);
        assert_eq!(verdict(&accounting(2, 2), &[]), Verdict::Proved, "control");
    }
}
