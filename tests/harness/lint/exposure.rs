//! This file is the rules about what the API shows and is better not shown.

use super::{Lint, Looks};
use crate::harness::rules::Rule;

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0002_auth_users_exposed",
            title: "a view shows the accounts of the auth server",
            remedy: "keep what is to be shown in a table of its own, or make the view security \
                     invoker over accounts with row level security",
            references: &[
                "CWE-359",
                "https://supabase.github.io/splinter/0002_auth_users_exposed/",
            ],
        },
        // Through other views too. A view with its caller's rights shows what the caller may
        // read of the accounts anyway, so it is the accounts that must be open.
        looks: Looks::At(
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
            title: "a view reads with its owner's rights, past the policies of its caller",
            remedy: "alter view … set (security_invoker = true)",
            references: &[
                "CWE-863",
                "https://supabase.github.io/splinter/0010_security_definer_view/",
            ],
        },
        looks: Looks::At(
            "select v.name, 'not security invoker; open to ' || v.reachable from relation v
            where v.kind = 'v' and not v.invoker and v.reachable is not null",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0016_materialized_view_in_api",
            title: "clients read a materialized view, which has no row level security",
            remedy: "revoke it from the client roles, and show it through a function or a view",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0016_materialized_view_in_api/",
            ],
        },
        looks: Looks::At(
            "select v.name, 'read by ' || v.readable from relation v
            where v.kind = 'm' and v.readable is not null",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0017_foreign_table_in_api",
            title: "clients reach a foreign table, which has no row level security",
            remedy: "revoke it from the client roles, or put it into a schema that is not shown",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0017_foreign_table_in_api/",
            ],
        },
        looks: Looks::At(
            "select t.name, 'open to ' || t.reachable from relation t
            where t.kind = 'f' and t.reachable is not null",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0019_insecure_queue_exposed_in_api",
            title: "clients reach a queue that has no row level security",
            remedy: "enable row level security on the queue's table, or revoke it",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0019_insecure_queue_exposed_in_api/",
            ],
        },
        looks: Looks::At(
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
            title: "clients reach a secret by its name in a table without row level security",
            remedy: "enable row level security, and do not grant the column to a client role",
            references: &[
                "CWE-200",
                "https://supabase.github.io/splinter/0023_sensitive_columns_exposed/",
            ],
        },
        // The words of the rule's page, as words of the column's name.
        looks: Looks::At(
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
            remedy: "drop the policy; the files of a public bucket are read without one",
            references: &[
                "CWE-548",
                "https://supabase.github.io/splinter/0025_public_bucket_allows_listing/",
            ],
        },
        looks: Looks::Nowhere(
            "the platform that is imitated here has no storage, and a migration that speaks of \
             its tables does not apply",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0026_pg_graphql_anon_table_exposed",
            title: "pg_graphql tells everybody the name and columns of a table",
            remedy: "revoke the table from anon, or drop the extension where nobody uses it",
            references: &[
                "CWE-200",
                "https://supabase.github.io/splinter/0026_pg_graphql_anon_table_exposed/",
            ],
        },
        looks: Looks::Nowhere(PG_GRAPHQL),
    },
    Lint {
        rule: Rule {
            id: "lint.0027_pg_graphql_authenticated_table_exposed",
            title: "pg_graphql tells every user the name and columns of a table",
            remedy: "revoke the table from authenticated, or drop the extension where nobody \
                     uses it",
            references: &[
                "CWE-200",
                "https://supabase.github.io/splinter/0027_pg_graphql_authenticated_table_exposed/",
            ],
        },
        looks: Looks::Nowhere(PG_GRAPHQL),
    },
];

const PG_GRAPHQL: &str = "pg_graphql is not among the extensions here; where a project has it, it \
                          shows what the contract lets the role read";
