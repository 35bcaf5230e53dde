//! Evidence: what was tested, the outcomes and the verdict, derived from the ledger alone.

pub mod baseline;
pub mod document;
mod facts;
mod files;
pub mod junit;
pub mod locate;
mod merge;
pub mod page;
mod replay;
mod run;
pub mod sarif;
mod summary;

pub use self::baseline::Baseline;
pub use self::document::Evidence;
use self::document::{
    Accepted, Accounting, AttackRecord, Check, ControlsRecord, FamilyRecord, FunctionRecord, Known,
    MatrixCell, MutantsRecord, StatementRecord, TableRecord,
};
pub use self::facts::commit;
pub use self::files::{clear, prepare, write};
pub use self::merge::merged;
pub use self::run::{Run, Verdict};
pub use self::summary::{markdown, terminal};

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Constraint};
use crate::checks::attacks::runner::Attack;
use crate::checks::attacks::runner::transcript::MASKS;
use crate::checks::controls;
use crate::checks::mutants::judge::Judgement;
use crate::checks::mutants::report;
use crate::checks::mutants::run::Outcome;
use crate::checks::properties::constraints::not_evaluated;
use crate::checks::properties::coverage::Statement;
use crate::checks::properties::plan;
use crate::contract::effects::Effect;
use crate::contract::{AcceptedFinding, Clients, Function, LintException, Owner, Relation};
use crate::draft;
use crate::findings::families;
use crate::findings::gain::severity;
use crate::findings::ledger::{Entry, Finding, Ledger, Shows};
use crate::findings::rules;
use crate::findings::severity::Severity;
use crate::inputs::Inputs;
use crate::platform::Regime;

impl Evidence {
    /// Makes the evidence of a ledger.
    pub fn of(ledger: &Ledger, run: &Run<'_>) -> Self {
        let inputs = run.inputs;
        let passed = ledger.entries().filter(|entry| entry.passed()).count();
        let missing = ledger.missing();
        let accounting = Accounting {
            planned: ledger.planned().len(),
            executed: ledger.planned().len() - missing.len(),
            passed,
            failed: ledger.entries().count() - passed,
            missing,
            unplanned: ledger.unplanned(),
        };
        let mut findings: Vec<Finding> = ledger.findings().into_iter().cloned().collect();
        let places = locate::Places::of(inputs);
        for finding in &mut findings {
            finding.location = places.location(finding);
            finding.severity = severity(finding, inputs.contract.database.clients == Clients::Sql);
        }
        findings.sort_by_key(Finding::rank);
        let matrix: Vec<MatrixCell> = ledger
            .entries()
            .filter_map(|entry| {
                entry.cell.clone().map(|cell| MatrixCell {
                    id: entry.id.clone(),
                    passed: entry.passed(),
                    cell,
                    observed: entry.observed.clone(),
                })
            })
            .collect();
        let checks = ledger.entries().map(|entry| Check {
            id: entry.id.clone(),
            passed: entry.passed(),
            expected: entry.expected.clone(),
            observed: entry.observed.clone(),
        });
        let checks: Vec<Check> = checks.collect();
        Self {
            format: FORMAT,
            volatile: VOLATILE.map(str::to_owned).to_vec(),
            verdict: verdict(&accounting, &findings, &[], run.strict),
            strict: run.strict,
            parts: run.parts.clone(),
            tested: facts::tested(ledger, run),
            accepted: accepted(inputs, run.attacks),
            baseline: Vec::new(),
            families: families(checks.iter()),
            controls: controls(&checks),
            denials: denials(&matrix),
            not_proved: not_proved(inputs, run),
            tables: tables(inputs, &run.catalog),
            functions: functions(inputs, run),
            mutants: run.mutants.as_ref().map(|judged| mutants(inputs, ledger, judged)),
            findings,
            attacks: run.attacks.iter().map(|attack| record(attack, ledger)).collect(),
            replay: replay::script(inputs, &run.world),
            masks: MASKS.map(str::to_owned).to_vec(),
            matrix,
            checks,
            accounting,
        }
    }
}

