//! This file is the rows of the world that the checks run in: what each user owns of each
//! table, made without a line about any of them.

pub mod compose;
mod members;
pub mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use self::compose::{Draft, Factory, PLAIN_ROWS, Wanted, sign_up};
use crate::catalog::{Catalog, Relation};
use crate::contract::grid::SHARED;
use crate::contract::shape::Sharing;
use crate::contract::{self, Contract};
use crate::error::{CannotRun, describe};
use crate::platform::persona::Persona;
use crate::sql::ident;

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// That user's, alone.
    User(Persona),
    /// Alice's and Bob's.
    Shared,
    /// It leads to no single user, or its table has no owners.
    Nobody,
}

impl Owner {
    /// The word in values and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::User(persona) => persona.name(),
            Self::Shared => SHARED,
            Self::Nobody => "nobody",
        }
    }
}

/// A row that exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    owner: String,
    variant: Option<String>,
    values: BTreeMap<String, String>,
}

impl Row {
    /// The value of a column as a SQL literal.
    pub fn literal(&self, column: &str) -> Option<&str> {
        self.values.get(column).map(String::as_str)
    }
}

/// All rows that were made, and the literals that columns with checks accept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct World {
    rows: BTreeMap<String, Vec<Row>>,
    accepted: BTreeMap<String, Vec<String>>,
    script: Vec<String>,
}

impl World {
    /// The rows of a table that belong to `owner`, of one variant or plain.
    pub fn rows(&self, table: &str, owner: Owner, variant: Option<&str>) -> Vec<&Row> {
        let rows = self.rows.get(table).into_iter().flatten();
        let wanted = |row: &&Row| row.owner == owner.name() && row.variant.as_deref() == variant;
        rows.filter(wanted).collect()
    }

    /// The statements that made it, in order, for a superuser.
    pub fn script(&self) -> &[String] {
        &self.script
    }

    /// The literals that the checks of a column accept, where it has any.
    pub fn accepted(&self, table: &str, column: &str) -> &[String] {
        self.accepted.get(&format!("{table}.{column}")).map_or(&[], Vec::as_slice)
    }

    /// Every uuid that stands in a row.
    pub fn uuids(&self) -> impl Iterator<Item = String> {
        let values = self.rows.values().flatten().flat_map(|row| row.values.values());
        let bare = values.map(|value| value.trim_matches('\''));
        bare.filter(|value| uuid::Uuid::try_parse(value).is_ok()).map(str::to_owned)
    }

    /// Signs the users up and gives Alice and Bob rows of every table that the contract
    /// declares. `auth` is a session of the platform's auth server, `admin` a superuser's.
    ///
    /// # Errors
    /// The statement that failed, and the server's answer.
    pub async fn make(
        admin: &Client,
        auth: &Client,
        catalog: &Catalog,
        contract: &Contract,
    ) -> Result<Self, CannotRun> {
        let mut world = Self::default();
        world.script.push("set session authorization supabase_auth_admin".to_owned());
        for persona in Persona::USERS {
            let id = persona.user_id().unwrap_or_default();
            let statement = sign_up(id, persona.email().as_deref());
            auth.batch_execute(&statement).await.map_err(|error| failed(&statement, &error))?;
            world.script.push(statement);
        }
        world.script.push("reset session authorization".to_owned());
        for table in contract.tables.keys() {
            let Some(relation) = catalog.relation(table) else {
                continue;
            };
            for column in &relation.columns {
                let accepted = values::accepted(admin, relation, column).await?;
                if !accepted.is_empty() {
                    world.accepted.insert(format!("{table}.{}", column.name), accepted);
                }
            }
        }
        for table in parents_first(catalog, contract) {
            world.fill(admin, catalog, contract, &table).await?;
        }
        Ok(world)
    }

    async fn fill(
        &mut self,
        admin: &Client,
        catalog: &Catalog,
        contract: &Contract,
        table: &str,
    ) -> Result<(), CannotRun> {
        let (Some(relation), Some(declared)) =
            (catalog.relation(table), contract.tables.get(table))
        else {
            return Ok(());
        };
        if let Some(membership) = &declared.membership {
            return self.fill_memberships(admin, catalog, contract, relation, membership).await;
        }
        if let contract::Owner::Column(column) = &declared.owner
            && relation.is_unique(&[column])
        {
            return self.fill_one_per_user(admin, catalog, contract, relation, column).await;
        }
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        let plain =
            |owner| (0..PLAIN_ROWS).map(move |ordinal| Wanted { owner, ordinal, variant: None });
        if declared.shape.owned {
            for owner in Persona::OWNERS.map(Owner::User) {
                wanted.extend(plain(owner));
                let variants = declared.shape.variants.iter().enumerate();
                wanted.extend(variants.map(|(at, variant)| Wanted {
                    owner,
                    ordinal: PLAIN_ROWS + at,
                    variant: Some(variant),
                }));
            }
            if declared.shape.sharing != Sharing::Alone {
                wanted.extend(plain(Owner::Shared));
            }
            if declared.shape.nobodys {
                wanted.push(Wanted { owner: Owner::Nobody, ordinal: 0, variant: None });
            }
        } else {
            wanted.extend(plain(Owner::Nobody));
        }
        for wanted in wanted {
            self.add(admin, catalog, contract, relation, wanted).await?;
        }
        Ok(())
    }

