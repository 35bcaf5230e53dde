//! This file is the rules about keys and indexes.

use super::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0001_unindexed_foreign_keys",
            title: "a foreign key has no index that begins with its columns",
            meaning: "Deleting or changing a row looks for the rows that point at it, and so does \
                      every join along the key. Without an index each look reads the whole table.",
            remedy: "create an index whose first columns are the foreign key's",
            references: &["https://supabase.github.io/splinter/0001_unindexed_foreign_keys/"],
            example: Example {
                fault: "alter table public.notes add column about uuid references public.notes (id);",
                object: "notes.notes_about_fkey",
                check: "lint/0001_unindexed_foreign_keys",
                expected: NOTHING,
                observed: "notes.notes_about_fkey: FOREIGN KEY (about) REFERENCES public.notes(id)",
            },
        },
        // A key that a partition inherits is its parent's. Of partial indexes, one that leaves
        // out nothing but nulls will do, because a null points nowhere.
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
            meaning: "Rows of a table without a primary key cannot be told apart, so that neither \
                      an API nor replication can name one.",
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
        // Of a partitioned table the parent answers for its partitions.
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
            meaning: "An index costs time at every write and room on the disk, and gives something \
                      back only to the queries that use it.",
            remedy: "drop it, if the queries that it is for are not to come",
            references: &["https://supabase.github.io/splinter/0005_unused_index/"],
            example: Example {
                fault: "create index notes_body_idx on public.notes (body); -- and no query asks \
                        for a body",
                object: "notes.notes_body_idx",
                check: "lint/0005_unused_index",
                expected: NOTHING,
                observed: "nothing, since it is not looked at here",
            },
        },
        looks: Detection::Nowhere(
            "it counts what production's queries used, and a database that was made a moment ago \
             has none",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0009_duplicate_index",
            title: "two indexes of a table are the same",
            meaning: "Both are kept up to date at every write, and one of them is never needed.",
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
        // The one of a constraint stays, else the older one.
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
            title: "a table has grown by rows that are dead",
            meaning: "An update leaves the old version of a row behind until a vacuum takes it \
                      away. What is not taken away is read past by every scan.",
            remedy: "vacuum it, and look at its autovacuum settings",
            references: &["https://supabase.github.io/splinter/0020_table_bloat/"],
            example: Example {
                fault: "update public.notes set body = body; -- often, and with autovacuum off",
                object: "notes",
                check: "lint/0020_table_bloat",
                expected: NOTHING,
                observed: "nothing, since it is not looked at here",
            },
        },
        looks: Detection::Nowhere(
            "it measures what production's updates left behind, and a database that was made a \
             moment ago has nothing",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0021_fkey_to_auth_unique",
            title: "a foreign key points at a unique constraint of the auth server's",
            meaning: "The auth server's unique constraints are its own, and an update of it may \
                      drop them. A foreign key that needs one stops that update, or goes with it.",
            remedy: "point it at the primary key; the unique constraints there are to go",
            references: &["https://supabase.github.io/splinter/0021_fkey_to_auth_unique/"],
            example: Example {
                fault: "alter table public.notes add column phone text references auth.users (phone);\n\
                        create index notes_phone_idx on public.notes (phone);",
                object: "notes.notes_phone_fkey",
                check: "lint/0021_fkey_to_auth_unique",
                expected: NOTHING,
                observed: "notes.notes_phone_fkey: FOREIGN KEY (phone) REFERENCES auth.users(phone)",
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
