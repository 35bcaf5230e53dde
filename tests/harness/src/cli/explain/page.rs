//! Formats an explanation for a terminal.

use super::rules::{Becomes, Explained};

/// The width of prose in columns.
pub const WIDTH: usize = 80;

/// Every rule and its title.
pub(super) fn list(all: &[Explained]) -> String {
    const WIDTH: usize = 22;
    let line = |rule: &Explained| {
        // Those of the linter's are longer.
        let gap = if rule.id.len() > WIDTH { format!("\n  {:WIDTH$}", "") } else { String::new() };
        format!("  {:WIDTH$}{gap}  {}\n", rule.id, rule.title)
    };
    let lines: String = all.iter().map(line).collect();
    format!("Rules that a finding can carry:\n\n{lines}\nscripts/verify explain RULE tells more.")
}

/// The explanation of one rule.
pub(super) fn of(rule: &Explained) -> String {
    let mut text = format!("{}: {}\n\n{}\n", rule.id, rule.title, wrapped(&rule.meaning, "", ""));
    if !rule.fault.is_empty() {
        let fault: Vec<String> =
            statements(rule.fault).iter().map(|it| wrapped(it, "    ", "        ")).collect();
        text += &format!("\nFor example, after\n\n{}\n", fault.join("\n"));
    }
    match &rule.becomes {
        Becomes::Finding([object, check, expected, observed]) => {
            text += &format!("\nthe finding is\n\n    {}: {object}: {}\n", rule.id, rule.title);
            let told = [("check", check), ("expected", expected), ("observed", observed)];
            for (what, value) in told {
                text += &wrapped(value, &format!("      {what:10}"), &" ".repeat(16));
                text += "\n";
            }
        }
        Becomes::Nothing(why) if rule.fault.is_empty() => {
            text += &format!("\n{}\n", wrapped(&format!("Accepted, because {why}."), "", ""));
        }
        Becomes::Nothing(why) => {
            let why = format!("there is no finding here, because {why}.");
            text += &format!("\n{}\n", wrapped(&why, "", ""));
        }
    }
    let (asvs, cis) = (rule.family.asvs.join(", "), rule.family.cis.join(", "));
    let family = format!("{}, {}", rule.family.name, rule.family.what);
    let unless = if rule.unless == "never" { "" } else { &rule.unless };
    for (what, value) in [
        ("Remedy", rule.remedy),
        ("Not applicable if", unless),
        ("References", &rule.references.join(", ")),
        ("Family", &family),
        ("OWASP ASVS", &asvs),
        ("CIS PostgreSQL 17 v1.0.0", &cis),
    ] {
        if !value.is_empty() {
            text += &format!("\n{}", wrapped(&format!("{what}: {value}"), "", "  "));
        }
    }
    text
}

/// The statements of a script, or the lines of a file, one each. A semicolon in quotes or in a
/// body ends nothing.
pub fn statements(fault: &str) -> Vec<String> {
    if fault.contains('\n') {
        return fault.lines().map(str::to_owned).collect();
    }
    let (mut statements, mut statement) = (Vec::new(), String::new());
    let (mut in_quotes, mut in_body) = (false, false);
    for c in fault.chars() {
        statement.push(c);
        match c {
            '\'' => in_quotes = !in_quotes,
            '$' if statement.ends_with("$$") => in_body = !in_body,
            ';' if !in_quotes && !in_body => statements.push(std::mem::take(&mut statement)),
            _ => {}
        }
    }
    statements.push(statement);
    let trimmed = statements.iter().map(|it| it.trim().to_owned());
    trimmed.filter(|it| !it.is_empty()).collect()
}

/// Text wrapped at the width: the first line begins with `first`, the others with `rest`. A
/// longer word has its own line, and blanks at the beginning are kept.
pub fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let blanks = text.len() - text.trim_start().len();
    let mut lines = vec![format!("{first}{}", &text[..blanks])];
    let mut begun = false;
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("{rest}{word}"));
        } else {
            line.push_str(if begun { " " } else { "" });
            line.push_str(word);
        }
        begun = true;
    }
    lines.join("\n")
}
