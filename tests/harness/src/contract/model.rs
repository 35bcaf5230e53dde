//! The model: everything that the contract's files declare.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::effects::{Does, Effect};
use super::grid::Grid;
use super::membership::{Members, Membership};
use super::shape::Shape;
use crate::platform::Regime;
use crate::source::toml_file::TomlFile;

/// What the catalog shows of an object, as text: the same in every privilege regime, or one for
/// each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a text, or one for each regime: { explicit = \"…\" }")]
pub enum Facet {
    /// The same in every regime.
    Text(String),
    /// One for each regime, by its name.
    ByRegime(BTreeMap<String, String>),
}

impl Facet {
    /// What stands for an object that the other files imply, and that is not to be there.
    pub const ABSENT: &'static str = "not there";

    /// The text in that regime, if it says one.
    pub fn text(&self, regime: Regime) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::ByRegime(texts) => texts.get(regime.name()).map(String::as_str),
        }
    }
}

/// Everything that the files declare.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    /// Tables of `public`, by name.
    pub tables: BTreeMap<String, Relation>,
    /// Views of `public`, by name.
    pub views: BTreeMap<String, Relation>,
    /// Functions by name; of another schema than `public`, with it.
    pub functions: BTreeMap<String, Function>,
    /// Declarations of the database as a whole.
    pub database: Database,
    /// What no other file says, by the id of its check.
    pub facets: BTreeMap<String, Facet>,
    /// The files, by their names below the contract's directory.
    pub sources: BTreeMap<String, TomlFile>,
}

impl Contract {
    /// Tables and views together, by name.
    pub fn relations(&self) -> impl Iterator<Item = (&String, &Relation)> {
        self.tables.iter().chain(&self.views)
    }

    /// The ids of the properties that it names.
    pub fn proofs(&self) -> impl Iterator<Item = String> {
        let of_function = |(name, function): (&String, &Function)| -> Vec<String> {
            function.proved_by.iter().map(|claim| format!("{name}/{claim}")).collect()
        };
        let functions = self.functions.iter().flat_map(of_function);
        functions.chain(self.database.proved_by.iter().cloned())
    }

    /// The table or view of that name.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.tables.get(name).or_else(|| self.views.get(name))
    }

    /// The columns of a table that effects change.
    pub fn columns_of_effects(&self, table: &str) -> Vec<&str> {
        let effects = self.tables.get(table).into_iter().flat_map(|declared| &declared.effects);
        let mut columns: Vec<&str> = effects
            .flat_map(|effect| match &effect.does {
                Does::Update(columns) => columns.as_slice(),
                Does::Insert | Does::Delete => &[],
            })
            .map(String::as_str)
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Whether an effect is declared of that table, or of a statement on it.
    pub fn has_effects(&self, table: &str) -> bool {
        let mut all = self.tables.iter().flat_map(|(name, it)| {
            it.effects.iter().flat_map(move |effect| [name, &effect.of.table])
        });
        all.any(|name| name == table)
    }
}

/// The path from a row to its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Rows have no owner.
    None,
    /// The column holds the user's id.
    Column(String),
    /// Each column references a row of that table; the user is the one who owns them all.
    Through(Vec<(String, String)>),
    /// The users are the members that another table's rows name.
    Members(Members),
}

impl Owner {
    /// The next tables on the path, or the platform's table of users.
    pub fn parents(&self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Column(_) => vec!["auth.users".to_owned()],
            Self::Through(paths) => paths.iter().map(|(_, parent)| parent.clone()).collect(),
            Self::Members(members) => vec![members.table.clone()],
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Column(column) => f.write_str(column),
            Self::Through(paths) => {
                let step = |(column, table): &(String, String)| format!("{column} -> {table}");
                f.write_str(&paths.iter().map(step).collect::<Vec<_>>().join(", "))
            }
            Self::Members(Members { column, table, by }) => {
                write!(f, "{column} <- {table}.{by}")
            }
        }
    }
}

