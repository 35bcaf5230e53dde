//! This file is the rules about functions.

use super::{Lint, Looks};
use crate::harness::rules::Rule;

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0011_function_search_path_mutable",
            title: "a function looks names up where its caller says",
            remedy: "alter function … set search_path = ''",
            references: &[
                "CWE-426",
                "https://supabase.github.io/splinter/0011_function_search_path_mutable/",
            ],
        },
        // Whatever it is pinned to.
        looks: Looks::At(
            "select f.name, 'no search_path of its own' from function f
            where not exists (
                select from unnest(f.proconfig) setting where setting like 'search\\_path=%'
            )",
        ),
    },
    // What a trigger calls, no client can.
    Lint {
        rule: Rule {
            id: "lint.0028_anon_security_definer_function_executable",
            title: "everybody may call a function that has its owner's rights",
            remedy: "revoke execute from anon and public, or make it security invoker",
            references: &[
                "CWE-250",
                "https://supabase.github.io/splinter/0028_anon_security_definer_function_executable/",
            ],
        },
        looks: Looks::At(
            "select f.name, 'security definer, and anon may execute it' from function f
            join client r on r.name = 'anon' and has_function_privilege(r.oid, f.oid, 'execute')
            where f.prosecdef and f.prorettype not in (
                'trigger'::regtype, 'event_trigger'::regtype
            )",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0029_authenticated_security_definer_function_executable",
            title: "every user may call a function that has its owner's rights",
            remedy: "revoke execute from authenticated and public, or make it security invoker",
            references: &[
                "CWE-250",
                "https://supabase.github.io/splinter/0029_authenticated_security_definer_function_executable/",
            ],
        },
        looks: Looks::At(
            "select f.name, 'security definer, and authenticated may execute it' from function f
            join client r on r.name = 'authenticated'
                and has_function_privilege(r.oid, f.oid, 'execute')
            where f.prosecdef and f.prorettype not in (
                'trigger'::regtype, 'event_trigger'::regtype
            )",
        ),
    },
];
