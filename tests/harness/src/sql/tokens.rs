//! Splits SQL and PL/pgSQL text into the tokens of PostgreSQL's lexer, each with its position and
//! the number of parentheses around it.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A key word or an identifier that is not quoted.
    Word,
    /// A numeric constant.
    Number,
    /// A string constant of any form, or a quoted identifier.
    Text,
    /// An operator, or a special character such as a comma.
    Symbol,
}

/// A token: where it is in the text.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The byte that it begins with.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
    /// How many parentheses are open before it; of a parenthesis, around it.
    pub depth: usize,
}

/// A text and its tokens.
pub struct Tokens<'a> {
    /// The whole text.
    pub text: &'a str,
    /// Its tokens, without whitespace and comments.
    pub all: Vec<Token>,
}

impl<'a> Tokens<'a> {
    /// The tokens of a text.
    pub fn of(text: &'a str) -> Self {
        Self::within(text, 0..text.len())
    }

    /// The tokens of a part of a text.
    pub fn within(text: &'a str, part: Range<usize>) -> Self {
        let mut all: Vec<Token> = Vec::new();
        let (mut end, mut depth) = (part.start, 0_usize);
        for token in tokenize(&text[part]) {
            let start = end;
            // The lexer counts in 32 bits, which hold every text that a server accepts.
            end += token.len as usize;
            let kind = match token.kind {
                TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => {
                    continue;
                }
                TokenKind::Literal {
                    kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. },
                } => Kind::Number,
                TokenKind::Literal { .. } | TokenKind::QuotedIdent { .. } => Kind::Text,
                TokenKind::Ident => Kind::Word,
                _ => Kind::Symbol,
            };
            match all.last_mut() {
                Some(last) if last.end == start && is_one_operator(&text[last.start..end]) => {
                    last.end = end;
                    continue;
                }
                _ => {}
            }
            depth -= usize::from(token.kind == TokenKind::CloseParen && depth > 0);
            all.push(Token { kind, start, end, depth });
            depth += usize::from(token.kind == TokenKind::OpenParen);
        }
        Self { text, all }
    }

    /// The text of a token; empty beyond the last.
    pub fn text(&self, at: usize) -> &'a str {
        self.all.get(at).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The same in lower case.
    pub fn word(&self, at: usize) -> String {
        self.text(at).to_lowercase()
    }

    /// Whether those words, in lower case, follow each other from a token on.
    pub fn is(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.word(at + offset) == *word)
    }
}

/// Whether characters that the lexer tells apart are one operator, by the rules of
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-OPERATORS>.
fn is_one_operator(text: &str) -> bool {
    const ANYWHERE: &str = "+-*/<>=~!@#%^&|`?";
    const BEFORE_A_SIGN: &str = "~!@#%^&|`?";
    let ends_well = !text.ends_with(['+', '-']) || text.contains(|c| BEFORE_A_SIGN.contains(c));
    ["::", ":="].contains(&text) || text.chars().all(|c| ANYWHERE.contains(c)) && ends_well
}

/// Whether a text has that word.
pub fn has_word(text: &str, word: &str) -> bool {
    let tokens = Tokens::of(text);
    (0..tokens.all.len()).any(|at| tokens.text(at) == word)
}

/// Every occurrence of a word replaced.
pub fn replace_word(text: &str, word: &str, by: &str) -> String {
    let tokens = Tokens::of(text);
    let mut changed = text.to_owned();
    for at in (0..tokens.all.len()).rev().filter(|at| tokens.text(*at) == word) {
        changed.replace_range(tokens.all[at].start..tokens.all[at].end, by);
    }
    changed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Kind, Tokens, replace_word};

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
        assert_eq!(
            texts(sql),
            ["E'it\\'s'", "$x$ $$ ' $x$", "\"a \"\" b\"", "U&'d\\0061'", "1.5e3"]
        );
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
}
