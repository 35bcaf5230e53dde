//! Selects the mutants that a change to the migrations affects.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::process::Command;

use super::Mutant;
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::source::project;
use crate::sql::statements::split;

/// The statements that differ from the commit `base`, in lower case.
///
/// # Errors
/// The error of git.
pub fn changed_since(inputs: &Inputs, base: &str) -> Result<Vec<String>, CannotRun> {
    let could_not = |why: &str| CannotRun(format!("could not compare with {base}: {why}"));
    let output = Command::new("git")
        .args(["diff", "--unified=0", "--no-color", "--no-ext-diff", base, "--", "*.sql"])
        .current_dir(project())
        .output()
        .map_err(|error| could_not(&error.to_string()))?;
    if !output.status.success() {
        return Err(could_not(String::from_utf8_lossy(&output.stderr).trim()));
    }
    let lines = lines(&String::from_utf8_lossy(&output.stdout));
    let mut changed = Vec::new();
    for file in &inputs.migrations {
        let ranges = lines.get(&file.name).map_or(&[][..], Vec::as_slice);
        for statement in split(&file.text) {
            let last = statement.line + statement.text.matches('\n').count();
            let overlaps = |range: &RangeInclusive<usize>| {
                *range.start() <= last && statement.line <= *range.end()
            };
            if ranges.iter().any(overlaps) {
                changed.push(statement.text.to_lowercase());
            }
        }
    }
    Ok(changed)
}

/// The lines that a diff without context changes, by file name.
pub fn lines(diff: &str) -> BTreeMap<String, Vec<RangeInclusive<usize>>> {
    let mut lines: BTreeMap<String, Vec<_>> = BTreeMap::new();
    let mut file = String::new();
    for line in diff.lines() {
        if let Some(path) = line.strip_prefix("+++ ") {
            path.rsplit('/').next().unwrap_or(path).clone_into(&mut file);
        } else if let Some(hunk) = line.strip_prefix("@@ ") {
            let new = hunk.split('+').nth(1).and_then(|it| it.split(' ').next());
            let (start, count) =
                new.map_or(("0", "0"), |new| new.split_once(',').unwrap_or((new, "1")));
            let start: usize = start.parse().unwrap_or_default();
            // For removed lines, the line before and the line after.
            let count = count.parse().unwrap_or(1).max(2);
            lines.entry(file.clone()).or_default().push(start..=start + count - 1);
        }
    }
    lines
}

/// Whether a mutant changes an object of one of the statements.
pub fn touches(statements: &[String], mutant: &Mutant) -> bool {
    let family = mutant.id.split('/').next().unwrap_or_default();
    let (object, detail) = mutant.object.split_once('.').unwrap_or((&mutant.object, ""));
    statements.iter().any(|statement| {
        let (families, by_detail): (&[&str], bool) = match () {
            () if begins(statement, "policy") => (&["policies"], true),
            () if begins(statement, "index") => (&["indexes"], true),
            () if begins(statement, "trigger") => (&["triggers"], true),
            () if begins(statement, "function") => (&["functions", "bodies", "privileges"], false),
            () if begins(statement, "view") => (&["views", "bodies", "privileges"], false),
            () if begins(statement, "default") => return family == "defaults",
            () if statement.starts_with("grant") || statement.starts_with("revoke") => {
                (&["privileges"], false)
            }
            () if statement.contains("row level security") => (&["policies"], false),
            () => (&["columns", "constraints", "tables"], false),
        };
        let names = |name: &str| statement.contains(&name.to_lowercase());
        families.contains(&family) && names(object) && (!by_detail || names(detail))
    })
}

/// Whether a statement creates, alters or drops an object of that kind.
fn begins(statement: &str, kind: &str) -> bool {
    let mut words = statement.split_whitespace().take(4);
    let verb = words.next().unwrap_or_default();
    ["create", "alter", "drop"].contains(&verb) && words.any(|word| word == kind)
}
