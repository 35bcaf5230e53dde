//! Linter rules about functions.

use super::rule::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0011_function_search_path_mutable",
            title: "a function resolves names with its caller's search_path",
            meaning: "A name without its schema is resolved with search_path, which the caller \
                sets. In a function with its owner's privileges the caller can make it use another \
                object of the same name.",
            remedy: "alter function … set search_path = ''",
            references: &[
                "CWE-426",
                "https://supabase.github.io/splinter/0011_function_search_path_mutable/",
            ],
            example: Example {
                fault: "create function public.one() returns integer language sql as 'select 1';",
                object: "one",
                check: "lint/0011_function_search_path_mutable",
                expected: NOTHING,
                observed: "one: no search_path of its own",
            },
        },
        // Any value counts.
        looks: Detection::At(
            "select f.name, 'no search_path of its own' from function f
            where not exists (
                select from unnest(f.proconfig) setting where setting like 'search\\_path=%'
            )",
        ),
    },
    // Clients cannot call trigger functions.
    Lint {
        rule: Rule {
            id: "lint.0028_anon_security_definer_function_executable",
            title: "everyone may call a function that has its owner's privileges",
            meaning: "No policy applies to such a function, and this one can be called without \
                signing in. Only its body decides what it returns.",
            remedy: "revoke execute from anon and public, or make it security invoker",
            references: &[
                "CWE-250",
                "https://supabase.github.io/splinter/0028_anon_security_definer_function_executable/",
            ],
            example: Example {
                fault: "create function public.one() returns integer language sql security definer\n\
                        \x20   set search_path = '' as 'select 1';\n\
                        revoke all on function public.one() from public, authenticated;\n\
                        grant execute on function public.one() to anon;",
                object: "one",
                check: "lint/0028_anon_security_definer_function_executable",
                expected: NOTHING,
                observed: "one: security definer, and anon may execute it",
            },
        },
        looks: Detection::At(
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
            title: "every user may call a function that has its owner's privileges",
            meaning: "No policy applies to such a function, and every user may call it. Only its \
                body decides what it returns.",
            remedy: "revoke execute from authenticated and public, or make it security invoker",
            references: &[
                "CWE-250",
                "https://supabase.github.io/splinter/0029_authenticated_security_definer_function_executable/",
            ],
            example: Example {
                fault: "create function public.one() returns integer language sql security definer\n\
                        \x20   set search_path = '' as 'select 1';\n\
                        revoke all on function public.one() from public, anon;\n\
                        grant execute on function public.one() to authenticated;",
                object: "one",
                check: "lint/0029_authenticated_security_definer_function_executable",
                expected: NOTHING,
                observed: "one: security definer, and authenticated may execute it",
            },
        },
        looks: Detection::At(
            "select f.name, 'security definer, and authenticated may execute it' from function f
            join client r on r.name = 'authenticated'
                and has_function_privilege(r.oid, f.oid, 'execute')
            where f.prosecdef and f.prorettype not in (
                'trigger'::regtype, 'event_trigger'::regtype
            )",
        ),
    },
];
