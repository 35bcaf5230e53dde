//! Reading with other identities: each reads every table and view.

use serde_json::{Value, json};

use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona, merge};

type Probes = Result<Vec<Probe>, CannotRun>;

/// Every table and view, read whole by each identity.
pub(super) fn read_by(context: &Context<'_>, identities: &[Identity]) -> Probes {
    let mut probes = Vec::new();
    for subject in context.owned_relations() {
        let (list, table) = (subject.select_list(), subject.relation.qualified());
        let identities = identities.iter().filter(|it| context.has_secrets(&subject, it));
        for (nth, identity) in identities.enumerate() {
            let script = vec![format!("select {list} from {table}")];
            let mut probe = context.probe_by(identity.clone(), &subject, &identity.name, script)?;
            probe.worlds.truncate(1);
            if nth > 0 {
                probe.control = Control::Nobody("the first of them has shown that it bites");
            }
            probes.push(probe);
        }
    }
    Ok(probes)
}

pub(super) fn identity(name: &str, role: &str, claims: &str) -> Identity {
    Identity { name: name.to_owned(), role: role.to_owned(), claims: claims.to_owned() }
}

/// R02: nobody, in every form that nobody has.
pub(super) fn nobody(context: &Context<'_>) -> Probes {
    read_by(
        context,
        &[
            Persona::NoToken.identity(),
            Persona::AnonKey.identity(),
            identity("anon, no claim", "anon", "{}"),
            identity("anon, null for claims", "anon", "null"),
            identity("signed in, empty claims", "authenticated", ""),
            identity("signed in, no claim", "authenticated", "{}"),
            identity("signed in, null for claims", "authenticated", "null"),
        ],
    )
}

/// R03: somebody who has signed in, with a subject that is nobody's.
pub(super) fn malformed(context: &Context<'_>) -> Probes {
    let victim = VICTIM.user_id().unwrap_or_default();
    let attacker = ATTACKER.user_id().unwrap_or_default();
    let signed_in = |name: &str, claims: &str| identity(name, "authenticated", claims);
    let subject = |name: &str, sub: Value| {
        signed_in(name, &json!({"role": "authenticated", "sub": sub}).to_string())
    };
    read_by(
        context,
        &[
            signed_in("no subject", r#"{"role": "authenticated", "aud": "authenticated"}"#),
            subject("subject null", Value::Null),
            subject("subject empty", json!("")),
            subject("subject not a uuid", json!("alice")),
            subject("subject a pattern", json!("%")),
            subject("subject a number", json!(0)),
            subject("subject true", json!(true)),
            subject("subject an array", json!([victim])),
            subject("subject an object", json!({"sub": victim})),
            subject("subject cut short", json!(&victim[..35])),
            subject("subject 10 kB long", json!(victim.repeat(285))),
            subject("subject a statement", json!(format!("{victim}' or true --"))),
            signed_in(
                "two subjects",
                &format!(r#"{{"sub": "{victim}", "role": "authenticated", "sub": "{attacker}"}}"#),
            ),
            signed_in(
                "subject and role nested",
                &json!({"role": {"role": "service_role"}, "claims": {"sub": victim,
                    "role": "service_role"}})
                .to_string(),
            ),
            signed_in("claims an array", &json!([{"sub": victim}]).to_string()),
            signed_in("claims no document", victim),
        ],
    )
}

/// R09: the attacker, with claims that a policy must not believe.
pub(super) fn forged(context: &Context<'_>) -> Probes {
    let victim = VICTIM.user_id();
    let with = |name: &str, role: &str, forge: &dyn Fn(&mut Value)| {
        let text = context.contract.identity(ATTACKER).claims;
        let mut claims: Value = text.parse().unwrap_or_default();
        forge(&mut claims);
        identity(name, role, &claims.to_string())
    };
    let metadata = |role: &str| {
        json!({
            "sub": victim, "id": victim, "user_id": victim, "owner": victim, "tenant_id": victim,
            "email": VICTIM.email(), "role": role, "roles": [role], "user_role": role,
            "is_admin": true, "admin": true, "is_super_admin": true, "claims_admin": true,
            "permissions": ["*"],
        })
    };
    let victims: Value = context.contract.identity(VICTIM).claims.parse().unwrap_or_default();
    let mut identities = Vec::new();
    for role in ["admin", "service_role"] {
        for place in ["user_metadata", "app_metadata"] {
            let name = format!("{place} of {role}");
            let forge = |claims: &mut Value| {
                claims[place] = metadata(role);
                // Users write what the back end writes of others into app_metadata.
                if place == "user_metadata" {
                    merge(&mut claims[place], &victims["app_metadata"]);
                }
            };
            identities.push(with(&name, "authenticated", &forge));
        }
    }
    for role in ["service_role", "supabase_admin", "postgres", "anon"] {
        let forge = |claims: &mut Value| claims["role"] = json!(role);
        identities.push(with(&format!("role claim {role}"), "authenticated", &forge));
    }
    // An address may have the characters of a pattern; this one stands for all of them.
    let pattern = |claims: &mut Value| claims["email"] = json!("%");
    identities.push(with("pattern as address", "authenticated", &pattern));
    identities.push(with("anonymous", "authenticated", &|c| c["is_anonymous"] = json!(true)));
    identities.push(with("aal2", "authenticated", &|c| c["aal"] = json!("aal2")));
    identities.push(with("database role anon", "anon", &|_| {}));
    identities.push(with("anon, role claim service_role", "anon", &|claims| {
        *claims = json!({"role": "service_role", "app_metadata": metadata("service_role")});
    }));
    read_by(context, &identities)
}
