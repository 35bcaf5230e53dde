//! Root cause of a finding: the object at fault and its part, such as a table's select policies. A
//! table is at fault in several independent ways; what each rule and attack is about is data.

use std::collections::BTreeMap;

use super::locate::{OF_GRANTS, of_rule};
use crate::catalog::{Catalog, Policy, Relation};
use crate::contract::Contract;
use crate::findings::gain::{CHANGED, is_denial};
use crate::findings::ledger::Finding;
use crate::findings::severity::Severity;
use crate::sql::tokens::has_word;

/// What a rule is about.
#[derive(Clone, Copy)]
enum About {
    /// Rows that select policies let through.
    Reading,
    /// Rows that the policies of the command let through that the variant names, or else of this.
    Writing(&'static str),
    /// Statements of several commands, each of which also reads.
    Several,
    /// A value that a unique key lets nobody else take.
    Key,
    /// Columns that a trigger or a check protects.
    Columns,
    /// Privileges on the table.
    Privileges,
    /// Row level security as a whole.
    Policies,
    /// The policy that the object names.
    Policy,
    /// Who may call a function, and what it does for them.
    Calls,
    /// How a function resolves names.
    SearchPath,
    /// All of row level security, or else what the rule says.
    Whole,
}

/// What attacks and rules of the linter are about, by the beginning of their ids. The others are
/// causes of their own.
const ABOUT: [(About, &[&str]); 14] = [
    (About::Reading, &["attack.R0", "attack.R10", "attack.E01", "attack.E02"]),
    (About::Reading, &["attack.I03", "attack.I04", "attack.I05", "attack.I07", "attack.T06"]),
    (About::Writing("insert"), &["attack.W01", "attack.W05", "attack.W12"]),
    (About::Writing("insert"), &["attack.I02"]),
    (About::Writing("update"), &["attack.W02", "attack.W04", "attack.E03"]),
    (About::Writing("delete"), &["attack.W03"]),
    (About::Several, &["attack.W07"]),
    (About::Key, &["attack.I01", "attack.I06", "attack.I08", "attack.W06"]),
    (About::Whole, &["attack.E04", "attack.E05", "attack.T01", "attack.T05", "attack.W11"]),
    (About::Columns, &["attack.W09", "attack.W10"]),
    (About::Policies, &["lint.0007", "lint.0008", "lint.0013"]),
    (About::Policy, &["lint.0015", "lint.0024"]),
    (About::Calls, &["attack.B02", "lint.0028", "lint.0029", "schema."]),
    (About::SearchPath, &["attack.B03", "lint.0011"]),
];

/// Outcomes that are the same whatever the command: a policy that leads back to its own table, and
/// policies that are not in force.
const WHATEVER: [&str; 2] = ["42P17", "row level security is not active"];

/// What a statement that reaches nothing for want of a privilege is answered.
const NO_PRIVILEGE: &str = "no privilege";

/// What the causes follow from besides the finding.
pub(super) struct Causes<'a> {
    /// The contract.
    pub(super) contract: &'a Contract,
    /// The catalog.
    pub(super) catalog: &'a Catalog,
}

