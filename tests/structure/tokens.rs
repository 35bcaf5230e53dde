//! The words and signs of Rust code, without comments, the contents of literals and unit tests.

/// Its tokens: words, `::`, and every other sign by itself.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => string(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#\"") => raw_string(rest),
            '\'' => character(rest),
            _ if rest.starts_with("::") => 2,
            _ => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                end.unwrap_or(rest.len()).max(first.len_utf8())
            }
        };
        let (token, after) = rest.split_at(length);
        let is_code = !first.is_whitespace()
            && !["//", "\"", "r\"", "r#\"", "'"].iter().any(|start| token.starts_with(start));
        if is_code {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

/// The length of a string at the beginning.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

fn raw_string(text: &str) -> usize {
    let (open, close) = if text.starts_with("r\"") { (2, "\"") } else { (3, "\"#") };
    text[open..].find(close).map_or(text.len(), |at| open + at + close.len())
}

/// The length of a character, or of the sign before the name of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[3..].find('\'').map_or(text.len(), |at| at + 4),
        (_, Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[test]
fn comments_literals_and_tests_are_left_out() {
    let text = "use a::B; // c \"\nf::<'a>('\"', '\\'', \"d \\\" e\", r#\"g\"h\"#);\n\
                \n#[cfg(test)]\nmod tests {}";
    assert_eq!(
        tokens(text),
        ["use", "a", "::", "B", ";", "f", "::", "<", "a", ">", "(", ",", ",", ",", ")", ";"]
    );
}
