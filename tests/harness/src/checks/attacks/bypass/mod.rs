//! Attack family B: bypassing the policies.

/// B02: every function that a client's role can execute.
mod functions;
/// B04, B06: changes of identity.
mod identities;
/// B08: default privileges of later objects.
pub mod later;
/// B07: needless privileges.
pub mod needless;
/// B10: access beyond the database, and functions that are trusted before policies.
mod server_access;
/// B03: objects of the attacker that shadow names in definer functions.
mod shadows;
/// Trials of catalog queries, and of statements that must be refused.
mod statements;
/// B01, B05, B09: relations that no policy protects.
mod surfaces;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub(super) const ATTACKS: [Attack; 10] = [
    Attack {
        id: "B01",
        title: "views and materialized views: read them, write through them",
        meaning: "A view has its owner's privileges unless it is security invoker, and a \
            materialized view cannot have policies. A finding means that one exposes or changes \
            another user's rows.",
        remedy: "create the view with (security_invoker = true); revoke a materialized view from \
                 every client role, since no policy applies to it",
        references: &["splinter 0010_security_definer_view", "CWE-863"],
        unless: "there is no view",
        kind: Kind::Probes(surfaces::views),
    },
    Attack {
        id: "B02",
        title: "functions, called with the victim's ids, nulls, extremes and hostile text",
        meaning: "A security definer function bypasses policies. A finding means that one returns \
            another user's rows for some argument, or executes text that it was passed.",
        remedy: "make the function security invoker, take the user from auth.uid(), and build no \
                 statement from text; or revoke it from public, anon and authenticated",
        references: &["CWE-639", "CWE-89"],
        unless: "no function of the schema can be executed by a client's role",
        kind: Kind::Probes(functions::calls),
    },
    Attack {
        id: "B03",
        title: "names shadowed in pg_temp and in the caller's search path",
        meaning: "A finding means that a security definer function resolves names with its \
            caller's search_path: the caller creates a table, function, type or operator of that \
            name, which runs with the owner's privileges.",
        remedy: "set search_path = '' and qualify every name in a security definer function, types \
                 in declarations and casts too; what it calls must do so as well",
        references: &["CVE-2018-1058", "splinter 0011_function_search_path_mutable", "CWE-426"],
        unless: "no statement of a client runs a security definer function",
        kind: Kind::Trials(|sandbox| Box::pin(shadows::trials(sandbox))),
    },
    Attack {
        id: "B04",
        title: "change role or claims by a function or a statement",
        meaning: "The caller's identity is its role and claims, which are settings. A finding \
            means that a function lets its caller set them.",
        remedy: "let no function that clients can execute call set_config or SET on a role or a \
                 claim",
        references: &["CWE-269", "CWE-287"],
        unless: "never",
        kind: Kind::PartlyAccepted(identities::INHERENT, |sandbox| {
            Box::pin(identities::changes(sandbox))
        }),
    },
    Attack {
        id: "B05",
        title: "rules, INSTEAD OF triggers and foreign tables",
        meaning: "A rule, an INSTEAD OF trigger and a foreign table can act with their owner's \
            privileges. A finding means that one of them reads or changes another user's rows, or \
            could.",
        remedy: "drop the rule, let the trigger's function be security invoker, and revoke the \
                 foreign table from every client role: all three use their owner's privileges",
        references: &["splinter 0017_foreign_table_in_api", "CWE-863"],
        unless: "there is no rule, no INSTEAD OF trigger and no foreign table",
        kind: Kind::Trials(|sandbox| Box::pin(surfaces::rewritten(sandbox))),
    },
    Attack {
        id: "B06",
        title: "ownership and membership: roles that bypass policies",
        meaning: "Policies do not apply to a table's owner, to superusers and to roles with \
            BYPASSRLS. A finding means that a client's role is one, owns an object, or is a member \
            of such a role.",
        remedy: "revoke the membership, remove the attribute from the role, and change the owner \
            to postgres",
        references: &["CWE-269", "CWE-250"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(identities::reachable(sandbox))),
    },
    Attack {
        id: "B07",
        title: "privileges that no client needs",
        meaning: "A finding means that a client's role has a privilege that no client uses: to \
            truncate, to create triggers or objects, or to execute as PUBLIC. Policies restrict \
            none of these. What the platform grants on everything is one finding, with the \
            statements that take it back; what a migration grants is one for each object.",
        remedy: "revoke all on the object from public, anon and authenticated, then grant what \
                 clients use",
        references: &["CWE-732", "CWE-250"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(needless::needless(sandbox))),
    },
    Attack {
        id: "B08",
        title: "objects that a later migration creates without grants",
        meaning: "A finding means that clients can reach a table or function that a later \
            migration creates without a grant or revoke, because default privileges grant it. It \
            names the kinds of objects, who reaches them, and the statements that take it back.",
        remedy: "alter default privileges in schema public revoke all on tables, sequences and \
                 functions from anon and authenticated, and on functions from public",
        references: &["splinter 0013_rls_disabled_in_public", "CWE-276"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(later::later_objects(sandbox))),
    },
    Attack {
        id: "B09",
        title: "the auth server's tables",
        meaning: "The auth server stores users, tokens and sessions in its own schema. A finding \
            means that a client can reach one of its tables.",
        remedy: "revoke every privilege in schema auth from the client roles, and expose no view \
            of it",
        references: &["splinter 0002_auth_users_exposed", "CWE-200"],
        unless: "there is no table in schema auth",
        kind: Kind::Probes(|context| Ok(surfaces::auth_tables(context))),
    },
    Attack {
        id: "B10",
        title: "large objects, programs, server files, other databases, LEAKPROOF functions",
        meaning: "A finding means that a client can read files of the server, run programs, reach \
            other databases or large objects, or that a leakproof function is owned by a role that \
            is no superuser.",
        remedy: "revoke the function from public, anon and authenticated; make nothing LEAKPROOF",
        references: &["CWE-22", "CWE-78", "CWE-918"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(server_access::trials(sandbox))),
    },
];
