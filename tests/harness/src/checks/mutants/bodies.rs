//! Mutants of the bodies of functions and views: one statement removed or one operator changed.

use super::changes::{self, Change};
use super::mutant::{Mutant, Scope, Source};

/// The mutants of a body.
pub(super) fn of_source(source: &Source, into: &mut Vec<Mutant>) {
    let scope = Scope::Properties(source.name.clone());
    let changes = changes::changes(&source.text, source.body.clone());
    for Change { what, text } in
        changes.into_iter().chain(changes::removals(&source.text, source.body.clone()))
    {
        into.push(Mutant::new("bodies", &source.name, &what, text, scope.clone()));
    }
}
