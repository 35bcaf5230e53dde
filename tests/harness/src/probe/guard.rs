//! Identity guard: whether the session has the identity that it should have while a statement
//! is tried.

use crate::platform::persona::Persona;

/// The statement that reads the identity of the session.
pub(super) fn guard(active: &str) -> String {
    format!(
        " select session_user, current_user, rolsuper, rolbypassrls, {active} \
         from pg_catalog.pg_roles where rolname = current_user; "
    )
}

/// T01: the session has the persona's identity, and policies apply to it.
pub(super) fn unguarded(persona: Persona, guard: &[String]) -> Option<String> {
    let [session, current, superuser, bypass, active] = guard else {
        return Some("the guard gave no answer".to_owned());
    };
    let service = persona == Persona::ServiceRole;
    if session != "authenticator" || current != persona.role() {
        Some(format!("session user {session}, role {current}"))
    } else if superuser != "f" {
        Some(format!("role {current} is a superuser"))
    } else if (bypass == "t") != service {
        let does = if service { "does not bypass" } else { "bypasses" };
        Some(format!("role {current} {does} row level security"))
    } else if !service && active != "t" {
        Some("row level security is not active".to_owned())
    } else {
        None
    }
}
