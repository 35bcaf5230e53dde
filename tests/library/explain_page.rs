//! The text that explains a rule.

use schema_harness::cli::explain::page::{WIDTH, statements, wrapped};

#[test]
fn a_semicolon_in_a_body_ends_no_statement() {
    let script = "create function f() as $$ begin a; end $$; select ';'; select 1";
    let each = ["create function f() as $$ begin a; end $$;", "select ';';", "select 1"];
    assert_eq!(statements(script), each);
}

#[test]
fn lines_are_as_wide_as_a_terminal() {
    let text = wrapped(&"word ".repeat(40), "- ", "  ");
    assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    assert_eq!(text.split_whitespace().filter(|it| *it == "word").count(), 40, "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}
