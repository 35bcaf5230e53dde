//! The catalog: a typed model of a database's contents, read in one query.

pub mod contents;
pub mod facets;

use serde::Deserialize;
use tokio_postgres::GenericClient;

use crate::error::CannotRun;

/// The objects of a database, without those of PostgreSQL itself and of extensions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Catalog {
    /// The server's version, as `server_version_num` counts it.
    pub version_num: u32,
    /// Tables, views, sequences and the other kinds of `pg_class`.
    pub relations: Vec<Relation>,
    /// Functions and procedures.
    pub functions: Vec<Function>,
    /// Extensions.
    pub extensions: Vec<Extension>,
    /// Schemas.
    pub schemas: Vec<Schema>,
    /// Default privileges.
    pub default_privileges: Vec<DefaultPrivileges>,
    /// Roles of the server.
    pub roles: Vec<Role>,
    /// Types that are made of others, or whose values are listed or restricted.
    pub types: Vec<Type>,
    /// Everything of other kinds: types, casts, event triggers, publications, servers, …
    pub others: Vec<Other>,
}

/// A row of `pg_class`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `table`, `view`, `materialized view`, `sequence`, …
    pub kind: String,
    /// Its owner, who bypasses row level security.
    pub owner: String,
    /// Whether it survives a crash.
    pub logged: bool,
    /// `enabled`, `enabled and forced` or `disabled`.
    pub row_level_security: String,
    /// What can be written through a view, triggers included: the sum of 4 for UPDATE, 8 for
    /// INSERT and 16 for DELETE.
    pub writable: u32,
    /// Storage parameters and view options, as `name=value`.
    pub options: Vec<String>,
    /// Of a view: its query.
    pub query: Option<String>,
    /// Of a partition: which rows are its.
    pub bounds: Option<String>,
    /// Parents by inheritance or partitioning.
    pub parents: Vec<String>,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Its constraints, NOT NULL apart.
    pub constraints: Vec<Constraint>,
    /// Its indexes, those of constraints apart.
    pub indexes: Vec<Definition>,
    /// Its triggers, internal ones apart.
    pub triggers: Vec<Definition>,
    /// Its rewrite rules, a view's own apart.
    pub rules: Vec<Definition>,
    /// Its policies.
    pub policies: Vec<Policy>,
    /// Privileges on the whole of it.
    pub grants: Vec<Grant>,
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, qualified, with modifiers.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether null is refused.
    pub not_null: bool,
    /// Whether a statement can write it: of a view, one that leads to a single column.
    pub writable: bool,
    /// Its default, or its generation expression.
    pub default: Option<String>,
    /// `generated`, `identity` or nothing.
    pub made: Option<String>,
    /// Whether it is an identity whose value a statement cannot name by itself.
    pub always: bool,
    /// Privileges on it alone.
    pub grants: Vec<Grant>,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// `p` primary key, `u` unique, `c` check, `f` foreign key, `x` exclusion, `t` trigger.
    pub kind: String,
    /// Its definition as the server prints it.
    pub definition: String,
    /// The columns it is about.
    pub columns: Vec<String>,
    /// For a foreign key: the table it points at, with its schema, unquoted.
    pub target: Option<String>,
    /// For a foreign key: the columns it points at.
    pub target_columns: Vec<String>,
    /// For a check: its expression.
    pub expression: Option<String>,
}

/// An object's name and the statement that creates it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its definition as the server prints it.
    pub definition: String,
}

/// A row level security policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `select`, `insert`, `update`, `delete` or `all`.
    pub command: String,
    /// The roles that it applies to, by name.
    pub roles: Vec<String>,
    /// Whether it is permissive, rather than restrictive.
    pub permissive: bool,
    /// Its USING expression.
    pub using: Option<String>,
    /// Its WITH CHECK expression.
    pub with_check: Option<String>,
}

/// One privilege that one role holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Grant {
    /// Who holds it; `public` is everyone.
    pub grantee: String,
    /// Lower case: `select`, `insert`, …
    pub privilege: String,
    /// Whether it was granted with grant option.
    pub grantable: bool,
}

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Function {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its arguments with names, types and defaults.
    pub arguments: String,
    /// Types of its arguments alone.
    pub signature: String,
    /// `function`, `procedure`, `aggregate` or `window function`.
    pub kind: String,
    /// The arguments that a caller gives it, in order.
    pub inputs: Vec<Input>,
    /// What it returns.
    pub returns: String,
    /// `sql`, `plpgsql`, …
    pub language: String,
    /// `volatile`, `stable` or `immutable`.
    pub volatility: String,
    /// `invoker` or `definer`.
    pub security: String,
    /// Its owner, whose privileges a definer function has.
    pub owner: String,
    /// Whether it is leakproof.
    pub leakproof: bool,
    /// Whether it is strict: null for a null argument.
    pub strict: bool,
    /// `unsafe`, `restricted` or `safe`.
    pub parallel: String,
    /// Its body.
    pub body: String,
    /// Settings pinned to it, as `name=value`.
    pub settings: Vec<String>,
    /// Who may execute it.
    pub grants: Vec<Grant>,
}

/// An argument that a caller gives a function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Input {
    /// Its name; may be empty.
    pub name: String,
    /// Its type, qualified.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The schema of its objects.
    pub schema: String,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Who may use it or create in it.
    pub grants: Vec<Grant>,
}

