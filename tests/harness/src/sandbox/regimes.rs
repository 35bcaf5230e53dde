//! Which privilege regimes a schema is proved in: what the caller wants, or what its migrations
//! show that it was written for.

use std::collections::BTreeSet;

use super::Database;
use crate::catalog::{Catalog, EVERYTHING, Grant, Relation};
use crate::error::CannotRun;
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::sql::statements;

/// The roles of the API, and everyone.
const CLIENTS: [&str; 4] = ["anon", "authenticated", "service_role", "public"];

/// The privileges that reach rows; new tables have the others in every regime.
const ROWS: [&str; 4] = ["select", "insert", "update", "delete"];

/// The regimes of a run, and why these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regimes {
    /// One or both, in order.
    pub all: Vec<Regime>,
    /// The reason, for the reader of a verdict.
    pub why: String,
}

impl Regimes {
    /// Those that the caller wants.
    pub fn wanted(all: &[Regime]) -> Self {
        Self { all: all.to_vec(), why: "as --regime says".to_owned() }
    }

    /// Those that the caller wants, or else a guess.
    ///
    /// # Errors
    /// Which statement of the platform or a migration failed.
    pub async fn of(inputs: &Inputs, wanted: Option<&[Regime]>) -> Result<Self, CannotRun> {
        if let Some(wanted) = wanted {
            return Ok(Self::wanted(wanted));
        }
        let catalog = |regime| async move {
            let database = Database::of(inputs, regime).await?;
            Catalog::read(&database.admin().await?, EVERYTHING).await
        };
        let [explicit, auto_expose] = Regime::ALL.map(catalog);
        let (explicit, auto_expose) = tokio::try_join!(explicit, auto_expose)?;
        Ok(Self::guess(inputs, &explicit, &auto_expose))
    }

    /// What the migrations grant and revoke shows which they were written for. Tables without any
    /// privilege rely on what the platform once granted by itself; migrations that take privileges
    /// back until rows are reached alike in both regimes, or that lead to the same in both, were
    /// written for both.
    pub fn guess(inputs: &Inputs, explicit: &Catalog, auto_expose: &Catalog) -> Self {
        let is_given = |it: &&Relation| !given(it).is_empty();
        let tables =
            explicit.relations.iter().filter(|it| it.schema == "public" && it.kind == "table");
        let (all, with) = (tables.clone().count(), tables.clone().filter(is_given).count());
        let mut differing = tables.filter(|it| {
            let of_clients = |it| {
                let mut all = given(it);
                all.retain(|(_, grant)| grant.grantee != "service_role");
                all
            };
            let other = auto_expose.relation(&it.declared_name());
            other.is_none_or(|other| of_clients(it) != of_clients(other))
        });
        let (regimes, why): (&[Regime], &str) = if explicit == auto_expose {
            (&Regime::ALL, "the migrations lead to the same privileges in both")
        } else if 2 * with < all {
            (
                &[Regime::AutoExpose],
                "the migrations leave it to the platform to grant access to tables",
            )
        } else if !inputs.migrations.iter().any(|file| takes_back(&file.text)) {
            (&[Regime::Explicit], "the migrations grant access to tables, and take nothing back")
        } else if differing.next().is_none() {
            (&Regime::ALL, "the migrations both grant privileges and take them back")
        } else {
            (&[Regime::Explicit], "the migrations grant access to tables, and take back only some")
        };
        Self {
            all: regimes.to_vec(),
            why: format!("guessed, since {why}; --regime says otherwise"),
        }
    }
}

/// The privileges of clients that reach rows of a table, and the column of each that is on one.
fn given(table: &Relation) -> BTreeSet<(&str, &Grant)> {
    let on_columns = table
        .columns
        .iter()
        .flat_map(|column| column.grants.iter().map(|grant| (column.name.as_str(), grant)));
    let all = table.grants.iter().map(|grant| ("", grant)).chain(on_columns);
    all.filter(|(_, it)| CLIENTS.contains(&&*it.grantee) && ROWS.contains(&&*it.privilege))
        .collect()
}

/// Whether a script revokes privileges on tables from the API's roles.
fn takes_back(script: &str) -> bool {
    statements::split(script).iter().any(|statement| {
        let text = statement.text.to_lowercase();
        let words: Vec<&str> = text.split(|it: char| !it.is_alphanumeric() && it != '_').collect();
        let has = |word: &str| words.contains(&word);
        has("revoke") && !has("function") && CLIENTS.iter().any(|role| has(role))
    })
}
