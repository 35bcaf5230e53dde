//! A row that is yet to be written, and what must be done before it.

use std::collections::BTreeMap;

use super::holders::removal;
use super::owner::Owner;
use crate::catalog::{Catalog, Relation};
use crate::contract;
use crate::sql::ident;

/// A row that is yet to be written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Statements that the administrator runs first: parents that the user does not have.
    pub setup: Vec<String>,
    /// A literal for each column that is given one.
    pub values: BTreeMap<String, String>,
}

impl Draft {
    /// The INSERT of the draft's values.
    pub fn insert(&self, relation: &Relation) -> String {
        let table = relation.qualified();
        if self.values.is_empty() {
            return format!("insert into {table} default values");
        }
        let columns: Vec<String> = self.values.keys().map(|column| ident(column)).collect();
        let values: Vec<&str> = self.values.values().map(String::as_str).collect();
        let is_named = |(name, value): (&String, &String)| {
            value != "default" && relation.column(name).is_some_and(|column| column.always)
        };
        let overriding =
            if self.values.iter().any(is_named) { "overriding system value " } else { "" };
        format!(
            "insert into {table} ({}) {overriding}values ({})",
            columns.join(", "),
            values.join(", ")
        )
    }

    /// Gives the columns whose example names the owner its id.
    pub(super) fn set_examples(&mut self, declared: &contract::Relation, owner: Owner, row: usize) {
        // The id of no account.
        const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
        for (column, example) in declared.owner_examples() {
            let is_id = declared.columns[column].data_type.starts_with("uuid");
            let id = match owner {
                Owner::User(persona) => persona.user_id().unwrap_or_default(),
                Owner::Shared | Owner::Nobody if is_id => NOBODY,
                Owner::Shared | Owner::Nobody => owner.name(),
            };
            self.values.insert(column.to_owned(), contract::example_of(example, id, row));
        }
    }

    /// What runs before a statement and takes the row out of the way that a key of this one
    /// meets, with what points at it and would hold it.
    pub(super) fn make_room(&mut self, catalog: &Catalog, relation: &Relation, condition: &str) {
        self.setup.extend(removal(catalog, relation, condition));
        self.setup.push(format!("delete from {} where {condition}", relation.qualified()));
    }
}
