//! Parses the constraints that the contract declares of a table.

use super::expression::{Check, FORMS};
use crate::checks::properties::Broken;
use crate::contract::Relation;

/// A CHECK, and its name if one is declared.
pub(super) struct Checked {
    pub(super) check: Check,
    pub(super) name: Option<String>,
}

/// A unique or primary key, and its name if one is declared.
pub(super) struct Key {
    pub(super) columns: Vec<String>,
    pub(super) name: Option<String>,
}

/// A foreign key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Qualified.
    pub(super) table: String,
    pub(super) column: String,
    /// `cascade`, `set null`, `restrict` or `no action`.
    pub(super) on_delete: String,
}

fn not_understood(object: &str, what: &str, forms: &str) -> Broken {
    let reason = format!("{object}: \"{what}\" cannot be evaluated: {forms}");
    Broken::untried(reason).of(object.to_owned())
}

/// The text within `head (` and `)`.
fn within<'a>(definition: &'a str, head: &str) -> Option<&'a str> {
    definition.strip_prefix(head)?.trim_start().strip_prefix('(')?.strip_suffix(')')
}

/// The CHECKs of a table.
pub(super) fn checks(table: &str, declared: &Relation) -> Result<Vec<Checked>, Broken> {
    let of_columns = declared.columns.iter().filter_map(|(name, column)| {
        Some((format!("{table}.{name}"), column.check.as_deref()?, None))
    });
    let of_table = declared.constraints.iter().filter_map(|(name, definition)| {
        Some((format!("{table}.{name}"), within(definition, "check")?, Some(name.clone())))
    });
    let parse = |(object, expression, name): (String, &str, Option<String>)| {
        let check = Check::parse(expression);
        let check = check.ok_or_else(|| not_understood(&object, expression, FORMS))?;
        Ok(Checked { check, name })
    };
    of_columns.chain(of_table).map(parse).collect()
}

/// The unique and primary keys of a table.
pub(super) fn keys(table: &str, declared: &Relation) -> Result<Vec<Key>, Broken> {
    let mut keys: Vec<Key> = Vec::new();
    for (name, definition) in &declared.constraints {
        if within(definition, "check").is_some() {
            continue;
        }
        let columns = within(definition, "unique").or(within(definition, "primary key"));
        let columns = columns.ok_or_else(|| {
            let forms = "write it as primary key (…), unique (…) or check (…)";
            not_understood(&format!("{table}.{name}"), definition, forms)
        })?;
        let columns = columns.split(',').map(|column| column.trim().to_owned()).collect();
        keys.push(Key { columns, name: Some(name.clone()) });
    }
    let unique = declared.columns.iter().filter(|(_, column)| column.unique);
    keys.extend(unique.map(|(name, _)| Key { columns: vec![name.clone()], name: None }));
    Ok(keys)
}

/// The foreign keys of a table, each with its column.
pub(super) fn references<'a>(
    table: &str,
    declared: &'a Relation,
) -> Result<Vec<(&'a str, Reference)>, Broken> {
    let found = declared.columns.iter().filter_map(|(name, column)| {
        let text = column.references.as_deref()?;
        let forms = "write it as schema.table (column) on delete cascade, set null, restrict or \
                     no action";
        let parsed = reference(text);
        let parsed = parsed.ok_or_else(|| not_understood(&format!("{table}.{name}"), text, forms));
        Some(parsed.map(|reference| (name.as_str(), reference)))
    });
    found.collect()
}

fn reference(text: &str) -> Option<Reference> {
    const ACTIONS: [&str; 4] = ["cascade", "set null", "restrict", "no action"];
    let (table, rest) = text.split_once(" (")?;
    let (column, action) = rest.split_once(')')?;
    let action = match action.trim() {
        "" => "no action",
        action => action.strip_prefix("on delete ")?,
    };
    ACTIONS.contains(&action).then(|| Reference {
        table: table.to_owned(),
        column: column.to_owned(),
        on_delete: action.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::expression::{Check, Value};
    use super::reference;

    #[test]
    fn unsupported_forms_are_not_evaluated() {
        for expression in ["a like 'b%'", "length(a) > 1", "a <> b or c", "a in (1, 2)", "a"] {
            assert_eq!(Check::parse(expression), None, "{expression}");
        }
        assert_eq!(reference("public.a (b) on delete explode"), None, "an action");
    }

    #[test]
    fn check_is_evaluated_like_the_server_does() {
        let accepts = |expression: &str, value: Value| {
            Check::parse(expression).is_some_and(|check| check.accepts(&value))
        };
        assert!(accepts("a between 1 and 5", Value::Integer(5)));
        assert!(!accepts("a between 1 and 5", Value::Integer(6)));
        assert!(accepts("char_length(a) <= 2", Value::Repeated('x', 2)));
        assert!(!accepts("char_length(a) <= 2", Value::Repeated('x', 3)));
        assert!(accepts("a in ('b', 'c')", Value::Text("c".into())));
        assert!(!accepts("a in ('b', 'c')", Value::Text("C".into())));
        assert!(!accepts("a <> b", Value::SameAs("b".into())));
        assert!(accepts("a >= 0", Value::Real(f32::NAN)), "NaN is greater than any number");
    }
}
