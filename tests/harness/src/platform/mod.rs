//! The platform that the migrations run on: its privilege regimes, its personas, and the known
//! vulnerabilities of its row level security.

pub mod cves;
pub mod persona;

/// The directory of the imitation, for projects without one of their own.
pub const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/supabase");

/// The roles by which a client holds a privilege.
pub const CLIENTS: [&str; 3] = ["public", "anon", "authenticated"];

/// The schemas of the platform and of its extensions, whose objects are nobody's fault.
pub const SCHEMAS: [&str; 18] = [
    "_realtime",
    "auth",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "information_schema",
    "net",
    "pgbouncer",
    "pgmq",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "realtime",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "vault",
];

/// Which default privileges the platform gives to what a migration creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Regime {
    /// Nothing until a GRANT says so: projects since 30 May 2026.
    Explicit,
    /// Everything to every API role: projects before that.
    AutoExpose,
}

impl Regime {
    /// Both regimes.
    pub const ALL: [Self; 2] = [Self::Explicit, Self::AutoExpose];

    /// Its name in file names and in the evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::AutoExpose => "auto-expose",
        }
    }
}
