//! Which privilege regimes a schema is proved in: what the caller wants, or what its migrations
//! show that it was written for.

use super::Database;
use crate::catalog::{Catalog, EVERYTHING, Relation};
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
    /// back, or that lead to the same in both regimes, were written for both.
    pub fn guess(inputs: &Inputs, explicit: &Catalog, auto_expose: &Catalog) -> Self {
        let is_given = |it: &&Relation| {
            let on_columns = it.columns.iter().flat_map(|column| &column.grants);
            it.grants.iter().chain(on_columns).any(|grant| {
                CLIENTS.contains(&&*grant.grantee) && ROWS.contains(&&*grant.privilege)
            })
        };
        let tables =
            explicit.relations.iter().filter(|it| it.schema == "public" && it.kind == "table");
        let (all, given) = (tables.clone().count(), tables.filter(is_given).count());
        let (regimes, why): (&[Regime], &str) = if explicit == auto_expose {
            (&Regime::ALL, "the migrations lead to the same privileges in both")
        } else if 2 * given < all {
            (
                &[Regime::AutoExpose],
                "the migrations leave it to the platform to grant access to tables",
            )
        } else if inputs.migrations.iter().any(|file| takes_back(&file.text)) {
            (&Regime::ALL, "the migrations both grant privileges and take them back")
        } else {
            (&[Regime::Explicit], "the migrations grant access to tables, and take nothing back")
        };
        Self {
            all: regimes.to_vec(),
            why: format!("guessed, since {why}; --regime says otherwise"),
        }
    }
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
