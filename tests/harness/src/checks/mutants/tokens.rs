//! Splits SQL and PL/pgSQL text into tokens.

use super::changes::Change;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Text,
    Symbol,
}

/// A token: where it is in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// How many parentheses are open before it; of a parenthesis, around it.
    pub(super) depth: usize,
}

/// A text and its tokens.
pub(super) struct Tokens<'a> {
    pub(super) text: &'a str,
    pub(super) all: Vec<Token>,
}

const SYMBOLS: [&str; 12] =
    ["<=>", "*<>", "::", ":=", "<=", ">=", "<>", "!=", "->>", "->", "||", "=>"];

impl<'a> Tokens<'a> {
    /// The tokens from an offset on; comments and blanks are none.
    pub(super) fn of(text: &'a str, from: usize) -> Self {
        let mut all = Vec::new();
        let (mut at, mut depth) = (from, 0_usize);
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at..];
            let run = |of: fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
            let in_word = |c: char| c.is_alphanumeric() || c == '_';
            let (kind, length) = if rest.starts_with("--") {
                (None, rest.find('\n').unwrap_or(rest.len()))
            } else if first.is_whitespace() {
                (None, run(char::is_whitespace))
            } else if rest.starts_with("$function$") {
                (None, "$function$".len())
            } else if first == '\'' || first == '"' {
                (Some(Kind::Text), quoted(rest, first))
            } else if first.is_ascii_digit() {
                (Some(Kind::Number), run(|c| c.is_ascii_digit() || c == '.'))
            } else if in_word(first) || first == '#' {
                (
                    Some(Kind::Word),
                    first.len_utf8()
                        + rest[first.len_utf8()..]
                            .find(|c| !in_word(c))
                            .unwrap_or(rest.len() - first.len_utf8()),
                )
            } else {
                let long = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                (Some(Kind::Symbol), long.map_or(first.len_utf8(), |symbol| symbol.len()))
            };
            if let Some(kind) = kind {
                if first == ')' {
                    depth = depth.saturating_sub(1);
                }
                all.push(Token { kind, start: at, end: at + length, depth });
                if first == '(' {
                    depth += 1;
                }
            }
            at += length;
        }
        Self { text, all }
    }

    /// The text of a token; empty beyond the last.
    pub(super) fn text(&self, at: usize) -> &'a str {
        self.all.get(at).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The same in lower case.
    pub(super) fn word(&self, at: usize) -> String {
        self.text(at).to_lowercase()
    }

    /// Whether those words stand there, one behind the other.
    pub(super) fn is(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.word(at + offset) == *word)
    }

    /// The tokens from `from` up to `to` replaced.
    pub(super) fn with(&self, from: usize, to: usize, by: &str) -> Change {
        let (start, end) = (self.all[from].start, self.all[to - 1].end);
        let text = format!("{}{by}{}", &self.text[..start], &self.text[end..]);
        let around = |from: usize, to: usize| {
            (from..to.min(self.all.len())).map(|at| self.text(at)).collect::<Vec<_>>().join(" ")
        };
        let (before, after) = (around(from.saturating_sub(2), from), around(to, to + 2));
        let short = |text: &str| text.chars().take(32).collect::<String>();
        let (old, by) = (short(&around(from, to)), short(by));
        let by = if by.trim().is_empty() { "nothing" } else { &by };
        Change { what: format!("{before} [{old} to {by}] {after}"), text }
    }

    /// Where the operand behind a token ends: at what binds less, on the same level.
    pub(super) fn end_of_operand(&self, at: usize, depth: usize) -> usize {
        let ends = |token: &Token, at: usize| {
            token.depth < depth || (token.depth == depth && ENDS.contains(&&*self.word(at)))
        };
        let closes = |token: &Token, at: usize| self.text(at) == ")" && token.depth < depth;
        let mut end = at;
        while let Some(token) = self.all.get(end) {
            if ends(token, end) || closes(token, end) {
                break;
            }
            end += 1;
        }
        end
    }

    /// Where the operand before a token begins.
    pub(super) fn start_of_operand(&self, at: usize, depth: usize) -> usize {
        let mut start = at;
        while start > 0 {
            let (before, token) = (start - 1, self.all[start - 1]);
            if token.depth < depth
                || (token.depth == depth && STARTS.contains(&&*self.word(before)))
            {
                break;
            }
            start -= 1;
        }
        start
    }
}

/// What ends a condition.
const ENDS: [&str; 20] = [
    "and",
    "or",
    "then",
    "loop",
    ";",
    "order",
    "group",
    "limit",
    "offset",
    "returning",
    "from",
    "where",
    "when",
    "else",
    "end",
    ",",
    "union",
    "except",
    "for",
    "into",
];

/// What a condition begins behind.
const STARTS: [&str; 16] = [
    "and", "or", "where", "on", "if", "elsif", "when", "using", "check", "select", "return", ",",
    ":=", "having", "not", "then",
];

fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(found) = rest[at..].find(quote) {
        at += found + 1;
        if !rest[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

/// Whether a text has that word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let tokens = Tokens::of(text, 0);
    (0..tokens.all.len()).any(|at| tokens.text(at) == word)
}

/// Every occurrence of a word replaced.
pub(super) fn replace_word(text: &str, word: &str, by: &str) -> String {
    let tokens = Tokens::of(text, 0);
    let mut changed = text.to_owned();
    for at in (0..tokens.all.len()).rev().filter(|at| tokens.text(*at) == word) {
        changed.replace_range(tokens.all[at].start..tokens.all[at].end, by);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::replace_word;

    #[test]
    fn words_are_replaced_and_parts_of_words_are_not() {
        assert_eq!(replace_word("id = user_id", "id", "x"), "x = user_id");
    }
}
