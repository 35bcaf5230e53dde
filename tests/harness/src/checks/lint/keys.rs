//! Linter rules about keys and indexes.

use super::rule::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0001_unindexed_foreign_keys",
            title: "a foreign key has no index that begins with its columns",
            meaning: "Deleting or updating a row searches for the rows that reference it, and so \
                does every join on the key. Without an index each search reads the whole table.",
            remedy: "create an index whose first columns are the foreign key's",
            references: &["https://supabase.github.io/splinter/0001_unindexed_foreign_keys/"],
            example: Example {
                fault: "alter table public.notes add column about uuid references public.notes \
                    (id);",
                object: "notes.notes_about_fkey",
                check: "lint/0001_unindexed_foreign_keys",
                expected: NOTHING,
                observed: "notes.notes_about_fkey: FOREIGN KEY (about) REFERENCES public.notes(id)",
            },
        },
        // A key that a partition inherits is its parent's. A partial index that leaves out only
        // nulls is sufficient, because a null references nothing.
        looks: Detection::At(
            "select r.name || '.' || k.conname, pg_get_constraintdef(k.oid)
            from pg_constraint k
            join relation r on r.oid = k.conrelid
            where k.contype = 'f' and k.conparentid = 0 and not exists (
                select from pg_index i
                join pg_class x on x.oid = i.indexrelid
                join pg_am m on m.oid = x.relam and m.amname in ('btree', 'hash')
                where i.indrelid = k.conrelid and i.indisvalid
                    and i.indnkeyatts >= cardinality(k.conkey)
                    and k.conkey <@ (
                        select array_agg(column_number)
                        from unnest(i.indkey::smallint[]) with ordinality as u (column_number, at)
                        where at <= cardinality(k.conkey)
                    )
                    and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
                        select format('(%I IS NOT NULL)', a.attname) from pg_attribute a
                        where a.attrelid = k.conrelid and a.attnum = any (k.conkey)
                    ))
            )",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0004_no_primary_key",
            title: "a table has no primary key",
            meaning: "Rows of a table without a primary key cannot be identified, neither by the \
                API nor by replication.",
            remedy: "give the table a primary key",
            references: &["https://supabase.github.io/splinter/0004_no_primary_key/"],
            example: Example {
                fault: "alter table public.notes drop constraint notes_pkey;",
                object: "notes",
                check: "lint/0004_no_primary_key",
                expected: NOTHING,
                observed: "notes: no primary key",
            },
        },
        // A partitioned table is checked instead of its partitions.
        looks: Detection::At(
            "select r.name, 'no primary key' from relation r
            where r.kind in ('r', 'p') and not r.is_partition and not exists (
                select from pg_index i where i.indrelid = r.oid and i.indisprimary
            )",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0005_unused_index",
            title: "an index has never been used",
            meaning: "An index costs time at every write and space on disk, and helps only the \
                queries that use it.",
            remedy: "drop it, unless queries that use it are planned",
            references: &["https://supabase.github.io/splinter/0005_unused_index/"],
            example: Example {
                fault: "create index notes_body_idx on public.notes (body); -- and no query asks \
                        for a body",
                object: "notes.notes_body_idx",
                check: "lint/0005_unused_index",
                expected: NOTHING,
                observed: "not checked here",
            },
        },
        looks: Detection::Nowhere(
            "it counts the index scans of production queries, which a new database does not have",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0009_duplicate_index",
            title: "two indexes of a table are the same",
            meaning: "Both are updated at every write, and one of them is not needed.",
            remedy: "drop one of them",
            references: &["https://supabase.github.io/splinter/0009_duplicate_index/"],
            example: Example {
                fault: "create index again on public.notes (user_id);",
                object: "notes.again",
                check: "lint/0009_duplicate_index",
                expected: NOTHING,
                observed: "notes.again: the same as notes_user_id_idx",
            },
        },
        // The index of a constraint is kept, else the older one.
        looks: Detection::At(
            "select d.relation || '.' || d.name, 'the same as ' || d.first from (
                select r.name as relation, x.relname::text as name,
                    first_value(x.relname::text) over same as first, row_number() over same as at
                from pg_index i
                join relation r on r.oid = i.indrelid
                join pg_class x on x.oid = i.indexrelid
                where i.indisvalid
                window same as (
                    partition by i.indrelid, i.indimmediate, replace(
                        pg_get_indexdef(i.indexrelid),
                        ' INDEX ' || quote_ident(x.relname) || ' ON ', ' INDEX ON '
                    )
                    order by not exists (
                        select from pg_constraint k where k.conindid = i.indexrelid
                            and k.conrelid = i.indrelid
                    ), i.indexrelid
                )
            ) d where d.at > 1",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0020_table_bloat",
            title: "a table is bloated by dead rows",
            meaning: "An update leaves the old version of a row in the table until a vacuum \
                removes it. Every scan has to skip the versions that remain.",
            remedy: "vacuum it, and check its autovacuum settings",
            references: &["https://supabase.github.io/splinter/0020_table_bloat/"],
            example: Example {
                fault: "update public.notes set body = body; -- often, and with autovacuum off",
                object: "notes",
                check: "lint/0020_table_bloat",
                expected: NOTHING,
                observed: "not checked here",
            },
        },
        looks: Detection::Nowhere(
            "it measures dead rows of production updates, which a new database does not have",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0021_fkey_to_auth_unique",
            title: "a foreign key references a unique constraint of the auth server",
            meaning: "An update of the auth server may drop its unique constraints. A foreign key \
                that references one blocks that update, or is dropped with it.",
            remedy: "reference the primary key instead",
            references: &["https://supabase.github.io/splinter/0021_fkey_to_auth_unique/"],
            example: Example {
                fault: "alter table public.notes add column phone text references auth.users (phone);\n\
                        create index notes_phone_idx on public.notes (phone);",
                object: "notes.notes_phone_fkey",
                check: "lint/0021_fkey_to_auth_unique",
                expected: NOTHING,
                observed: "notes.notes_phone_fkey: FOREIGN KEY (phone) REFERENCES \
                    auth.users(phone)",
            },
        },
        looks: Detection::At(
            "select r.name || '.' || k.conname, pg_get_constraintdef(k.oid)
            from pg_constraint k
            join relation r on r.oid = k.conrelid
            join pg_class target on target.oid = k.confrelid
            join pg_namespace n on n.oid = target.relnamespace and n.nspname = 'auth'
            join pg_index i on i.indexrelid = k.conindid and not i.indisprimary
            where k.contype = 'f' and k.conparentid = 0",
        ),
    },
];
