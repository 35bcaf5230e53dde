//! Linter rules about extensions, types and settings of the platform.

use super::rule::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0012_auth_allow_anonymous_sign_ins",
            title: "policies for users apply to anonymous users as well",
            meaning: "An anonymous user is signed in and has the role authenticated, with an \
                      is_anonymous claim that is true. A policy to authenticated applies to them \
                      unless it checks that claim.",
            remedy: "review what the grids expect for the anonymous user, guest",
            references: &[
                "https://supabase.github.io/splinter/0012_auth_allow_anonymous_sign_ins/",
            ],
            example: Example {
                fault: "alter policy \"Users read their own notes\" on public.notes to \
                        authenticated using (true);",
                object: "notes.Users read their own notes",
                check: "lint/0012_auth_allow_anonymous_sign_ins",
                expected: NOTHING,
                observed: "not checked here",
            },
        },
        looks: Detection::Nowhere(
            "anonymous users are a setting of the auth server; every grid has their expected \
                outcomes, under guest",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0014_extension_in_public",
            title: "an extension is installed in the API's schema",
            meaning: "The extension's functions and operators become part of the API, and are in \
                every role's search_path.",
            remedy: "alter extension … set schema extensions",
            references: &["https://supabase.github.io/splinter/0014_extension_in_public/"],
            example: Example {
                fault: "create extension citext with schema public;",
                object: "citext",
                check: "lint/0014_extension_in_public",
                expected: NOTHING,
                observed: "citext: installed in public",
            },
        },
        looks: Detection::At(
            "select e.extname::text, 'installed in public' from pg_extension e
            where e.extnamespace = 'public'::regnamespace",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0018_unsupported_reg_types",
            title: "a column has a type that pg_upgrade does not support",
            meaning: "A value of such a type is an object's OID, which pg_upgrade does not \
                preserve.",
            remedy: "store the name of the object as text",
            references: &["https://supabase.github.io/splinter/0018_unsupported_reg_types/"],
            example: Example {
                fault: "alter table public.notes add column parts regprocedure[];",
                object: "notes.parts",
                check: "lint/0018_unsupported_reg_types",
                expected: NOTHING,
                observed: "notes.parts: regprocedure[]",
            },
        },
        // It supports regclass, regrole and regtype. Domains and arrays of the types count,
        // too.
        looks: Detection::At(
            "select r.name || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
            from relation r
            join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
            join pg_type t on t.oid = a.atttypid
            where r.kind in ('r', 'p', 'm') and array[t.oid, t.typelem, t.typbasetype] && array[
                'regcollation'::regtype, 'regconfig'::regtype, 'regdictionary'::regtype,
                'regnamespace'::regtype, 'regoper'::regtype, 'regoperator'::regtype,
                'regproc'::regtype, 'regprocedure'::regtype
            ]::oid[]",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0022_extension_versions_outdated",
            title: "an extension is not of the version that the server installs by itself",
            meaning: "Faults that were fixed in a newer version of the extension, including \
                security faults, are present here.",
            remedy: "leave the version out of create extension, or alter extension … update",
            references: &[
                "CWE-1104",
                "https://supabase.github.io/splinter/0022_extension_versions_outdated/",
            ],
            example: Example {
                fault: "create extension hstore with schema extensions version '1.4';",
                object: "hstore",
                check: "lint/0022_extension_versions_outdated",
                expected: NOTHING,
                observed: "hstore: 1.4 instead of 1.8",
            },
        },
        looks: Detection::At(
            "select e.extname::text, e.extversion || ' instead of ' || a.default_version
            from pg_extension e
            join pg_available_extensions() a on a.name = e.extname
            where e.extversion <> a.default_version",
        ),
    },
];
