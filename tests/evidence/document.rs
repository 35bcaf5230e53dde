//! This file is the form of `evidence.json`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Verdict;
use crate::harness::cves::Cve;
use crate::harness::ledger::{CellRecord, Finding};

/// `evidence.json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Evidence {
    /// The version of this document's form.
    pub(crate) format: u32,
    /// The fields that differ between two runs on the same input.
    pub(crate) volatile: Vec<String>,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// The parts of the main job that were done: all, unless it was cut into shards.
    pub(crate) parts: BTreeSet<String>,
    /// What was planned and what was done.
    pub(crate) accounting: Accounting,
    /// What was tested.
    pub(crate) tested: Tested,
    /// What is open on purpose.
    pub(crate) accepted: Vec<Accepted>,
    /// Findings that a baseline puts up with for a time, and why.
    pub(crate) baseline: Vec<Known>,
    /// The families of checks, by the first word of their ids.
    pub(crate) families: BTreeMap<String, FamilyRecord>,
    /// What no check of this run says anything about.
    pub(crate) not_proved: Vec<String>,
    /// Tables and views, how their rows lead to users, and the intended grid.
    pub(crate) tables: BTreeMap<String, TableRecord>,
    /// What each function keeps true, and what shows it.
    pub(crate) functions: BTreeMap<String, FunctionRecord>,
    /// What came of breaking the schema, where that was asked for.
    pub(crate) mutants: Option<MutantsRecord>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
    /// The attack catalogue.
    pub(crate) attacks: Vec<AttackRecord>,
    /// The script for psql that makes the database in which every statement can be seen again.
    pub(crate) replay: String,
    /// What transcripts do not compare.
    pub(crate) masks: Vec<String>,
    /// Who may do what, intended and observed.
    pub(crate) matrix: Vec<MatrixCell>,
    /// Every check by id.
    pub(crate) checks: Vec<Check>,
}

impl Evidence {
    /// What is the same in every run on the same input: all but what is volatile.
    pub(crate) fn lasting(&self) -> Value {
        let mut document = serde_json::to_value(self).expect("the evidence is plain data");
        for path in &self.volatile {
            let pointer = format!("/{}", path.replace('.', "/"));
            let (parent, field) = pointer.rsplit_once('/').expect("it begins with one");
            let parent = document.pointer_mut(parent);
            let parent = parent.and_then(Value::as_object_mut).expect("a volatile field's place");
            parent.remove(field).expect("a volatile field");
        }
        document
    }
}

/// Planned and executed: the two are equal, or nothing is proved.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Accounting {
    pub(crate) planned: usize,
    pub(crate) executed: usize,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Ids that were planned, and the privilege regimes in which they were not executed.
    pub(crate) missing: BTreeMap<String, Vec<String>>,
    /// Ids that were executed and not planned.
    pub(crate) unplanned: Vec<String>,
}

/// What the verdict is about.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Tested {
    pub(crate) migrations: Fingerprint,
    pub(crate) contract: Fingerprint,
    pub(crate) platform_shim: Fingerprint,
    pub(crate) server: ServerFacts,
    pub(crate) regimes: Vec<String>,
    /// The fingerprint of the rows that every cell starts from, by privilege regime; volatile.
    pub(crate) states: BTreeMap<String, String>,
    /// The commit that was checked out, `-dirty` where files differ from it; volatile.
    pub(crate) commit: Option<String>,
    /// Seconds since 1970; volatile.
    pub(crate) at: u64,
    pub(crate) measured: Measured,
}

/// How long it took; volatile.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Measured {
    /// Everything, a server's start included.
    pub(crate) total_ms: u64,
    /// Until the catalogs of both regimes were read and compared.
    pub(crate) compared_ms: u64,
    /// Statements that were tried as a persona.
    pub(crate) probes: usize,
    /// Of one probe: becoming the persona, the statement, the digest, the rollback.
    pub(crate) probe_median_us: u64,
    /// The properties, by id.
    pub(crate) properties: BTreeMap<String, PropertyTimes>,
    /// Mutants that were judged.
    pub(crate) mutants: usize,
    /// Of one mutant: it is made, looked at and rolled back.
    pub(crate) mutant_median_ms: u64,
    /// Acts that the attacks played, in both regimes.
    pub(crate) attack_probes: usize,
    /// How long the attacks took; the regimes are attacked side by side.
    pub(crate) attacks_ms: u64,
}

