//! The generated rows that the checks use: what each user owns of each table, derived from
//! catalog and contract. A table whose rows cannot be made is left out, with the one cause of it.

pub mod accounts;
mod alone;
pub mod candidates;
mod cause;
pub mod checks;
pub mod compose;
mod draft;
pub mod holders;
mod members;
mod order;
mod owner;
mod parents;
mod paths;
mod personas;
mod search;
mod sender;
mod tenants;
pub mod values;
mod world;

use std::collections::BTreeMap;

use tokio_postgres::Client;

use self::accounts::sign_up;
pub use self::cause::Cause;
use self::cause::Refused;
use self::compose::{ACCOUNTS, Draft, Factory, PLAIN_ROWS, Wanted, one_per_user};
use self::order::{parents_first, required_parents, tables};
pub use self::owner::Owner;
use self::search::Site;
pub use self::world::{Row, World};
use self::world::{failed, literals};
use crate::catalog::{Catalog, Relation};
use crate::contract::shape::Sharing;
use crate::contract::{BUCKETS, Contract};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::{ident, quote};

impl World {
    /// Signs the users up and gives Alice and Bob rows of every table that the contract
    /// declares. `auth` is a session of the platform's auth server, `admin` a superuser's. What
    /// the schema refuses is in what is made.
    ///
    /// # Errors
    /// Why the server could not be asked.
    pub async fn make(
        admin: &Client,
        auth: &Client,
        catalog: &Catalog,
        contract: &Contract,
    ) -> Result<Self, CannotRun> {
        // As requests have it, so that what triggers look up is found.
        const AS_REQUESTS: &str = "set search_path = public, extensions; set lc_messages = 'C'";
        let mut world = Self::default();
        let site = Site { admin, catalog, contract };
        admin.batch_execute(AS_REQUESTS).await.map_err(|it| failed(AS_REQUESTS, &it))?;
        world.script.push("set search_path = public, extensions".to_owned());
        world.make_accounts(&site, auth).await?;
        world.make_buckets(&site).await?;
        let tables = tables(catalog, contract);
        world.required.extend(tenants::columns(contract));
        let partitions = catalog.relations.iter().filter(|it| it.is_partition());
        for table in tables.iter().cloned().chain(partitions.map(Relation::declared_name)) {
            world.learn(&site, &table).await?;
        }
        for table in parents_first(catalog, contract, &tables) {
            let Some(relation) = catalog.relation(&table) else { continue };
            let behind = required_parents(catalog, contract, &table);
            let made = match behind.iter().find(|parent| world.unmade.contains_key(*parent)) {
                Some(parent) => Err(Cause::behind(&table, parent)),
                None => world.fill(&site, relation).await?,
            };
            if let Err(cause) = made {
                world.rows.remove(&table);
                world.unmade.insert(table, cause);
            }
        }
        admin.batch_execute(REFRESH).await.map_err(|error| failed(REFRESH, &error))?;
        world.script.push(REFRESH.to_owned());
        let back = "set search_path = ''";
        admin.batch_execute(back).await.map_err(|error| failed(back, &error))?;
        Ok(world)
    }

    /// Signs everybody up. Whomever a trigger refuses gets an account without it, and that is
    /// found.
    async fn make_accounts(&mut self, site: &Site<'_>, auth: &Client) -> Result<(), CannotRun> {
        let become_auth = "set session authorization supabase_auth_admin".to_owned();
        let become_admin = "reset session authorization".to_owned();
        let mut refused: Vec<(Persona, Refused)> = Vec::new();
        for persona in site.contract.accounts() {
            let id = persona.user_id().unwrap_or_default();
            let statement = sign_up(id, persona.email().as_deref());
            let Err(error) = auth.batch_execute(&statement).await else {
                self.script.extend([become_auth.clone(), statement, become_admin.clone()]);
                continue;
            };
            let answer = error.as_db_error().ok_or_else(|| failed(&statement, &error))?;
            refused.push((persona, Refused::new(&statement, answer)));
            for statement in without_triggers(statement) {
                let made = site.admin.batch_execute(&statement).await;
                made.map_err(|error| failed(&statement, &error))?;
                self.script.push(statement);
            }
        }
        if let (Some((_, first)), Some(accounts)) =
            (refused.first(), site.catalog.relation(ACCOUNTS))
        {
            let mut cause = first.cause(site.catalog, accounts);
            let who: Vec<&str> = refused.iter().map(|(persona, _)| persona.name()).collect();
            cause.words = format!("{} (the sign-up of {})", cause.words, who.join(", "));
            self.sign_up = Some(cause);
        }
        Ok(())
    }

    /// Makes the buckets that no migration makes, but somebody in the platform's dashboard.
    async fn make_buckets(&mut self, site: &Site<'_>) -> Result<(), CannotRun> {
        for (id, bucket) in &site.contract.database.buckets {
            let (id, public) = (quote(id), bucket.public);
            let statement = format!(
                "insert into {BUCKETS} (id, name, public) values ({id}, {id}, {public}) \
                 on conflict do nothing"
            );
            let made = site.admin.batch_execute(&statement).await;
            made.map_err(|error| failed(&statement, &error))?;
            self.script.push(statement);
        }
        Ok(())
    }

