//! Migrations split into statements: each is found at its line and column, and nothing is lost.

use super::inputs;
use schema_harness::sql::statements::split;

#[test]
fn statements_and_what_is_between_them_are_the_migration() {
    for file in &inputs().migrations {
        let mut rest = file.text.as_str();
        let mut put_together = String::new();
        for statement in split(&file.text) {
            let (between, behind) = rest.split_once(statement.text).expect("a part of the text");
            assert_eq!(code(between), "", "{}, before line {}", file.name, statement.line);
            put_together += between;
            put_together += statement.text;
            let line = file.text.lines().nth(statement.line - 1).expect("a line of the text");
            let line: String = line.chars().skip(statement.column - 1).collect();
            let first = statement.text.lines().next().expect("a statement has a line");
            assert!(line.starts_with(first), "{}:{}", file.name, statement.line);
            rest = behind;
        }
        assert_eq!(code(rest), "", "{}, at its end", file.name);
        assert_eq!(put_together + rest, file.text, "{}", file.name);
        assert!(split(&file.text).len() > 50, "control: {} has statements", file.name);
    }
}

/// What is left of text without line comments, semicolons and blanks.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace() && *c != ';').collect()
}
