//! SQL is split into its statements.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert_eq, proptest};
use proptest::sample::select;

use schema_harness::sql::statements::split;

fn texts(sql: &str) -> Vec<(usize, &str)> {
    split(sql).into_iter().map(|statement| (statement.line, statement.text)).collect()
}

#[test]
fn semicolons_within_quotes_and_comments_end_nothing() {
    let sql = "select ';''', E'\\';', \"a;b\"; -- one;\n/* two; /* ; */ */ select $$;$$, \
               $x$ $$; $x$\n";
    assert_eq!(
        texts(sql),
        [(1, "select ';''', E'\\';', \"a;b\""), (2, "select $$;$$, $x$ $$; $x$")]
    );
}

#[test]
fn a_statement_begins_after_its_comment() {
    assert_eq!(texts("-- why\n\ncreate table t (a int);;\n"), [(3, "create table t (a int)")]);
}

#[test]
fn a_statement_begins_at_a_character_of_its_line() {
    let columns: Vec<usize> = split("x;  -- é\n é; y").iter().map(|it| it.column).collect();
    assert_eq!(columns, [1, 2, 5]);
}

#[test]
fn a_parameter_is_no_dollar_quote() {
    assert_eq!(texts("select $1; select a$b$c"), [(1, "select $1"), (1, "select a$b$c")]);
}

#[test]
fn a_rule_may_hold_several_statements() {
    let sql = "create rule r as on insert to t do also (delete from u; delete from v); x";
    assert_eq!(texts(sql).len(), 2);
}

#[test]
fn body_of_a_sql_function_is_no_statement_of_the_file() {
    let body = "create function f() returns int begin atomic select 1; select case when a \
                then 1 end; end";
    let sql = format!("{body}; begin; select 2; end;");
    assert_eq!(texts(&sql), [(1, body), (1, "begin"), (1, "select 2"), (1, "end")]);
}

#[test]
fn what_is_not_terminated_ends_with_the_file() {
    for open in ["select 'a;", "select \"a;", "select E'a\\';", "select $x$a;$$", "select (1;"] {
        assert_eq!(texts(&format!("x;{open}")), [(1, "x"), (1, open)]);
    }
    assert_eq!(texts("x /* a; /* */ ;"), [(1, "x")]);
}

/// A statement of tokens that each try to end or to begin something.
fn statements() -> impl Strategy<Value = Vec<String>> {
    let quoted = ["'b;'", "'it''s'", "E'\\';'", "\"c;\"", "$$;$$", "$x$;$$'$x$", "(d; e)"];
    let other = ["a", "E1", "$1", "/* ; /* ' */ */", "-- ;'\n", "\n", "\u{e9}"];
    let tokens = select([quoted, other].concat());
    vec(vec(tokens, 0..6).prop_map(|tokens| format!("s {} t", tokens.join(" "))), 0..6)
}

proptest! {
    /// The statements come back in order, whatever stands between them.
    #[test]
    fn statements_and_what_is_between_them_are_the_text(
        statements in statements(),
        between in select(vec![";", " ; ", ";;\n", "\n;-- ;\n", "; /* ';\n */ "]),
    ) {
        let sql = statements.join(between);
        let found: Vec<&str> = split(&sql).iter().map(|it| it.text).collect();
        prop_assert_eq!(found, statements);
    }
}
