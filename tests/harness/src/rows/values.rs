//! Literals for columns, by type: a table for PostgreSQL's types, and composition for a project's
//! own (enumerations, domains, composites, arrays, ranges).

use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, Column, Relation};
use crate::contract;
use crate::error::CannotRun;
use crate::sql::quote;

/// A literal of that type; different tags make different literals where the type has room, and
/// so do different rounds where tags alone do not. `None` for a type that is not known here.
pub fn literal(catalog: &Catalog, data_type: &str, tag: &str, round: usize) -> Option<String> {
    if let Some(element) = data_type.strip_suffix("[]") {
        return Some(array(catalog, element, tag, round));
    }
    let Some(known) = catalog.type_named(data_type) else { return plain(data_type, tag, round) };
    let of = |part: &String| literal(catalog, part, tag, round);
    let made = match known.kind.as_str() {
        "enum" => known.parts.get((pick(tag) + round) % known.parts.len().max(1))?.clone(),
        "domain" => return known.parts.first().and_then(of),
        "composite" => {
            let parts: Option<Vec<String>> = known.parts.iter().map(of).collect();
            format!("row({})", parts?.join(", "))
        }
        "range" => {
            let (subtype, value) = (known.parts.first()?, known.parts.first().and_then(of)?);
            format!("{data_type}({value}::{subtype}, {value}::{subtype}, '[]')")
        }
        _ => format!("{data_type}({})", known.parts.first().and_then(of)?),
    };
    Some(format!("{made}::{data_type}"))
}

/// Where a choice among several begins.
pub(super) fn pick(tag: &str) -> usize {
    usize::from(Sha256::digest(tag.as_bytes())[0])
}

