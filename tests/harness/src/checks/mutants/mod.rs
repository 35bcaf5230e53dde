//! Mutants: for each line of the migrated database that security depends on, the statements
//! that break it.

mod bodies;
mod changes;
pub mod diff;
pub mod judge;
mod objects;
mod platform;
mod policies;
mod privileges;
pub mod report;
pub mod run;
mod tables;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::catalog::{Catalog, Function};
use crate::contract::Contract;
use crate::sql::ident;

/// A mutant: one change that breaks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// Its stable id: family, object, change.
    pub id: String,
    /// The object: `memories`, `memories.content`, a function's name, …
    pub object: String,
    /// The statements that break it.
    pub ddl: String,
    /// The checks that could catch it.
    pub scope: Scope,
}

/// The checks that could catch a mutant by its effect, besides the comparison of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The cells of a table or view: of personas with one of these roles, or all if there is
    /// none, and of that column, if there is one.
    Cells { relation: String, roles: Vec<String>, column: Option<String> },
    /// The properties of a function.
    Properties(String),
    /// None: only the comparison of the catalog can catch it.
    Catalog,
}

impl Mutant {
    fn new(family: &str, object: &str, change: &str, ddl: impl Into<String>, scope: Scope) -> Self {
        let id = format!("{family}/{object}/{}", change.replace(['/', '\n'], " "));
        Self { id, object: object.to_owned(), ddl: ddl.into(), scope }
    }
}

/// The definition of a function or a view, as the server prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The function's or the view's name.
    pub name: String,
    /// The statement that creates it.
    pub text: String,
    /// The range of the body in the text.
    pub body: Range<usize>,
}

/// All mutants of the declared objects, with unique ids.
pub fn all(catalog: &Catalog, contract: &Contract, sources: &[Source]) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (name, _) in contract.relations() {
        let Some(relation) = catalog.relation(name) else { continue };
        privileges::of_relation(relation, &mut mutants);
        if relation.kind == "table" {
            policies::of_table(relation, &mut mutants);
            tables::of_table(relation, &mut mutants);
        } else {
            objects::of_view(relation, &mut mutants);
        }
    }
    let declared = |it: &&Function| contract.functions.contains_key(&it.declared_name());
    for function in catalog.functions.iter().filter(declared) {
        privileges::of_function(function, &mut mutants);
        objects::of_function(function, &mut mutants);
    }
    for source in sources {
        bodies::of_source(source, &mut mutants);
    }
    platform::of_database(catalog, contract, &mut mutants);
    let mut seen = BTreeMap::new();
    for mutant in &mut mutants {
        let times: &mut usize = seen.entry(mutant.id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            mutant.id += &format!(" ({times})");
        }
    }
    mutants
}

/// A table's or view's name in SQL.
fn public(name: &str) -> String {
    format!("public.{}", ident(name))
}

/// All cells of a relation.
fn cells_of(relation: &str) -> Scope {
    Scope::Cells { relation: relation.to_owned(), roles: Vec::new(), column: None }
}
