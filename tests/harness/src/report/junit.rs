//! `junit.xml`: every check as a test case.

use std::collections::{BTreeMap, BTreeSet};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Evidence;
use super::document::{Check, Known};
use crate::findings::ledger::Finding;

/// `junit.xml`: a suite for each family of checks.
pub fn text(evidence: &Evidence) -> String {
    let mut findings: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &evidence.findings {
        findings.entry(&finding.check).or_default().push(finding);
    }
    let accepted: BTreeMap<&str, &Known> =
        evidence.baseline.iter().map(|known| (known.finding.check.as_str(), known)).collect();
    let mut suites: BTreeMap<String, Vec<TestCase>> = BTreeMap::new();
    let mut add = |id: &str, status: TestCaseStatus| {
        let family = suites.entry(family(id)).or_default();
        family.push(TestCase::new(id, status));
    };
    for check in &evidence.checks {
        let of_it = findings.remove(check.id.as_str()).unwrap_or_default();
        add(&check.id, status(check, &of_it, accepted.get(check.id.as_str()).copied()));
    }
    // Findings about the baseline belong to no check.
    for (id, of_it) in findings {
        add(id, failure(&of_it));
    }
    let made: BTreeSet<&String> = evidence.checks.iter().map(|check| &check.id).collect();
    for (id, regimes) in evidence.accounting.missing.iter().filter(|(id, _)| !made.contains(id)) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(format!("planned and not made ({})", regimes.join(", ")));
        add(id, status);
    }
    let mut report = Report::new("Identra schema harness");
    for (family, cases) in suites {
        let mut suite = TestSuite::new(family);
        suite.add_test_cases(cases);
        report.add_test_suite(suite);
    }
    report.to_string().expect("the report is text")
}

fn family(id: &str) -> String {
    id.split('/').next().unwrap_or_default().to_owned()
}

fn status(check: &Check, findings: &[&Finding], accepted: Option<&Known>) -> TestCaseStatus {
    match (findings, accepted) {
        ([], None) if check.passed => TestCaseStatus::success(),
        ([], None) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!("expected {}", check.expected));
            status
        }
        ([], Some(known)) => {
            let mut status = TestCaseStatus::skipped();
            let (reason, expires) = (&known.reason, &known.expires);
            status.set_message(format!("accepted until {expires}: {reason}"));
            status
        }
        (findings, _) => failure(findings),
    }
}

fn failure(findings: &[&Finding]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let text_of = |finding: &&Finding| {
        let at = finding.location.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let (rule, object, title) = (&finding.rule, &finding.object, &finding.title);
        let (expected, observed) = (&finding.expected, &finding.observed);
        format!(
            "{rule}: {object}{at}: {title}\nexpected {expected}\nobserved {observed}\nremedy {}",
            finding.remedy
        )
    };
    status.set_type(&findings[0].rule);
    status.set_message(format!(
        "expected {}, observed {}",
        findings[0].expected, findings[0].observed
    ));
    status.set_description(findings.iter().map(text_of).collect::<Vec<_>>().join("\n\n"));
    status
}
