//! Weaknesses for family T, which would make a proof void.

use super::Weakness;

/// One or more for each attack of the family.
pub(super) const WEAKNESSES: [Weakness; 7] = [
    Weakness {
        attack: "T01",
        object: "memories",
        by: "postgres",
        plant: "alter table public.memories disable row level security",
    },
    Weakness {
        attack: "T02",
        object: "import_history",
        by: "postgres",
        plant: "drop table public.import_history",
    },
    Weakness {
        attack: "T03",
        object: "database",
        by: "supabase_admin",
        plant: "update identra_harness.state set document = '{\"Err\": \"no rows\"}' \
                where name = 'world'",
    },
    Weakness {
        attack: "T04",
        object: "feedback",
        by: "postgres",
        plant: "delete from public.feedback",
    },
    Weakness {
        attack: "T05",
        object: "memory_links",
        by: "postgres",
        plant: "delete from public.memory_links where id = (select id from public.memory_links \
            limit 1)",
    },
    Weakness {
        attack: "T06",
        object: "memories",
        by: "postgres",
        plant: "create policy open on public.memories for select to authenticated using (true)",
    },
    Weakness {
        attack: "T07",
        object: "database",
        by: "supabase_admin",
        plant: "do $$ begin execute format('alter database %I set request.jwt.claims = %L', \
                current_database(), '{\"sub\": \"a11ce000-0000-4000-8000-000000000001\"}'); end $$",
    },
];
