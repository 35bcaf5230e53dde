//! Guesses what columns of made rows have to hold.

use std::collections::BTreeMap;

use super::expressions::{BUCKET, Expression, Variant, demanded, kinds, literals, with_the_caller};
use super::found::{Found, OBJECTS};
use super::owners::Guesses;
use super::policies::{Comparison, compared};
use super::roles::ordinary;
use super::states::{State, another, asked};
use super::users::{Party, parties};
use crate::catalog::{Column, Relation};
use crate::contract::grid::Command;
use crate::contract::{OWNER, Owner};
use crate::sql::quote;

/// What the rows of a table are made by.
pub(super) struct Examples<'a> {
    found: &'a Found<'a>,
    guesses: &'a Guesses,
    relation: &'a Relation,
    owner: Owner,
    parties: BTreeMap<String, Party>,
    /// The states that policies for reading ask for.
    asked: Vec<State>,
    /// The variants of a row.
    pub(super) variants: Vec<Variant>,
}

impl<'a> Examples<'a> {
    pub(super) fn new(found: &'a Found<'a>, guesses: &'a Guesses, relation: &'a Relation) -> Self {
        let (owner, _) = guesses.at(&relation.declared_name());
        let is_owned = owner != Owner::None;
        let kinds = kinds(found, relation, is_owned).into_iter();
        Self {
            found,
            guesses,
            relation,
            owner,
            parties: parties(relation, guesses),
            asked: asked(relation, is_owned),
            variants: kinds.filter_map(|kind| kind.variant).collect(),
        }
    }

    /// What a column of a made row has to hold, so that policies find the owner, and the bucket.
    pub(super) fn of(&self, column: &str) -> Option<String> {
        let has_files = self.relation.declared_name() == OBJECTS;
        match (with_the_caller(self.relation), column) {
            (Some(Expression { column: reads, example, .. }), _) if reads == column => {
                Some(example)
            }
            (_, "name") if has_files => Some(format!("'{OWNER}/{{row}}.png'")),
            (_, BUCKET) if has_files => {
                let is_plain =
                    |it: &String| self.variants.iter().all(|variant| variant.name != *it);
                literals(self.relation, column).into_iter().find(is_plain).map(|it| quote(&it))
            }
            _ if self.names_its_writer(column) => Some(format!("'{OWNER}'")),
            _ => demanded(self.relation, column).or_else(|| self.of_state(column)),
        }
    }

    /// What makes a row a plain one that policies for reading let through.
    fn of_state(&self, column: &str) -> Option<String> {
        let is_its = |it: &&State| it.0 == column;
        let asked = self.asked.iter().find(is_its).map(|(_, value)| value.clone());
        let of_variant = || {
            let mut states = self.variants.iter().filter_map(|it| match it.states.as_slice() {
                [state] => Some(state),
                _ => None,
            });
            another(self.found, self.relation, states.find(is_its)?)
        };
        asked
            .or_else(of_variant)
            .or_else(|| ordinary(self.found, self.guesses, self.relation, column))
    }

    /// Whether policies let in a new row only with its writer in that column, although the column
    /// does not say whose it is.
    fn names_its_writer(&self, column: &str) -> bool {
        let is_key = matches!(self.owner, Owner::Column(_))
            || self.owner.columns().iter().any(|it| *it == column);
        // A default says it, and what points at an account is found one.
        let is_found = self.relation.column(column).is_some_and(Column::is_callers)
            || self.relation.constraints.iter().any(|it| it.kind == "f" && it.columns == [column]);
        !is_key
            && !is_found
            && !self.parties.values().any(|it| it.path.columns() == [column])
            && compared(self.relation, Command::Insert)
                .contains(&Comparison::User(column.to_owned()))
    }
}
