//! A model of the platform's gateway: signs access tokens like the auth server, and opens
//! database sessions only for tokens that verify.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};
use tokio_postgres::Config;

use crate::database::connect;
use crate::database::session::Session;
use crate::error::CannotRun;
use crate::platform::persona::Identity;

/// Issues tokens and forwards requests.
pub struct Gateway {
    secret: Vec<u8>,
    database: Config,
}

/// The audience of an access token.
const AUDIENCE: &str = "authenticated";
/// The issuer of access tokens.
const ISSUER: &str = "https://project.example/auth/v1";

/// Why a request got no session.
#[derive(Debug)]
pub enum Refusal {
    /// The token did not verify; no connection to the database was made.
    Token(String),
    /// The token verified, and the database could not be reached.
    Database(CannotRun),
}

impl Gateway {
    /// A gateway with its own signing key in front of `database`, a login as `authenticator`.
    pub fn new(secret: &str, database: Config) -> Self {
        Self { secret: secret.as_bytes().to_vec(), database }
    }

    /// The claims of an access token for that user, valid for an hour from now.
    pub fn claims(user_id: &str, email: &str) -> Value {
        let now = now();
        json!({
            "iss": ISSUER,
            "sub": user_id,
            "aud": AUDIENCE,
            "exp": now + 3600,
            "iat": now,
            "email": email,
            "phone": "",
            "app_metadata": {"provider": "email"},
            "user_metadata": {},
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": now}],
            "session_id": "5e551000-0000-4000-8000-000000000001",
            "is_anonymous": false,
        })
    }

    /// A token with those claims, signed with this gateway's key (HS256).
    ///
    /// # Panics
    /// The claims cannot be signed, which does not happen with JSON documents.
    pub fn sign(&self, claims: &Value) -> String {
        encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(&self.secret))
            .expect("a JSON document can be signed")
    }

    /// The session of a request with that token: signature, algorithm, expiry, audience and
    /// issuer are verified before the connection to the database is made.
    ///
    /// # Errors
    /// Which of them failed, or why the database could not be reached.
    pub async fn session(&self, token: &str) -> Result<Session, Refusal> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let key = DecodingKey::from_secret(&self.secret);
        let verified = decode::<Value>(token, &key, &validation);
        let claims = verified.map_err(|error| Refusal::Token(error.to_string()))?.claims;
        let Some("authenticated") = claims["role"].as_str() else {
            return Err(Refusal::Token("the role claim is not authenticated".to_owned()));
        };
        let client = connect(&self.database).await.map_err(Refusal::Database)?;
        let identity = Identity {
            name: claims["sub"].as_str().unwrap_or_default().to_owned(),
            role: "authenticated".to_owned(),
            claims: claims.to_string(),
        };
        Ok(Session::of(client, identity))
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