/// The declaration of a table or view.
#[derive(Debug, Clone)]
pub struct Relation {
    /// The file that declares it, relative to the contract's directory.
    pub file: String,
    /// The line of each column in it.
    pub lines: BTreeMap<String, usize>,
    /// The path from a row to its owner.
    pub owner: Owner,
    /// Its access grid.
    pub grid: Grid,
    /// The grid as its author wrote it.
    pub grid_text: String,
    /// The targets that its grid must have.
    pub shape: Shape,
    /// For a table of memberships, its properties; else nothing.
    pub membership: Option<Membership>,
    /// Table-wide privileges by role.
    pub privileges: BTreeMap<String, Vec<String>>,
    /// SQL expressions by variant and column.
    pub variants: BTreeMap<String, BTreeMap<String, String>>,
    /// Columns by name.
    pub columns: BTreeMap<String, Column>,
    /// Table-level constraints: name to definition.
    pub constraints: BTreeMap<String, String>,
    /// Indexes that no constraint makes: name to `method (columns) …`, or `unique method …`.
    pub indexes: BTreeMap<String, String>,
    /// Triggers: name to `before update for each row execute function …`.
    pub triggers: BTreeMap<String, String>,
    /// Policies: name to `command to role, … using (…) with check (…)`.
    pub policies: BTreeMap<String, String>,
    /// Rows that the migration inserts.
    pub seed: Vec<toml::Table>,
    /// What statements on other tables do to its rows, whoever owns them.
    pub effects: Vec<Effect>,
    /// Accepted information leaks.
    pub accepted: Vec<Accepted>,
    /// For a view: whether it uses its caller's privileges.
    pub security_invoker: bool,
}

impl Relation {
    /// The columns on which `role` is granted `privilege`, one by one or as part of a grant
    /// on the whole relation.
    pub fn granted(&self, role: &str, privilege: &str) -> Vec<&str> {
        let whole = self.privileges.get(role).is_some_and(|privileges| {
            privileges.iter().any(|granted| granted == privilege || granted == "all")
        });
        let on = |column: &Column| whole || column.granted(role).iter().any(|p| p == privilege);
        self.columns.iter().filter(|(_, c)| on(c)).map(|(name, _)| name.as_str()).collect()
    }

    /// Whether any role of a client is granted `privilege` on that column.
    pub fn client_may(&self, privilege: &str, column: &str) -> bool {
        CLIENT_ROLES.iter().any(|role| self.granted(role, privilege).contains(&column))
    }
}

/// The roles that a client can have; the third, `service_role`, is used only by the back end.
pub const CLIENT_ROLES: [&str; 2] = ["anon", "authenticated"];

/// The declaration of a column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its type, as in `create table`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether null is allowed.
    #[serde(default)]
    pub nullable: bool,
    /// Its default expression.
    pub default: Option<String>,
    /// Its CHECK expression.
    pub check: Option<String>,
    /// Its foreign key: `table (column) on delete …`.
    pub references: Option<String>,
    /// Whether it is unique by itself.
    #[serde(default)]
    pub unique: bool,
    /// A SQL literal to fill it with, if its type does not suggest one.
    pub example: Option<String>,
    /// The trigger that guards it: `refused by trigger …` or `kept by trigger …`.
    pub guard: Option<String>,
    /// Privileges of `anon`.
    #[serde(default)]
    pub anon: Vec<String>,
    /// Privileges of `authenticated`.
    #[serde(default)]
    pub authenticated: Vec<String>,
}

impl Column {
    fn granted(&self, role: &str) -> &[String] {
        match role {
            "anon" => &self.anon,
            "authenticated" => &self.authenticated,
            _ => &[],
        }
    }
}

/// An information leak that is accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// What can be learned, and how.
    pub channel: String,
    /// Why that is acceptable.
    pub reason: String,
    /// The attacks that show it.
    #[serde(default)]
    pub attacks: Vec<String>,
}

/// The declaration of a function.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The file that declares it, relative to the contract's directory.
    #[serde(skip)]
    pub file: String,
    /// Names, types and defaults of its arguments.
    pub arguments: String,
    /// What it returns.
    pub returns: String,
    /// The language of its body.
    pub language: String,
    /// `volatile`, `stable` or `immutable`.
    pub volatility: String,
    /// `invoker` or `definer`.
    pub security: String,
    /// The `search_path` that it is pinned to, if it is to one.
    pub search_path: Option<String>,
    /// API roles that may execute it; `public` is every role.
    pub callers: Vec<String>,
    /// Its invariant, in a sentence.
    #[serde(alias = "promise")]
    pub invariant: String,
    /// The ids of the properties that test it, without the function's name.
    #[serde(default)]
    pub proved_by: Vec<String>,
}

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
    /// Triggers on the platform's tables: table to name to definition.
    #[serde(default)]
    pub triggers: BTreeMap<String, BTreeMap<String, String>>,
    /// The ids of properties of more than one function.
    #[serde(default)]
    pub proved_by: Vec<String>,
    /// The tables that a sign-up and a login write to, if the schema has them.
    pub accounts: Option<Accounts>,
    /// Accepted findings, by rule and object.
    #[serde(default)]
    pub accepted: Vec<AcceptedFinding>,
    /// Accepted violations of the platform's linter rules.
    #[serde(default)]
    pub lint_exceptions: Vec<LintException>,
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