/// How long the cases of one property took.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PropertyTimes {
    pub(crate) cases: usize,
    /// Of one case, from its first statement to its rollback.
    pub(crate) case_median_us: u64,
    /// All of them, the clone included.
    pub(crate) total_ms: u64,
}

/// A family of checks, and which requirements of others' standards it speaks to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FamilyRecord {
    /// What its checks look at.
    pub(crate) what: String,
    /// How many of its checks were made.
    pub(crate) made: usize,
    /// How many of them have passed.
    pub(crate) passed: usize,
    /// Requirements of OWASP's Application Security Verification Standard, with its version.
    pub(crate) asvs: Vec<String>,
    /// Weaknesses, by MITRE's number.
    pub(crate) cwe: Vec<String>,
    /// Recommendations of the CIS `PostgreSQL` 17 Benchmark v1.0.0.
    pub(crate) cis: Vec<String>,
}

/// A table or view.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TableRecord {
    /// `table` or `view`.
    pub(crate) kind: String,
    /// How a row leads to its user, in the contract's words.
    pub(crate) owner: String,
    /// What a row leads through: other tables, or `auth.users`.
    pub(crate) parents: Vec<String>,
    /// Its foreign keys: columns, and what they point at.
    pub(crate) foreign_keys: BTreeMap<String, String>,
    /// The grid, as the contract draws it.
    pub(crate) grid: String,
}

/// A finding that is put up with for a time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Known {
    /// Why.
    pub(crate) reason: String,
    /// The last day, as `2027-01-31`.
    pub(crate) expires: String,
    /// What is put up with.
    pub(crate) finding: Finding,
}

/// A function, what it promises and how far that was tried.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FunctionRecord {
    /// The promise, as the contract words it.
    pub(crate) promise: String,
    /// The ids of the checks that prove it.
    pub(crate) checks: Vec<String>,
    /// Its statements, where the server can tell which were executed.
    pub(crate) statements: Vec<StatementRecord>,
}

/// What came of breaking the schema on purpose.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MutantsRecord {
    /// How many mutants of each family were caught, missed, …
    pub(crate) families: BTreeMap<String, BTreeMap<String, usize>>,
    /// The kill matrix: by mutant, the checks that noticed it, the first of each family.
    pub(crate) caught_by: BTreeMap<String, Vec<String>>,
    /// Checks that noticed no mutant, and what they are kept for.
    pub(crate) idle: BTreeMap<String, String>,
}

/// A statement of a function.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StatementRecord {
    /// The line in the function's body, from 1.
    pub(crate) line: u32,
    /// What it is.
    pub(crate) kind: String,
    /// Whether the properties have reached it.
    pub(crate) executed: bool,
}

/// Files and the SHA-256 of their names and texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Fingerprint {
    pub(crate) sha256: String,
    pub(crate) files: Vec<String>,
}

/// Where it ran.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ServerFacts {
    pub(crate) version: String,
    pub(crate) kind: String,
    /// Faults of the engine that concern row security and that this release has.
    pub(crate) unfixed: Vec<Cve>,
    /// What was chosen and why not the others; volatile.
    pub(crate) choice: String,
}

/// A channel that the contract accepts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Accepted {
    pub(crate) object: String,
    pub(crate) channel: String,
    pub(crate) reason: String,
}

/// An entry of the attack catalogue, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AttackRecord {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) references: Vec<String>,
    /// `executed`, or `not applicable` with its reason.
    pub(crate) status: String,
    pub(crate) passed: bool,
    /// The ids of its checks.
    pub(crate) checks: Vec<String>,
}

/// A cell of the matrix, as it was intended and as it was seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MatrixCell {
    pub(crate) id: String,
    pub(crate) passed: bool,
    #[serde(flatten)]
    pub(crate) cell: CellRecord,
    /// By privilege regime.
    pub(crate) observed: BTreeMap<String, String>,
}

/// A line of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) passed: bool,
    pub(crate) expected: String,
    /// By privilege regime.
    pub(crate) observed: BTreeMap<String, String>,
}