/// The version of the format of `evidence.json`, which `fixtures/evidence.schema.json`
/// describes.
const FORMAT: u32 = 5;

/// The fields that differ between two runs on the same input.
const VOLATILE: [&str; 5] =
    ["tested.commit", "tested.at", "tested.states", "tested.measured", "tested.server.choice"];

/// What no check covers.
fn not_proved(inputs: &Inputs, run: &Run<'_>) -> Vec<String> {
    let mut all: Vec<String> = inputs
        .contract
        .functions
        .iter()
        .filter(|(_, function)| function.proved_by.is_empty() || run.tries.is_empty())
        .map(|(name, _)| format!("that {name} keeps its invariant: it has no property"))
        .collect();
    let marked: usize = inputs.contract_files.iter().map(draft::guesses).sum();
    if marked > 0 {
        all.push(format!(
            "that the contract says what is meant: {marked} of its lines are marked as guesses"
        ));
    }
    let unread = not_evaluated(&inputs.contract).into_iter();
    all.extend(unread.map(|name| {
        format!("what {name} lets in, except that it is there: its form is not evaluated")
    }));
    if !run.has_plpgsql_check {
        all.push(
            "that the properties reach every statement of the functions: this server has no \
             plpgsql_check; scripts/build-image makes one that has"
                .to_owned(),
        );
    }
    let is_shared = |table: &Relation| matches!(table.owner, Owner::Members(_));
    if inputs.contract.tables.values().any(is_shared) {
        let of_members = [
            "what members do to a third member: a shared row of the generated rows has two users",
            "that former members cannot reach rows that they created",
        ];
        all.extend(of_members.map(str::to_owned));
    }
    let always = [
        "what a view computes, except whose rows it returns",
        "columns of seed rows that the contract does not declare",
        "response times",
    ];
    all.extend(always.map(str::to_owned));
    all
}

/// The result of one attack, from the ledger.
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

/// With a negative control that stayed green no other outcome counts. Without planned checks, or
/// with one that was not executed, nothing is proved.
pub fn verdict(
    accounting: &Accounting,
    findings: &[Finding],
    baseline: &[Known],
    strict: bool,
) -> Verdict {
    let known: BTreeSet<&String> = baseline.iter().map(|known| &known.finding.check).collect();
    let complete = accounting.planned > 0
        && accounting.planned == accounting.executed
        && accounting.missing.is_empty()
        && accounting.unplanned.is_empty();
    if findings.iter().any(|it| it.rule == rules::HARNESS_BROKEN.id) {
        return Verdict::HarnessBroken;
    }
    let fails = |it: &&Finding| strict || it.severity.fails();
    let of_the_schema = |it: &Finding| it.severity != Severity::Untried;
    if findings.iter().filter(fails).any(of_the_schema)
        || findings.is_empty() && accounting.failed != known.len()
    {
        Verdict::Findings
    } else if findings.iter().any(|it| fails(&it)) || !complete {
        Verdict::Incomplete
    } else if known.is_empty() {
        Verdict::Proved
    } else {
        Verdict::NothingNew
    }
}

/// The families of these checks, with the numbers of those that passed.
fn families<'a>(checks: impl Iterator<Item = &'a Check>) -> BTreeMap<String, FamilyRecord> {
    let mut records: BTreeMap<String, FamilyRecord> = BTreeMap::new();
    for check in checks {
        let family = families::of_check(&check.id).expect("every check is of a family");
        let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
        let record = records.entry(family.name.to_owned()).or_insert_with(|| FamilyRecord {
            what: family.what.to_owned(),
            made: 0,
            passed: 0,
            asvs: texts(family.asvs),
            cwe: texts(family.cwe),
            cis: texts(family.cis),
        });
        record.made += 1;
        record.passed += usize::from(check.passed);
    }
    records
}

/// The negative controls among these checks.
fn controls(checks: &[Check]) -> ControlsRecord {
    let planted = checks.iter().filter(|check| controls::is_planted(&check.id));
    let found = planted.clone().filter(|check| check.passed).count();
    ControlsRecord { planted: planted.count(), found }
}

