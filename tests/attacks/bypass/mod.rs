//! This file is family B: the ways around the policies.

/// B10: what reaches out of the database, and what is trusted before the policies are.
mod engine_room;
/// B02: every function that a client's role can execute.
mod functions;
/// B04, B06: becoming somebody else.
mod identities;
/// B07, B08: privileges that are there, and that tomorrow's objects will have.
mod privileges;
/// B03: names that the attacker has made, in functions that run with another's rights.
mod shadows;
/// B01, B05, B09: relations that no policy protects.
mod surfaces;
/// Trials of lists, and of statements that have to be refused.
mod words;

use crate::harness::attack::{Attack, Kind};

/// The family.
pub(crate) const ATTACKS: [Attack; 10] = [
    Attack {
        id: "B01",
        title: "views and materialized views: read them, write through them",
        remedy: "create the view with (security_invoker = true); revoke a materialized view from \
                 every client role, since no policy applies to it",
        references: &["splinter 0010_security_definer_view", "CWE-863"],
        unless: "there is no view",
        kind: Kind::Probes(surfaces::views),
    },
    Attack {
        id: "B02",
        title: "functions, called with the victim's ids, nulls, extremes and hostile text",
        remedy: "make the function security invoker, take the user from auth.uid(), and build no \
                 statement from text; or revoke it from public, anon and authenticated",
        references: &["CWE-639", "CWE-89"],
        unless: "no function of the schema can be executed by a client's role",
        kind: Kind::Probes(functions::calls),
    },
    Attack {
        id: "B03",
        title: "names shadowed in pg_temp and in the caller's search path",
        remedy: "set search_path = '' and qualify every name in a security definer function, types \
                 in declarations and casts too; what it calls must do so as well",
        references: &["CVE-2018-1058", "splinter 0011_function_search_path_mutable", "CWE-426"],
        unless: "no statement of a client runs a security definer function",
        kind: Kind::Trials(|arena| Box::pin(shadows::trials(arena))),
    },
    Attack {
        id: "B04",
        title: "change role or claims by a function or a statement",
        remedy: "let no function that clients can execute call set_config or SET on a role or a \
                 claim",
        references: &["CWE-269", "CWE-287"],
        unless: "never",
        kind: Kind::Trials(|arena| Box::pin(identities::changes(arena))),
    },
    Attack {
        id: "B05",
        title: "rules, INSTEAD OF triggers and foreign tables",
        remedy: "drop the rule, let the trigger's function be security invoker, and revoke the \
                 foreign table from every client role: all three run with their owner's rights",
        references: &["splinter 0017_foreign_table_in_api", "CWE-863"],
        unless: "there is no rule, no INSTEAD OF trigger and no foreign table",
        kind: Kind::Trials(|arena| Box::pin(surfaces::rewritten(arena))),
    },
    Attack {
        id: "B06",
        title: "ownership and membership: roles that policies do not bind",
        remedy: "revoke the membership, take the attribute from the role, and give the object to \
                 postgres",
        references: &["CWE-269", "CWE-250"],
        unless: "never",
        kind: Kind::Trials(|arena| Box::pin(identities::reachable(arena))),
    },
    Attack {
        id: "B07",
        title: "privileges that no client needs",
        remedy: "revoke all on the object from public, anon and authenticated, then grant what \
                 clients use",
        references: &["CWE-732", "CWE-250"],
        unless: "never",
        kind: Kind::Trials(|arena| Box::pin(privileges::needless(arena))),
    },
    Attack {
        id: "B08",
        title: "what a later migration creates with nothing said",
        remedy: "alter default privileges in schema public revoke all on tables, sequences and \
                 functions from anon and authenticated, and on functions from public",
        references: &["splinter 0013_rls_disabled_in_public", "CWE-276"],
        unless: "never",
        kind: Kind::Trials(|arena| Box::pin(privileges::tomorrow(arena))),
    },
    Attack {
        id: "B09",
        title: "the auth server's tables",
        remedy: "revoke every privilege in schema auth from the client roles, and show no view of \
                 it",
        references: &["splinter 0002_auth_users_exposed", "CWE-200"],
        unless: "there is no table in schema auth",
        kind: Kind::Probes(|scene| Ok(surfaces::auth_tables(scene))),
    },
    Attack {
        id: "B10",
        title: "large objects, programs, server files, other databases, LEAKPROOF functions",
        remedy: "revoke the function from public, anon and authenticated; make nothing LEAKPROOF",
        references: &["CWE-22", "CWE-78", "CWE-918"],
        unless: "never",
        kind: Kind::Trials(|arena| Box::pin(engine_room::trials(arena))),
    },
];
