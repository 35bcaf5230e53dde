//! This file is the catalog: a typed model of what a database holds, read in one query.

pub(crate) mod contents;
pub(crate) mod facets;

use serde::Deserialize;
use tokio_postgres::GenericClient;

use crate::harness::CannotRun;

/// What a database holds beyond PostgreSQL itself and what extensions brought.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Catalog {
    /// The server's version, as `server_version_num` counts it.
    pub(crate) version_num: u32,
    /// Tables, views, sequences and whatever else lives in `pg_class`.
    pub(crate) relations: Vec<Relation>,
    /// Functions and procedures.
    pub(crate) functions: Vec<Function>,
    /// Extensions.
    pub(crate) extensions: Vec<Extension>,
    /// Schemas.
    pub(crate) schemas: Vec<Schema>,
    /// Default privileges.
    pub(crate) default_privileges: Vec<DefaultPrivileges>,
    /// Roles of the server.
    pub(crate) roles: Vec<Role>,
    /// Everything of other kinds: types, casts, event triggers, publications, servers, …
    pub(crate) others: Vec<Other>,
}

/// A row of `pg_class`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Relation {
    /// Its schema.
    pub(crate) schema: String,
    /// Its name.
    pub(crate) name: String,
    /// `table`, `view`, `materialized view`, `sequence`, …
    pub(crate) kind: String,
    /// Its owner, who bypasses row level security.
    pub(crate) owner: String,
    /// Whether it survives a crash.
    pub(crate) logged: bool,
    /// `enabled`, `enabled and forced` or `disabled`.
    pub(crate) row_level_security: String,
    /// What can be written through a view, triggers included: the sum of 4 for UPDATE, 8 for
    /// INSERT and 16 for DELETE.
    pub(crate) writable: u32,
    /// Storage parameters and view options, as `name=value`.
    pub(crate) options: Vec<String>,
    /// Of a view: its query.
    query: Option<String>,
    /// Parents by inheritance or partitioning.
    pub(crate) parents: Vec<String>,
    /// Its columns in order.
    pub(crate) columns: Vec<Column>,
    /// Its constraints, NOT NULL apart.
    pub(crate) constraints: Vec<Constraint>,
    /// Its indexes, those of constraints apart.
    pub(crate) indexes: Vec<Definition>,
    /// Its triggers, internal ones apart.
    pub(crate) triggers: Vec<Definition>,
    /// Its rewrite rules, a view's own apart.
    pub(crate) rules: Vec<Definition>,
    /// Its policies.
    pub(crate) policies: Vec<Policy>,
    /// Privileges on the whole of it.
    pub(crate) grants: Vec<Grant>,
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type, qualified, with modifiers.
    #[serde(rename = "type")]
    pub(crate) data_type: String,
    /// Whether null is refused.
    pub(crate) not_null: bool,
    /// Whether a statement can write it: of a view, one that leads to a single column.
    pub(crate) writable: bool,
    /// Its default, or its generation expression.
    pub(crate) default: Option<String>,
    /// `generated`, `identity` or nothing.
    pub(crate) made: Option<String>,
    /// Privileges on it alone.
    pub(crate) grants: Vec<Grant>,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Constraint {
    /// Its name.
    pub(crate) name: String,
    /// `p` primary key, `u` unique, `c` check, `f` foreign key, `x` exclusion, `t` trigger.
    pub(crate) kind: String,
    /// Its definition as the server prints it.
    pub(crate) definition: String,
    /// The columns it is about.
    pub(crate) columns: Vec<String>,
    /// For a foreign key: the table it points at, qualified.
    pub(crate) target: Option<String>,
    /// For a foreign key: the columns it points at.
    pub(crate) target_columns: Vec<String>,
    /// For a check: its expression.
    pub(crate) expression: Option<String>,
}

/// Something with a name and the text that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Definition {
    /// Its name.
    pub(crate) name: String,
    /// Its definition as the server prints it.
    pub(crate) definition: String,
}

/// A row level security policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Policy {
    /// Its name.
    pub(crate) name: String,
    /// `select`, `insert`, `update`, `delete` or `all`.
    pub(crate) command: String,
    /// The roles that it is for, by name.
    pub(crate) roles: Vec<String>,
    /// Whether it widens what is visible, or narrows it.
    pub(crate) permissive: bool,
    /// Which rows it is about.
    pub(crate) using: Option<String>,
    /// Which new rows it lets in.
    pub(crate) with_check: Option<String>,
}

