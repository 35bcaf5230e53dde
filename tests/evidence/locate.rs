//! This file is where in the migrations a finding comes from.

use crate::harness::inputs::{Inputs, SourceFile};
use crate::harness::ledger::{Finding, Location};
use crate::harness::statements::{Statement, split};

/// The statement that a finding is most likely about: it names the object, best with the detail
/// and the command; of several, the last. Where none does, the contract's line that does.
pub(super) fn location(inputs: &Inputs, finding: &Finding) -> Option<Location> {
    let (object, detail) = finding.object.rsplit_once('.').unwrap_or((&finding.object, ""));
    // `api.notes` is a table of another schema, and `type public.mood` ends with its name.
    let name = object.rsplit(['.', ' ']).next().unwrap_or(object);
    search(inputs, finding, name, detail)
        .or_else(|| search(inputs, finding, detail, ""))
        .or_else(|| declaration(inputs, object, detail))
}

fn search(inputs: &Inputs, finding: &Finding, object: &str, detail: &str) -> Option<Location> {
    let mut parts = finding.check.split('/').skip(2);
    let topic = parts.next().unwrap_or_default();
    let topic = match topic {
        "policies" => "policy",
        "row-level-security" => "row level security",
        "indexes" => "index",
        "triggers" => "trigger",
        "constraints" | "columns" | "kind" => "create table",
        command => command,
    };
    let about_privileges = finding.check.contains("/privileges/");
    let mut best: Option<(usize, &SourceFile, Statement<'_>)> = None;
    for file in &inputs.migrations {
        for statement in split(&file.text) {
            let text = statement.text.to_lowercase();
            if !names(&text, object) {
                continue;
            }
            let mut score = 1;
            // What a policy that is changed is for, only the one that made it says.
            score += usize::from(text.contains(topic) || text.starts_with("alter policy"));
            score += 3 * usize::from(decides(&text, finding));
            score += 2 * usize::from(!detail.is_empty() && names(&text, detail));
            score += 2 * usize::from(about_privileges && text.starts_with("grant"));
            if best.as_ref().is_none_or(|(known, ..)| score >= *known) {
                best = Some((score, file, statement));
            }
        }
    }
    best.map(|(_, file, statement)| Location {
        file: format!("{}{}", inputs.migrations_at, file.name),
        line: statement.line,
        column: statement.column,
        end_line: statement.line + statement.text.matches('\n').count(),
        text: statement.text.to_owned(),
    })
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

/// Whether a statement is of the kind that decides what a persona gets: privileges where one
/// is missing or should be, otherwise policies and row level security.
fn decides(statement: &str, finding: &Finding) -> bool {
    if finding.persona.is_none() {
        return false;
    }
    let is_one_of = |kinds: &[&str]| kinds.iter().any(|kind| statement.starts_with(kind));
    if [&finding.expected, &finding.observed].iter().any(|it| *it == "no privilege") {
        return is_one_of(&["grant", "revoke"]);
    }
    is_one_of(&["create policy", "alter policy", "drop policy"])
        || (is_one_of(&["alter table"]) && statement.contains("row level security"))
}

/// Whether `text` holds `name` as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&name.to_lowercase()).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_a_word_of_its_own() {
        assert!(names("grant all on public.memories to anon", "memories"));
        assert!(!names("create index memories_tags_idx on t", "memories"));
    }
}
