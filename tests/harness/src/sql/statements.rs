//! Splits a migration into its statements and finds their positions, so that an error or a
//! finding can name file and line.

/// A statement of a SQL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The line that it begins on, from 1, comments before it left out.
    pub line: usize,
    /// The character of that line that it begins with, from 1.
    pub column: usize,
    /// Its text, without the semicolon.
    pub text: &'a str,
}

/// Splits SQL at its semicolons, as psql does: not within quotes, dollar quotes, comments or
/// parentheses.
pub fn split(sql: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut start = None;
    let mut depth = 0_usize;
    let mut at = 0;
    while at < sql.len() {
        let rest = &sql[at..];
        let token = token_length(rest);
        if let Token::Code(character) = token.0 {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ';' if depth == 0 => {
                    statements.extend(start.take().map(|start| statement(sql, start, at)));
                    at += token.1;
                    continue;
                }
                _ => {}
            }
            if start.is_none() && !character.is_whitespace() {
                start = Some(at);
            }
        } else if token.0 == Token::Quoted && start.is_none() {
            start = Some(at);
        }
        at += token.1;
    }
    statements.extend(start.map(|start| statement(sql, start, sql.len())));
    statements
}

fn statement(sql: &str, start: usize, end: usize) -> Statement<'_> {
    let line = sql[..start].rfind('\n').map_or(0, |at| at + 1);
    Statement {
        line: line_of(sql, start),
        column: sql[line..start].chars().count() + 1,
        text: sql[start..end].trim_end(),
    }
}

/// The line of a byte offset, from 1.
pub fn line_of(sql: &str, offset: usize) -> usize {
    sql[..offset].matches('\n').count() + 1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// One character that is neither quoted nor commented out.
    Code(char),
    /// A literal or a quoted identifier.
    Quoted,
    /// A comment.
    Comment,
}

/// The token that `rest` begins with, and its length in bytes.
fn token_length(rest: &str) -> (Token, usize) {
    let first = rest.chars().next().expect("rest is not empty");
    if rest.starts_with("--") {
        (Token::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Token::Comment, block_comment(rest))
    } else if first == '\'' || first == '"' {
        (Token::Quoted, quoted(rest, first, false))
    } else if rest.len() > 1
        && rest[..first.len_utf8()].eq_ignore_ascii_case("e")
        && rest[1..].starts_with('\'')
    {
        (Token::Quoted, 1 + quoted(&rest[1..], '\'', true))
    } else if let Some(tag) = dollar_tag(rest) {
        let body = &rest[tag.len()..];
        let end = body.find(tag).map_or(rest.len(), |end| end + 2 * tag.len());
        (Token::Quoted, end)
    } else if first.is_alphanumeric() || first == '_' {
        // A whole word, so that the `e` or the `$` within one begins nothing.
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        (Token::Code(first), word.unwrap_or(rest.len()))
    } else {
        (Token::Code(first), first.len_utf8())
    }
}

fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if escapes && character == '\\' {
            characters.next();
        } else if character == quote {
            // A doubled quote is read as the end of one literal and the start of the next.
            return at + 1;
        }
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn dollar_tag(rest: &str) -> Option<&str> {
    let inner = rest.strip_prefix('$')?;
    let end = inner.find('$')?;
    let tag = &inner[..end];
    let starts_well = !tag.starts_with(|c: char| c.is_ascii_digit());
    let is_tag = starts_well && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then(|| &rest[..end + 2])
}

#[cfg(test)]
mod tests {
    use super::split;

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
}
