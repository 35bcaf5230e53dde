//! This file is the rules about extensions, types and settings of the platform.

use super::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0012_auth_allow_anonymous_sign_ins",
            title: "policies for users are for anonymous users as well",
            meaning: "An anonymous user is signed in and has the role authenticated, with an \
                      is_anonymous claim that is true. A policy to authenticated holds for one \
                      unless it looks at that claim.",
            remedy: "look in the grids at what an anonymous user may do",
            references: &[
                "https://supabase.github.io/splinter/0012_auth_allow_anonymous_sign_ins/",
            ],
            example: Example {
                fault: "alter policy \"Users read their own notes\" on public.notes to \
                        authenticated using (true);",
                object: "notes.Users read their own notes",
                check: "lint/0012_auth_allow_anonymous_sign_ins",
                expected: NOTHING,
                observed: "nothing, since it is not looked at here",
            },
        },
        looks: Detection::Nowhere(
            "whether there are anonymous users is a setting of the auth server; what one may do \
             is in every grid, under guest, and is tried",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0014_extension_in_public",
            title: "an extension is installed in the API's schema",
            meaning: "An extension's functions and operators become part of the API, and stand in \
                      everybody's search path.",
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
            title: "a column has a type that pg_upgrade does not take along",
            meaning: "A value of such a type is the number of an object, and pg_upgrade gives \
                      objects new numbers.",
            remedy: "keep the name of the object, as text",
            references: &["https://supabase.github.io/splinter/0018_unsupported_reg_types/"],
            example: Example {
                fault: "alter table public.notes add column parts regprocedure[];",
                object: "notes.parts",
                check: "lint/0018_unsupported_reg_types",
                expected: NOTHING,
                observed: "notes.parts: regprocedure[]",
            },
        },
        // It takes along regclass, regrole and regtype. Domains and arrays hold the same.
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
            meaning: "What was mended in a newer version of the extension, faults in security \
                      among it, is not mended here.",
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
