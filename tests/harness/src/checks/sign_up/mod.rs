//! Sign-up, login and tokens: a new user signs up, logs in and gets a session for a valid
//! token; an invalid token must not reach the database.

pub mod gateway;

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio_postgres::Config;

use crate::catalog;
use crate::checks::sign_up::gateway::{Gateway, Refusal, now};
use crate::contract::{Accounts, Contract, Owner};
use crate::database::connect;
use crate::database::outcome::Outcome;
use crate::database::session::Session;
use crate::error::{CannotRun, describe};
use crate::findings::ledger::Entry;
use crate::findings::rules;
use crate::platform::Regime;
use crate::platform::persona::Persona;
use crate::rows::accounts::sign_up;
use crate::rows::compose::{Factory, Wanted};
use crate::rows::{self, World};
use crate::sandbox::{Database, State};
use crate::sql::{ident, qualified};

/// The new account, which is no persona's.
const DANA: &str = "da0a0000-0000-4000-8000-000000000006";
const EMAIL: &str = "dana@example.com";
/// A signing key of this run's own; it protects nothing.
const SECRET: &str = "a key that only this harness signs with";

/// The ids of the flow's checks: those that need a database of accounts, then the tokens.
pub fn ids() -> Vec<String> {
    let accounts = ["sign-up/succeeds", "sign-up/makes-one-profile", "login/writes-a-session"];
    let token = ["token/opens-own-profile-only", "token/opens-own-sessions-only"];
    let refused = FORGERIES.iter().map(|(name, _)| format!("sign_up/token/{name}"));
    let known = accounts.iter().chain(&token).map(|id| format!("sign_up/{id}"));
    known.chain(refused).collect()
}

/// Runs sign-up, login and token checks in a clone of its own, with an entry for each step.
///
/// # Errors
/// Why the server could not be reached.
pub async fn run(
    database: &Database,
    contract: &Contract,
    accounts: &Accounts,
    regime: Regime,
) -> Result<Vec<Entry>, CannotRun> {
    let mut steps: Vec<(&str, &str, String)> = Vec::new();
    let auth = connect(&database.login("supabase_auth_admin")).await?;
    let signed_up = match auth.batch_execute(&sign_up(DANA, Some(EMAIL))).await {
        Ok(()) => "1 row".to_owned(),
        Err(error) => describe(&error),
    };
    steps.push(("sign-up/succeeds", "1 row", signed_up));

    let admin = database.admin().await?;
    let (profile_owner, session_owner) =
        (owner_column(contract, &accounts.profile), owner_column(contract, &accounts.session));
    let count = format!(
        "select count(*) from {} where {} = '{DANA}'",
        qualified(&accounts.profile),
        ident(profile_owner)
    );
    let profiles = admin.query_one(&count, &[]).await;
    let profiles = profiles.map(|row| rows_word(row.get(0)));
    let profiles = profiles.unwrap_or_else(|error| describe(&error));
    steps.push(("sign-up/makes-one-profile", "1 row", profiles));

    let logged_in = login(database, &admin, contract, accounts, session_owner).await?;
    steps.push(("login/writes-a-session", "1 row", logged_in));

    let gateway = Gateway::new(SECRET, database.login("authenticator"));
    let token = gateway.sign(&Gateway::claims(DANA, EMAIL));
    let mut session = match gateway.session(&token).await {
        Ok(session) => session,
        Err(Refusal::Database(why)) => return Err(why),
        Err(Refusal::Token(why)) => {
            return Err(CannotRun(format!("the gateway refuses its own token: {why}")));
        }
    };
    for (id, table, owner) in [
        ("token/opens-own-profile-only", &accounts.profile, profile_owner),
        ("token/opens-own-sessions-only", &accounts.session, session_owner),
    ] {
        steps.push((id, DANA, seen(&mut session, table, owner).await));
    }
    for (name, observed) in forgeries().await? {
        steps.push((name, FORGERY_EXPECTED, observed));
    }
    let object = |id: &str| match id.split('/').next() {
        Some("sign-up") => accounts.profile.as_str(),
        Some("login") => accounts.session.as_str(),
        _ => "the gateway",
    };
    let entry = |(id, expected, seen): (&str, &str, String)| {
        entry(id, [expected, &seen], object(id), regime)
    };
    Ok(steps.into_iter().map(entry).collect())
}

fn owner_column<'a>(contract: &'a Contract, table: &str) -> &'a str {
    match contract.tables.get(table).map(|declared| &declared.owner) {
        Some(Owner::Column(column)) => column,
        _ => "id",
    }
}

fn rows_word(count: i64) -> String {
    Outcome::Rows(u64::try_from(count).unwrap_or_default()).to_string()
}

