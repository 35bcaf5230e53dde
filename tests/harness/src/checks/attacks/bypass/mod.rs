//! This file is family B: the ways around the policies.

/// B02: every function that a client's role can execute.
mod functions;
/// B04, B06: becoming somebody else.
mod identities;
/// B07, B08: privileges that are there, and that tomorrow's objects will have.
mod privileges;
/// B10: what reaches out of the database, and what is trusted before the policies are.
mod server_access;
/// B03: names that the attacker has made, in functions that run with another's rights.
mod shadows;
/// Trials of lists, and of statements that have to be refused.
mod statements;
/// B01, B05, B09: relations that no policy protects.
mod surfaces;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub const ATTACKS: [Attack; 10] = [
    Attack {
        id: "B01",
        title: "views and materialized views: read them, write through them",
        meaning: "A view reads with its owner's rights unless it is security invoker, and a \
                  materialized view has no policies at all. A finding means that one shows or \
                  changes rows of somebody else's.",
        remedy: "create the view with (security_invoker = true); revoke a materialized view from \
                 every client role, since no policy applies to it",
        references: &["splinter 0010_security_definer_view", "CWE-863"],
        unless: "there is no view",
        kind: Kind::Probes(surfaces::views),
    },
    Attack {
        id: "B02",
        title: "functions, called with the victim's ids, nulls, extremes and hostile text",
        meaning: "A function that is security definer is bound by no policy. A finding means that \
                  one gives somebody else's rows to whoever passes the right argument, or runs \
                  text that it was passed.",
        remedy: "make the function security invoker, take the user from auth.uid(), and build no \
                 statement from text; or revoke it from public, anon and authenticated",
        references: &["CWE-639", "CWE-89"],
        unless: "no function of the schema can be executed by a client's role",
        kind: Kind::Probes(functions::calls),
    },
    Attack {
        id: "B03",
        title: "names shadowed in pg_temp and in the caller's search path",
        meaning: "A finding means that a function with its owner's rights looks names up where its \
                  caller says: the caller makes a table, function, type or operator of that name, \
                  and it runs with the owner's rights.",
        remedy: "set search_path = '' and qualify every name in a security definer function, types \
                 in declarations and casts too; what it calls must do so as well",
        references: &["CVE-2018-1058", "splinter 0011_function_search_path_mutable", "CWE-426"],
        unless: "no statement of a client runs a security definer function",
        kind: Kind::Trials(|sandbox| Box::pin(shadows::trials(sandbox))),
    },
    Attack {
        id: "B04",
        title: "change role or claims by a function or a statement",
        meaning: "Who the caller is stands in the role and in the claims, which are settings. A \
                  finding means that a function lets its caller set them.",
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
        meaning: "A rule, an INSTEAD OF trigger and a foreign table act with their owner's rights. \
                  A finding means that one of them reads or changes rows of somebody else's, or \
                  could.",
        remedy: "drop the rule, let the trigger's function be security invoker, and revoke the \
                 foreign table from every client role: all three run with their owner's rights",
        references: &["splinter 0017_foreign_table_in_api", "CWE-863"],
        unless: "there is no rule, no INSTEAD OF trigger and no foreign table",
        kind: Kind::Trials(|sandbox| Box::pin(surfaces::rewritten(sandbox))),
    },
    Attack {
        id: "B06",
        title: "ownership and membership: roles that policies do not bind",
        meaning: "Policies do not hold for a table's owner, for superusers and for roles with \
                  BYPASSRLS. A finding means that a client's role is one, owns something, or is a \
                  member of one that does.",
        remedy: "revoke the membership, take the attribute from the role, and give the object to \
                 postgres",
        references: &["CWE-269", "CWE-250"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(identities::reachable(sandbox))),
    },
    Attack {
        id: "B07",
        title: "privileges that no client needs",
        meaning: "A finding means that a client's role holds a privilege that no client uses: to \
                  truncate, to create triggers or objects, to execute for everybody. Policies do \
                  not limit any of these.",
        remedy: "revoke all on the object from public, anon and authenticated, then grant what \
                 clients use",
        references: &["CWE-732", "CWE-250"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(privileges::needless(sandbox))),
    },
    Attack {
        id: "B08",
        title: "what a later migration creates with nothing said",
        meaning: "A finding means that a table or function which somebody adds without a word \
                  about privileges is open to clients from its first moment, because default \
                  privileges grant it.",
        remedy: "alter default privileges in schema public revoke all on tables, sequences and \
                 functions from anon and authenticated, and on functions from public",
        references: &["splinter 0013_rls_disabled_in_public", "CWE-276"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(privileges::later_objects(sandbox))),
    },
    Attack {
        id: "B09",
        title: "the auth server's tables",
        meaning: "The auth server keeps accounts, tokens and sessions in its own schema. A finding \
                  means that a client reaches a table of it.",
        remedy: "revoke every privilege in schema auth from the client roles, and show no view of \
                 it",
        references: &["splinter 0002_auth_users_exposed", "CWE-200"],
        unless: "there is no table in schema auth",
        kind: Kind::Probes(|context| Ok(surfaces::auth_tables(context))),
    },
    Attack {
        id: "B10",
        title: "large objects, programs, server files, other databases, LEAKPROOF functions",
        meaning: "A finding means that a client can read the server's files, run its programs, \
                  reach other databases or large objects, or that a function is trusted to keep \
                  secrets by somebody who is no superuser.",
        remedy: "revoke the function from public, anon and authenticated; make nothing LEAKPROOF",
        references: &["CWE-22", "CWE-78", "CWE-918"],
        unless: "never",
        kind: Kind::Trials(|sandbox| Box::pin(server_access::trials(sandbox))),
    },
];
