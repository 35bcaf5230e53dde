//! This file is the form of `evidence.json`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Verdict;
use crate::findings::ledger::{CellRecord, Finding};
use crate::platform::cves::Cve;

/// `evidence.json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The version of this document's form.
    pub format: u32,
    /// The fields that differ between two runs on the same input.
    pub volatile: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The parts of the main job that were done: all, unless it was cut into shards.
    pub parts: BTreeSet<String>,
    /// What was planned and what was done.
    pub accounting: Accounting,
    /// What was tested.
    pub tested: Tested,
    /// What is open on purpose.
    pub accepted: Vec<Accepted>,
    /// Findings that a baseline puts up with for a time, and why.
    pub baseline: Vec<Known>,
    /// The families of checks, by the first word of their ids.
    pub families: BTreeMap<String, FamilyRecord>,
    /// What no check of this run says anything about.
    pub not_proved: Vec<String>,
    /// Tables and views, how their rows lead to users, and the intended grid.
    pub tables: BTreeMap<String, TableRecord>,
    /// What each function keeps true, and what shows it.
    pub functions: BTreeMap<String, FunctionRecord>,
    /// What came of breaking the schema, where that was asked for.
    pub mutants: Option<MutantsRecord>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The attack catalogue.
    pub attacks: Vec<AttackRecord>,
    /// The script for psql that makes the database in which every statement can be seen again.
    pub replay: String,
    /// What transcripts do not compare.
    pub masks: Vec<String>,
    /// Who may do what, intended and observed.
    pub matrix: Vec<MatrixCell>,
    /// Every check by id.
    pub checks: Vec<Check>,
}

impl Evidence {
    /// What is the same in every run on the same input: all but what is volatile.
    pub fn lasting(&self) -> Value {
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
pub struct Accounting {
    pub planned: usize,
    pub executed: usize,
    pub passed: usize,
    pub failed: usize,
    /// Ids that were planned, and the privilege regimes in which they were not executed.
    pub missing: BTreeMap<String, Vec<String>>,
    /// Ids that were executed and not planned.
    pub unplanned: Vec<String>,
}

/// What the verdict is about.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    pub migrations: Fingerprint,
    pub contract: Fingerprint,
    pub platform_shim: Fingerprint,
    pub server: ServerFacts,
    pub regimes: Vec<String>,
    /// The fingerprint of the rows that every cell starts from, by privilege regime; volatile.
    pub states: BTreeMap<String, String>,
    /// The commit that was checked out, `-dirty` where files differ from it; volatile.
    pub commit: Option<String>,
    /// Seconds since 1970; volatile.
    pub at: u64,
    pub measured: Measured,
}

/// How long it took; volatile.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Everything, a server's start included.
    pub total_ms: u64,
    /// Until the catalogs of both regimes were read and compared.
    pub compared_ms: u64,
    /// Statements that were tried as a persona.
    pub probes: usize,
    /// Of one probe: becoming the persona, the statement, the digest, the rollback.
    pub probe_median_us: u64,
    /// The properties, by id.
    pub properties: BTreeMap<String, PropertyTimes>,
    /// Mutants that were judged.
    pub mutants: usize,
    /// Of one mutant: it is made, looked at and rolled back.
    pub mutant_median_ms: u64,
    /// Acts that the attacks played, in both regimes.
    pub attack_probes: usize,
    /// How long the attacks took; the regimes are attacked side by side.
    pub attacks_ms: u64,
}

/// How long the cases of one property took.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PropertyTimes {
    pub cases: usize,
    /// Of one case, from its first statement to its rollback.
    pub case_median_us: u64,
    /// All of them, the clone included.
    pub total_ms: u64,
}

/// A family of checks, and which requirements of others' standards it speaks to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FamilyRecord {
    /// What its checks look at.
    pub what: String,
    /// How many of its checks were made.
    pub made: usize,
    /// How many of them have passed.
    pub passed: usize,
    /// Requirements of OWASP's Application Security Verification Standard, with its version.
    pub asvs: Vec<String>,
    /// Weaknesses, by MITRE's number.
    pub cwe: Vec<String>,
    /// Recommendations of the CIS `PostgreSQL` 17 Benchmark v1.0.0.
    pub cis: Vec<String>,
}

/// A table or view.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TableRecord {
    /// `table` or `view`.
    pub kind: String,
    /// How a row leads to its user, in the contract's words.
    pub owner: String,
    /// What a row leads through: other tables, or `auth.users`.
    pub parents: Vec<String>,
    /// Its foreign keys: columns, and what they point at.
    pub foreign_keys: BTreeMap<String, String>,
    /// The grid, as the contract draws it.
    pub grid: String,
}

/// A finding that is put up with for a time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// Why.
    pub reason: String,
    /// The last day, as `2027-01-31`.
    pub expires: String,
    /// What is put up with.
    pub finding: Finding,
}

/// A function, what it promises and how far that was tried.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FunctionRecord {
    /// The promise, as the contract words it.
    pub invariant: String,
    /// The ids of the checks that prove it.
    pub checks: Vec<String>,
    /// Its statements, where the server can tell which were executed.
    pub statements: Vec<StatementRecord>,
}

/// What came of breaking the schema on purpose.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MutantsRecord {
    /// How many mutants of each family were caught, missed, …
    pub families: BTreeMap<String, BTreeMap<String, usize>>,
    /// The kill matrix: by mutant, the checks that noticed it, the first of each family.
    pub caught_by: BTreeMap<String, Vec<String>>,
    /// Checks that noticed no mutant, and what they are kept for.
    pub idle: BTreeMap<String, String>,
}

/// A statement of a function.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StatementRecord {
    /// The line in the function's body, from 1.
    pub line: u32,
    /// What it is.
    pub kind: String,
    /// Whether the properties have reached it.
    pub executed: bool,
}

/// Files and the SHA-256 of their names and texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint {
    pub sha256: String,
    pub files: Vec<String>,
}

/// Where it ran.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ServerFacts {
    pub version: String,
    pub kind: String,
    /// Faults of the engine that concern row security and that this release has.
    pub unfixed: Vec<Cve>,
    /// What was chosen and why not the others; volatile.
    pub choice: String,
}

/// A channel that the contract accepts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    pub object: String,
    pub channel: String,
    pub reason: String,
}

/// An entry of the attack catalogue, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AttackRecord {
    pub id: String,
    pub title: String,
    pub references: Vec<String>,
    /// `executed`, or `not applicable` with its reason.
    pub status: String,
    pub passed: bool,
    /// The ids of its checks.
    pub checks: Vec<String>,
}

/// A cell of the matrix, as it was intended and as it was seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MatrixCell {
    pub id: String,
    pub passed: bool,
    #[serde(flatten)]
    pub cell: CellRecord,
    /// By privilege regime.
    pub observed: BTreeMap<String, String>,
}

/// A line of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub id: String,
    pub passed: bool,
    pub expected: String,
    /// By privilege regime.
    pub observed: BTreeMap<String, String>,
}
