//! A mutant: one change to the database that breaks something, and the checks that could catch it.

use std::ops::Range;

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
    pub fn new(
        family: &str,
        object: &str,
        change: &str,
        ddl: impl Into<String>,
        scope: Scope,
    ) -> Self {
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

/// All cells of a relation.
pub(super) fn cells_of(relation: &str) -> Scope {
    Scope::Cells { relation: relation.to_owned(), roles: Vec::new(), column: None }
}
