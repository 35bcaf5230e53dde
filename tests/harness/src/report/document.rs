//! The types of `evidence.json`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Verdict;
use crate::findings::ledger::{CellRecord, Finding, Shows};
use crate::platform::cves::Cve;

/// `evidence.json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The version of this document's format.
    pub format: u32,
    /// The fields that differ between two runs on the same input.
    pub volatile: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether weakened defences and matters of style fail, too.
    pub strict: bool,
    /// The parts of the main job that were run: all, unless it was split into shards.
    pub parts: BTreeSet<String>,
    /// The planned and the executed checks.
    pub accounting: Accounting,
    /// What was tested.
    pub tested: Tested,
    /// Accepted information leaks.
    pub accepted: Vec<Accepted>,
    /// Findings that a baseline accepts until a date, with the reason.
    pub baseline: Vec<Known>,
    /// The families of checks, by the first word of their ids.
    pub families: BTreeMap<String, FamilyRecord>,
    /// The weaknesses that were planted in a schema of the harness's own.
    pub controls: ControlsRecord,
    /// The tried denials of the access matrix, by what the control of each shows.
    pub denials: BTreeMap<Shows, usize>,
    /// What no check of this run covers.
    pub not_proved: Vec<String>,
    /// Tables and views, the paths of their rows to owners, and the contract's grid.
    pub tables: BTreeMap<String, TableRecord>,
    /// The invariant of each function, and the checks that test it.
    pub functions: BTreeMap<String, FunctionRecord>,
    /// The outcomes of mutants, if they were requested.
    pub mutants: Option<MutantsRecord>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The attack catalogue.
    pub attacks: Vec<AttackRecord>,
    /// The psql script that makes the database in which every statement can be reproduced.
    pub replay: String,
    /// Values that are masked in transcripts.
    pub masks: Vec<String>,
    /// The access matrix, expected and observed.
    pub matrix: Vec<MatrixCell>,
    /// Every check by id.
    pub checks: Vec<Check>,
}

impl Evidence {
    /// How many tables and views have a cell of the access matrix whose statement was tried.
    pub fn tables_tried(&self) -> usize {
        let tried = self.matrix.iter().filter(|it| !it.cell.statement.is_empty());
        tried.map(|it| &it.cell.table).collect::<BTreeSet<_>>().len()
    }

    /// The fields that are the same in every run on the same input: all that are not volatile.
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

/// Planned and executed checks: nothing is proved unless they are equal.
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

/// The inputs of the verdict.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    pub migrations: Fingerprint,
    pub contract: Fingerprint,
    pub platform_shim: Fingerprint,
    pub server: ServerFacts,
    /// The privilege regimes in which the schema was proved.
    pub regimes: Vec<String>,
    /// Why in these.
    pub regimes_because: String,
    /// The fingerprint of the rows before every cell, by privilege regime; volatile.
    pub states: BTreeMap<String, String>,
    /// The checked out commit, with `-dirty` if files differ from it; volatile.
    pub commit: Option<String>,
    /// Seconds since 1970; volatile.
    pub at: u64,
    pub measured: Measured,
}

/// Times and counts; volatile.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The whole run, including the start of a server.
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
    /// Of one mutant: it is applied, judged and rolled back.
    pub mutant_median_ms: u64,
    /// Attack statements, in both regimes.
    pub attack_probes: usize,
    /// How long the attacks took; the regimes are attacked in parallel.
    pub attacks_ms: u64,
    /// How long the negative controls took, their schema included.
    pub controls_ms: u64,
}

/// How long the cases of one property took.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PropertyTimes {
    pub cases: usize,
    /// Of one case, from its first statement to its rollback.
    pub case_median_us: u64,
    /// All cases, including the clone.
    pub total_ms: u64,
}

/// A family of checks, and which requirements of published standards it relates to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FamilyRecord {
    /// What its checks are about.
    pub what: String,
    /// The number of its checks that were executed.
    pub made: usize,
    /// The number of those that passed.
    pub passed: usize,
    /// Requirements of OWASP's Application Security Verification Standard, with its version.
    pub asvs: Vec<String>,
    /// Weaknesses, by MITRE's number.
    pub cwe: Vec<String>,
    /// Recommendations of the CIS `PostgreSQL` 17 Benchmark v1.0.0.
    pub cis: Vec<String>,
}

/// The negative controls: nothing can be relied on unless both numbers are equal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ControlsRecord {
    /// Weaknesses that were planted.
    pub planted: usize,
    /// Those that the check found which had to.
    pub found: usize,
}

/// A table or view.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TableRecord {
    /// `table` or `view`.
    pub kind: String,
    /// The path from a row to its owner, as in the contract.
    pub owner: String,
    /// The tables on that path, or `auth.users`.
    pub parents: Vec<String>,
    /// Its foreign keys: columns and referenced table.
    pub foreign_keys: BTreeMap<String, String>,
    /// The grid, as in the contract.
    pub grid: String,
}

/// A finding that is accepted until a date.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// Why.
    pub reason: String,
    /// The last day, as `2027-01-31`.
    pub expires: String,
    /// The accepted finding.
    pub finding: Finding,
}

/// A function, its invariant, and how far it was tested.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FunctionRecord {
    /// The invariant, as in the contract.
    pub invariant: String,
    /// The ids of the checks that test it.
    pub checks: Vec<String>,
    /// Its statements, if the server has `plpgsql_check`.
    pub statements: Vec<StatementRecord>,
}

/// The outcomes of mutants.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MutantsRecord {
    /// The number of mutants by family and outcome.
    pub families: BTreeMap<String, BTreeMap<String, usize>>,
    /// By mutant, the checks that caught it, the first of each family.
    pub caught_by: BTreeMap<String, Vec<String>>,
    /// Checks that caught no mutant, and why they are kept.
    pub idle: BTreeMap<String, String>,
}

/// A statement of a function.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StatementRecord {
    /// The line in the function's body, from 1.
    pub line: u32,
    /// Its kind.
    pub kind: String,
    /// Whether a property has executed it.
    pub executed: bool,
}

/// Files and the SHA-256 of their names and texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint {
    pub sha256: String,
    pub files: Vec<String>,
}

/// The server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ServerFacts {
    pub version: String,
    pub kind: String,
    /// Known vulnerabilities of row level security in this release.
    pub unfixed: Vec<Cve>,
    /// What was chosen and why; volatile.
    pub choice: String,
    /// Extensions in use that only have the names and signatures of the platform's own.
    pub stand_ins: Vec<String>,
}

/// An information leak that the contract accepts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    pub object: String,
    pub channel: String,
    pub reason: String,
}

/// An entry of the attack catalogue, and its result.
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

/// A cell of the matrix, expected and observed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MatrixCell {
    pub id: String,
    pub passed: bool,
    #[serde(flatten)]
    pub cell: CellRecord,
    /// By privilege regime.
    pub observed: BTreeMap<String, String>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub id: String,
    pub passed: bool,
    pub expected: String,
    /// By privilege regime.
    pub observed: BTreeMap<String, String>,
}