    /// A table with one row per user: the sign-up has made it, or it is made now.
    async fn fill_one_per_user(
        &mut self,
        admin: &Client,
        catalog: &Catalog,
        contract: &Contract,
        relation: &Relation,
        column: &str,
    ) -> Result<(), CannotRun> {
        for persona in Persona::USERS {
            let id = persona.user_id().unwrap_or_default();
            let query = format!(
                "select {} from {} where {} = '{id}'",
                literals(relation),
                relation.qualified(),
                ident(column)
            );
            let found = admin.query_opt(&query, &[]).await.map_err(|e| failed(&query, &e))?;
            let owner = Owner::User(persona);
            if let Some(row) = found {
                self.keep(relation, owner, None, &row);
            } else {
                let wanted = Wanted { owner, ordinal: 0, variant: None };
                self.add(admin, catalog, contract, relation, wanted).await?;
            }
        }
        Ok(())
    }

    async fn add(
        &mut self,
        admin: &Client,
        catalog: &Catalog,
        contract: &Contract,
        relation: &Relation,
        wanted: Wanted<'_>,
    ) -> Result<(), CannotRun> {
        let factory = Factory { catalog, contract, world: self };
        let mut draft = factory.draft(&relation.name, wanted)?;
        factory.name_the_key(&mut draft, relation, wanted)?;
        self.write(admin, relation, &draft, (wanted.owner, wanted.variant)).await
    }

    async fn write(
        &mut self,
        admin: &Client,
        relation: &Relation,
        draft: &Draft,
        (owner, variant): (Owner, Option<&str>),
    ) -> Result<(), CannotRun> {
        for statement in &draft.setup {
            admin.batch_execute(statement).await.map_err(|error| failed(statement, &error))?;
        }
        self.script.extend(draft.setup.iter().cloned().chain([draft.insert(relation)]));
        let statement = format!("{} returning {}", draft.insert(relation), literals(relation));
        let row = admin.query_one(&statement, &[]).await.map_err(|e| failed(&statement, &e))?;
        self.keep(relation, owner, variant, &row);
        Ok(())
    }

    fn keep(
        &mut self,
        relation: &Relation,
        owner: Owner,
        variant: Option<&str>,
        row: &tokio_postgres::Row,
    ) {
        let literal = |at: usize| row.get::<_, Option<String>>(at).unwrap_or("null".into());
        let columns = relation.columns.iter().enumerate();
        self.rows.entry(relation.name.clone()).or_default().push(Row {
            owner: owner.name().to_owned(),
            variant: variant.map(str::to_owned),
            values: columns.map(|(at, column)| (column.name.clone(), literal(at))).collect(),
        });
    }
}

/// Every column of a row as a SQL literal.
fn literals(relation: &Relation) -> String {
    let literal = |column: &crate::catalog::Column| {
        format!("pg_catalog.quote_nullable({}::text)", ident(&column.name))
    };
    relation.columns.iter().map(literal).collect::<Vec<_>>().join(", ")
}

/// The contract's tables, each after those that its foreign keys point at.
fn parents_first(catalog: &Catalog, contract: &Contract) -> Vec<String> {
    let parents = |table: &str| -> Vec<String> {
        let constraints = catalog.relation(table).map_or(&[][..], |r| &r.constraints);
        let mut targets: Vec<String> = constraints
            .iter()
            .filter_map(|constraint| constraint.target.as_deref()?.strip_prefix("public."))
            .map(str::to_owned)
            .collect();
        if let Some(contract::Owner::Through(paths)) = contract.tables.get(table).map(|t| &t.owner)
        {
            targets.extend(paths.iter().map(|(_, parent)| parent.clone()));
        }
        let memberships = contract.tables.get(table).and_then(|t| t.membership.as_ref());
        targets.extend(memberships.iter().flat_map(|it| &it.of).map(|(_, of)| of.clone()));
        targets
    };
    let mut sorted: Vec<String> = Vec::new();
    let mut left: Vec<&String> = contract.tables.keys().collect();
    while !left.is_empty() {
        let is_ready = |table: &str| {
            parents(table).iter().all(|parent| {
                parent == table || sorted.contains(parent) || !contract.tables.contains_key(parent)
            })
        };
        let ready = left.iter().position(|table| is_ready(table)).unwrap_or(0);
        sorted.push(left.remove(ready).clone());
    }
    sorted
}

fn failed(statement: &str, error: &tokio_postgres::Error) -> CannotRun {
    CannotRun(format!("could not make the rows of the world: {statement}\n  {}", describe(error)))
}
