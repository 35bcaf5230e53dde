//! The shape of a table's rows: which targets its grid must have, and whether a row can have
//! several users.

use std::collections::BTreeMap;

pub use super::cell::Counts;
use super::cell::{Command, Expected, SHARED, Whose};
use crate::platform::persona::Persona;
use crate::source::mistake::Wrong;

/// Rows that each owner has of each table, variants apart.
pub const PLAIN_ROWS: usize = 3;

/// The shape of a table's rows, from which the targets of a complete grid follow.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Whether rows have an owner at all.
    pub owned: bool,
    /// Whether the path of a row can lead to no single user.
    pub nobodys: bool,
    /// The variants of a row that the contract names.
    pub variants: Vec<String>,
    /// Whether it can be written to, so that its grid has all four commands.
    pub is_table: bool,
    /// Whether a row can have several users, and why.
    pub sharing: Sharing,
    /// The words for users of a row beside its owner, each with whether a new row can have one.
    pub parties: BTreeMap<String, bool>,
}

/// Whether a row can have several users, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// A row has at most one user.
    #[default]
    Alone,
    /// The row has members.
    Members,
    /// The path leads to a row that has members.
    Through,
    /// The row is a membership: it names one member, and concerns the other members.
    Membership,
}

impl Shape {
    /// Whether the target is the user's own membership in a shared row.
    fn is_own_membership(&self, target: &Whose) -> bool {
        self.sharing == Sharing::Membership && *target == Whose::Own(Some(SHARED.to_owned()))
    }

    /// Whether a user cannot insert such a row: a new row has no members yet, and no user
    /// becomes a member twice.
    pub(super) fn cannot_be_new(&self, persona: Persona, target: &Whose) -> bool {
        let of_others = matches!(target, Whose::Anothers(_) | Whose::Shared);
        let is_user = persona.user_id().is_some();
        if let Whose::As(party) = target {
            return !self.parties[party];
        }
        self.is_own_membership(target) || self.sharing == Sharing::Members && of_others && is_user
    }

    /// Whether a cell can have this value.
    pub(super) fn can_be(
        &self,
        persona: Persona,
        target: &Whose,
        command: Command,
        expected: &Expected,
    ) -> Result<(), Wrong> {
        if command == Command::Insert && self.cannot_be_new(persona, target) {
            let why = match self.sharing {
                _ if matches!(target, Whose::As(_)) => "a new row has no such party yet",
                Sharing::Membership => "nobody becomes a member twice",
                _ => "a new row has no members yet",
            };
            let none = format!("there is no insert of `{target}`, since {why}");
            return Err(Wrong::new(none).help("say `-`"));
        }
        let possible = match expected {
            Expected::OwnAndShared => self.sharing != Sharing::Alone,
            Expected::OwnAndOwnShared => self.sharing == Sharing::Membership,
            _ => true,
        };
        if !possible {
            let none = format!("the table has no such rows as `{expected}`");
            return Err(Wrong::new(none).help("say `own rows`"));
        }
        Ok(())
    }

    /// Every target of that persona.
    pub fn targets(&self, persona: Persona) -> Vec<Whose> {
        let mut targets = Vec::new();
        if self.owned {
            if persona.user_id().is_some() {
                targets.push(Whose::Own(None));
            }
            targets.push(Whose::Anothers(None));
            for variant in &self.variants {
                if persona.has_rows() {
                    targets.push(Whose::Own(Some(variant.clone())));
                }
                targets.push(Whose::Anothers(Some(variant.clone())));
            }
            if self.sharing == Sharing::Membership && persona.has_rows() {
                targets.push(Whose::Own(Some(SHARED.to_owned())));
            }
            if self.sharing != Sharing::Alone {
                targets.push(Whose::Shared);
            }
            if persona.user_id().is_some() {
                targets.extend(self.parties.keys().cloned().map(Whose::As));
            }
            if self.nobodys {
                targets.push(Whose::Nobodys);
            }
        } else {
            targets.push(Whose::Any);
        }
        targets.push(Whose::Every);
        targets
    }

    /// The targets that a word of the grid means for that persona.
    pub(super) fn named(&self, persona: Persona, word: &str) -> Result<Vec<Whose>, Wrong> {
        let all = self.targets(persona);
        let meant: Vec<Whose> = if word == "any" && persona.user_id().is_none() {
            all.into_iter().filter(|target| *target != Whose::Every).collect()
        } else {
            all.into_iter().filter(|target| target.to_string() == word).collect()
        };
        if meant.is_empty() {
            let known: Vec<String> = self.targets(persona).iter().map(Whose::to_string).collect();
            let owner = format!("for `{}` the table has", persona.name());
            return Err(Wrong::not_of(&owner, "target", word, known.iter().map(String::as_str)));
        }
        Ok(meant)
    }
}
