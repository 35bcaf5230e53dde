//! This file is the evidence: what was tested, what came of it and the verdict, made of the
//! ledger and nothing else.

mod files;
mod locate;
mod summary;

pub(crate) use self::files::{clear, write};
pub(crate) use self::summary::{markdown, terminal};

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::harness::inputs::{Inputs, project};
use crate::harness::ledger::{CellRecord, Finding, Ledger};
use crate::harness::server::Server;

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

/// `evidence.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// The version of this document's form.
    pub(crate) format: u32,
    /// The fields that differ between two runs on the same input.
    pub(crate) volatile: Vec<String>,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// What was planned and what was done.
    pub(crate) accounting: Accounting,
    /// What was tested.
    pub(crate) tested: Tested,
    /// What is open on purpose.
    pub(crate) accepted: Vec<Accepted>,
    /// What each function keeps true, by name, as the contract words it.
    pub(crate) promises: BTreeMap<String, String>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
    /// Who may do what, intended and observed.
    pub(crate) matrix: Vec<MatrixCell>,
    /// Every check by id.
    pub(crate) checks: Vec<Check>,
}

/// Planned and executed: the two are equal, or nothing is proved.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Accounting {
    pub(crate) planned: usize,
    pub(crate) executed: usize,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Ids that were planned and not executed, or the other way round.
    pub(crate) unaccounted: Vec<String>,
}

/// What the verdict is about.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tested {
    pub(crate) migrations: Fingerprint,
    pub(crate) platform_shim: Fingerprint,
    pub(crate) server: ServerFacts,
    pub(crate) regimes: Vec<String>,
    /// The commit that was checked out, `-dirty` where files differ from it; volatile.
    pub(crate) commit: Option<String>,
    /// Seconds since 1970; volatile.
    pub(crate) at: u64,
    pub(crate) measured: Measured,
}

/// How long it took; volatile.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Everything, a server's start included.
    pub(crate) total_ms: u64,
    /// Until the catalogs of both regimes were read and compared.
    pub(crate) compared_ms: u64,
    /// Statements that were tried as a persona.
    pub(crate) probes: usize,
    /// Of one probe: becoming the persona, the statement, the digest, the rollback.
    pub(crate) probe_median_us: u64,
}

/// Files and the SHA-256 of their names and texts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) sha256: String,
    pub(crate) files: Vec<String>,
}

/// Where it ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerFacts {
    pub(crate) version: String,
    pub(crate) kind: String,
    /// What was chosen and why not the others; volatile.
    pub(crate) choice: String,
}

/// A channel that the contract accepts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) object: String,
    pub(crate) channel: String,
    pub(crate) reason: String,
}

/// A cell of the matrix, as it was intended and as it was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MatrixCell {
    pub(crate) id: String,
    pub(crate) passed: bool,
    #[serde(flatten)]
    pub(crate) cell: CellRecord,
    /// By privilege regime.
    pub(crate) observed: BTreeMap<String, String>,
}

/// A line of the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) passed: bool,
    pub(crate) expected: String,
    /// By privilege regime.
    pub(crate) observed: BTreeMap<String, String>,
}

impl Evidence {
    /// Makes the evidence of a ledger.
    pub(crate) fn of(
        ledger: &Ledger,
        inputs: &Inputs,
        server: &Server,
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
            tested: tested(inputs, server, ledger, took),
            accepted: accepted(inputs),
            promises: promises(inputs),
            findings,
            matrix: matrix.collect(),
            checks: checks.collect(),
            accounting,
        }
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

fn tested(inputs: &Inputs, server: &Server, ledger: &Ledger, took: [Duration; 2]) -> Tested {
    let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let probes = ledger.probes();
    let median = probes.get(probes.len() / 2).copied().unwrap_or_default();
    let names = |files: &[crate::harness::inputs::SqlFile]| {
        files.iter().map(|file| file.name.clone()).collect()
    };
    Tested {
        migrations: Fingerprint {
            sha256: inputs.migrations_sha256(),
            files: names(&inputs.migrations),
        },
        platform_shim: Fingerprint { sha256: inputs.shim_sha256(), files: names(&inputs.shim) },
        server: ServerFacts {
            version: server.version().to_owned(),
            kind: format!("{:?}", server.kind()).to_lowercase(),
            choice: server.choice().to_owned(),
        },
        regimes: crate::harness::inputs::Regime::ALL.map(|r| r.name().to_owned()).to_vec(),
        commit: commit(),
        at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        measured: Measured {
            total_ms: millis(took[1]),
            compared_ms: millis(took[0]),
            probes: probes.len(),
            probe_median_us: u64::try_from(median.as_micros()).unwrap_or(u64::MAX),
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

fn promises(inputs: &Inputs) -> BTreeMap<String, String> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let functions = inputs.contract.functions.iter();
    functions.map(|(name, function)| (name.clone(), one_line(&function.promise))).collect()
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
    inputs.contract.relations().flat_map(of_relation).collect()
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
