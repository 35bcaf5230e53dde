//! Semantic search for a user with more memories than an exact search compares: the index
//! returns candidates, perhaps not all, and those returned must be correct.

use proptest::bool::ANY;
use proptest::prelude::{Just, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;

use schema_harness::checks::properties::{Property, Sender};
use schema_harness::platform::persona::{Bob, Carol, ServiceRole};

/// From this number of memories on, the function uses the index.
const MANY: usize = 20_001;
/// How many of them have an embedding; the last tenth of those is deleted.
const EMBEDDED: usize = 500;

/// Carol's memories, five of them orthogonal to every query, and Bob's in between.
fn memories() -> String {
    let [carol, bob] = [Carol, Bob].map(|it| it.user_id().expect("they have signed up"));
    let live = EMBEDDED - EMBEDDED / 10;
    format!(
        "insert into public.memories (user_id, content, embedding, deleted_at) select \
         owner::uuid, n, ('[' || concat_ws(',', sin(n), cos(n), sin(n * 0.37), cos(n * 0.71)) \
         || repeat(',0', 380) || ']')::extensions.vector, case when n > {live} then now() end \
         from generate_series(1, {EMBEDDED}) as n, unnest(array['{carol}', '{bob}']) as owner; \
         insert into public.memories (user_id, content, embedding) \
         select '{carol}', 'aside', ('[0,0,0,0,1' || repeat(',0', 379) || ']')::extensions.vector \
         from generate_series(1, 5); \
         insert into public.memories (user_id, content) \
         select '{carol}', 'not embedded' from generate_series(1, {MANY} - {EMBEDDED}); \
         reindex index public.memories_embedding_idx; analyze public.memories"
    )
}

pub const LARGE_USER: Property = Property {
    id: "search_memories_semantic/what-the-index-gives-is-true",
    claim: "a user of more than 20,000 memories finds their own live ones above the threshold, \
            nearest first, as many as there are or as the limit lets through, among them the \
            very one that is looked for; and the index's settings are what they were",
    about: &["search_memories_semantic", "memories"],
    cases: 30,
    holds: |runner| {
        runner.prepare(&memories())?;
        let limit = prop_oneof![1..30usize, Just(1000)];
        let input = (1..=EMBEDDED, limit, select(vec!["-1", "0", "0", "0.9"]), ANY);
        runner.check(&input, async |transaction, (wanted, limit, threshold, by_the_back_end)| {
            let carol = Carol.user_id().expect("Carol has signed up");
            let towards = format!(
                "(select embedding from public.memories \
                 where user_id = '{carol}' and content = '{wanted}')"
            );
            let asker = Sender::persona(if by_the_back_end { ServiceRole } else { Carol });
            // One list is too few to find near memories, and is the session's setting.
            let few = "set local ivfflat.probes = 1; set local ivfflat.iterative_scan = off";
            transaction.admin(few).await?;
            let search = format!(
                "select content, found.similarity, 1 - (embedding operator(extensions.<=>) \
                 {towards}), user_id, deleted_at is null, \
                 pg_catalog.current_setting('ivfflat.probes') || ' ' || \
                 pg_catalog.current_setting('ivfflat.iterative_scan') from \
                 public.search_memories_semantic('{carol}', {towards}, {limit}, {threshold}) with \
                 ordinality as found join public.memories using (id, content) order by \
                 found.ordinality"
            );
            let found = transaction.run(&asker, &search).await?.rows;
            prop_assert!(found.len() <= limit, "{} rows", found.len());
            let number = |text: &String| text.parse::<f64>().expect("a number");
            let mut last = f64::INFINITY;
            for row in &found {
                let [_, similarity, computed, owner, live, settings] = row.as_slice() else {
                    panic!("six columns: {row:?}");
                };
                prop_assert!((number(similarity) - number(computed)).abs() < 1e-5, "{:?}", row);
                prop_assert!(number(similarity) > threshold.parse()?, "threshold: {:?}", row);
                prop_assert!(number(similarity) <= last, "order: {:?}", found);
                prop_assert_eq!((owner.as_str(), live.as_str()), (carol, "t"), "{:?}", row);
                prop_assert_eq!(settings, "1 off", "what the session had set");
                last = number(similarity);
            }
            let above = format!(
                "select count(*) from public.memories \
                 where user_id = '{carol}' and deleted_at is null \
                 and (1 - (embedding operator(extensions.<=>) {towards}))::real > {threshold}"
            );
            let above: usize = transaction.admin(&above).await?.one()?;
            prop_assert_eq!(found.len(), above.min(limit), "no list is left out");
            let is_live = wanted <= EMBEDDED - EMBEDDED / 10;
            let first = found.first().map(|row| row[0].clone());
            prop_assert!(!is_live || first == Some(wanted.to_string()), "first: {:?}", first);
            Ok(())
        })
    },
};