impl Causes<'_> {
    /// Says of each finding what it is caused by.
    pub(super) fn tell(&self, findings: &mut [Finding]) {
        for finding in &mut *findings {
            finding.cause = self.of(finding);
        }
        let of_cells = findings.iter().filter(|it| it.rule == "isolation.cell");
        let of_cells: BTreeMap<String, Vec<String>> =
            of_cells.map(|it| (it.check.clone(), it.cause.clone())).collect();
        // What a statement changes follows from why it ran.
        for finding in findings.iter_mut().filter(|it| it.rule == "isolation.state") {
            if let Some(cause) = of_cells.get(&finding.check) {
                finding.cause.clone_from(cause);
            }
        }
    }

    /// The root cause: the object at fault, and the part of it. A cause whose parts begin with all
    /// those of another is a consequence of that.
    fn of(&self, finding: &Finding) -> Vec<String> {
        let rule = finding.rule.as_str();
        let path = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect();
        if finding.severity == Severity::Style {
            return path(&[rule]);
        }
        let segments: Vec<&str> = finding.check.split('/').collect();
        match segments.as_slice() {
            // Whatever follows a refused account is refused for it; a forged token is not.
            ["sign_up", "token", token] if !token.starts_with("opens-") => {
                return path(&["tokens", token]);
            }
            ["sign_up", ..] => return path(&["sign-up"]),
            ["database", kind, name, ..] => return path(&[kind, name]),
            _ if rule == "rows.sign_up_refused" => return path(&["sign-up"]),
            _ => {}
        }
        let of_grant = OF_GRANTS.iter().any(|(of, _)| of_rule(finding, of));
        let is_default = of_grant && finding.location.is_none();
        if finding.observed.starts_with("by default: ") {
            return path(&["default privileges"]);
        }
        if is_default {
            return path(&["default privileges", rule]);
        }
        let object = self.object(&finding.object);
        let about = ABOUT.iter().find(|(_, ids)| ids.iter().any(|id| rule.starts_with(id)));
        let about = match about.map(|(about, _)| *about) {
            _ if of_grant => Some(About::Privileges),
            about => about,
        };
        let parts = match (self.catalog.relation(object), self.contract.relation(object)) {
            (Some(view), _) if view.kind.ends_with("view") => {
                return self.through_view(view).unwrap_or_else(|| path(&[object]));
            }
            (Some(table), Some(_)) if table.is_table() => of_table(table, finding, about),
            // What is declared and not there, or there and not declared.
            (_, Some(_)) => Vec::new(),
            (Some(_), None) if rule.starts_with("schema.") => vec!["declaration".to_owned()],
            (Some(table), None) if table.is_table() => of_table(table, finding, about),
            _ => match about {
                _ if segments.contains(&"search-path") => vec!["search path".to_owned()],
                Some(About::SearchPath) => vec!["search path".to_owned()],
                Some(About::Calls) => match self.through_function(object) {
                    Some(cause) if rule == "attack.B02" => return cause,
                    _ => vec!["calls".to_owned()],
                },
                _ => vec![rule.to_owned()],
            },
        };
        [object.to_owned()].into_iter().chain(parts).collect()
    }

    /// The table, view or function that an object is part of, or else the object.
    fn object<'o>(&self, object: &'o str) -> &'o str {
        let is_known = |name: &str| {
            self.catalog.relation(name).is_some()
                || self.contract.relation(name).is_some()
                || self.contract.functions.contains_key(name)
        };
        let ends = object.match_indices('.').map(|(at, _)| at).chain([object.len()]);
        ends.map(|end| &object[..end]).rfind(|name| is_known(name)).unwrap_or(object)
    }

    /// The cause of what a view shows, if it reads as its caller.
    fn through_view(&self, view: &Relation) -> Option<Vec<String>> {
        let is_invokers =
            |it: &String| ["security_invoker=true", "security_invoker=on"].contains(&&**it);
        let query = view.query.as_deref().filter(|_| view.options.iter().any(is_invokers))?;
        self.through(&view.declared_name(), query)
    }

    /// The same of a function.
    fn through_function(&self, name: &str) -> Option<Vec<String>> {
        let function = self.catalog.functions.iter().find(|it| it.declared_name() == name)?;
        self.through(name, &function.body).filter(|_| function.security == "invoker")
    }

    /// What reads one table as its caller shows what that table's policies let through.
    fn through(&self, name: &str, text: &str) -> Option<Vec<String>> {
        let is_read = |it: &&Relation| it.declared_name() != name && has_word(text, &it.name);
        let mut read = self.catalog.relations.iter().filter(is_read);
        let table = read.next().filter(|it| it.is_table() && read.next().is_none())?;
        let of_table = [table.declared_name()].into_iter().chain(access(table, "select"));
        Some(of_table.chain([name.to_owned()]).collect())
    }
}

/// The part of a table.
fn of_table(table: &Relation, finding: &Finding, about: Option<About>) -> Vec<String> {
    let texts = [&finding.expected, &finding.observed].map(String::as_str);
    if WHATEVER.iter().any(|it| finding.observed.contains(it)) {
        return policies(&[]);
    }
    if let Some(code) = error(finding) {
        return policies(&[&format!("fail with {code}")]);
    }
    let own = |part: &str| vec![part.to_owned()];
    let changes = finding.observed.contains(CHANGED);
    let segments: Vec<&str> = finding.check.split('/').collect();
    let first = segments.first().copied().unwrap_or_default();
    match (first, finding.rule.as_str(), about) {
        (_, "isolation.control" | "harness.could-not-run" | "rows.refused", _) => own("not tried"),
        ("isolation", ..) => of_cell(table, finding, &segments),
        ("schema", ..) => of_facet(table, &segments, texts),
        (.., Some(About::Reading | About::Key | About::Several)) if changes => {
            access(table, named_command(&finding.observed).unwrap_or("update"))
        }
        (.., Some(About::Reading)) => access(table, "select"),
        (.., Some(About::Writing(command))) => {
            access(table, named_command(&finding.observed).unwrap_or(command))
        }
        (.., Some(About::Key | About::Several)) => match key(table, &finding.observed) {
            Some(key) => policies(&[&format!("key {key}")]),
            None if finding.rule == "attack.W07" => access(table, "select"),
            None => policies(&[&finding.rule]),
        },
        (.., Some(About::Columns)) if finding.observed.contains(NO_PRIVILEGE) => own("privileges"),
        (.., Some(About::Columns)) => own("columns"),
        (.., Some(About::Privileges)) => own("privileges"),
        (.., Some(About::Policies)) => policies(&[]),
        (.., Some(About::Policy)) => {
            let of = |policy: &&Policy| finding.object.ends_with(&format!(".{}", policy.name));
            let policy = table.policies.iter().find(of);
            policy.map_or_else(|| own(&finding.rule), |it| access(table, &it.command))
        }
        (.., Some(About::Whole)) => policies(&[&finding.rule]),
        _ => own(&finding.rule),
    }
}

