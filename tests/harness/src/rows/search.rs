//! How a row gets in: it is tried, and where something refuses it, what that is about is tried
//! with other values, for as long as a bound allows. The server is the judge.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

use super::cause::{Cause, Refused};
use super::checks;
use super::compose::{ACCOUNTS, Draft, Factory, Wanted, foreign_keys};
use super::sender::Sender;
use super::world::{World, failed, literals};
use crate::catalog::{Catalog, Relation};
use crate::contract::{self, Contract};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::{ident, quote};

/// How many ways are tried to write one row.
const WAYS: usize = 80;

/// Where rows are made.
pub(super) struct Site<'a> {
    pub(super) admin: &'a Client,
    pub(super) catalog: &'a Catalog,
    pub(super) contract: &'a Contract,
}

/// One way to write a row.
#[derive(Debug, Clone)]
struct Way {
    sender: Sender,
    /// What it says otherwise than the draft.
    values: BTreeMap<String, String>,
}

impl World {
    /// Asks the server what the checks of a table accept.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub(super) async fn learn(&mut self, site: &Site<'_>, table: &str) -> Result<(), CannotRun> {
        let Some(relation) = site.catalog.relation(table) else { return Ok(()) };
        let declared = site.contract.tables.get(table);
        let learned = checks::learn(site.admin, site.catalog, relation, declared).await?;
        let of = |column: String| format!("{table}.{column}");
        let accepted = learned.accepted.into_iter().map(|(column, it)| (of(column), it));
        self.accepted.extend(accepted);
        self.required.extend(learned.required.into_iter().map(of));
        Ok(())
    }

    /// Writes a row of that table, and keeps it.
    ///
    /// # Errors
    /// Why the server could not be asked. What refused the row is in what is returned.
    pub(super) async fn add(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        wanted: Wanted<'_>,
    ) -> Result<Result<(), Cause>, CannotRun> {
        let factory = Factory { catalog: site.catalog, contract: site.contract, world: self };
        let table = relation.declared_name();
        let draft = factory.draft(&table, wanted).and_then(|mut draft| {
            factory.name_the_key(&mut draft, relation, wanted)?;
            Ok(draft)
        });
        match draft {
            Ok(draft) => self.put(site, relation, &draft, wanted, true).await,
            Err(why) => Ok(Err(Cause::unwritten(&table, &why))),
        }
    }

    /// Tries whether the row that a user would add next can be written, and learns from it.
    ///
    /// # Errors
    /// Why the server could not be asked.
    pub(super) async fn rehearse(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        wanted: Wanted<'_>,
    ) -> Result<(), CannotRun> {
        let factory = Factory { catalog: site.catalog, contract: site.contract, world: self };
        if let Ok(draft) = factory.draft(&relation.declared_name(), wanted) {
            // Whatever comes of it, the cells say so.
            let _ = self.put(site, relation, &draft, wanted, false).await?;
        }
        Ok(())
    }

    /// Writes a draft in the first way that the server lets in.
    pub(super) async fn put(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        draft: &Draft,
        wanted: Wanted<'_>,
        stays: bool,
    ) -> Result<Result<(), Cause>, CannotRun> {
        let table = relation.declared_name();
        let sender = self.senders.get(&table).copied().unwrap_or(Sender::Nobody);
        let mut ways = vec![Way { sender, values: BTreeMap::new() }];
        let mut first: Option<Refused> = None;
        let mut at = 0;
        while at < ways.len().min(WAYS) {
            let way = ways[at].clone();
            let mut draft = draft.clone();
            draft.values.extend(way.values.clone());
            match self.attempt(site, relation, &draft, (&way, wanted), stays).await? {
                Ok(row) => {
                    self.remember(relation, &way);
                    if stays {
                        self.keep(relation, wanted.owner, wanted.variant, &row);
                    }
                    return Ok(Ok(()));
                }
                Err(refused) => {
                    if refused.code == "23505"
                        && stays
                        && let Some(row) = self.quicker(site, relation, &draft, &refused).await?
                    {
                        self.adopted.insert(table);
                        self.keep(relation, wanted.owner, wanted.variant, &row);
                        return Ok(Ok(()));
                    }
                    if first.is_none() {
                        ways.extend(self.other_ways(site, relation, &draft, &refused, wanted));
                        first = Some(refused);
                    }
                }
            }
            at += 1;
        }
        let refused = first.expect("there is one way at least");
        Ok(Err(refused.cause(site.catalog, relation)))
    }

    /// Writes a draft in a transaction of its own, which stays only where it is to.
    async fn attempt(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        draft: &Draft,
        (way, wanted): (&Way, Wanted<'_>),
        stays: bool,
    ) -> Result<Result<Row, Refused>, CannotRun> {
        let insert = draft.insert(relation);
        let returning = format!("{insert} returning {}", literals(relation));
        let sent = way.sender.sends(wanted.owner, insert.clone());
        let at = sent.iter().position(|it| *it == insert).unwrap_or_default();
        let before = ["begin".to_owned()].into_iter().chain(draft.setup.iter().cloned());
        let before: Vec<String> = before.chain(sent[..at].iter().cloned()).collect();
        let run = async {
            for statement in &before {
                let sent = site.admin.batch_execute(statement).await;
                sent.map_err(|error| (statement.clone(), error))?;
            }
            let row = site.admin.query_one(&returning, &[]).await;
            let row = row.map_err(|error| (insert.clone(), error))?;
            if let Some(altered) = altered(site, relation, draft, &row) {
                return Ok(Err(altered));
            }
            // What was deferred comes now.
            let end = [&sent[at + 1..], &["set constraints all immediate".to_owned()]].concat();
            let end = site.admin.batch_execute(&end.join("; ")).await;
            end.map_err(|error| (insert.clone(), error))?;
            Ok(Ok(row))
        };
        let result: Result<Result<Row, Refused>, (String, tokio_postgres::Error)> = run.await;
        let result = result.or_else(|(statement, error)| match error.as_db_error() {
            Some(error) => Ok(Err(Refused::new(&statement, error))),
            None if error.is_closed() => Err(failed(&statement, &error)),
            None => Ok(Err(Refused::silent(&statement))),
        })?;
        let end = if result.is_ok() && stays { "commit" } else { "rollback" };
        site.admin.batch_execute(end).await.map_err(|error| failed(end, &error))?;
        if end == "commit" {
            self.script.extend(draft.setup.iter().cloned().chain(sent));
        }
        Ok(result)
    }

    /// The row that a trigger has made where this one was to be, unless the world knows it.
    async fn quicker(
        &self,
        site: &Site<'_>,
        relation: &Relation,
        draft: &Draft,
        refused: &Refused,
    ) -> Result<Option<Row>, CannotRun> {
        let key =
            relation.constraints.iter().find(|it| Some(&it.name) == refused.constraint.as_ref());
        let Some(key) = key.filter(|_| refused.table.as_ref() == Some(&relation.name)) else {
            return Ok(None);
        };
        let is = key.columns.iter().map(|column| {
            draft.values.get(column).map(|value| format!("{} = {value}", ident(column)))
        });
        let Some(is) = is.collect::<Option<Vec<String>>>() else { return Ok(None) };
        let (table, is) = (relation.qualified(), is.join(" and "));
        let query = format!("select {} from {table} where {is}", literals(relation));
        let row = site.admin.query_opt(&query, &[]).await.map_err(|it| failed(&query, &it))?;
        let known = |row: &Row| {
            let at = |name: &String| relation.columns.iter().position(|it| it.name == *name);
            let same = |one: &super::Row| {
                key.columns.iter().all(|name| {
                    let value = at(name).map(|at| row.get::<_, String>(at));
                    one.literal(name) == value.as_deref()
                })
            };
            self.all_rows(&relation.declared_name()).any(same)
        };
        Ok(row.filter(|row| !known(row)))
    }

    /// What else can be tried after a refusal: other claims, and other values of what the
    /// constraint that refused is about; of everything, where it was a trigger.
    fn other_ways(
        &self,
        site: &Site<'_>,
        relation: &Relation,
        draft: &Draft,
        refused: &Refused,
        wanted: Wanted<'_>,
    ) -> Vec<Way> {
        let table = relation.declared_name();
        let known = self.senders.get(&table).copied().unwrap_or(Sender::Nobody);
        let constraint =
            relation.constraints.iter().find(|it| Some(&it.name) == refused.constraint.as_ref());
        let constraint = constraint.filter(|_| refused.table.as_ref() == Some(&relation.name));
        let blamed: Vec<&String> = match (constraint, &refused.column) {
            (Some(constraint), _) => constraint.columns.iter().collect(),
            (None, Some(column)) if refused.code == "23502" => vec![column],
            _ => relation.columns.iter().map(|column| &column.name).collect(),
        };
        let mut ways = Vec::new();
        let is_triggers = constraint.is_none();
        let others = Sender::ALL.into_iter().filter(|sender| *sender != known && is_triggers);
        ways.extend(others.map(|sender| Way { sender, values: BTreeMap::new() }));
        let mut single: Vec<BTreeMap<String, String>> = Vec::new();
        for column in blamed {
            for value in self.alternatives(site, relation, column, wanted) {
                if draft.values.get(column) != Some(&value) {
                    single.push(BTreeMap::from([(column.clone(), value)]));
                }
            }
        }
        let senders = Sender::ALL.into_iter().filter(|it| *it == known || is_triggers);
        for sender in senders {
            ways.extend(single.iter().map(|values| Way { sender, values: values.clone() }));
        }
        for (at, one) in single.iter().enumerate().filter(|_| constraint.is_some()) {
            for other in &single[at + 1..] {
                if one.keys().next() != other.keys().next() {
                    let values = one.clone().into_iter().chain(other.clone()).collect();
                    ways.push(Way { sender: known, values });
                }
            }
        }
        ways
    }

    /// Other values of a column. Of a key that leads to the owner there are none, nor of one
    /// that the contract has an example for.
    fn alternatives(
        &self,
        site: &Site<'_>,
        relation: &Relation,
        name: &str,
        wanted: Wanted<'_>,
    ) -> Vec<String> {
        let table = relation.declared_name();
        let (Some(column), declared) = (relation.column(name), site.contract.tables.get(&table))
        else {
            return Vec::new();
        };
        let leads = match declared.map(|it| &it.owner) {
            Some(contract::Owner::Column(owner)) => owner == name,
            Some(contract::Owner::Through(paths)) => paths.iter().any(|(path, _)| path == name),
            _ => false,
        };
        let has_example = declared
            .and_then(|it| it.columns.get(name))
            .is_some_and(|column| column.example.is_some());
        let is_made = column.made.is_some() || relation.primary_key().iter().any(|it| it == name);
        if leads || has_example || is_made {
            return Vec::new();
        }
        let mut values = Vec::new();
        if let Some(key) = foreign_keys(relation).find(|it| it.columns == [name]) {
            if key.target() == ACCOUNTS {
                values.extend(Persona::USERS.iter().filter_map(|it| it.user_id().map(quote)));
            } else {
                let rows = self.rows(key.target(), wanted.owner, None);
                let there = &key.target_columns[0];
                values.extend(rows.iter().filter_map(|it| it.literal(there).map(str::to_owned)));
            }
        } else {
            let factory = Factory { catalog: site.catalog, contract: site.contract, world: self };
            let known = self.accepted(&table, name).iter().take(6).cloned();
            values.extend(known);
            let made =
                (0..4).filter_map(|nth| factory.nth_value(relation, name, "another", nth).ok());
            values.extend(made);
            let types = site.catalog.type_named(&column.data_type);
            values.extend(
                types.filter(|it| it.kind == "enum").into_iter().flat_map(|it| it.parts.clone()),
            );
            if column.data_type == "boolean" {
                values.extend(["true", "false"].map(str::to_owned));
            }
        }
        if !column.not_null {
            values.push("null".to_owned());
        }
        let mut seen = Vec::new();
        values.retain(|value| {
            let new = !seen.contains(value);
            seen.push(value.clone());
            new
        });
        values
    }

    /// What let a row in is done again with the next.
    fn remember(&mut self, relation: &Relation, way: &Way) {
        let table = relation.declared_name();
        if way.sender != Sender::Nobody {
            self.senders.insert(table.clone(), way.sender);
        }
        for (name, value) in &way.values {
            let id = format!("{table}.{name}");
            match foreign_keys(relation).find(|key| key.columns.contains(name)) {
                Some(key) if key.target() == ACCOUNTS => {
                    self.of_another.insert(id);
                }
                Some(_) => {}
                None if relation.unique_keys().iter().any(|key| key.contains(name)) => {}
                None => {
                    self.required.insert(id.clone());
                    self.accepted.insert(id, vec![value.clone()]);
                }
            }
        }
    }
}

/// Whether a trigger has given the row to somebody else.
fn altered(site: &Site<'_>, relation: &Relation, draft: &Draft, row: &Row) -> Option<Refused> {
    let declared = site.contract.tables.get(&relation.declared_name())?;
    let leads: Vec<&String> = match &declared.owner {
        contract::Owner::Column(owner) => vec![owner],
        contract::Owner::Through(paths) => paths.iter().map(|(path, _)| path).collect(),
        contract::Owner::None | contract::Owner::Members(_) | contract::Owner::Expression(_) => {
            Vec::new()
        }
    };
    leads.into_iter().find_map(|name| {
        let at = relation.columns.iter().position(|column| column.name == *name)?;
        let is: String = row.get(at);
        let was = draft.values.get(name)?;
        let bare = |literal: &str| literal.trim_matches('\'').to_owned();
        (bare(&is.to_lowercase()) != bare(&was.to_lowercase()))
            .then(|| Refused::altered(&draft.insert(relation), name, &is))
    })
}
