//! Who reaches rows beside their owner, as policies say: parties of a row, and personas whose
//! tokens say something.

use std::collections::{BTreeMap, BTreeSet};

use super::owners::Guesses;
use super::policies::{Comparison, compared, each_compared, policies};
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
    pub(super) fn has_an_address(&self, guesses: &Guesses) -> bool {
        match &self.path {
            Owner::Tenant(Tenant { of_user: Place::Claim(claim), .. }) => claim.path == ["email"],
            Owner::Members(members) => guesses.has_addresses(&members.table),
            _ => false,
        }
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
        Owner::Column(owner) => Some(owner),
        Owner::Through(_) => None,
        _ => return parties,
    };
    let word = |column: &str| column.strip_suffix("_id").unwrap_or(column).to_owned();
    for all in Command::ALL.into_iter().flat_map(|it| each_compared(relation, it)) {
        // Members whom a row names are members before all.
        let [by_user, by_members] = [Comparison::is_of_user, Comparison::is_lookup];
        if owner.is_none() && all.iter().any(by_user) && all.iter().any(by_members) {
            continue;
        }
        for comparison in &all {
            let (word, path) = match comparison {
                Comparison::User(column) if owner.as_ref() != Some(column) => {
                    (word(column), Owner::Column(column.clone()))
                }
                Comparison::Claim(column, claim) if owner.as_ref() != Some(column) => {
                    let of_user = Place::Claim(claim.clone());
                    (word(column), Owner::Tenant(Tenant { column: column.clone(), of_user }))
                }
                Comparison::Lookup(column, table, by)
                    if (relation.primary_key() == [column.as_str()]
                        || owner.as_ref() == Some(column))
                        && matches!(
                            guesses.at(table),
                            (Owner::Column(_) | Owner::Through(_), _)
                        ) =>
                {
                    let [column, table, by] = [column, table, by].map(Clone::clone);
                    (table.clone(), Owner::Members(Members { column, table, by }))
                }
                _ => continue,
            };
            let values = match &path {
                Owner::Members(members) => held(&all, &members.table),
                _ => BTreeMap::new(),
            };
            let comparison = comparison.clone();
            parties.entry(word).or_insert(Party { path, values, comparison });
        }
    }
    parties.retain(|word, _| guesses.is_party(&relation.declared_name(), word));
    parties
}

/// What the user's row of a table has to hold beside its key: the first of what is listed.
fn held(all: &[Comparison], table: &str) -> BTreeMap<String, String> {
    let among = all.iter().filter_map(|it| match it {
        Comparison::Among(of, column, values) if of == table => {
            Some((column.clone(), values.first()?.clone()))
        }
        _ => None,
    });
    among.collect()
}

/// A persona whose token, or whose row, says what a policy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Says {
    comparison: Comparison,
    /// The column of that row that says whose tenant the persona is in: Alice's.
    tenant: Option<String>,
}

/// How far a persona reaches beyond rows of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// No further.
    Own,
    /// The rows of Alice's tenant.
    Tenant,
    /// Every row.
    All,
}

impl Says {
    /// How far policies for a command let the persona reach.
    pub(super) fn reach(&self, relation: &Relation, command: Command) -> Reach {
        let mut reach = Reach::Own;
        for all in each_compared(relation, command) {
            let asks =
                |it: &&Comparison| matches!(it, Comparison::Says(..) | Comparison::Holds(..));
            let is_asked = all.contains(&self.comparison);
            let looked_up = all.iter().any(|it| match (it, &self.comparison) {
                (Comparison::Lookup(_, of, _), Comparison::Holds(table, ..)) => of == table,
                _ => false,
            });
            if all.iter().filter(asks).any(|it| *it != self.comparison) {
                continue;
            }
            match (is_asked, looked_up, &self.tenant) {
                (_, true, Some(_)) if reach == Reach::Own => reach = Reach::Tenant,
                (true, false, _) | (true, true, None) => reach = Reach::All,
                _ => {}
            }
        }
        reach
    }

    /// Whether the persona's own row is one of that table.
    pub(super) fn is_row_of(&self, relation: &Relation) -> bool {
        matches!(&self.comparison, Comparison::Holds(table, ..) if *table == relation.declared_name())
    }

    /// The key of a contract that says so, and its value.
    pub(super) fn declared(&self) -> (&'static str, toml::Value) {
        let nested = |names: &[&String], value: String| {
            names.iter().rev().fold(toml::Value::String(value), |value, name| {
                toml::Value::Table([((*name).clone(), value)].into_iter().collect())
            })
        };
        match &self.comparison {
            Comparison::Says(claim, value) => {
                ("claims", nested(&claim.path.iter().collect::<Vec<_>>(), value.clone()))
            }
            Comparison::Holds(table, column, value) => {
                let mut row = toml::Table::new();
                row.insert(column.clone(), quote(value).into());
                if let Some(tenant) = &self.tenant {
                    row.insert(tenant.clone(), "alice's".into());
                }
                let rows: toml::Table = [(table.clone(), row.into())].into_iter().collect();
                ("rows", rows.into())
            }
            _ => ("claims", toml::Value::Table(toml::Table::new())),
        }
    }
}

/// The personas whose tokens or rows say what policies ask for, by name. What users write into their own
/// metadata makes nobody a persona, and the role of a token is the database's.
pub(super) fn personas(all: &[Comparison]) -> BTreeMap<String, Says> {
    let tenant = |table: &String| {
        all.iter().find_map(|it| match it {
            Comparison::Lookup(_, of, by) if of == table => Some(by.clone()),
            _ => None,
        })
    };
    let mut personas = BTreeMap::new();
    for comparison in all {
        let value = match comparison {
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
        let tenant = match comparison {
            Comparison::Holds(table, ..) => tenant(table),
            _ => None,
        };
        let comparison = comparison.clone();
        personas.entry(name).or_insert(Says { comparison, tenant });
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
