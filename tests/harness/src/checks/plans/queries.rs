//! The product's queries, and the population in which they are planned and timed.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use crate::database::batch;
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::platform::persona::Persona;
use crate::sandbox::Database;
use crate::source::mistake::Wrong;
use crate::source::toml_file::TomlFile;
use crate::source::{SourceFile, project};

/// The size of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// Rows in each of the large tables: a multiple of a thousand.
    pub rows: u32,
    /// The number of users who own the rows that are not Alice's.
    pub others: u32,
    /// One in this many rows has an embedding.
    pub embedded: u32,
}

impl Population {
    /// A database with such a population.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn database(self, inputs: &Inputs) -> Result<Database, CannotRun> {
        let Self { rows, others, embedded } = self;
        // On the file's first line, so that errors name the line as it is in the file.
        let settings = format!(
            "set population.memories = {rows}; set population.others = {others}; \
             set population.embedded = {embedded}; "
        );
        let text = settings + &text_of("population.sql")?;
        let file = SourceFile { name: "population.sql".to_owned(), text };
        Database::populated(inputs, Regime::Explicit, &file).await
    }
}

/// A query and the persona that sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its name in the file.
    pub name: String,
    /// Who sends it.
    pub persona: Persona,
    /// Whether its sender has far more rows than others.
    pub collector: bool,
    /// The index that its plan must use.
    pub index: String,
    /// Its text.
    pub sql: String,
    /// The same query with a condition on the owner, for a role that bypasses policies.
    pub owned: Option<String>,
}

/// A query as written in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    persona: String,
    #[serde(rename = "purpose")]
    _purpose: String,
    #[serde(default)]
    collector: bool,
    index: String,
    sql: String,
    owned: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    values: BTreeMap<String, String>,
    query: BTreeMap<String, Written>,
}

/// The queries of `fixtures/queries.toml`, with values from a populated database.
///
/// # Errors
/// What is wrong with the file or its values.
pub async fn queries(database: &Database) -> Result<Vec<Query>, CannotRun> {
    let could_not = |why: &str| CannotRun(format!("could not read queries.toml: {why}"));
    let toml = TomlFile::read(&project().join("fixtures/queries.toml"))
        .map_err(|error| could_not(&error.to_string()))?;
    let file: File = toml.parse().map_err(|mistake| mistake.told())?;
    let admin = database.admin().await?;
    let mut values = BTreeMap::new();
    for (name, question) in &file.values {
        let (answers, refusal) = batch::run(&admin, question).await?;
        if let Some(refusal) = refusal {
            return Err(could_not(&format!("the value of {name}: {}", refusal.message())));
        }
        let found = answers.first().and_then(|answer| answer.rows.first()?.first());
        let found = found.ok_or_else(|| could_not(&format!("there is no {name}")))?;
        values.insert(format!("{{{name}}}"), found.clone());
    }
    let complete = |sql: &str| {
        values.iter().fold(sql.to_owned(), |sql, (place, value)| sql.replace(place, value))
    };
    let made = |(name, written): (String, Written)| {
        let persona = Persona::named(&written.persona).ok_or_else(|| {
            let known = Persona::ALL.iter().map(|persona| persona.name());
            let at = toml.value(&["query", &name, "persona"]);
            toml.mistake(at, Wrong::unknown("persona", &written.persona, known)).told()
        })?;
        let (sql, owned) = (complete(&written.sql), written.owned.as_deref().map(complete));
        let Written { collector, index, .. } = written;
        Ok(Query { name, persona, collector, index, sql, owned })
    };
    file.query.into_iter().map(made).collect()
}

fn text_of(name: &str) -> Result<String, CannotRun> {
    let path = project().join("fixtures").join(name);
    fs::read_to_string(&path)
        .map_err(|error| CannotRun(format!("could not read {}: {error}", path.display())))
}
