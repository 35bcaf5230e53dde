//! This file is mutants: for each line of the migrated database that security rests on, the
//! statement that breaks it.

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
mod tokens;

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Function};
use crate::contract::Contract;
use crate::sql::ident;

/// A way to break something, and what it takes to do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// Its stable id: family, object, change.
    pub id: String,
    /// What is broken: `memories`, `memories.content`, a function's name, …
    pub object: String,
    /// The statements that break it.
    pub ddl: String,
    /// Which checks are about it.
    pub scope: Scope,
}

/// Which checks could notice a mutant by what it does, beside the catalog's comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The cells of a table or view: of the personas with one of these roles, all where there
    /// is none, and about that column, where there is one.
    Cells { relation: String, roles: Vec<String>, column: Option<String> },
    /// The properties about a function.
    Properties(String),
    /// None: its looks give it away, or nothing does.
    Catalog,
}

impl Mutant {
    fn new(family: &str, object: &str, change: &str, ddl: impl Into<String>, scope: Scope) -> Self {
        let id = format!("{family}/{object}/{}", change.replace(['/', '\n'], " "));
        Self { id, object: object.to_owned(), ddl: ddl.into(), scope }
    }
}

/// The text that makes a function or a view, as the server prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The function's or the view's name.
    pub name: String,
    /// The statement that makes it.
    pub text: String,
    /// Where in the text the body begins.
    pub body: usize,
}

/// Every mutant of what the contract declares, each with an id of its own.
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
