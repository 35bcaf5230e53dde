//! This file is the rules about extensions, types and settings of the platform.

use super::{Lint, Looks};
use crate::harness::rules::Rule;

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0012_auth_allow_anonymous_sign_ins",
            title: "policies for users are for anonymous users as well",
            remedy: "look in the grids at what an anonymous user may do",
            references: &[
                "https://supabase.github.io/splinter/0012_auth_allow_anonymous_sign_ins/",
            ],
        },
        looks: Looks::Nowhere(
            "whether there are anonymous users is a setting of the auth server; what one may do \
             is in every grid, under guest, and is tried",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0014_extension_in_public",
            title: "an extension is installed in the API's schema",
            remedy: "alter extension … set schema extensions",
            references: &["https://supabase.github.io/splinter/0014_extension_in_public/"],
        },
        looks: Looks::At(
            "select e.extname::text, 'installed in public' from pg_extension e
            where e.extnamespace = 'public'::regnamespace",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0018_unsupported_reg_types",
            title: "a column has a type that pg_upgrade does not take along",
            remedy: "keep the name of the object, as text",
            references: &["https://supabase.github.io/splinter/0018_unsupported_reg_types/"],
        },
        // It takes along regclass, regrole and regtype. Domains and arrays hold the same.
        looks: Looks::At(
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
            remedy: "leave the version out of create extension, or alter extension … update",
            references: &[
                "CWE-1104",
                "https://supabase.github.io/splinter/0022_extension_versions_outdated/",
            ],
        },
        looks: Looks::At(
            "select e.extname::text, e.extversion || ' instead of ' || a.default_version
            from pg_extension e
            join pg_available_extensions() a on a.name = e.extname
            where e.extversion <> a.default_version",
        ),
    },
];
