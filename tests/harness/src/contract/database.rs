//! The declarations of the database as a whole.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::platform::persona::Persona;

/// The declarations of the database as a whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Whether there are to be no tables, which would be a mistake otherwise.
    #[serde(default)]
    pub without_tables: bool,
    /// What clients can send.
    #[serde(default)]
    pub clients: Clients,
    /// Schemas that the migration creates, except `public`: privileges by role.
    #[serde(default)]
    pub schemas: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Sequences of `public`: privileges by role.
    #[serde(default)]
    pub sequences: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Extensions and the schema of each.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
    /// Default privileges of later objects: kind to role to privileges.
    #[serde(default)]
    pub default_privileges: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Buckets of files, by id.
    #[serde(default)]
    pub buckets: BTreeMap<String, Bucket>,
    /// Triggers on the platform's tables: table to name to definition.
    #[serde(default)]
    pub triggers: BTreeMap<String, BTreeMap<String, String>>,
    /// The ids of properties of more than one function.
    #[serde(default)]
    pub proved_by: Vec<String>,
    /// Personas beside the built-in ones, by name.
    #[serde(default)]
    pub personas: BTreeMap<String, PersonaKeys>,
    /// The tables that a sign-up and a login write to, if the schema has them.
    pub accounts: Option<Accounts>,
    /// Accepted findings, by rule and object.
    #[serde(default)]
    pub accepted: Vec<AcceptedFinding>,
    /// Accepted violations of the platform's linter rules.
    #[serde(default)]
    pub lint_exceptions: Vec<LintException>,
}

/// A bucket of files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Whether everybody is served its files, whatever the policies say.
    #[serde(default)]
    pub public: bool,
    /// The most bytes that a file may have.
    pub file_size_limit: Option<i64>,
    /// The types of files that are taken.
    pub allowed_mime_types: Option<Vec<String>>,
}

/// The platform's table of buckets.
pub const BUCKETS: &str = "storage.buckets";

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.public { "public" } else { "not public" })?;
        if let Some(limit) = self.file_size_limit {
            write!(f, ", files of at most {limit} bytes")?;
        }
        match &self.allowed_mime_types {
            Some(types) => write!(f, ", of type {}", types.join(", ")),
            None => Ok(()),
        }
    }
}

/// What clients can send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clients {
    /// What the platform's API offers.
    #[default]
    Api,
    /// Any SQL, as the API's roles.
    Sql,
}

/// An accepted finding.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedFinding {
    /// The rule's id.
    pub rule: String,
    /// The object, as the finding names it.
    pub object: String,
    /// The persona; any, if there is none.
    pub persona: Option<String>,
    /// The part of the attack, or the end of the check's id; any, if there is none.
    pub part: Option<String>,
    /// Why it is accepted.
    pub reason: String,
}

/// An accepted violation of a linter rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintException {
    /// The rule's number and name.
    pub rule: String,
    /// The object, as its finding names it.
    pub object: String,
    /// Why it is accepted.
    pub reason: String,
}

/// The tables that a sign-up and a login write to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// A row of it is made by each sign-up.
    pub profile: String,
    /// A row of it is written by the back end at each login.
    pub session: String,
}

/// A persona of a contract's own.
#[derive(Debug, Clone)]
pub struct DeclaredPersona {
    /// Who it is.
    pub persona: Persona,
    /// SQL expressions by table and column, of rows that are there for its statements.
    pub rows: Vec<(String, BTreeMap<String, String>)>,
}

/// The keys of a persona.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonaKeys {
    /// The database role.
    #[serde(default = "authenticated")]
    pub role: String,
    /// The user whose account it has, if not one of its own.
    pub user: Option<String>,
    /// Its address; an empty one is none.
    pub email: Option<String>,
    /// What its token says otherwise than that of an ordinary sign-in.
    #[serde(default)]
    pub claims: toml::Table,
    /// Rows that are there for its statements: SQL expressions by table and column.
    #[serde(default)]
    pub rows: BTreeMap<String, Rows>,
}

/// One row of a table, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a row { column = \"value\" }, or several in brackets")]
pub enum Rows {
    /// One.
    One(BTreeMap<String, String>),
    /// Several.
    Many(Vec<BTreeMap<String, String>>),
}

fn authenticated() -> String {
    "authenticated".to_owned()
}
