//! Linter rules about objects that the API exposes.

use super::rule::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0002_auth_users_exposed",
            title: "a view exposes the users of the auth server",
            meaning: "The auth server's table of users holds e-mail addresses, telephone numbers \
                and hashed passwords, and has no policies. A view of it with its owner's \
                privileges exposes it to every role that may read the view.",
            remedy: "keep public data in a separate table, or make the view security invoker over \
                a table with row level security",
            references: &[
                "CWE-359",
                "https://supabase.github.io/splinter/0002_auth_users_exposed/",
            ],
            example: Example {
                fault: "create view public.people as select email from auth.users;\n\
                        grant select on public.people to authenticated;",
                object: "people",
                check: "lint/0002_auth_users_exposed",
                expected: NOTHING,
                observed: "people: read by authenticated",
            },
        },
        // Including views of views. A security invoker view shows only what its caller may
        // read, so it counts only if the table of users is readable itself.
        looks: Detection::At(
            "with recursive reads (top, at) as (
                select v.oid, v.oid from relation v where v.kind in ('v', 'm')
                union
                select reads.top, d.refobjid from reads
                join pg_rewrite w on w.ev_class = reads.at
                join pg_depend d on d.classid = 2618 and d.objid = w.oid and d.refclassid = 1259
            )
            select v.name, 'read by ' || v.readable
            from reads
            join relation v on v.oid = reads.top and v.readable is not null
            join pg_class accounts on accounts.oid = reads.at
            where accounts.oid = to_regclass('auth.users') and (
                v.kind = 'm' or not v.invoker or not accounts.relrowsecurity and exists (
                    select from client r
                    where has_any_column_privilege(r.oid, accounts.oid, 'select')
                )
            )",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0010_security_definer_view",
            title: "a view uses its owner's privileges and bypasses its caller's policies",
            meaning: "A view has the privileges of its owner unless it is security invoker, and \
                policies do not apply to a table's owner. A role that may read the view reads \
                every user's rows.",
            remedy: "alter view … set (security_invoker = true)",
            references: &[
                "CWE-863",
                "https://supabase.github.io/splinter/0010_security_definer_view/",
            ],
            example: Example {
                fault: "create view public.bodies as select body from public.notes;\n\
                        grant select on public.bodies to authenticated;",
                object: "bodies",
                check: "lint/0010_security_definer_view",
                expected: NOTHING,
                observed: "bodies: not security invoker; open to authenticated",
            },
        },
        looks: Detection::At(
            "select v.name, 'not security invoker; open to ' || v.reachable from relation v
            where v.kind = 'v' and not v.invoker and v.reachable is not null",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0016_materialized_view_in_api",
            title: "clients read a materialized view, which has no row level security",
            meaning: "A materialized view stores the rows that its owner reads. It cannot have \
                policies, so that a role with the privilege reads all of them.",
            remedy: "revoke it from the client roles, and expose it through a function or a view",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0016_materialized_view_in_api/",
            ],
            example: Example {
                fault: "create materialized view public.bodies as select body from public.notes;\n\
                        grant select on public.bodies to authenticated;",
                object: "bodies",
                check: "lint/0016_materialized_view_in_api",
                expected: NOTHING,
                observed: "bodies: read by authenticated",
            },
        },
        looks: Detection::At(
            "select v.name, 'read by ' || v.readable from relation v
            where v.kind = 'm' and v.readable is not null",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0017_foreign_table_in_api",
            title: "clients reach a foreign table, which has no row level security",
            meaning: "The rows of a foreign table are fetched with the privileges of its user \
                mapping. It cannot have policies.",
            remedy: "revoke it from the client roles, or move it to a schema that the API does not \
                expose",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0017_foreign_table_in_api/",
            ],
            example: Example {
                fault: "create foreign data wrapper elsewhere;\n\
                        create server other foreign data wrapper elsewhere;\n\
                        create foreign table public.things (id uuid) server other;\n\
                        grant select on public.things to authenticated;",
                object: "things",
                check: "lint/0017_foreign_table_in_api",
                expected: NOTHING,
                observed: "things: open to authenticated",
            },
        },
        looks: Detection::At(
            "select t.name, 'open to ' || t.reachable from relation t
            where t.kind = 'f' and t.reachable is not null",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0019_insecure_queue_exposed_in_api",
            title: "clients reach a queue that has no row level security",
            meaning: "The tables of a queue hold messages of all users, and pgmq makes them \
                      without row level security.",
            remedy: "enable row level security on the queue's table, or revoke it",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0019_insecure_queue_exposed_in_api/",
            ],
            example: Example {
                fault: "create schema pgmq;\n\
                        create table pgmq.q_mail (msg_id bigint primary key);\n\
                        grant delete on pgmq.q_mail to anon;",
                object: "pgmq.q_mail",
                check: "lint/0019_insecure_queue_exposed_in_api",
                expected: NOTHING,
                observed: "pgmq.q_mail: open to anon",
            },
        },
        looks: Detection::At(
            "select 'pgmq.' || q.relname, 'open to ' || string_agg(r.name, ' and ' order by r.name)
            from pg_class q
            join pg_namespace n on n.oid = q.relnamespace and n.nspname = 'pgmq'
            join client r on has_any_column_privilege(r.oid, q.oid, 'select, insert, update')
                or has_table_privilege(r.oid, q.oid, 'delete')
            where q.relkind in ('r', 'p') and q.relname ~ '^[aq]_' and not q.relrowsecurity
            group by q.relname",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0023_sensitive_columns_exposed",
            title: "clients reach a column that is named like a secret in a table without row \
                level security",
            meaning: "A column whose name suggests a secret can be reached by clients, and no \
                policy restricts its rows.",
            remedy: "enable row level security, and do not grant the column to a client role",
            references: &[
                "CWE-200",
                "https://supabase.github.io/splinter/0023_sensitive_columns_exposed/",
            ],
            example: Example {
                fault: "create table public.keys (id uuid primary key, api_key_hash text, footprint text);\n\
                        grant select on public.keys to anon;",
                object: "keys.api_key_hash",
                check: "lint/0023_sensitive_columns_exposed",
                expected: NOTHING,
                observed: "keys.api_key_hash: open to anon",
            },
        },
        // The patterns of the rule's page, applied to the column's name.
        looks: Detection::At(
            "select t.name || '.' || a.attname, 'open to ' || t.reachable
            from relation t
            join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
            where t.kind in ('r', 'p') and not t.secured and t.reachable is not null
                and lower(a.attname) ~ ('(^|_)(password|passwd|pwd|secret|api_?key|token|jwt'
                    '|auth_code|otp|ssn|social_security|driver_license|passport_number'
                    '|national_id|tax_id|credit_card|card_number|cvv|bank_account'
                    '|account_number|routing_number|iban|swift_code|health_record'
                    '|medical_record|patient_id|insurance_number|diagnosis|mac_address|imei'
                    '|device_uuid|ssh_key|pgp_key|certificate|fingerprint|biometric'
                    '|facial_recognition)(_|$)')",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0025_public_bucket_allows_listing",
            title: "clients may list the files of a public bucket",
            meaning: "The files of a public bucket are read by URL, and need no policy. A policy \
                for select on the table of files lets everyone list the URLs.",
            remedy: "drop the policy; the files of a public bucket are read without one",
            references: &[
                "CWE-548",
                "https://supabase.github.io/splinter/0025_public_bucket_allows_listing/",
            ],
            example: Example {
                fault: "create policy \"Anyone sees files\" on storage.objects for select using \
                        (bucket_id = 'pictures');",
                object: "pictures",
                check: "lint/0025_public_bucket_allows_listing",
                expected: NOTHING,
                observed: "not checked here",
            },
        },
        looks: Detection::Nowhere(
            "the platform shim has no storage, and a migration that names its tables cannot be \
                applied",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0026_pg_graphql_anon_table_exposed",
            title: "pg_graphql exposes the name and columns of a table to everyone",
            meaning: "The extension makes a GraphQL schema of all tables that a role may read, \
                which the role can query.",
            remedy: "revoke the table from anon, or drop the extension where nobody uses it",
            references: &[
                "CWE-200",
                "https://supabase.github.io/splinter/0026_pg_graphql_anon_table_exposed/",
            ],
            example: Example {
                fault: "grant select on public.notes to anon;",
                object: "notes",
                check: "lint/0026_pg_graphql_anon_table_exposed",
                expected: NOTHING,
                observed: "not checked here",
            },
        },
        looks: Detection::Nowhere(PG_GRAPHQL),
    },
    Lint {
        rule: Rule {
            id: "lint.0027_pg_graphql_authenticated_table_exposed",
            title: "pg_graphql exposes the name and columns of a table to every user",
            meaning: "The extension makes a GraphQL schema of all tables that a role may read, \
                which the role can query.",
            remedy: "revoke the table from authenticated, or drop the extension where nobody \
                     uses it",
            references: &[
                "CWE-200",
                "https://supabase.github.io/splinter/0027_pg_graphql_authenticated_table_exposed/",
            ],
            example: Example {
                fault: "grant select on public.notes to authenticated;",
                object: "notes",
                check: "lint/0027_pg_graphql_authenticated_table_exposed",
                expected: NOTHING,
                observed: "not checked here",
            },
        },
        looks: Detection::Nowhere(PG_GRAPHQL),
    },
];

const PG_GRAPHQL: &str = "pg_graphql is not among the extensions of the shim; it exposes what the \
    contract lets a role read";
