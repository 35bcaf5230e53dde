//! Everything that a migration can leave behind, line by line: the whole catalog with function
//! bodies, comments, and rows.

use std::collections::BTreeMap;

use tokio_postgres::GenericClient;

use super::facets::Facets;
use super::{Catalog, EVERYTHING, Relation};
use crate::error::{CannotRun, describe};
use crate::sql::quote;

/// The contents of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Everything but rows.
    pub schema: Facets,
    /// The rows of each table, by its qualified name: as JSON, sorted.
    pub rows: BTreeMap<String, Vec<String>>,
}

/// The comments on objects of the matching schemas, without those of extensions.
const COMMENTS: &str = "
    select i.type || ' ' || i.identity, d.description
    from pg_catalog.pg_description d
    cross join pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
    where d.objoid >= 16384
        and not exists (
            select from pg_catalog.pg_depend e
            where (e.classid, e.objid) = (d.classoid, d.objoid) and e.deptype = 'e'
        )";

impl Contents {
    /// Reads them, over a connection with an empty search path.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn read(client: &impl GenericClient) -> Result<Self, CannotRun> {
        let catalog = Catalog::read(client, EVERYTHING).await?;
        let mut schema = catalog.facets();
        catalog.sources_into(&mut schema);
        for [identity, comment] in pairs(client, COMMENTS).await? {
            schema.insert(format!("comments/{identity}"), comment);
        }
        let tables: Vec<String> = catalog
            .relations
            .iter()
            .filter(|r| r.is_table() && !r.is_partition())
            .map(Relation::qualified)
            .collect();
        let mut rows: BTreeMap<String, Vec<String>> =
            tables.iter().map(|table| (table.clone(), Vec::new())).collect();
        let each = tables.iter().map(|table| {
            format!("select {}, pg_catalog.to_jsonb(r)::text from {table} r", quote(table))
        });
        let union = each.collect::<Vec<_>>().join(" union all ");
        for [table, row] in pairs(client, &format!("{union} order by 1, 2")).await? {
            rows.entry(table).or_default().push(row);
        }
        Ok(Self { schema, rows })
    }

    /// Removes everything that belongs to this table of `public`.
    pub fn forget(&mut self, table: &str) {
        let id = format!("schema/{table}/");
        self.schema.retain(|facet, _| !facet.starts_with(&id));
        self.rows.remove(&format!("\"public\".\"{table}\""));
    }

    /// The number of rows of each table.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        self.rows.iter().map(|(table, rows)| (table.as_str(), rows.len())).collect()
    }
}

impl Catalog {
    /// What the facets leave out, because no contract declares it: bodies, queries, the order
    /// of columns.
    fn sources_into(&self, facets: &mut Facets) {
        for relation in &self.relations {
            let id = relation.id();
            let columns: Vec<&str> = relation.columns.iter().map(|it| it.name.as_str()).collect();
            facets.insert(format!("{id}/order"), columns.join(", "));
            if let Some(query) = &relation.query {
                facets.insert(format!("{id}/query"), query.clone());
            }
        }
        for function in &self.functions {
            let (schema, name) = (&function.schema, &function.name);
            let id = format!("letters/{schema}.{name}({})", function.signature);
            facets.insert(format!("{id}/body"), function.body.clone());
            facets.insert(format!("{id}/kind"), function.kind.clone());
            facets.insert(format!("{id}/owner"), function.owner.clone());
        }
    }
}

async fn pairs(client: &impl GenericClient, query: &str) -> Result<Vec<[String; 2]>, CannotRun> {
    let rows = client
        .query(query, &[])
        .await
        .map_err(|error| CannotRun(format!("could not read the database: {}", describe(&error))))?;
    Ok(rows.iter().map(|row| [row.get(0), row.get(1)]).collect())
}

/// The difference of two sets of facets: `-` only in the first, `+` only in the second.
pub fn differences(one: &Facets, other: &Facets) -> Vec<String> {
    let lacks = |sign: &'static str, these: &Facets, those: &Facets| -> Vec<String> {
        let missing = these.iter().filter(|(id, text)| those.get(*id) != Some(text));
        missing.map(|(id, text)| format!("{sign} {id}: {text}")).collect()
    };
    let mut lines = lacks("-", one, other);
    lines.extend(lacks("+", other, one));
    lines
}
