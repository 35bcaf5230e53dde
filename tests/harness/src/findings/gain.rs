//! What an attacker gains by each rule that is broken.

use super::ledger::Finding;
use super::rules;
use super::severity::Severity;

/// Attacks that take statements which the API does not offer: functions and operators of the
/// attacker's own, catalogs, prepared statements, TRUNCATE, COPY.
const BY_SQL: [&str; 12] =
    ["I03", "I04", "I05", "I06", "I07", "I09", "I10", "B03", "B04", "B07", "B08", "B10"];

/// Attacks that tell whether a key is taken.
const BY_KEY: [&str; 4] = ["I01", "I02", "I08", "W12"];

/// Attacks on columns that users are not to write, and on roles.
const ESCALATIONS: [&str; 3] = ["W09", "W10", "B06"];

/// Rules of the linter about access; the others are advice.
const ABOUT_ACCESS: [&str; 14] = [
    "0007", "0008", "0010", "0011", "0013", "0015", "0016", "0017", "0019", "0023", "0024", "0025",
    "0028", "0029",
];

/// The parts of W11 that delete what the attacker may delete.
const DELETES: [&str; 2] = ["delete own: ", "delete all, blind: "];

/// What the observed outcome of an attack begins with, behind its part, where rows were changed.
pub const CHANGED: &str = "rows changed: ";

/// The severity of a finding, where clients have SQL or nothing but the API.
pub fn severity(finding: &Finding, clients_have_sql: bool) -> Severity {
    let rule = finding.rule.as_str();
    match rule.split_once('.').unwrap_or_default() {
        ("isolation", "cell") => of_cell(&finding.expected, &finding.observed),
        ("function", "fails" | "no_effect") => Severity::Blocked,
        ("isolation", "control") => Severity::Untried,
        ("isolation", _) => Severity::Isolation,
        ("sign_up", _) => Severity::SignUp,
        ("rows", _) if rule == rules::SIGN_UP.id => Severity::SignUp,
        ("rows" | "harness", _) => Severity::Untried,
        ("lint", "unneeded_exception") => Severity::Contract,
        // It shows everybody's address.
        ("lint", rule) if rule.starts_with("0002") => Severity::Isolation,
        ("lint", rule) if ABOUT_ACCESS.iter().any(|it| rule.starts_with(it)) => Severity::Weakened,
        ("lint", _) => Severity::Style,
        ("attack", id) => of_attack(finding, id, clients_have_sql),
        _ => Severity::Contract,
    }
}

fn of_attack(finding: &Finding, id: &str, clients_have_sql: bool) -> Severity {
    let changes = finding.observed.contains(CHANGED);
    let truncates = finding.check.starts_with("attack/W08");
    match id {
        _ if id.starts_with('T') => Severity::Untried,
        _ if ESCALATIONS.contains(&id) => Severity::Escalation,
        // As the foreign key says: a parent takes its children along. What a blind delete reaches
        // itself is W03's to find.
        "W11" if DELETES.iter().any(|it| finding.observed.starts_with(it)) && !clients_have_sql => {
            Severity::Weakened
        }
        _ if clients_have_sql => Severity::Isolation,
        _ if truncates || BY_SQL.contains(&id) => Severity::Weakened,
        _ if !changes && (BY_KEY.contains(&id) || is_about_a_key(finding, id)) => {
            Severity::Weakened
        }
        _ => Severity::Isolation,
    }
}

/// A statement that reaches nothing, as expected, may still be refused in another way, or fail.
fn of_cell(expected: &str, observed: &str) -> Severity {
    let rows = |outcome: &str| outcome.split_once(" row")?.0.parse::<usize>().ok();
    let failed = observed.starts_with("failed ");
    match is_denial(expected) {
        true if is_denial(observed) || failed => Severity::Contract,
        true => Severity::Isolation,
        false if rows(observed) > rows(expected) => Severity::Isolation,
        false => Severity::Blocked,
    }
}

/// Whether an outcome is one of a statement that reaches nothing.
pub fn is_denial(expected: &str) -> bool {
    ["0 rows", "no privilege", "policy violation"].contains(&expected)
}

/// A new row or an upsert with another's key is refused, which tells that the key is taken.
fn is_about_a_key(finding: &Finding, id: &str) -> bool {
    let refusals = ["duplicate key value", "policy (USING expression)"];
    ["W06", "W07"].contains(&id) && refusals.iter().any(|it| finding.observed.contains(it))
}