    async fn fill(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
    ) -> Result<Result<(), Cause>, CannotRun> {
        let table = relation.declared_name();
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        let plain = |owner| (0..PLAIN_ROWS).map(move |ordinal| Wanted::plain(owner, ordinal));
        match site.contract.tables.get(&table) {
            Some(declared) if declared.shape.owned => {
                if let Some(membership) = &declared.membership {
                    return self.fill_memberships(site, relation, membership).await;
                }
                if let Some(column) = one_per_user(site.catalog, site.contract, &table) {
                    return self.fill_one_per_user(site, relation, column).await;
                }
                for owner in Persona::OWNERS.map(Owner::User) {
                    wanted.extend(plain(owner));
                    let variants = declared.shape.variants.iter().enumerate();
                    wanted.extend(variants.map(|(at, variant)| Wanted {
                        variant: Some(variant),
                        ..Wanted::plain(owner, PLAIN_ROWS + at)
                    }));
                }
                if declared.shape.sharing != Sharing::Alone {
                    wanted.extend(plain(Owner::Shared));
                }
                if declared.shape.nobodys {
                    wanted.push(Wanted::plain(Owner::Nobody, 0));
                }
            }
            _ => wanted.extend(plain(Owner::Nobody)),
        }
        let next = wanted.first().map(|first| Wanted::plain(first.owner, PLAIN_ROWS));
        for wanted in wanted {
            let added = self.add(site, relation, wanted).await?;
            if added.is_err() {
                return Ok(added);
            }
        }
        if let Some(next) = next {
            self.rehearse(site, relation, next).await?;
        }
        Ok(Ok(()))
    }

    /// A table with one row per user: the sign-up has made it, or it is made now.
    async fn fill_one_per_user(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        column: &str,
    ) -> Result<Result<(), Cause>, CannotRun> {
        let table = relation.declared_name();
        for persona in site.contract.accounts() {
            let (owner, wanted) = (Owner::User(persona), Wanted::plain(Owner::User(persona), 0));
            let factory = Factory { catalog: site.catalog, contract: site.contract, world: self };
            let draft = match factory.draft(&table, wanted) {
                Ok(draft) => draft,
                Err(why) => return Ok(Err(Cause::unwritten(&table, &why))),
            };
            let key = draft.values.get(column).map_or("null", String::as_str);
            let query = format!(
                "select {} from {} where {} = {key}",
                literals(relation),
                relation.qualified(),
                ident(column)
            );
            let found = site.admin.query_opt(&query, &[]).await.map_err(|e| failed(&query, &e))?;
            if let Some(row) = found {
                let row = self.with_tenant(site, relation, (&draft, column), row).await?;
                self.keep(relation, owner, None, &row);
                continue;
            }
            let added = self.add(site, relation, wanted).await?;
            if added.is_err() {
                return Ok(added);
            }
        }
        Ok(Ok(()))
    }

    /// The row that a sign-up has made, with the user's tenant in it.
    async fn with_tenant(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        (draft, key): (&Draft, &str),
        row: tokio_postgres::Row,
    ) -> Result<tokio_postgres::Row, CannotRun> {
        let table = relation.declared_name();
        let has = |column: &String| {
            let at = relation.columns.iter().position(|it| it.name == *column);
            at.is_none_or(|at| row.get::<_, String>(at) != "null")
        };
        let of_table = |id: String| id.strip_prefix(&format!("{table}.")).map(str::to_owned);
        let mut columns: Vec<String> =
            tenants::columns(site.contract).filter_map(of_table).collect();
        columns.retain(|column| !has(column) && draft.values.contains_key(column));
        columns.sort();
        columns.dedup();
        if columns.is_empty() {
            return Ok(row);
        }
        let set = columns.iter().map(|it| format!("{} = {}", ident(it), draft.values[it]));
        let set = set.collect::<Vec<_>>().join(", ");
        let update = format!(
            "update {} set {set} where {} = {}",
            relation.qualified(),
            ident(key),
            draft.values[key]
        );
        let returning = format!("{update} returning {}", literals(relation));
        let row = site.admin.query_one(&returning, &[]).await;
        let row = row.map_err(|error| failed(&update, &error))?;
        self.script.push(update);
        Ok(row)
    }

    /// The statements that make an account: as the auth server does, or without the project's
    /// triggers where these refuse some.
    fn sign_up(&self, id: &str, email: Option<&str>) -> Vec<String> {
        let insert = sign_up(id, email);
        if self.sign_up.is_some() { without_triggers(insert) } else { vec![insert] }
    }

    fn keep(
        &mut self,
        relation: &Relation,
        owner: Owner,
        variant: Option<&str>,
        row: &tokio_postgres::Row,
    ) {
        let columns = relation.columns.iter().enumerate();
        let values: BTreeMap<String, String> =
            columns.map(|(at, column)| (column.name.clone(), row.get(at))).collect();
        let key = relation.primary_key().iter().map(|column| values[column].trim_matches('\''));
        self.rows.entry(relation.declared_name()).or_default().push(Row {
            owner: owner.name().to_owned(),
            variant: variant.map(str::to_owned),
            key: key.collect::<Vec<_>>().join("/"),
            values,
        });
    }
}

/// Refreshes every materialized view, in the order in which they were made. One that cannot be
/// refreshed is left as it is, and its cells say so.
pub const REFRESH: &str = "do $$ declare view pg_catalog.oid; begin
    for view in select oid from pg_catalog.pg_class where relkind = 'm' order by oid loop begin
        execute 'refresh materialized view ' || view::pg_catalog.regclass;
    exception when others then raise notice '%', sqlerrm; end; end loop;
end $$";

/// A statement of the administrator's, without any trigger's or foreign key's doing.
pub fn without_triggers(statement: String) -> Vec<String> {
    let role = |role: &str| format!("set session_replication_role = {role}");
    vec![role("replica"), statement, role("origin")]
}