/// A number that follows from the tag.
pub(super) fn number(tag: &str) -> u32 {
    let hash = Sha256::digest(tag.as_bytes());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// An array of one; of what may be ids, which would point at nothing, an empty one.
fn array(catalog: &Catalog, element: &str, tag: &str, round: usize) -> String {
    if ["text", "character varying"].contains(&element) {
        return quote(&format!("{{{}}}", nth(tag, round)));
    }
    let is_id = ["uuid", "smallint", "integer", "bigint"].contains(&element);
    match literal(catalog, element, tag, round) {
        Some(one) if round > 0 || !is_id => format!("array[{one}]::{element}[]"),
        _ => "'{}'".to_owned(),
    }
}

fn nth(tag: &str, round: usize) -> String {
    if round == 0 { tag.to_owned() } else { format!("{tag} {round}") }
}

/// A literal of a type of `PostgreSQL`'s own, or of an extension's.
pub fn plain(data_type: &str, tag: &str, round: usize) -> Option<String> {
    if data_type.ends_with("[]") {
        return Some("'{}'".to_owned());
    }
    let tag = &nth(tag, round);
    let hash = Sha256::digest(tag.as_bytes());
    let digit = usize::from(hash[0]) % 9 + 1;
    let number = digit + 9 * round;
    let base = data_type.split('(').next().unwrap_or_default();
    let behind = data_type.split(')').nth(1).unwrap_or_default();
    let base = format!("{base}{behind}");
    let base = base.rsplit('.').next().unwrap_or_default().trim_matches('"');
    let sizes: Vec<usize> = data_type
        .split(['(', ')'])
        .nth(1)
        .map(|sizes| sizes.split(',').filter_map(|size| size.trim().parse().ok()).collect())
        .unwrap_or_default();
    let size = sizes.first().copied();
    let day = format!("2025-{:02}-{:02}", number / 28 % 12 + 1, number % 28 + 1);
    Some(match base {
        "uuid" => {
            let h: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'{}-{}-4{}-8{}-{}'", &h[..8], &h[8..12], &h[12..15], &h[15..18], &h[18..30])
        }
        "text" | "character varying" | "character" | "citext" | "name" => match size {
            // What is cut off is what tells one from another.
            Some(room) if tag.chars().count() > room => {
                let letters = hash.iter().cycle().map(|byte| char::from(b'a' + byte % 26));
                quote(&letters.take(room).collect::<String>())
            }
            _ => quote(tag),
        },
        "boolean" => if round.is_multiple_of(2) { "true" } else { "false" }.into(),
        "smallint" | "integer" | "bigint" | "oid" | "money" => number.to_string(),
        "numeric" => match sizes.as_slice() {
            [precision, scale] if precision <= scale => {
                format!("0.{}{digit}", "0".repeat(scale - precision))
            }
            [precision, ..] => {
                let whole = precision - sizes.get(1).copied().unwrap_or(0);
                let room = u32::try_from(whole).ok().and_then(|it| 10_usize.checked_pow(it));
                room.map_or(number, |room| number % room).to_string()
            }
            [] => number.to_string(),
        },
        "real" | "double precision" => format!("0.{number}"),
        "timestamp with time zone" => format!("'{day} 00:00:00+00'"),
        "timestamp without time zone" => format!("'{day} 00:00:00'"),
        "date" => format!("'{day}'"),
        "time without time zone" => format!("'{:02}:{:02}'", number / 60 % 24, number % 60),
        "time with time zone" => format!("'{:02}:{:02}+00'", number / 60 % 24, number % 60),
        "interval" => format!("'{number} days'"),
        "jsonb" | "json" => quote(&format!("{{\"made for\": \"{tag}\"}}")),
        "inet" | "cidr" => format!("'203.0.{}.{}'", 113 + number / 250, number % 250),
        "macaddr" => format!("'08:00:2b:01:{:02x}:{:02x}'", number / 256, number % 256),
        "macaddr8" => format!("'08:00:2b:01:02:03:{:02x}:{:02x}'", number / 256, number % 256),
        "bytea" => format!("'\\x{number:04x}'"),
        "bit" => format!("B'{:0>1$b}'", number % 2, size.unwrap_or(1)),
        "bit varying" => format!("B'{number:b}'"),
        "\"char\"" | "char" => quote(&char::from(b'a' + hash[0] % 26).to_string()),
        "xml" => format!("'<made>{number}</made>'"),
        "jsonpath" => format!("'$.made{number}'"),
        "tsvector" | "tsquery" => format!("'made{number}'"),
        "ltree" => format!("'made.n{number}'"),
        "hstore" => quote(&format!("\"made for\"=>\"{tag}\"")),
        "point" => format!("'({number},{digit})'"),
        "lseg" | "box" | "path" => format!("'((0,0),({number},{digit}))'"),
        "line" => format!("'{{{number},{digit},1}}'"),
        "polygon" => format!("'((0,0),({number},0),({number},{digit}))'"),
        "circle" => format!("'<(0,0),{number}>'"),
        "geometry" | "geography" => format!("'SRID=4326;POINT({digit} {digit})'"),
        "sparsevec" => format!("'{{1:{number}}}/{}'", size.unwrap_or(3)),
        "vector" | "halfvec" => {
            let size = size.unwrap_or(3);
            let one = usize::from(u16::from_be_bytes([hash[1], hash[2]])) % size;
            let axis: Vec<&str> = (0..size).map(|at| if at == one { "1" } else { "0" }).collect();
            format!("'[{}]'", axis.join(","))
        }
        _ => return None,
    })
}

/// What is known of a column beside its type.
pub struct Known<'a> {
    /// As it is meant, where that is declared.
    pub declared: Option<&'a contract::Column>,
    /// The literals that the server has accepted, where checks leave no free choice.
    pub accepted: &'a [String],
}

/// The literal that fills a column, as the contract, the server and its type say; another in
/// each round, where there are others.
///
/// # Errors
/// Asks for an example where the type is not known.
pub fn fill(
    catalog: &Catalog,
    relation: &Relation,
    column: &Column,
    known: &Known<'_>,
    (tag, round): (&str, usize),
) -> Result<String, CannotRun> {
    let unique = relation.is_unique(&[column.name.as_str()]);
    if let Some(example) = known.declared.and_then(|declared| declared.example.as_ref()) {
        let is_text = ["text", "character varying", "citext"]
            .contains(&column.data_type.split('(').next().unwrap_or_default());
        let one_of_many = unique && is_text;
        let tag = quote(&nth(tag, round));
        return Ok(if one_of_many { format!("{tag} || ({example})") } else { example.clone() });
    }
    if !known.accepted.is_empty() {
        return Ok(known.accepted[(pick(tag) + round) % known.accepted.len()].clone());
    }
    let is_address = column.name == "email" || column.name.ends_with("_email");
    let address = format!("{}@example.com", nth(tag, round).replace(' ', "."));
    let (tag, round) = if is_address { (address.as_str(), 0) } else { (tag, round) };
    literal(catalog, &column.data_type, tag, round).ok_or_else(|| {
        CannotRun(format!(
            "could not make a value for {}.{} of type {}; give the column an example in the \
             contract",
            relation.declared_name(),
            column.name,
            column.data_type
        ))
    })
}
