//! Schema verification: compares the catalog with the contract, facet by facet, in both
//! directions.

pub mod expected;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio_postgres::Client;

use crate::catalog::facets::{Facets, relation_id};
use crate::catalog::{Catalog, EVERYTHING};
use crate::contract::{BUCKETS, Bucket, Contract, Owner, Relation};
use crate::error::CannotRun;
use crate::findings::ledger::{Entry, Finding, in_regime};
use crate::findings::rules::{self, Rule};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::sandbox::{Baseline, Database, State};
use crate::source::mistake::{Mistakes, Wrong};

/// Both sides of the comparison in one regime.
pub struct Comparison {
    regime: Regime,
    expected: Facets,
    observed: Facets,
    /// The facets of the rows that the migration inserted.
    seeds: Facets,
}

impl Comparison {
    /// Reads both sides.
    ///
    /// # Errors
    /// Why the server could not be reached, or what it cannot parse in the contract.
    pub async fn read(inputs: &Inputs, regime: Regime) -> Result<Self, CannotRun> {
        let database = Database::of(inputs, regime).await?;
        Self::read_in(&database, &inputs.contract, regime).await
    }

    /// The same in a given clone.
    ///
    /// # Errors
    /// Why the server could not be reached, or what it cannot parse in the contract.
    pub async fn read_in(
        database: &Database,
        contract: &Contract,
        regime: Regime,
    ) -> Result<Self, CannotRun> {
        let admin = database.admin().await?;
        let baseline: Baseline = database.state(&admin, State::Baseline).await?;
        let seeds: BTreeMap<String, Vec<Value>> = database.state(&admin, State::Seeds).await?;
        let catalog = read_catalog(&admin).await?;
        misspelt(contract, &catalog)?;
        uncomputed(&admin, contract, &catalog).await?;
        let mut observed = catalog.facets();
        let seeds = seed_facets(contract, &seeds);
        observed.extend(seeds.clone());
        let expected =
            expected::facets(&admin, contract, catalog.version_num, regime, baseline).await?;
        Ok(Self { regime, expected, observed, seeds })
    }

    /// The same with what another catalog shows; seed rows are those that were read first.
    pub fn with(&self, catalog: &Catalog) -> Self {
        let (regime, expected, seeds) = (self.regime, self.expected.clone(), self.seeds.clone());
        let mut observed = catalog.facets();
        observed.extend(seeds.clone());
        Self { regime, expected, observed, seeds }
    }

    /// The ids of all facets in which the two sides differ.
    pub fn differences(&self) -> impl Iterator<Item = String> {
        let ids = self.ids().into_iter().cloned();
        ids.filter(|id| self.expected.get(id) != self.observed.get(id))
    }

    /// What the catalog shows of a facet.
    pub fn observed(&self, id: &str) -> Option<&str> {
        self.observed.get(id).map(String::as_str)
    }

    /// The id of every facet on either side: the planned checks.
    pub fn ids(&self) -> BTreeSet<&String> {
        self.expected.keys().chain(self.observed.keys()).collect()
    }

    /// An entry for each facet, including those that only another regime has.
    pub fn entries<'a>(&'a self, others: impl IntoIterator<Item = &'a String>) -> Vec<Entry> {
        let ids: BTreeSet<&String> = self.ids().into_iter().chain(others).collect();
        ids.into_iter().map(|id| self.entry(id)).collect()
    }

    fn entry(&self, id: &str) -> Entry {
        let (expected, observed) = (self.expected.get(id), self.observed.get(id));
        let rule = match (expected, observed) {
            (Some(expected), Some(observed)) if expected == observed => None,
            (Some(_), Some(_)) => Some(&rules::DIFFERENT),
            (None, Some(_)) => Some(&rules::UNDECLARED),
            (Some(_), None) => Some(&rules::MISSING),
            (None, None) => None,
        };
        let text = |facet: Option<&String>, absent: &str| {
            facet.map_or_else(|| absent.to_owned(), String::clone)
        };
        let (expected, observed) = (text(expected, "nothing"), text(observed, "not there"));
        let finding = rule.map(|rule| self.finding(rule, id, &expected, &observed));
        Entry {
            id: id.to_owned(),
            expected,
            observed: in_regime(self.regime, observed),
            findings: finding.into_iter().collect(),
            cell: None,
        }
    }

    fn finding(&self, rule: &Rule, id: &str, expected: &str, observed: &str) -> Finding {
        Finding::of(rule, &object(id), id, [expected, observed], self.regime)
    }
}

async fn read_catalog(admin: &Client) -> Result<Catalog, CannotRun> {
    Catalog::read(admin, EVERYTHING).await
}

