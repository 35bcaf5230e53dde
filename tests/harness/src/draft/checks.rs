//! Rewrites the server's form of a CHECK expression as a person would write it, for common
//! forms.

/// The expression in the contract's form: `x in (…)`, `x between 1 and 2`, `x <= 2`.
pub fn plain(expression: &str) -> String {
    let bare = without_parentheses(expression);
    one_of(bare).or_else(|| between(bare)).or_else(|| compared(bare)).unwrap_or(bare.to_owned())
}

/// The text without enclosing parentheses.
fn without_parentheses(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        let mut depth = 0_i32;
        let closes_early = inner.chars().any(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth < 0
        });
        // A quoted text may contain a parenthesis.
        if closes_early || inner.contains('\'') && inner.contains("(\'") {
            break;
        }
        text = inner.trim();
    }
    text
}

/// `x = ANY (ARRAY['a'::text, 'b'::text])`.
fn one_of(text: &str) -> Option<String> {
    let (subject, list) = text.split_once(" = ANY (ARRAY[")?;
    let words: Vec<&str> = list.strip_suffix("])")?.split(", ").collect();
    let word = |word: &&str| {
        let word = word.strip_suffix("::text")?;
        let inner = word.strip_prefix('\'')?.strip_suffix('\'')?;
        (!inner.contains('\'')).then(|| word.to_owned())
    };
    let words: Vec<String> = words.iter().map(word).collect::<Option<_>>()?;
    is_subject(subject).then(|| format!("{subject} in ({})", words.join(", ")))
}

/// `(x >= 1) AND (x <= 2)`.
fn between(text: &str) -> Option<String> {
    let (one, other) = text.split_once(" AND ")?;
    let (subject, least) = without_parentheses(one).split_once(" >= ")?;
    let (same, most) = without_parentheses(other).split_once(" <= ")?;
    let (least, most) = (number(least)?, number(most)?);
    (is_subject(subject) && subject == same)
        .then(|| format!("{subject} between {least} and {most}"))
}

/// `x >= (0)::double precision`.
fn compared(text: &str) -> Option<String> {
    let (subject, rest) = text.split_once(' ')?;
    let (operator, operand) = rest.split_once(' ')?;
    let operand = number(operand)?;
    let known = [">=", "<=", ">", "<"].contains(&operator);
    (known && is_subject(subject)).then(|| format!("{subject} {operator} {operand}"))
}

/// A column, or the length of one.
fn is_subject(text: &str) -> bool {
    let inner = text.strip_prefix("char_length(").and_then(|it| it.strip_suffix(')'));
    let name = inner.unwrap_or(text);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A number without its cast.
fn number(text: &str) -> Option<&str> {
    let bare = text.split("::").next()?;
    let bare = without_parentheses(bare);
    bare.parse::<f64>().is_ok().then_some(bare)
}
