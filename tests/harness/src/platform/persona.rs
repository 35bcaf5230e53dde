//! Personas: a persona is a database role plus JWT claims.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// A sender of requests, as the platform's gateway presents it to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Persona {
    /// Owns a row of every table.
    Alice,
    /// Alice's rival; owns a row of every table, too.
    Bob,
    /// Has signed up and owns only the rows that the sign-up made.
    Carol,
    /// An anonymous sign-in: role `authenticated`, no e-mail address.
    Guest,
    /// A request without a token.
    NoToken,
    /// A request with the project's public key, which is a token of role `anon`.
    AnonKey,
    /// The back end.
    ServiceRole,
    /// One that a contract declares.
    Declared(&'static Declared),
}

pub use Persona::{Alice, AnonKey, Bob, Carol, Guest, NoToken, ServiceRole};

/// A persona that a contract declares.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Declared {
    name: String,
    role: String,
    /// The user whose account it has; none if it has one of its own.
    user: Option<Persona>,
    id: String,
    email: String,
    /// The claims that it has instead of those of an ordinary sign-in, as JSON.
    claims: String,
}

impl Declared {
    /// The declaration of a persona with a role, with the account of a user or one of its own,
    /// and with claims. Without an address it has that of its name.
    pub fn new(
        name: &str,
        role: &str,
        user: Option<Persona>,
        email: Option<&str>,
        claims: &Value,
    ) -> Self {
        let own = format!("0e45000a-0000-4000-8000-{}", &crate::source::short_hash(name)[..12]);
        let account = user.and_then(Persona::user_id).map(str::to_owned);
        let address = user.and_then(Persona::email);
        Self {
            name: name.to_owned(),
            role: role.to_owned(),
            user,
            id: account.unwrap_or(own),
            email: match email {
                Some(email) => email.to_owned(),
                None => address.unwrap_or_else(|| format!("{name}@example.com")),
            },
            claims: claims.to_string(),
        }
    }
}

impl Persona {
    /// All personas, in the order of the reports.
    pub const ALL: [Self; 7] = [Alice, Bob, Carol, Guest, NoToken, AnonKey, ServiceRole];
    /// The personas that have signed up.
    pub const USERS: [Self; 4] = [Alice, Bob, Carol, Guest];
    /// The personas that own a row of every table.
    pub const OWNERS: [Self; 2] = [Alice, Bob];

