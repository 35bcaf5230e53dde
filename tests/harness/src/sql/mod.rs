//! SQL as text: quoting, tokens, statements and grants.

pub mod grants;
pub mod statements;
pub mod tokens;

/// Quotes text as a SQL literal.
pub fn quote(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// The text of a literal, whatever it is cast to; none of what is no literal.
pub fn text_of(literal: &str) -> Option<&str> {
    let inner = literal.trim().strip_prefix('\'')?;
    let end = inner.rfind("'::").or_else(|| inner.rfind('\''))?;
    Some(&inner[..end])
}

/// The schema and the bare name of a table as the contract calls it: without a schema it is of
/// `public`.
pub fn schema_of(table: &str) -> (&str, &str) {
    table.split_once('.').unwrap_or(("public", table))
}

/// That table's name with its schema, quoted.
pub fn qualified(table: &str) -> String {
    let (schema, name) = schema_of(table);
    format!("{}.{}", ident(schema), ident(name))
}

/// Quotes a SQL identifier.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
