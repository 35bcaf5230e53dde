//! The model: everything that the contract's files declare.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::database::{Database, DeclaredPersona};
use super::effects::{Does, Effect};
use super::grid::Grid;
use super::membership::{Members, Membership};
use super::shape::Shape;
use super::tenant::{Place, Tenant};
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
    /// The personas that it declares, beside the built-in ones.
    pub personas: Vec<DeclaredPersona>,
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
    /// The users are those who have the same tenant as the row.
    Tenant(Tenant),
    /// The SQL expression's value is the user's id as text.
    Expression(String),
}

impl Owner {
    /// The table's own columns on the path.
    pub fn columns(&self) -> Vec<&String> {
        match self {
            Self::None | Self::Expression(_) => Vec::new(),
            Self::Column(column) => vec![column],
            Self::Through(paths) => paths.iter().map(|(column, _)| column).collect(),
            Self::Members(members) => vec![&members.column],
            Self::Tenant(tenant) => vec![&tenant.column],
        }
    }

    /// The next tables on the path, or the platform's table of users.
    pub fn parents(&self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Column(_) | Self::Expression(_) => vec!["auth.users".to_owned()],
            Self::Through(paths) => paths.iter().map(|(_, parent)| parent.clone()).collect(),
            Self::Members(members) => vec![members.table.clone()],
            Self::Tenant(Tenant { of_user: Place::Column { table, .. }, .. }) => {
                vec![table.clone()]
            }
            Self::Tenant(Tenant { of_user: Place::Claim(_), .. }) => {
                vec!["auth.users".to_owned()]
            }
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Column(text) | Self::Expression(text) => f.write_str(text),
            Self::Through(paths) => {
                let step = |(column, table): &(String, String)| format!("{column} -> {table}");
                f.write_str(&paths.iter().map(step).collect::<Vec<_>>().join(", "))
            }
            Self::Members(Members { column, table, by }) => {
                write!(f, "{column} <- {table}.{by}")
            }
            Self::Tenant(tenant) => tenant.fmt(f),
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
    /// Users of a row beside its owner, by the word for them.
    pub parties: BTreeMap<String, Party>,
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
    /// For a view: whether conditions of its caller are evaluated after its own.
    pub security_barrier: bool,
    /// For a view: whether it keeps its rows, which are those of the last refresh.
    pub materialized: bool,
}

impl Relation {
    /// The column by which a row names a user: the owner's, or else that of the only party.
    pub fn user(&self) -> Option<&Owner> {
        let names = |path: &&Owner| matches!(path, Owner::Column(_) | Owner::Tenant(_));
        let mut parties = self.parties.values().map(|party| &party.path).filter(names);
        let only = parties.next().filter(|_| parties.next().is_none());
        Some(&self.owner).filter(names).or(only)
    }

    /// The columns on which `role` is granted `privilege`, one by one or as part of a grant
    /// on the whole relation.
    pub fn granted(&self, role: &str, privilege: &str) -> Vec<&str> {
        let whole = self.privileges.get(role).is_some_and(|privileges| {
            privileges.iter().any(|granted| granted == privilege || granted == "all")
        });
        let on = |column: &Column| whole || column.granted(role).iter().any(|p| p == privilege);
        self.columns.iter().filter(|(_, c)| on(c)).map(|(name, _)| name.as_str()).collect()
    }

    /// Its columns with the owner's id in their example.
    pub fn owner_examples(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().filter_map(|(name, column)| {
            let example = column.example.as_deref().filter(|it| it.contains(OWNER))?;
            Some((name.as_str(), example))
        })
    }

    /// Whether the column has the owner's id in its example.
    pub fn is_owner_example(&self, column: &str) -> bool {
        self.owner_examples().any(|(name, _)| name == column)
    }

    /// Whether any role of a client is granted `privilege` on that column.
    pub fn client_may(&self, privilege: &str, column: &str) -> bool {
        CLIENT_ROLES.iter().any(|role| self.granted(role, privilege).contains(&column))
    }
}

/// What stands for the owner's id in an example.
pub const OWNER: &str = "{owner}";

/// An example, with the owner's id, and a text that differs from row to row.
pub fn example_of(example: &str, owner: &str, row: usize) -> String {
    example.replace(OWNER, owner).replace("{row}", &format!("row-{row}"))
}

/// A user of a row beside its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// How the row leads to the user.
    pub path: Owner,
    /// SQL expressions by column, of the row that shares this one, or of this one itself.
    pub values: BTreeMap<String, String>,
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
    /// Whether rows are made with null in it, since nothing else is taken.
    pub fn stays_null(&self) -> bool {
        self.example.as_deref() == Some("null")
    }

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