/// One privilege that one role holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Grant {
    /// Who holds it; `public` is everyone.
    pub(crate) grantee: String,
    /// Lower case: `select`, `insert`, …
    pub(crate) privilege: String,
    /// Whether it may be passed on.
    pub(crate) grantable: bool,
}

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Function {
    /// Its schema.
    pub(crate) schema: String,
    /// Its name.
    pub(crate) name: String,
    /// Its arguments with names, types and defaults.
    pub(crate) arguments: String,
    /// Types of its arguments alone.
    pub(crate) signature: String,
    /// `function`, `procedure`, `aggregate` or `window function`.
    pub(crate) kind: String,
    /// The arguments that a caller gives it, in order.
    pub(crate) inputs: Vec<Input>,
    /// What it returns.
    pub(crate) returns: String,
    /// `sql`, `plpgsql`, …
    pub(crate) language: String,
    /// `volatile`, `stable` or `immutable`.
    pub(crate) volatility: String,
    /// `invoker` or `definer`.
    pub(crate) security: String,
    /// Its owner, whose rights a definer function has.
    pub(crate) owner: String,
    /// Whether it is trusted before policies are.
    pub(crate) leakproof: bool,
    /// Whether a null argument makes it return null unasked.
    pub(crate) strict: bool,
    /// `unsafe`, `restricted` or `safe`.
    pub(crate) parallel: String,
    /// Its body.
    body: String,
    /// Settings pinned to it, as `name=value`.
    pub(crate) settings: Vec<String>,
    /// Who may execute it.
    pub(crate) grants: Vec<Grant>,
}

/// An argument that a caller gives a function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Input {
    /// Its name; may be empty.
    pub(crate) name: String,
    /// Its type, qualified.
    #[serde(rename = "type")]
    pub(crate) data_type: String,
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Extension {
    /// Its name.
    pub(crate) name: String,
    /// The schema of its objects.
    pub(crate) schema: String,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Schema {
    /// Its name.
    pub(crate) name: String,
    /// Its owner.
    pub(crate) owner: String,
    /// Who may use it or create in it.
    pub(crate) grants: Vec<Grant>,
}

/// What objects that are yet to be made will grant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct DefaultPrivileges {
    /// The role that will make them.
    pub(crate) maker: String,
    /// The schema they will be in; `*` is any.
    pub(crate) schema: String,
    /// `tables`, `sequences`, `functions`, `types` or `schemas`.
    pub(crate) kind: String,
    /// The privileges.
    pub(crate) grants: Vec<Grant>,
}

/// A role of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Role {
    /// Its name.
    pub(crate) name: String,
    /// Attributes, memberships and settings, in words.
    pub(crate) facts: String,
}

/// An object of another kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Other {
    /// What it is and what it is called.
    pub(crate) identity: String,
}

/// Schemas that a migration can put something into.
pub(crate) const EVERYTHING: &str = "nspname !~ '^(pg_|information_schema$|identra_harness$)'";

impl Catalog {
    /// Reads what the schemas that match `schemas` hold: a condition on `nspname`.
    ///
    /// # Errors
    /// The server's error, with the query's purpose.
    pub(crate) async fn read(
        client: &impl GenericClient,
        schemas: &str,
    ) -> Result<Self, CannotRun> {
        let query = include_str!("catalog.sql").replace("/*schemas*/ true", schemas);
        let could_not = |why: String| CannotRun(format!("could not read the catalog: {why}"));
        let row = client
            .query_one(&query, &[])
            .await
            .map_err(|error| could_not(crate::harness::describe(&error)))?;
        serde_json::from_value(row.get(0)).map_err(|error| could_not(error.to_string()))
    }

    /// The table or view of `public` with that name.
    pub(crate) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.schema == "public" && relation.name == name)
    }
}

impl Function {
    /// Its name in the contract: with its schema, where that is not `public`.
    pub(crate) fn declared_name(&self) -> String {
        match self.schema.as_str() {
            "public" => self.name.clone(),
            schema => format!("{schema}.{}", self.name),
        }
    }

    /// Its name with schema and types, as `alter function` takes it.
    pub(crate) fn qualified(&self) -> String {
        let [schema, name] = [&self.schema, &self.name].map(|it| crate::harness::ident(it));
        format!("{schema}.{name}({})", self.signature)
    }
}

impl Relation {
    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of its primary key.
    pub(crate) fn primary_key(&self) -> &[String] {
        self.constraints
            .iter()
            .find(|constraint| constraint.kind == "p")
            .map_or(&[], |constraint| &constraint.columns)
    }

    /// Whether those columns alone make a row unique.
    pub(crate) fn is_unique(&self, columns: &[&str]) -> bool {
        self.constraints.iter().any(|constraint| {
            ["p", "u"].contains(&constraint.kind.as_str())
                && constraint.columns.iter().all(|column| columns.contains(&column.as_str()))
        })
    }

    /// Whether that role of a client's, or everyone, holds `privilege` on the column.
    pub(crate) fn grants(&self, role: &str, privilege: &str, column: &str) -> bool {
        let on_column = self.column(column).map_or(&[][..], |column| &column.grants);
        self.grants.iter().chain(on_column).any(|grant| {
            [role, "public"].contains(&grant.grantee.as_str()) && grant.privilege == privilege
        })
    }

    /// Its name with its schema, quoted.
    pub(crate) fn qualified(&self) -> String {
        format!("\"{}\".\"{}\"", self.schema, self.name)
    }
}