/// The object that a facet's id is about: `memories`, `memories.content`, `functions.f`.
pub fn object(id: &str) -> String {
    let parts: Vec<&str> = id.split('/').collect();
    match parts.as_slice() {
        ["schema", "functions", name, ..] => (*name).to_owned(),
        ["schema", table, "columns", column, ..] => format!("{table}.{column}"),
        // A policy's name may contain a slash.
        ["schema", table, facet, name @ ..] if *facet != "privileges" && !name.is_empty() => {
            format!("{table}.{}", name.join("/"))
        }
        ["schema", table, ..] => (*table).to_owned(),
        [_, rest @ ..] => rest.join("."),
        [] => id.to_owned(),
    }
}

/// Rows that the migration inserted, in the form of the contract's seeds. A table that declares
/// none should have none.
fn seed_facets(contract: &Contract, seeds: &BTreeMap<String, Vec<Value>>) -> Facets {
    let mut facets = Facets::new();
    for (table, rows) in seeds {
        if table == BUCKETS {
            facets.extend(rows.iter().map(bucket_facet));
            continue;
        }
        let id = relation_id(table);
        let declared = contract.tables.get(table);
        for (at, row) in rows.iter().enumerate() {
            let matching = declared.and_then(|declared| {
                let seeds =
                    declared.seed.iter().map(|seed| (expected::seed_name(declared, seed), seed));
                seeds.into_iter().find(|(name, seed)| is_seed(declared, row, name, seed))
            });
            let (name, text) = match matching {
                Some((name, seed)) => (name, text_like(row, seed)),
                None => (format!("undeclared {}", at + 1), row.to_string()),
            };
            // A second row with the same name must not replace the first.
            let known = facets.insert(format!("{id}/rows/{name}"), text);
            if let Some(known) = known {
                facets.insert(format!("{id}/rows/{name} (again)"), known);
            }
        }
    }
    facets
}

/// A bucket that the migrations made.
fn bucket_facet(row: &Value) -> (String, String) {
    let types = row["allowed_mime_types"].as_array();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let bucket = Bucket {
        public: row["public"].as_bool().unwrap_or_default(),
        file_size_limit: row["file_size_limit"].as_i64(),
        allowed_mime_types: types.map(|types| types.iter().map(text).collect()),
    };
    (expected::bucket_id(&text(&row["id"])), bucket.to_string())
}

/// Whether the row has the seed's name in the column that the name comes from.
fn is_seed(declared: &Relation, row: &Value, name: &str, seed: &toml::Table) -> bool {
    let column = expected::seed_column(declared, seed);
    row[column].as_str().map_or_else(|| row[column].to_string(), str::to_owned) == name
}

fn text_like(row: &Value, seed: &toml::Table) -> String {
    let words = seed.keys().map(|column| format!("{column} {}", row[column]));
    words.collect::<Vec<_>>().join(", ")
}

/// An owner's expression that the server cannot compute.
async fn uncomputed(
    admin: &Client,
    contract: &Contract,
    catalog: &Catalog,
) -> Result<(), CannotRun> {
    let mut mistakes = Mistakes::default();
    for (name, declared) in contract.relations() {
        let (Owner::Expression(text), Some(relation)) = (&declared.owner, catalog.relation(name))
        else {
            continue;
        };
        let query = format!("select ({text})::text from {} limit 0", relation.qualified());
        if let Err(error) = admin.batch_execute(&query).await {
            let file = &contract.sources[&declared.file];
            let why =
                error.as_db_error().map_or_else(|| error.to_string(), |it| it.message().to_owned());
            let wrong = Wrong::new(format!("the owner cannot be computed: {why}")).help(format!(
                "say an expression over the columns of `{name}`, with the schema of each function"
            ));
            mistakes.add(file.mistake(file.value(&["owner"]), wrong));
        }
    }
    mistakes.told()
}

/// A misspelt column: one only in the contract and a similar one only in the database are
/// reported as one error, not as two findings.
fn misspelt(contract: &Contract, catalog: &Catalog) -> Result<(), CannotRun> {
    let mut mistakes = Mistakes::default();
    for (table, declared) in contract.relations() {
        let Some(relation) = catalog.relation(table) else {
            continue;
        };
        let unknown = declared.columns.keys().filter(|column| relation.column(column).is_none());
        for column in unknown {
            let undeclared = relation.columns.iter().map(|column| &column.name);
            let mut undeclared = undeclared.filter(|name| !declared.columns.contains_key(*name));
            if undeclared.any(|name| strsim::levenshtein(name, column) <= 2) {
                let file = &contract.sources[&declared.file];
                let there = relation.columns.iter().map(|column| &column.name);
                let wrong = Wrong::unknown_column(table, column, there);
                mistakes.add(file.mistake(file.key(&["columns", column]), wrong));
            }
        }
    }
    mistakes.told()
}