/// The denials among these cells, by what the control of each shows.
fn denials(matrix: &[MatrixCell]) -> BTreeMap<Shows, usize> {
    let mut denials = BTreeMap::new();
    for control in matrix.iter().filter_map(|it| it.cell.control.as_ref()) {
        *denials.entry(control.shows).or_default() += 1;
    }
    denials
}

/// The path to the owner and the grid of each table and view.
fn tables(inputs: &Inputs, catalog: &Catalog) -> BTreeMap<String, TableRecord> {
    let record = |(name, declared): (&String, &Relation)| {
        let there = catalog.relation(name);
        let constraints = there.map_or(&[][..], |relation| &relation.constraints);
        let foreign_key = |constraint: &Constraint| {
            Some((constraint.columns.join(", "), constraint.target.clone()?))
        };
        let record = TableRecord {
            kind: if declared.shape.is_table { "table" } else { "view" }.to_owned(),
            owner: declared.owner.to_string(),
            parents: declared.owner.parents(),
            foreign_keys: constraints.iter().filter_map(foreign_key).collect(),
            grid: declared.grid_text.trim().to_owned(),
        };
        (name.clone(), record)
    };
    inputs.contract.relations().map(record).collect()
}

fn functions(inputs: &Inputs, run: &Run<'_>) -> BTreeMap<String, FunctionRecord> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let coverage = plan::coverage(&run.tries, Regime::Explicit);
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
        let about = run.tries.iter().map(|(property, ..)| property);
        let about = about.filter(|property| property.about.contains(&name));
        let ids: BTreeSet<String> = about.map(|property| property.check()).collect();
        ids.into_iter().collect()
    };
    let record = |(name, function): (&String, &Function)| {
        let invariant = one_line(&function.invariant);
        let (checks, statements) = (checks(name), statements(name));
        (name.clone(), FunctionRecord { invariant, checks, statements })
    };
    inputs.contract.functions.iter().map(record).collect()
}

fn mutants(inputs: &Inputs, ledger: &Ledger, judgement: &Judgement) -> MutantsRecord {
    let checks = ledger.entries().map(|entry| entry.id.clone()).collect();
    let with_reason = |check: String| {
        let known = inputs.mutants.idle.iter().find(|idle| check.starts_with(&idle.checks));
        let reason = known.map_or_else(|| "no reason is given".to_owned(), |it| it.reason.clone());
        (check, reason)
    };
    let idle = report::idle(&judgement.judged, &checks).into_iter().map(with_reason);
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

/// Accepted leaks: of the contract, and inherent ones.
fn accepted(inputs: &Inputs, attacks: &[&Attack]) -> Vec<Accepted> {
    let of_relation = |(name, relation): (&String, &Relation)| {
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
    let of_effects = |(name, relation): (&String, &Relation)| {
        let of = |effect: &Effect| Accepted {
            object: name.clone(),
            channel: effect.to_string(),
            reason: effect.reason.clone(),
        };
        relation.effects.iter().map(of).collect::<Vec<_>>()
    };
    let of_finding = |accepted: &AcceptedFinding| {
        let narrowed = [&accepted.persona, &accepted.part].into_iter().flatten();
        let channel: Vec<&str> =
            [&accepted.rule].into_iter().chain(narrowed).map(String::as_str).collect();
        Accepted {
            object: accepted.object.clone(),
            channel: channel.join(", "),
            reason: accepted.reason.clone(),
        }
    };
    let of_attack = |attack: &&Attack| {
        let (object, channel) = (format!("attack {}", attack.id), attack.title.to_owned());
        Some(Accepted { object, channel, reason: attack.accepted()?.to_owned() })
    };
    let lints = inputs.contract.database.lint_exceptions.iter().map(of_lint);
    let attacks = attacks.iter().filter_map(of_attack);
    let findings = inputs.contract.database.accepted.iter().map(of_finding);
    let relations = inputs.contract.relations().flat_map(of_relation);
    let effects = inputs.contract.relations().flat_map(of_effects);
    relations.chain(effects).chain(findings).chain(lints).chain(attacks).collect()
}
