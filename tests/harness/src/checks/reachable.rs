//! Reachable tables: inserts a row into every table that exists at one moment, and tries each
//! command on it as each persona.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, GenericClient};

use crate::catalog::{Catalog, Relation};
use crate::database::batch;
use crate::error::{CannotRun, describe};
use crate::platform::persona::{Identity, Persona};
use crate::rows::{Owner, World};
use crate::sql::{ident, qualified, quote};

/// What was reached: persona, command, and table or view of `public`.
pub type Reached = BTreeSet<String>;

/// Statements with which the administrator inserts a row into each known table.
#[derive(Debug)]
pub struct Plants(BTreeMap<String, String>);

impl Plants {
    /// The first row of each table of the world. Foreign keys are not checked then.
    pub fn of(catalog: &Catalog, world: &World) -> Self {
        let owners = [Owner::User(Persona::Alice), Owner::Nobody];
        let row_of = |relation: &Relation| {
            let name = &relation.declared_name();
            let row = owners.iter().find_map(|o| world.rows(name, *o, None).first().copied())?;
            let given = relation.columns.iter().filter(|column| column.made.is_none());
            let given: Vec<(String, &str)> =
                given.filter_map(|c| Some((ident(&c.name), row.literal(&c.name)?))).collect();
            let (columns, values): (Vec<String>, Vec<&str>) = given.into_iter().unzip();
            let statement = format!(
                "insert into {} ({}) values ({})",
                relation.qualified(),
                columns.join(", "),
                values.join(", ")
            );
            Some((name.clone(), statement))
        };
        Self(catalog.relations.iter().filter_map(row_of).collect())
    }
}

/// A table or view of `public`.
struct Found {
    name: String,
    is_table: bool,
    /// The columns that the client roles may update; any column if there is none.
    columns: BTreeSet<String>,
}

const RELATIONS: &str = "
    select c.relname::text, c.relkind in ('r', 'p'), array(
        select distinct on (role) a.attname::text
        from pg_catalog.unnest(array['anon', 'authenticated']) as role
        cross join pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = '' and a.attidentity = ''
        order by role, pg_catalog.has_column_privilege(role, c.oid, a.attnum, 'update') desc,
            a.attnum
    )
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::pg_catalog.regnamespace
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
    order by c.relname";

/// What each persona can reach now. `admin` is a superuser's connection; everything is rolled
/// back.
///
/// # Errors
/// Why a row could not be inserted, or the server's error.
pub async fn reached(admin: &Client, plants: &Plants) -> Result<Reached, CannotRun> {
    let relations = relations(admin).await?;
    if relations.is_empty() {
        return Ok(Reached::new());
    }
    // As a replica, foreign keys and triggers do not apply; CHECKs do.
    let mut script = "begin; set local session_replication_role = replica; ".to_owned();
    for relation in relations.iter().filter(|relation| relation.is_table) {
        let name = qualified(&relation.name);
        let plain = format!("insert into {name} default values");
        let plant = plants.0.get(&relation.name).unwrap_or(&plain);
        script += &format!("{plant} on conflict do nothing; ");
    }
    script += "set local session_replication_role = origin; \
               set local session authorization authenticator; ";
    script += &format!("do {}; ", quote(&attempts(&relations, plants)));
    script += "set local session authorization default; \
               select pg_catalog.current_setting('identra.reached')";
    let (answers, error) = batch::run(admin, &script).await?;
    admin.batch_execute("rollback").await.map_err(|error| cannot(&describe(&error)))?;
    match (answers.last(), error) {
        (Some(answer), None) => {
            let reached: String = answer.one().map_err(|why| CannotRun(why.to_string()))?;
            Ok(reached.lines().map(str::to_owned).collect())
        }
        (_, error) => Err(cannot(&error.map_or_else(String::new, |it| it.to_string()))),
    }
}

async fn relations(client: &impl GenericClient) -> Result<Vec<Found>, CannotRun> {
    let rows = client.query(RELATIONS, &[]).await.map_err(|error| cannot(&describe(&error)))?;
    let found = |row: &tokio_postgres::Row| Found {
        name: row.get(0),
        is_table: row.get(1),
        columns: row.get::<_, Vec<String>>(2).into_iter().collect(),
    };
    Ok(rows.iter().map(found).collect())
}

/// The body of a DO block that tries each statement as each identity and rolls it back. A
/// command has reached a row if it was not refused and found one. Another error, such as a
/// duplicate key, counts as reached, because it is raised after the access checks.
fn attempts(relations: &[Found], plants: &Plants) -> String {
    let mut body = "declare attempt text[]; reached text := ''; n bigint; begin\n".to_owned();
    let statements: Vec<String> = relations
        .iter()
        .flat_map(|relation| commands(relation, plants))
        .map(|(what, statement)| format!("array[{}, {}]", quote(&what), quote(&statement)))
        .collect();
    let statements = statements.join(",\n");
    for identity in identities() {
        body += &format!(
            "perform {};
            foreach attempt slice 1 in array array[{statements}] loop begin
                execute attempt[2];
                get diagnostics n = row_count;
                if n > 0 or attempt[1] like 'truncate %' then
                    raise exception using errcode = 'ID001';
                end if;
            exception when insufficient_privilege then null;
            when others then reached := reached || {} || attempt[1] || E'\\n';
            end; end loop;\n",
            identity.request_sql().trim_start_matches("select ").trim_end_matches(';'),
            quote(&format!("{} ", identity.name)),
        );
    }
    body + "perform set_config('identra.reached', reached, true); end"
}

/// The owner of a planted row, another user, and a request without a token or without claims.
fn identities() -> Vec<Identity> {
    let personas = [Persona::Alice, Persona::Bob, Persona::NoToken];
    let mut identities = personas.map(Persona::identity).to_vec();
    identities.push(Identity {
        name: "authenticated without claims".to_owned(),
        claims: String::new(),
        ..Persona::Alice.identity()
    });
    identities
}

/// The statements for one relation, each with its name in the report.
fn commands(relation: &Found, plants: &Plants) -> Vec<(String, String)> {
    let name = qualified(&relation.name);
    let name_of = |command: &str| format!("{command} {}", relation.name);
    let mut all = vec![(name_of("select"), format!("select from {name}"))];
    if !relation.is_table {
        return all;
    }
    let plain = format!("insert into {name} default values");
    let plant = plants.0.get(&relation.name).unwrap_or(&plain);
    all.push((name_of("insert"), plant.clone()));
    all.push((name_of("delete"), format!("delete from {name}")));
    all.push((name_of("truncate"), format!("truncate {name}")));
    for column in &relation.columns {
        let column = ident(column);
        all.push((name_of("update"), format!("update {name} set {column} = {column}")));
    }
    all
}

fn cannot(why: &str) -> CannotRun {
    CannotRun(format!("could not try which tables are reachable: {why}"))
}