/// The part of a table that a cell is about.
fn of_cell(table: &Relation, finding: &Finding, segments: &[&str]) -> Vec<String> {
    let [_, _, command, persona, target, ..] = segments else {
        return vec![finding.rule.clone()];
    };
    let is_own = *target == format!("{persona}s-row");
    let is_refused = is_denial(&finding.observed);
    let is_less = finding.expected == NO_PRIVILEGE && (is_own || is_refused);
    if finding.observed == NO_PRIVILEGE || is_less {
        return vec!["privileges".to_owned()];
    }
    // Of a row that no policy shows, no statement with a condition changes anything.
    let is_hidden = finding.severity == Severity::Blocked
        && *command != "insert"
        && !table.policies.iter().any(|it| ["all", "select"].contains(&&*it.command));
    access(table, if is_hidden { "select" } else { command })
}

/// The part of a table that a facet of the contract is about.
fn of_facet(table: &Relation, segments: &[&str], texts: [&str; 2]) -> Vec<String> {
    match segments {
        [_, _, "row-level-security", ..] => policies(&[]),
        [_, _, "policies", ..] => {
            let text = texts.into_iter().rfind(|text| *text != "not there").unwrap_or_default();
            let text = text.strip_prefix("restrictive ").unwrap_or(text);
            access(table, text.split(' ').next().unwrap_or_default())
        }
        _ if segments.contains(&"privileges") => vec!["privileges".to_owned()],
        [_, _, facet, name, ..] => vec![format!("{facet} {name}")],
        _ => vec!["declaration".to_owned()],
    }
}

/// A part of row level security, or all of it.
fn policies(parts: &[&str]) -> Vec<String> {
    ["policies"].iter().chain(parts).map(|&part| part.to_owned()).collect()
}

/// The policies for a command, which may be a single one for all commands, or none for any.
fn access(table: &Relation, command: &str) -> Vec<String> {
    if table.policies.is_empty() || table.row_level_security == "disabled" {
        return policies(&[]);
    }
    let is_for =
        |policy: &&Policy| policy.permissive && ["all", command].contains(&&*policy.command);
    let mut for_it = table.policies.iter().filter(is_for).map(|policy| policy.command.as_str());
    let is_for_all = for_it.next() == Some("all") && for_it.next().is_none();
    policies(&[if is_for_all { "all" } else { command }])
}

/// The server's error with which a cell, or the control of an attack, failed.
fn error(finding: &Finding) -> Option<&str> {
    let text = match finding.rule.as_str() {
        "isolation.cell" => finding.observed.strip_prefix("failed ")?,
        "isolation.control" => finding.observed.split_once(" either: ")?.1,
        _ => return None,
    };
    let code = text.split(' ').next()?;
    let is_code = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    (code.len() == 5 && code.chars().all(is_code)).then_some(code)
}

/// The command that a variant of an attack names before its outcome.
fn named_command(observed: &str) -> Option<&'static str> {
    let part = observed.split(": ").next().unwrap_or_default();
    ["update", "delete", "insert"].into_iter().find(|command| has_word(part, command))
}

/// The key that an outcome is about: of the variant's name, or of the server's error.
fn key<'t>(table: &'t Relation, observed: &str) -> Option<&'t str> {
    let constraints = table.constraints.iter().map(|it| it.name.as_str());
    let names = constraints.chain(table.indexes.iter().map(|it| it.name.as_str()));
    let is_it = |name: &&str| {
        observed.strip_prefix(*name).is_some_and(|rest| rest.starts_with([' ', ',', ':']))
            || observed.contains(&format!("constraint \"{name}\""))
    };
    names.into_iter().find(is_it)
}
