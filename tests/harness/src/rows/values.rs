//! This file is the literals that a column can be filled with, by its type and its checks.

use sha2::{Digest, Sha256};
use tokio_postgres::GenericClient;

use crate::catalog::{Column, Relation};
use crate::contract;
use crate::error::{CannotRun, describe};
use crate::sql::{ident, quote};

/// A literal of that type; different tags make different literals where the type has room.
/// `None` for a type that is not known here.
pub fn literal(data_type: &str, tag: &str) -> Option<String> {
    let hash = Sha256::digest(tag.as_bytes());
    let number = u16::from(hash[0]) % 9 + 1;
    let base = data_type.split('(').next().unwrap_or_default();
    let base = base.rsplit('.').next().unwrap_or_default().trim_matches('"');
    let size = || data_type.split(['(', ')']).nth(1).and_then(|size| size.parse::<usize>().ok());
    if data_type.ends_with("[]") {
        let text = ["text[]", "character varying[]"].contains(&data_type);
        return Some(if text { quote(&format!("{{{tag}}}")) } else { "'{}'".into() });
    }
    Some(match base {
        "uuid" => {
            let h: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'{}-{}-4{}-8{}-{}'", &h[..8], &h[8..12], &h[12..15], &h[15..18], &h[18..30])
        }
        "text" | "character varying" | "character" | "citext" | "name" => {
            let room = size().unwrap_or(usize::MAX);
            quote(&tag.chars().take(room).collect::<String>())
        }
        "boolean" => "true".into(),
        "smallint" | "integer" | "bigint" | "numeric" => number.to_string(),
        "real" | "double precision" => format!("0.{number}"),
        "timestamp with time zone" => format!("'2025-01-0{number} 00:00:00+00'"),
        "timestamp without time zone" => format!("'2025-01-0{number} 00:00:00'"),
        "date" => format!("'2025-01-0{number}'"),
        "interval" => format!("'{number} days'"),
        "jsonb" | "json" => quote(&format!("{{\"made for\": \"{tag}\"}}")),
        "inet" | "cidr" => format!("'203.0.113.{number}'"),
        "bytea" => format!("'\\x0{number}'"),
        "vector" | "halfvec" => {
            let size = size().unwrap_or(3);
            let one = usize::from(u16::from_be_bytes([hash[1], hash[2]])) % size;
            let axis: Vec<&str> = (0..size).map(|at| if at == one { "1" } else { "0" }).collect();
            format!("'[{}]'", axis.join(","))
        }
        _ => return None,
    })
}

/// Literals of a column's type that its own checks accept, in order of preference.
///
/// # Errors
/// Names the column where none is found and asks for an example in the contract.
pub async fn accepted(
    client: &impl GenericClient,
    relation: &Relation,
    column: &Column,
) -> Result<Vec<String>, CannotRun> {
    let checks: Vec<&String> = relation
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == "c" && constraint.columns == [column.name.clone()])
        .filter_map(|constraint| constraint.expression.as_ref())
        .collect();
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let mut candidates: Vec<String> = checks.iter().flat_map(|check| enumerated(check)).collect();
    if candidates.is_empty() {
        // Short, and enough of them that one is left which no row has.
        let letters = ('a'..='z').map(|letter| letter.to_string());
        candidates = letters.filter_map(|tag| literal(&column.data_type, &tag)).collect();
        candidates.dedup();
        if is_number(&column.data_type) {
            candidates.extend(["1", "2", "0", "5", "10", "100", "-1"].map(str::to_owned));
        }
    }
    let condition: Vec<String> = checks.iter().map(|check| format!("({check})")).collect();
    let values: Vec<String> = candidates
        .iter()
        .enumerate()
        .map(|(at, value)| format!("({at}, {value}::{})", column.data_type))
        .collect();
    let sql = format!(
        "select at from (values {}) as candidate (at, {}) where {} order by at",
        values.join(", "),
        ident(&column.name),
        condition.join(" and "),
    );
    let rows = client.query(&sql, &[]).await.map_err(|error| {
        let (table, column) = (&relation.name, &column.name);
        CannotRun(format!("could not try values for {table}.{column}: {}", describe(&error)))
    })?;
    let at = rows.iter().map(|row| usize::try_from(row.get::<_, i32>(0)).unwrap_or_default());
    Ok(at.map(|at| candidates[at].clone()).collect())
}

fn is_number(data_type: &str) -> bool {
    ["smallint", "integer", "bigint", "numeric", "real", "double precision"]
        .contains(&data_type.split('(').next().unwrap_or_default())
}

/// The string literals in an expression such as `source = ANY (ARRAY['manual'::text, …])`.
fn enumerated(expression: &str) -> Vec<String> {
    if !expression.contains(" = ANY (ARRAY[") && !expression.contains(" = '") {
        return Vec::new();
    }
    expression.split('\'').skip(1).step_by(2).map(quote).collect()
}

/// The literal that fills a column, as the contract and its type say.
///
/// # Errors
/// Asks for an example where the type is not known.
pub fn fill(
    relation: &Relation,
    column: &Column,
    declared: Option<&contract::Column>,
    accepted: &[String],
    tag: &str,
) -> Result<String, CannotRun> {
    let unique = relation.is_unique(&[column.name.as_str()]);
    let pick = usize::from(Sha256::digest(tag.as_bytes())[0]);
    if let Some(example) = declared.and_then(|declared| declared.example.as_ref()) {
        return Ok(if unique { format!("{} || ({example})", quote(tag)) } else { example.clone() });
    }
    if !accepted.is_empty() && !unique {
        return Ok(accepted[pick % accepted.len()].clone());
    }
    literal(&column.data_type, tag).ok_or_else(|| {
        CannotRun(format!(
            "could not make a value for {}.{} of type {}; give the column an example in the \
             contract",
            relation.name, column.name, column.data_type
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{enumerated, literal};

    #[test]
    fn an_enumeration_offers_its_own_words() {
        let check = "(source = ANY (ARRAY['manual'::text, 'it''s'::text]))";
        assert_eq!(enumerated(check)[0], "'manual'");
        assert_eq!(enumerated("(char_length(username) <= 50)"), Vec::<String>::new());
    }

    #[test]
    fn a_vector_has_as_many_dimensions_as_its_type() {
        assert_eq!(literal("extensions.vector(3)", "x").map(|v| v.matches(',').count()), Some(2));
    }

    #[test]
    fn a_type_that_is_not_known_has_no_literal() {
        assert_eq!(literal("pg_lsn", "x"), None);
    }
}
