//! This file is where in the migrations a finding comes from.

use crate::harness::inputs::Inputs;
use crate::harness::ledger::Finding;
use crate::harness::statements::split;

/// The file and line of the statement that a finding is most likely about: it names the
/// object, best with the detail and the command; of several, the last.
pub(super) fn location(inputs: &Inputs, finding: &Finding) -> Option<String> {
    let (object, detail) = finding.object.rsplit_once('.').unwrap_or((&finding.object, ""));
    // `api.notes` is a table of another schema, and `type public.mood` ends with its name.
    let object = object.rsplit(['.', ' ']).next().unwrap_or(object);
    let by_object = search(inputs, finding, object, detail);
    by_object.or_else(|| search(inputs, finding, detail, ""))
}

fn search(inputs: &Inputs, finding: &Finding, object: &str, detail: &str) -> Option<String> {
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
    let mut best: Option<(usize, String)> = None;
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
            if best.as_ref().is_none_or(|(known, _)| score >= *known) {
                best = Some((score, format!("{}:{}", file.name, statement.line)));
            }
        }
    }
    best.map(|(_, location)| location)
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
