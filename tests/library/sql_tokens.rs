//! SQL is split into its tokens.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use schema_harness::sql::tokens::{Kind, Tokens, replace_word};

fn texts(sql: &str) -> Vec<&str> {
    let tokens = Tokens::of(sql);
    (0..tokens.all.len()).map(|at| tokens.text(at)).collect()
}

#[test]
fn words_are_replaced_and_parts_of_words_are_not() {
    assert_eq!(replace_word("id = user_id", "id", "x"), "x = user_id");
}

#[test]
fn operator_is_one_token() {
    let sql = "a->>'k'<=>b::int4<>-1 and c*<>d or e := f=>g@-h";
    let expected = "a ->> 'k' <=> b :: int4 <> - 1 and c *<> d or e := f => g @- h";
    assert_eq!(texts(sql), expected.split(' ').collect::<Vec<_>>());
}

#[test]
fn constant_is_one_token_whatever_its_quotes() {
    let sql = "E'it\\'s' $x$ $$ ' $x$ \"a \"\" b\" U&'d\\0061' 1.5e3";
    assert_eq!(texts(sql), ["E'it\\'s'", "$x$ $$ ' $x$", "\"a \"\" b\"", "U&'d\\0061'", "1.5e3"]);
    let kinds: Vec<Kind> = Tokens::of(sql).all.iter().map(|token| token.kind).collect();
    assert_eq!(kinds, [Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Number]);
}

#[test]
fn parenthesis_has_the_depth_around_it() {
    let depths: Vec<usize> = Tokens::of(") (a (b)) c").all.iter().map(|it| it.depth).collect();
    assert_eq!(depths, [0, 0, 1, 1, 2, 1, 0, 0]);
}

proptest! {
    /// Unterminated quotes and comments are text as well.
    #[test]
    fn tokens_of_any_text_follow_each_other(sql in "(['\"$/*a-eE;() \\n\\\\:=<-]|\\PC){0,40}") {
        let mut end = 0;
        for token in &Tokens::of(&sql).all {
            prop_assert!(end <= token.start && token.start < token.end);
            end = token.end;
        }
        prop_assert!(end <= sql.len());
    }

    /// What the lexer leaves out is neither a quoted nor a bare character of the text.
    #[test]
    fn string_constant_comes_back_whole(body in any::<String>()) {
        let sql = format!("x = '{}' -- y", body.replace('\'', "''"));
        prop_assert_eq!(texts(&sql), ["x", "=", &sql[4..sql.len() - 5]]);
    }
}