    /// The name of this persona in the contract, in ids and in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Alice => "alice",
            Bob => "bob",
            Carol => "carol",
            Guest => "guest",
            NoToken => "no_token",
            AnonKey => "anon_key",
            ServiceRole => "service_role",
            Self::Declared(declared) => &declared.name,
        }
    }

    /// The persona of that declaration, which is kept as long as the process.
    pub fn declared(declared: Declared) -> Self {
        static KEPT: Mutex<BTreeSet<&'static Declared>> = Mutex::new(BTreeSet::new());
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&declared) {
            return Self::Declared(known);
        }
        let new: &'static Declared = Box::leak(Box::new(declared));
        kept.insert(new);
        Self::Declared(new)
    }

    /// The user whose account and rows it has: another's, where a contract says so.
    pub fn account(self) -> Self {
        match self {
            Self::Declared(Declared { user: Some(user), .. }) => *user,
            other => other,
        }
    }

    /// Whether it owns a row of every table.
    pub fn has_rows(self) -> bool {
        Self::OWNERS.contains(&self.account())
    }

    /// What a declared persona's token says otherwise than that of an ordinary sign-in.
    pub fn own_claims(self) -> Value {
        match self {
            Self::Declared(declared) => declared.claims.parse().unwrap_or_default(),
            _ => json!({}),
        }
    }

    /// Whether a token says what makes a declared persona what it is. What users write into their
    /// metadata makes nobody anything.
    pub fn is_said_by(self, token: &Value) -> bool {
        let mut own = self.own_claims();
        own.as_object_mut().map(|own| own.remove("user_metadata"));
        own != json!({}) && is_within(&own, token)
    }

    /// The built-in persona of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|persona| persona.name() == name)
    }

    /// The database role that the gateway switches to.
    pub fn role(self) -> &'static str {
        match self {
            Alice | Bob | Carol | Guest => "authenticated",
            NoToken | AnonKey => "anon",
            ServiceRole => "service_role",
            Self::Declared(declared) => &declared.role,
        }
    }

    /// The id in `auth.users`, for those who have signed up. A fixed literal, so that a
    /// statement in the evidence can be pasted into psql on another day.
    pub fn user_id(self) -> Option<&'static str> {
        match self {
            Alice => Some("a11ce000-0000-4000-8000-000000000001"),
            Bob => Some("b0b00000-0000-4000-8000-000000000002"),
            Carol => Some("ca401000-0000-4000-8000-000000000003"),
            Guest => Some("90e57000-0000-4000-8000-000000000004"),
            NoToken | AnonKey | ServiceRole => None,
            Self::Declared(declared) => Some(&declared.id),
        }
    }

    /// The address of the sign-up; an anonymous sign-in has none.
    pub fn email(self) -> Option<String> {
        match self {
            Alice | Bob | Carol => Some(format!("{}@example.com", self.name())),
            Guest | NoToken | AnonKey | ServiceRole => None,
            Self::Declared(declared) => Some(declared.email.clone()).filter(|it| !it.is_empty()),
        }
    }

    /// The claims of the verified token; `None` where there is no token.
    pub fn claims(self) -> Option<Value> {
        match self {
            NoToken => None,
            AnonKey | ServiceRole => Some(json!({"iss": "supabase", "role": self.role()})),
            Alice | Bob | Carol | Guest => Some(self.sign_in()),
            Self::Declared(declared) => {
                let mut claims = self.sign_in();
                merge(&mut claims, &declared.claims.parse().unwrap_or_default());
                Some(claims)
            }
        }
    }

    /// The claims of an ordinary sign-in.
    fn sign_in(self) -> Value {
        json!({
            "iss": "https://project.example/auth/v1",
            "sub": self.user_id(),
            "aud": "authenticated",
            "role": self.role(),
            "email": self.email().unwrap_or_default(),
            "phone": "",
            "app_metadata": {"provider": "email"},
            "user_metadata": {},
            "aal": "aal1",
            "is_anonymous": self.account() == Guest,
        })
    }

    /// This persona as the gateway presents it to the database.
    pub fn identity(self) -> Identity {
        Identity {
            name: self.name().to_owned(),
            role: self.role().to_owned(),
            claims: self.claims().map(|claims| claims.to_string()).unwrap_or_default(),
        }
    }
}

/// Puts the fields of one document into another; objects are merged, and all else replaced.
pub fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Whether one document has every field of another.
fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|other| is_within(value, other))),
        (part, whole) => part == whole,
    }
}

/// A role and claims, well-formed or not: all that the API gives to a database session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Its name in reports.
    pub name: String,
    /// The database role.
    pub role: String,
    /// The text of `request.jwt.claims`.
    pub claims: String,
}

impl Identity {
    /// Two statements that give a superuser's session this identity until the open transaction
    /// ends: session user `authenticator`, then role and claims, as the gateway sets them.
    pub fn become_sql(&self) -> String {
        format!("set local session authorization authenticator; {}", self.request_sql())
    }

    /// The statement with which the gateway sets role and claims of a transaction.
    pub fn request_sql(&self) -> String {
        format!(
            "select set_config('role', {}, true), set_config('request.jwt.claims', {}, true), \
             set_config('request.method', 'POST', true), \
             set_config('request.path', '/', true), \
             set_config('request.headers', '{{}}', true), \
             set_config('request.cookies', '{{}}', true), \
             set_config('search_path', 'public, extensions', true);",
            crate::sql::quote(&self.role),
            crate::sql::quote(&self.claims),
        )
    }
}
