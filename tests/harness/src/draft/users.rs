//! Who reaches rows beside their owner, as policies say: parties of a row, and personas whose
//! tokens say something.

use std::collections::{BTreeMap, BTreeSet};

use super::owners::Guesses;
use super::policies::{Comparison, compared, policies};
use crate::catalog::Relation;
use crate::contract::Owner;
use crate::contract::grid::Command;
use crate::contract::membership::Members;
use crate::contract::tenant::{Place, Tenant};
use crate::platform::persona::Persona;
use crate::sql::quote;

/// A party of a table's rows: how rows lead to it, and what policies compare.
pub(super) struct Party {
    pub(super) path: Owner,
    /// What the row that names it has to hold.
    pub(super) values: BTreeMap<String, String>,
    comparison: Comparison,
}

impl Party {
    /// Whether policies let the party run that command.
    pub(super) fn may(&self, relation: &Relation, command: Command) -> bool {
        compared(relation, command).contains(&self.comparison)
    }

    /// Whether it is known by an address, which an anonymous sign-in does not have.
    pub(super) fn has_an_address(&self) -> bool {
        matches!(&self.path, Owner::Tenant(Tenant { of_user: Place::Claim(claim), .. })
            if claim.path == ["email"])
    }

    /// Whether a new row can have it.
    pub(super) fn can_be_new(&self) -> bool {
        !matches!(self.path, Owner::Members(_))
    }
}

/// The parties of a table's rows beside the owner, by the words for them.
pub(super) fn parties(relation: &Relation, guesses: &Guesses) -> BTreeMap<String, Party> {
    let mut parties = BTreeMap::new();
    let (owner, _) = guesses.at(&relation.declared_name());
    let owner = match owner {
        Owner::Column(owner) => owner,
        Owner::Through(_) => String::new(),
        _ => return parties,
    };
    for comparison in Command::ALL.into_iter().flat_map(|command| compared(relation, command)) {
        let word = |column: &str| column.strip_suffix("_id").unwrap_or(column).to_owned();
        let mut values = BTreeMap::new();
        let (word, path) = match &comparison {
            Comparison::User(column) if *column != owner => {
                (word(column), Owner::Column(column.clone()))
            }
            Comparison::Claim(column, claim) if *column != owner => {
                let of_user = Place::Claim(claim.clone());
                (word(column), Owner::Tenant(Tenant { column: column.clone(), of_user }))
            }
            Comparison::Lookup(column, table, by, held)
                if leads_to_rows(guesses, relation, column, table)
                    && matches!(guesses.at(table), (Owner::Column(_) | Owner::Through(_), _)) =>
            {
                values = held.clone();
                let [column, table, by] = [column, table, by].map(Clone::clone);
                (table.clone(), Owner::Members(Members { column, table, by }))
            }
            _ => continue,
        };
        parties.entry(word).or_insert(Party { path, values, comparison });
    }
    parties.retain(|word, _| guesses.is_party(&relation.declared_name(), word));
    parties
}

/// Whether members of what a column holds are parties of the row itself: it is the key, or leads
/// to an owner who is none of these members.
fn leads_to_rows(guesses: &Guesses, relation: &Relation, column: &str, table: &str) -> bool {
    let name = relation.declared_name();
    let leads = |(by, of): &(String, String)| {
        let is_by_members = matches!(guesses.at(of).0, Owner::Members(_) | Owner::Tenant(_));
        by == column && of != table && !is_by_members
    };
    let is_path = matches!(guesses.at(&name).0, Owner::Through(paths) if paths.iter().any(leads));
    is_path || name != table && relation.primary_key() == [column]
}

/// A persona whose token, or whose row, says what a policy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Says(Comparison);

impl Says {
    /// Whether policies for a command ask for it.
    pub(super) fn may(&self, relation: &Relation, command: Command) -> bool {
        compared(relation, command).contains(&self.0)
    }

    /// The key of a contract that says so, and its value.
    pub(super) fn declared(&self) -> (&'static str, toml::Value) {
        let nested = |names: &[&String], value: String| {
            names.iter().rev().fold(toml::Value::String(value), |value, name| {
                toml::Value::Table([((*name).clone(), value)].into_iter().collect())
            })
        };
        match &self.0 {
            Comparison::Says(claim, value) => {
                ("claims", nested(&claim.path.iter().collect::<Vec<_>>(), value.clone()))
            }
            Comparison::Holds(table, column, value) => {
                ("rows", nested(&[table, column], quote(value)))
            }
            _ => ("claims", toml::Value::Table(toml::Table::new())),
        }
    }
}

/// The personas whose tokens or rows say what policies ask for, by name. What users write into their own
/// metadata makes nobody a persona, and the role of a token is the database's.
pub(super) fn personas<'a>(
    relations: impl Iterator<Item = &'a Relation>,
) -> BTreeMap<String, Says> {
    let all = relations.flat_map(|relation| {
        Command::ALL.into_iter().flat_map(move |command| compared(relation, command))
    });
    let mut personas = BTreeMap::new();
    for comparison in all {
        let value = match &comparison {
            Comparison::Says(claim, value) => {
                let first = claim.path.first().map(String::as_str);
                if matches!(first, Some("user_metadata" | "role" | "aud" | "is_anonymous")) {
                    continue;
                }
                value
            }
            Comparison::Holds(_, _, value) => value,
            _ => continue,
        };
        let name: String =
            value.chars().map(|it| if it.is_alphanumeric() { it } else { '_' }).collect();
        let name = if Persona::named(&name).is_some() { format!("{name}_by_claim") } else { name };
        personas.entry(name).or_insert(Says(comparison));
    }
    personas
}

/// The commands that policies forbid to anonymous sign-ins.
pub(super) fn closed_to_guests(relation: &Relation) -> BTreeSet<Command> {
    let closed = |command: &Command| {
        let all: Vec<_> = policies(relation, "authenticated", *command).collect();
        let asks = |policy: &&crate::catalog::Policy| {
            let texts = [&policy.using, &policy.with_check];
            texts.into_iter().flatten().any(|text| text.contains("is_anonymous"))
        };
        let (permissive, restrictive): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|policy| policy.permissive);
        restrictive.iter().any(asks) || !permissive.is_empty() && permissive.iter().all(asks)
    };
    Command::ALL.into_iter().filter(closed).collect()
}
