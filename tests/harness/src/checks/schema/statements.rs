//! The statements that make reference tables: columns, keys, indexes, policies and triggers as
//! the contract writes them.

use crate::catalog::facets::relation_id;
use crate::contract::{Column, Relation};
use crate::sql::{ident, schema_of};

/// The beginning of the name of a schema of reference tables.
pub(super) const REFERENCE: &str = "reference_of_";

/// The schema of the reference tables of that schema's.
pub(super) fn reference(schema: &str) -> String {
    format!("{REFERENCE}{schema}")
}

/// The reference table of a table.
pub(super) fn reference_of(table: &str) -> String {
    let (schema, name) = schema_of(table);
    format!("{}.{}", ident(&reference(schema)), ident(name))
}

/// A column as `create table` has it.
pub(super) fn column(name: &str, declared: &Column, is_view: bool) -> String {
    let mut text = format!("{} {}", ident(name), declared.data_type);
    if let Some(default) = &declared.default {
        text += &format!(" default {}", default.trim());
    }
    // A view's columns are never NOT NULL in the catalog.
    if !declared.nullable && !is_view {
        text += " not null";
    }
    if let Some(check) = &declared.check {
        text += &format!(" check ({check})");
    }
    if declared.unique {
        text += " unique";
    }
    text
}

/// Facets that need other objects of the migration, with the statement of each.
pub(super) fn details(name: &str, relation: &Relation) -> Vec<(String, String)> {
    let (id, table, bare) = (relation_id(name), reference_of(name), schema_of(name).1);
    let mut details = Vec::new();
    for (column, declared) in &relation.columns {
        if let Some(references) = &declared.references {
            let facet = format!("{id}/constraints/{bare}_{column}_fkey");
            let statement = format!(
                "alter table {table} add foreign key ({}) references {references}",
                ident(column)
            );
            details.push((facet, statement));
        }
    }
    for (constraint, text) in &relation.constraints {
        let facet = format!("{id}/constraints/{constraint}");
        let statement = format!("alter table {table} add constraint {} {text}", ident(constraint));
        details.push((facet, statement));
    }
    for (index, text) in &relation.indexes {
        let facet = format!("{id}/indexes/{index}");
        let (unique, text) =
            text.strip_prefix("unique ").map_or(("", text.as_str()), |text| ("unique ", text));
        let (method, rest) = text.split_once(' ').unwrap_or((text, ""));
        let name = ident(index);
        let statement = format!("create {unique}index {name} on {table} using {method} {rest}");
        details.push((facet, statement));
    }
    for (policy, text) in &relation.policies {
        let facet = format!("{id}/policies/{policy}");
        let (kind, text) = match text.strip_prefix("restrictive ") {
            Some(text) => ("as restrictive ", text),
            None => ("", text.as_str()),
        };
        let statement = format!("create policy {} on {table} {kind}for {text}", ident(policy));
        details.push((facet, statement));
    }
    for (trigger, text) in &relation.triggers {
        let facet = format!("{id}/triggers/{trigger}");
        details.push((facet, create_trigger(name, trigger, text)));
    }
    details
}

/// A trigger's text is `before update … for each row …`; the table is inserted after the
/// events.
pub(super) fn create_trigger(table: &str, trigger: &str, text: &str) -> String {
    let behind = ["referencing", "for each", "when ", "execute"];
    let at = behind.iter().filter_map(|word| text.find(word)).min().unwrap_or(text.len());
    let (events, rest) = text.split_at(at);
    format!("create trigger {} {events} on {} {rest}", ident(trigger), reference_of(table))
}
