//! The statement by which the platform's auth server records a sign-up.

use serde_json::{Value, json};

use crate::sql::quote;

/// A sign-up by address, or anonymously.
pub fn sign_up(id: &str, email: Option<&str>) -> String {
    sign_up_with(id, email, &json!({}))
}

/// The same with metadata that the user sends.
pub fn sign_up_with(id: &str, email: Option<&str>, metadata: &Value) -> String {
    let metadata = quote(&metadata.to_string());
    let address = email.map_or_else(|| "null".to_owned(), quote);
    format!(
        "insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, \
         is_anonymous, created_at, updated_at) values ('{id}', 'authenticated', \
         'authenticated', {address}, '{{}}', {metadata}, {}, now(), now())",
        email.is_none()
    )
}
