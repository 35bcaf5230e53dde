//! Personas: a persona is a database role plus JWT claims.

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
}

pub use Persona::{Alice, AnonKey, Bob, Carol, Guest, NoToken, ServiceRole};

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
        }
    }

    /// The persona of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|persona| persona.name() == name)
    }

    /// The database role that the gateway switches to.
    pub fn role(self) -> &'static str {
        match self {
            Alice | Bob | Carol | Guest => "authenticated",
            NoToken | AnonKey => "anon",
            ServiceRole => "service_role",
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
        }
    }

    /// The address of the sign-up; an anonymous sign-in has none.
    pub fn email(self) -> Option<String> {
        match self {
            Alice | Bob | Carol => Some(format!("{}@example.com", self.name())),
            Guest | NoToken | AnonKey | ServiceRole => None,
        }
    }

    /// The claims of the verified token; `None` where there is no token.
    pub fn claims(self) -> Option<Value> {
        match self {
            NoToken => None,
            AnonKey | ServiceRole => Some(json!({"iss": "supabase", "role": self.role()})),
            Alice | Bob | Carol | Guest => Some(json!({
                "iss": "https://project.example/auth/v1",
                "sub": self.user_id(),
                "aud": "authenticated",
                "role": "authenticated",
                "email": self.email().unwrap_or_default(),
                "phone": "",
                "app_metadata": {"provider": "email"},
                "user_metadata": {},
                "aal": "aal1",
                "is_anonymous": self == Guest,
            })),
        }
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