/// Default privileges of later objects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DefaultPrivileges {
    /// The role that will create them.
    pub maker: String,
    /// The schema they will be in; `*` is any.
    pub schema: String,
    /// `tables`, `sequences`, `functions`, `types` or `schemas`.
    pub kind: String,
    /// The privileges.
    pub grants: Vec<Grant>,
}

/// A role of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Attributes, memberships and settings, as text.
    pub facts: String,
}

/// A type that is made of others, or whose values are listed or restricted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Type {
    /// Its name as columns have it: qualified.
    pub name: String,
    /// `enum`, `domain`, `composite`, `range` or `multirange`.
    pub kind: String,
    /// An enumeration's labels as literals; else the types that it is made of.
    pub parts: Vec<String>,
    /// Of a domain: its checks, as the server prints them.
    pub checks: Vec<String>,
}

/// An object of another kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Other {
    /// Its kind and name.
    pub identity: String,
}

/// Schemas that a migration can create objects in.
pub const EVERYTHING: &str = "nspname !~ '^(pg_|information_schema$|identra_harness$)'";

impl Catalog {
    /// Reads the objects of the schemas that match `schemas`, a condition on `nspname`.
    ///
    /// # Errors
    /// The server's error, with the query's purpose.
    pub async fn read(client: &impl GenericClient, schemas: &str) -> Result<Self, CannotRun> {
        let query = include_str!("catalog.sql").replace("/*schemas*/ true", schemas);
        let could_not = |why: String| CannotRun(format!("could not read the catalog: {why}"));
        let row = client
            .query_one(&query, &[])
            .await
            .map_err(|error| could_not(crate::error::describe(&error)))?;
        serde_json::from_value(row.get(0)).map_err(|error| could_not(error.to_string()))
    }

    /// The type of that name, where it is one that is made of others or restricted.
    pub fn type_named(&self, name: &str) -> Option<&Type> {
        self.types.iter().find(|known| known.name == name)
    }

    /// The table or view of that name, with its schema where that is not `public`.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.declared_name() == name)
    }
}

impl Function {
    /// Its name in the contract: with its schema, unless that is `public`.
    pub fn declared_name(&self) -> String {
        match self.schema.as_str() {
            "public" => self.name.clone(),
            schema => format!("{schema}.{}", self.name),
        }
    }

    /// Its name with schema and types, as `alter function` takes it.
    pub fn qualified(&self) -> String {
        let [schema, name] = [&self.schema, &self.name].map(|it| crate::sql::ident(it));
        format!("{schema}.{name}({})", self.signature)
    }
}

impl Column {
    /// Whether a row that says nothing of it holds the caller's id.
    pub fn is_callers(&self) -> bool {
        self.default.as_deref().is_some_and(|it| it.contains("auth.uid()"))
    }
}

impl Constraint {
    /// Of a foreign key: the table that it points at, as the contract calls it.
    pub fn target(&self) -> &str {
        let target = self.target.as_deref().unwrap_or_default();
        target.strip_prefix("public.").unwrap_or(target)
    }
}

impl Relation {
    /// Whether it has rows of its own, those of its partitions included.
    pub fn is_table(&self) -> bool {
        ["table", "partitioned table"].contains(&self.kind.as_str())
    }

    /// Whether it is a part of a partitioned table, whose rows that one shows.
    pub fn is_partition(&self) -> bool {
        self.bounds.is_some()
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Its name in the contract and in messages: with its schema, where that is not `public`.
    pub fn declared_name(&self) -> String {
        match self.schema.as_str() {
            "public" => self.name.clone(),
            schema => format!("{schema}.{}", self.name),
        }
    }

    /// The columns of its primary key.
    pub fn primary_key(&self) -> &[String] {
        self.constraints
            .iter()
            .find(|constraint| constraint.kind == "p")
            .map_or(&[], |constraint| &constraint.columns)
    }

    /// Whether those columns alone make a row unique.
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        self.constraints.iter().any(|constraint| {
            ["p", "u"].contains(&constraint.kind.as_str())
                && constraint.columns.iter().all(|column| columns.contains(&column.as_str()))
        })
    }

    /// The columns of each primary and unique key, and of each unique index of whole columns.
    pub fn unique_keys(&self) -> Vec<Vec<String>> {
        let constraints = self.constraints.iter().filter(|it| ["p", "u"].contains(&&*it.kind));
        let of_index = |index: &Definition| {
            let (_, within) = index.definition.strip_prefix("CREATE UNIQUE")?.split_once(" (")?;
            let columns = within[..within.find(')')?].split(", ");
            let columns = columns.map(|column| column.trim_matches('"').to_owned());
            let columns: Vec<String> = columns.collect();
            columns.iter().all(|column| self.column(column).is_some()).then_some(columns)
        };
        let indexes = self.indexes.iter().filter_map(of_index);
        constraints.map(|it| it.columns.clone()).chain(indexes).collect()
    }

    /// Whether that role of a client's, or everyone, holds `privilege` on the column.
    pub fn grants(&self, role: &str, privilege: &str, column: &str) -> bool {
        let on_column = self.column(column).map_or(&[][..], |column| &column.grants);
        self.grants.iter().chain(on_column).any(|grant| {
            [role, "public"].contains(&grant.grantee.as_str()) && grant.privilege == privilege
        })
    }

    /// Its name with its schema, quoted.
    pub fn qualified(&self) -> String {
        format!("\"{}\".\"{}\"", self.schema, self.name)
    }
}
