//! Plans of the product's queries on 100,000 rows: each uses an index, and evaluates the
//! caller's id once.

use std::collections::BTreeSet;

use rstest::rstest;

use schema_harness::checks::plans::planner::{Planner, Step};
use schema_harness::checks::plans::queries::{Population, queries};
use schema_harness::error::CannotRun;
use schema_harness::inputs::Inputs;

/// What a check finds when nothing is wrong.
const NONE: [&str; 0] = [];

/// A hundred users with a thousand memories and messages each.
const CROWD: Population = Population { rows: 100_000, others: 99, embedded: 4 };

/// Alice, and one user with more memories than an exact search compares.
const COLLECTOR: Population = Population { rows: 25_000, others: 1, embedded: 1 };

/// Secondary indexes: name, and the foreign key that one serves as a whole or in part.
const INDEXES: &str = "
    select i.indexrelid::regclass, coalesce(max(f.conname), '')
    from pg_catalog.pg_index as i
    left join pg_catalog.pg_constraint as f
        on f.contype = 'f' and f.conrelid = i.indrelid and i.indpred is null
        and f.conkey::integer[] <@ (i.indkey::integer[])[0 : cardinality(f.conkey) - 1]
    where i.indrelid::regclass::text like 'public.%'
        and not exists (select from pg_catalog.pg_constraint as c where c.conindid = i.indexrelid)
    group by i.indexrelid
    order by 1";

/// Foreign keys without an index on the referencing columns: deleting a referenced row reads
/// the whole table.
const WITHOUT_INDEX: &str = "
    select f.conrelid::regclass || ': no index serves ' || f.conname
    from pg_catalog.pg_constraint as f
    where f.contype = 'f' and f.conrelid::regclass::text like 'public.%'
        and not exists (
            select from pg_catalog.pg_index as i
            where i.indrelid = f.conrelid and i.indpred is null
                and f.conkey::integer[] <@ (i.indkey::integer[])[0 : cardinality(f.conkey) - 1]
        )";

/// What is wrong with the plans of one query.
fn wrong_with(name: &str, wanted: &str, steps: &[Step]) -> Vec<String> {
    let mut wrong = Vec::new();
    for step in steps {
        if step.kind == "Seq Scan" {
            let table = step.table.as_deref().unwrap_or_default();
            wrong.push(format!("{name}: all of {table} is read"));
        }
        // The function's body, if the planner has inlined it.
        let asks_who = |text: &&String| text.contains("uid()") || text.contains("request.jwt");
        if let Some(condition) = step.conditions.iter().find(asks_who) {
            wrong.push(format!("{name}: asks for each row who the caller is: {condition}"));
        }
        if step.comes_first && step.loops > 1.0 {
            wrong.push(format!("{name}: computes {} times what is always the same", step.loops));
        }
    }
    if !steps.iter().any(|step| step.index.as_deref() == Some(wanted)) {
        wrong.push(format!("{name}: does not use {wanted}"));
    }
    wrong
}

/// What is wrong with the plans, the indexes and the foreign keys after `fault`.
async fn findings(fault: &str) -> Vec<String> {
    let found = async {
        let inputs = Inputs::from_environment()?;
        let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
        for population in [CROWD, COLLECTOR] {
            let database = population.database(&inputs).await?;
            let planner = Planner::of(&database).await?;
            planner.ask(fault).await?;
            let queries = queries(&database).await?;
            for query in queries.iter().filter(|it| it.collector == (population == COLLECTOR)) {
                let steps = planner.steps(&query.persona.identity(), &query.sql).await?;
                used.extend(steps.iter().filter_map(|step| step.index.clone()));
                wrong.extend(wrong_with(&query.name, &query.index, &steps));
            }
            if population == COLLECTOR {
                wrong.extend(planner.ask(WITHOUT_INDEX).await?.concat());
                wrong.extend(idle(&planner.ask(INDEXES).await?, &used));
            }
        }
        Ok::<_, CannotRun>(wrong)
    };
    found.await.unwrap_or_else(|why| panic!("{why}"))
}

/// The indexes that no query uses and no foreign key needs: rows of [`INDEXES`].
fn idle(indexes: &[Vec<String>], used: &BTreeSet<String>) -> Vec<String> {
    let is_used = |name: &str| used.contains(name.trim_start_matches("public."));
    let is_needed = |key: &str| {
        let serving: Vec<_> = indexes.iter().filter(|row| row[1] == key).collect();
        !key.is_empty() && !serving.iter().any(|row| is_used(&row[0]))
    };
    let idle = indexes.iter().filter(|row| !is_used(&row[0]) && !is_needed(&row[1]));
    idle.map(|row| format!("{} serves no query", row[0])).collect()
}

#[tokio::test]
async fn every_query_has_a_plan_that_scales() {
    assert_eq!(findings("select 1").await, NONE);
}

/// Each fault is found and named.
#[rstest]
#[case::index_of_a_list_dropped(
    "drop index public.memories_user_id_created_at_idx",
    "latest-memories: does not use memories_user_id_created_at_idx"
)]
#[case::index_of_a_view_dropped(
    "drop index public.conversations_user_id_last_message_at_idx",
    "own-statistics: all of conversations is read"
)]
#[case::index_inside_a_function_dropped(
    "drop index public.user_sessions_expires_at_idx",
    "expired-sessions: all of user_sessions is read"
)]
#[case::index_of_a_foreign_key_dropped(
    "drop index public.memory_links_target_memory_id_idx",
    "public.memory_links: no index serves memory_links_target_memory_id_fkey"
)]
#[case::index_without_a_query(
    "create index on public.feedback (rating)",
    "public.feedback_rating_idx serves no query"
)]
#[case::index_that_repeats_a_foreign_key(
    "create index on public.import_history (user_id, source)",
    "public.import_history_user_id_source_idx serves no query"
)]
#[case::caller_in_a_policy_without_select(
    "alter policy \"Users read their own feedback\" on public.feedback \
     using (auth.uid() = user_id)",
    "own-feedback: asks for each row who the caller is: "
)]
#[case::caller_in_a_policy_behind_another_table(
    "alter policy \"Users read their own conversations\" on public.conversations \
     using (auth.uid() = user_id)",
    "messages-of-a-conversation: asks for each row who the caller is: "
)]
#[tokio::test]
async fn plan_shows(#[case] fault: &str, #[case] finding: &str) {
    let found = findings(fault).await;
    assert!(found.iter().any(|it| it.starts_with(finding)), "{fault}\nfound {found:#?}");
}
