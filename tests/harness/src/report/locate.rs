//! Locates a finding: the statement of a migration, or the line of the contract, that causes
//! it.

use crate::findings::ledger::{Finding, Location};
use crate::findings::rules::HARNESS_BROKEN;
use crate::inputs::Inputs;
use crate::source::SourceFile;
use crate::sql::grants::gives;
use crate::sql::schema_of;
use crate::sql::statements::{Statement, split};

/// The migrations' statements, parsed once for all findings.
pub(super) struct Places<'a> {
    inputs: &'a Inputs,
    all: Vec<Place<'a>>,
}

/// A statement, prepared for searching.
struct Place<'a> {
    file: &'a SourceFile,
    statement: Statement<'a>,
    /// Its text in lower case.
    text: String,
    kind: &'static str,
}

/// Attacks on what a privilege alone allows, with the beginnings of their outcomes.
pub(super) const OF_GRANTS: [([&str; 2], &[&str]); 5] = [
    (["attack.W08", ""], &["truncate"]),
    (["attack.B07", "on relations: "], &["truncate", "references", "trigger", "maintain"]),
    (["attack.B07", "on functions: "], &["execute"]),
    (["attack.B07", "create a trigger, "], &["trigger"]),
    (["attack.B07", "reindex, "], &["maintain"]),
];

/// Whether a finding is of that rule, with an outcome that begins so.
pub(super) fn of_rule(finding: &Finding, [rule, outcome]: &[&str; 2]) -> bool {
    finding.rule == *rule && finding.observed.starts_with(outcome)
}

impl<'a> Places<'a> {
    /// The statements of these inputs.
    pub(super) fn of(inputs: &'a Inputs) -> Self {
        let of_file = |file: &'a SourceFile| {
            split(&file.text).into_iter().map(move |statement| {
                let text = statement.text.to_lowercase();
                Place { file, kind: kind(&text), statement, text }
            })
        };
        Self { inputs, all: inputs.migrations.iter().flat_map(of_file).collect() }
    }

    /// The statement that most likely causes a finding: the last that names the object,
    /// preferably of the finding's kind; without one, the contract's line of the object.
    pub(super) fn location(&self, finding: &Finding) -> Option<Location> {
        // No statement of the project's is to blame for what the harness overlooks.
        if finding.rule == HARNESS_BROKEN.id {
            return None;
        }
        let (object, detail) = finding.object.rsplit_once('.').unwrap_or((&finding.object, ""));
        // `api.notes` is a table of another schema, and `type public.mood` ends with its name.
        let name = object.rsplit(['.', ' ']).next().unwrap_or(object);
        // What the server cannot read in the contract is there to be mended.
        if finding.rule.starts_with("schema.") && finding.expected.contains("(SQLSTATE ") {
            return declaration(self.inputs, object, detail);
        }
        // What no statement grants, the platform does.
        if let Some((_, privileges)) = OF_GRANTS.iter().find(|(of, _)| of_rule(finding, of)) {
            return self.granting(privileges, [schema_of(object).0, name]);
        }
        if ["attack.B07", "attack.B08"].contains(&&*finding.rule) {
            return None;
        }
        self.search(finding, name, detail)
            .or_else(|| self.search(finding, detail, ""))
            .or_else(|| declaration(self.inputs, object, detail))
    }

    /// The last statement that grants one of these privileges on an object to clients.
    fn granting(&self, privileges: &[&str], object: [&str; 2]) -> Option<Location> {
        let grants = |place: &&Place<'_>| {
            let is_given = |role, privilege| gives(place.statement.text, object, privilege, role);
            privileges.iter().any(|it| is_given("anon", it) || is_given("authenticated", it))
        };
        self.all.iter().rfind(grants).map(|place| self.at(place))
    }

    fn search(&self, finding: &Finding, object: &str, detail: &str) -> Option<Location> {
        let wanted = wanted(finding);
        let command = finding.check.split('/').nth(2).filter(|_| finding.persona.is_some());
        let mut best: Option<([bool; 3], &Place<'_>)> = None;
        for place in &self.all {
            let Place { text, kind, .. } = place;
            let has_detail = !detail.is_empty() && names(text, detail);
            // An index is dropped by its own name, without its table's.
            if *kind == "comment" || !(names(text, object) || *kind == "index" && has_detail) {
                continue;
            }
            // A grant on all columns names none of them, and no policy is about a column.
            let detailed = has_detail && *kind != "privilege" && finding.persona.is_none();
            // A view names other tables, and causes only findings of its own.
            let is_its = *kind != "view" || names(&beginning(text), object);
            let rank = [
                wanted.contains(kind) && is_its,
                detailed,
                command.is_none_or(|it| is_for(text, it)),
            ];
            if best.as_ref().is_none_or(|(known, _)| rank >= *known) {
                best = Some((rank, place));
            }
        }
        best.map(|(_, place)| self.at(place))
    }

    fn at(&self, Place { file, statement, .. }: &Place<'_>) -> Location {
        Location {
            file: format!("{}{}", self.inputs.migrations_at, file.name),
            line: statement.line,
            column: statement.column,
            end_line: statement.line + statement.text.matches('\n').count(),
            text: statement.text.to_owned(),
        }
    }
}

