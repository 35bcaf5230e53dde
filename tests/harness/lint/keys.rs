//! This file is the rules about keys and indexes.

use super::{Lint, Looks};
use crate::harness::rules::Rule;

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0001_unindexed_foreign_keys",
            title: "a foreign key has no index that begins with its columns",
            remedy: "create an index whose first columns are the foreign key's",
            references: &["https://supabase.github.io/splinter/0001_unindexed_foreign_keys/"],
        },
        // A key that a partition inherits is its parent's. Of partial indexes, one that leaves
        // out nothing but nulls will do, because a null points nowhere.
        looks: Looks::At(
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
            remedy: "give the table a primary key",
            references: &["https://supabase.github.io/splinter/0004_no_primary_key/"],
        },
        // Of a partitioned table the parent answers for its partitions.
        looks: Looks::At(
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
            remedy: "drop it, if the queries that it is for are not to come",
            references: &["https://supabase.github.io/splinter/0005_unused_index/"],
        },
        looks: Looks::Nowhere(
            "it counts what production's queries used, and a database that was made a moment ago \
             has none",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0009_duplicate_index",
            title: "two indexes of a table are the same",
            remedy: "drop one of them",
            references: &["https://supabase.github.io/splinter/0009_duplicate_index/"],
        },
        // The one of a constraint stays, else the older one.
        looks: Looks::At(
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
            remedy: "vacuum it, and look at its autovacuum settings",
            references: &["https://supabase.github.io/splinter/0020_table_bloat/"],
        },
        looks: Looks::Nowhere(
            "it measures what production's updates left behind, and a database that was made a \
             moment ago has nothing",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0021_fkey_to_auth_unique",
            title: "a foreign key points at a unique constraint of the auth server's",
            remedy: "point it at the primary key; the unique constraints there are to go",
            references: &["https://supabase.github.io/splinter/0021_fkey_to_auth_unique/"],
        },
        looks: Looks::At(
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
