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