/// The back end writes the session's row, as a request with the service key.
async fn login(
    database: &Database,
    admin: &tokio_postgres::Client,
    contract: &Contract,
    accounts: &Accounts,
    owner: &str,
) -> Result<String, CannotRun> {
    let world: Result<World, String> = database.state(admin, State::World).await?;
    let world = match world {
        Ok(world) => world,
        Err(why) => return Ok(format!("could not run: {why}")),
    };
    let catalog = catalog::Catalog::read(admin, catalog::EVERYTHING).await?;
    let Some(relation) = catalog.relation(&accounts.session) else {
        return Ok(format!("could not run: there is no table {}", accounts.session));
    };
    let factory = Factory { catalog: &catalog, contract, world: &world };
    let carol = rows::Owner::User(Persona::Carol);
    let mut draft = match factory.draft(&accounts.session, Wanted::plain(carol, 0)) {
        Ok(draft) => draft,
        Err(why) => return Ok(format!("could not run: {why}")),
    };
    draft.values.insert(owner.to_owned(), format!("'{DANA}'"));
    let client = connect(&database.login("authenticator")).await?;
    let service = Persona::ServiceRole;
    let mut back_end = Session::new(client, service);
    Ok(back_end.attempt(&accounts.session, &draft.insert(relation)).await.to_string())
}

/// The owners of the rows of a table that the session can read: user ids, without duplicates.
async fn seen(session: &mut Session, table: &str, owner: &str) -> String {
    let (table, owner) = (qualified(table), ident(owner));
    let query = format!("select distinct {owner}::text from {table} order by 1");
    match session.try_column(&query).await {
        Ok(owners) => owners.join(", "),
        Err(error) => describe(&error),
    }
}

type Forge = fn(&Gateway) -> String;

/// Tokens that must be refused, and one that must be accepted: the control.
const FORGERIES: [(&str, Forge); 8] = [
    ("valid-is-let-through", |gateway| gateway.sign(&Gateway::claims(DANA, EMAIL))),
    ("expired-is-refused", |gateway| {
        let mut claims = Gateway::claims(DANA, EMAIL);
        claims["exp"] = json!(now() - 1);
        gateway.sign(&claims)
    }),
    ("tampered-is-refused", |gateway| {
        let token = gateway.sign(&Gateway::claims(DANA, EMAIL));
        let other = gateway.sign(&Gateway::claims(Persona::Alice.user_id().unwrap_or(""), EMAIL));
        let parts: Vec<&str> = token.split('.').collect();
        let others: Vec<&str> = other.split('.').collect();
        format!("{}.{}.{}", parts[0], others[1], parts[2])
    }),
    ("unsigned-is-refused", |gateway| {
        let token = gateway.sign(&Gateway::claims(DANA, EMAIL));
        let claims = token.split('.').nth(1).unwrap_or_default();
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.")
    }),
    ("wrong-audience-is-refused", |gateway| {
        let mut claims = Gateway::claims(DANA, EMAIL);
        claims["aud"] = json!("another-project");
        gateway.sign(&claims)
    }),
    ("wrong-issuer-is-refused", |gateway| {
        let mut claims = Gateway::claims(DANA, EMAIL);
        claims["iss"] = json!("https://elsewhere.example/auth/v1");
        gateway.sign(&claims)
    }),
    ("wrong-key-is-refused", |_| {
        Gateway::new("somebody else's key", Config::new()).sign(&Gateway::claims(DANA, EMAIL))
    }),
    ("without-subject-is-refused", |gateway| {
        let mut claims = Gateway::claims(DANA, EMAIL);
        claims.as_object_mut().expect("claims are an object").remove("sub");
        gateway.sign(&claims)
    }),
];

const FORGERY_EXPECTED: &str = "as named";

/// Sends each token to a gateway whose database is a socket that counts connections.
async fn forgeries() -> Result<Vec<(&'static str, String)>, CannotRun> {
    let no_socket = |error| CannotRun(format!("could not listen on 127.0.0.1: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_socket)?;
    let port = listener.local_addr().map_err(no_socket)?.port();
    let mut database = Config::new();
    database.host("127.0.0.1").port(port).user("authenticator").dbname("postgres");
    let gateway = Gateway::new(SECRET, database);
    let mut observed = Vec::new();
    for (name, forge) in FORGERIES {
        let token = forge(&gateway);
        // A connection is closed immediately, so that the request ends.
        let accept = async { listener.accept().await.map(drop) };
        let (answer, connected) = tokio::join!(gateway.session(&token), async {
            // Long enough for a request that is on its way; none is after a refusal.
            tokio::time::timeout(Duration::from_millis(100), accept).await.is_ok()
        });
        let refused = matches!(answer, Err(Refusal::Token(_)));
        let as_named = if name == "valid-is-let-through" {
            connected && !refused
        } else {
            refused && !connected
        };
        let seen = format!("refused: {refused}, reached the database: {connected}");
        observed.push((name, if as_named { FORGERY_EXPECTED.to_owned() } else { seen }));
    }
    Ok(observed)
}

fn entry(name: &str, seen: [&str; 2], object: &str, regime: Regime) -> Entry {
    let in_tokens = FORGERIES.iter().any(|(known, _)| *known == name);
    let id = if in_tokens { format!("sign_up/token/{name}") } else { format!("sign_up/{name}") };
    let mut entry = Entry::compared(&rules::FLOW, object, &id, seen, regime);
    if name.starts_with("sign-up") {
        for finding in &mut entry.findings {
            finding.statement = Some(sign_up(DANA, Some(EMAIL)));
        }
    }
    entry
}