/// The kinds of statements that can cause the finding.
fn wanted(finding: &Finding) -> &'static [&'static str] {
    let parts: Vec<&str> = finding.check.split('/').collect();
    if finding.check.contains("privileges/") {
        return &["privilege"];
    }
    match parts.as_slice() {
        ["schema", "functions", _, "callers", ..] => &["privilege", "function"],
        ["schema", "functions", ..]
        | ["plpgsql_check" | "coverage", ..]
        | ["sign_up", "accounts"] => &["function"],
        ["schema", _, "policies", ..] => &["policy"],
        ["schema", _, "row-level-security", ..] => &["security"],
        ["schema", _, "indexes", ..] => &["index"],
        ["schema", _, "triggers", ..] => &["trigger"],
        ["schema", _, "rules", ..] => &["rule"],
        ["schema", _, "rows", ..] => &["row"],
        ["schema", ..] => &["table", "view"],
        ["property" | "sign_up", ..] => &["function", "trigger"],
        ["isolation", _, "rows"] => &["function", "table"],
        ["isolation", ..] if is_about_privileges(finding) => &["privilege"],
        ["isolation", ..] => &["policy", "security", "view"],
        ["attack", ..] => &["policy", "security", "view", "function"],
        _ => &[],
    }
}

/// Whether a privilege is missing, or held and not expected.
fn is_about_privileges(finding: &Finding) -> bool {
    [&finding.expected, &finding.observed].iter().any(|it| *it == "no privilege")
}

/// The first words of a statement: command and object.
fn beginning(text: &str) -> String {
    text.split_whitespace().take(6).collect::<Vec<_>>().join(" ")
}

/// The kind of object that a statement, in lower case, creates or changes.
fn kind(text: &str) -> &'static str {
    const MADE: [&str; 9] =
        ["policy", "index", "trigger", "rule", "function", "procedure", "view", "table", "comment"];
    let beginning = beginning(text);
    let words: Vec<&str> = beginning.split(' ').collect();
    match words.as_slice() {
        ["grant" | "revoke", ..] | ["alter", "default", "privileges", ..] => "privilege",
        ["insert" | "update" | "delete", ..] => "row",
        ["comment", ..] => "comment",
        ["alter", "table", ..] if text.contains("row level security") => "security",
        ["alter", "table", ..] if names(text, "trigger") => "trigger",
        ["create" | "alter" | "drop", ..] => {
            // The first word that is one: a function may return a trigger.
            words.iter().find_map(|word| MADE.into_iter().find(|made| made == word)).unwrap_or("")
        }
        _ => "",
    }
}

/// Whether a statement is about that command. Only grants and policies name one.
fn is_for(text: &str, command: &str) -> bool {
    let says = ["grant", "revoke", "create policy"].iter().any(|verb| text.starts_with(verb));
    !says || names(text, command) || names(text, "all")
}

/// The contract's line of a column, or the first line of the file that declares the object.
fn declaration(inputs: &Inputs, object: &str, detail: &str) -> Option<Location> {
    let (of, column) = if detail.is_empty() { (object, "") } else { (object, detail) };
    let declared = inputs.contract.relation(of);
    let name = match declared {
        Some(declared) => declared.file.clone(),
        None => format!("functions/{of}.toml"),
    };
    let line = declared.and_then(|it| it.lines.get(column)).copied().unwrap_or(1);
    let file = inputs.contract_files.iter().find(|file| file.name == name)?;
    Some(Location {
        file: format!("{}{name}", inputs.contract_at),
        line,
        column: 1,
        end_line: line,
        text: file.text.lines().nth(line - 1).unwrap_or_default().to_owned(),
    })
}

/// Whether `text` holds `name` as a word of its own.
pub fn names(text: &str, name: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&name.to_lowercase()).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}
