//! Splits a migration into its statements and finds their positions, so that an error or a
//! finding can name file and line.

use super::tokens::{Token, Tokens};

/// A statement of a SQL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The line of its first token, from 1.
    pub line: usize,
    /// The character of that line that the token begins with, from 1.
    pub column: usize,
    /// Its text from the first token to the last, without the semicolon.
    pub text: &'a str,
}

/// Splits SQL at its semicolons, as psql does: not within quotes, dollar quotes, comments or
/// parentheses, nor within the `begin atomic` body of a function.
pub fn split(sql: &str) -> Vec<Statement<'_>> {
    let tokens = Tokens::of(sql);
    let mut statements = Vec::new();
    let (mut first, mut open_blocks) = (0, 0_usize);
    for (at, token) in tokens.all.iter().enumerate() {
        match tokens.word(at).as_str() {
            "begin" if tokens.is(at + 1, &["atomic"]) => open_blocks += 1,
            // A CASE is closed by END, too.
            "case" if open_blocks > 0 => open_blocks += 1,
            "end" => open_blocks = open_blocks.saturating_sub(1),
            ";" if token.depth == 0 && open_blocks == 0 => {
                statements.extend(statement(sql, &tokens.all[first..at]));
                first = at + 1;
            }
            _ => {}
        }
    }
    statements.extend(statement(sql, &tokens.all[first..]));
    statements
}

/// The statement that tokens are, if they are any.
fn statement<'a>(sql: &'a str, tokens: &[Token]) -> Option<Statement<'a>> {
    let (start, end) = (tokens.first()?.start, tokens.last()?.end);
    let line = sql[..start].rfind('\n').map_or(0, |at| at + 1);
    Some(Statement {
        line: line_of(sql, start),
        column: sql[line..start].chars().count() + 1,
        text: &sql[start..end],
    })
}

/// The line of a byte offset, from 1.
pub fn line_of(sql: &str, offset: usize) -> usize {
    sql[..offset].matches('\n').count() + 1
}
