//! Invariants of `search_memories_semantic`.

mod large;
mod model;

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq};
use proptest::sample::select;

pub use self::large::LARGE_USER;
use self::model::{Memory, Query, Question, compare, direction, id, memory, question, vector};
use schema_harness::checks::properties::{Property, Sender};
use schema_harness::platform::persona::{
    Alice, AnonKey, Bob, Carol, Guest, NoToken, Persona, ServiceRole,
};

pub(super) const PROPERTIES: [Property; 5] =
    [RECALL, LARGE_USER, EQUALS_BRUTE_FORCE, ANOTHERS_ID, FOR_USERS_ALONE];

/// 2,000 memories of others, including some in every direction of a query.
fn others() -> String {
    let [alice, bob] = [Alice, Bob].map(|it| it.user_id().expect("they have signed up"));
    format!(
        "insert into public.memories (user_id, content, embedding) select \
         (array['{alice}', '{bob}'])[1 + n % 2]::uuid, '', ('[' || concat_ws(',', n % 5 - 2, \
         n / 5 % 5 - 2, n / 25 % 5 - 2, n / 125 % 5 - 2) || repeat(',0', 380) || ']') \
         ::extensions.vector from generate_series(1, 2000) as n"
    )
}

pub const EQUALS_BRUTE_FORCE: Property = Property {
    id: "search_memories_semantic/equals-brute-force",
    claim: "a user with few memories finds what brute force finds: live ones above the \
            threshold, nearest first, no more than the limit; nothing for a null or zero \
            vector, an error for one of another length or without numbers",
    about: &["search_memories_semantic", "memories"],
    cases: 60,
    holds: |runner| {
        runner.prepare(&others())?;
        let input = (vec(memory(), 0..=50), vec(question(), 1..6));
        runner.check(&input, async |transaction, (memories, questions)| {
            let carol = Carol.user_id().expect("Carol has signed up");
            let row = |(at, memory): (usize, &Memory)| {
                let embedding = memory.embedding.map_or("null".to_owned(), vector);
                let deleted_at = if memory.deleted { "now()" } else { "null" };
                format!("('{}', '{carol}', '', {embedding}, {deleted_at})", id(at))
            };
            let rows: Vec<String> = memories.iter().enumerate().map(row).collect();
            if !rows.is_empty() {
                let columns = "id, user_id, content, embedding, deleted_at";
                let rows = rows.join(", ");
                let insert = format!("insert into public.memories ({columns}) values {rows}");
                transaction.admin(&insert).await?;
            }
            // Without a memory to compare it with.
            let short = "select from public.search_memories_semantic(null, '[1]')";
            let refused = transaction.run(&Sender::persona(Guest), short).await;
            let code = refused.map_err(|why| why.code().to_owned());
            prop_assert_eq!(code.map(drop), Err("22000".to_owned()), "one dimension");
            for question in questions {
                let asker = if question.by_the_back_end { ServiceRole } else { Carol };
                let answer = transaction.run(&Sender::persona(asker), &question.sql(carol)).await;
                match question.query {
                    Query::Towards(towards) => compare(&memories, towards, question, &answer?)?,
                    Query::Null => prop_assert_eq!(answer?.rows.len(), 0, "rows for a null"),
                    query => {
                        let code = answer.map_err(|why| why.code().to_owned());
                        prop_assert_eq!(code, Err("22000".to_owned()), "{:?}", query);
                    }
                }
            }
            Ok(())
        })
    },
};

pub const ANOTHERS_ID: Property = Property {
    id: "search_memories_semantic/another-users-id-finds-nothing",
    claim: "a user who names another finds nothing, whatever is looked for; the back end finds",
    about: &["search_memories_semantic", "memories"],
    cases: 60,
    holds: |runner| {
        runner.prepare(&others())?;
        let askers = select(vec![Alice, Bob, Carol, Guest]);
        let input = (askers, select(vec![Alice, Bob]), direction());
        let input = input.prop_filter("one's own", |(asker, named, _)| asker != named);
        runner.check(&input, async |transaction, (asker, named, towards)| {
            let named = named.user_id().expect("they have signed up");
            // A query with a direction, so that there are matches.
            let query = Query::Towards(if towards == [0; 7] { [1; 7] } else { towards });
            let (limit, threshold) = (Some(1000), Some(-2.0));
            let question = Question { query, limit, threshold, by_the_back_end: false };
            let find = format!("select count(*) from ({}) as found", question.sql(named));
            let found: usize = transaction.run(&Sender::persona(asker), &find).await?.one()?;
            prop_assert_eq!(found, 0, "rows of another's");
            let control: usize =
                transaction.run(&Sender::persona(ServiceRole), &find).await?.one()?;
            prop_assert!(control > 0, "control: the back end finds them");
            Ok(())
        })
    },
};

pub const FOR_USERS_ALONE: Property = Property {
    id: "search_memories_semantic/is-for-users-alone",
    claim: "nobody may call it without having signed in",
    about: &["search_memories_semantic"],
    cases: 8,
    holds: |runner| {
        let input = (select(vec![AnonKey, NoToken]), question());
        let input = input
            .prop_filter("no vector", |(_, question)| !matches!(question.query, Query::NotANumber));
        runner.check(&input, async |transaction, (persona, question): (Persona, Question)| {
            let alice = Alice.user_id().expect("Alice has signed up");
            let answer = transaction.run(&Sender::persona(persona), &question.sql(alice)).await;
            let refused = answer.map_err(|why| why.message().to_owned());
            let words = "permission denied for function search_memories_semantic";
            prop_assert_eq!(refused.map(drop), Err(words.to_owned()));
            Ok(())
        })
    },
};

/// How many memories the one user has.
const MANY: usize = 10_000;

/// The id of the memory of that number, as SQL.
fn numbered(n: &str) -> String {
    format!("('5ea4c000-0000-4000-9000-' || lpad(({n})::text, 12, '0'))::uuid")
}

/// Ten thousand memories of one user, clustered like embeddings around 100 centres.
fn many() -> String {
    let user = Carol.user_id().expect("Carol has signed up");
    let noise = |name: &str, seed: &str, size: &str| {
        format!(
            "{name} as materialized (select g.n, (select array_agg((random() - 0.5) * {size}) \
             from generate_series(1, 384 + g.n * 0))::extensions.vector as v \
             from generate_series(0, 99) as g (n), setseed({seed}) as seeded)"
        )
    };
    format!(
        "with {}, {} insert into public.memories (id, user_id, content, embedding) \
         select {}, '{user}', '', c.v operator(extensions.+) a.v operator(extensions.+) b.v \
         from generate_series(0, {MANY} - 1) as g (n) \
         inner join centre as c on c.n = g.n % 100 \
         inner join aside as a on a.n = g.n / 100 \
         inner join aside as b on b.n = g.n * 7 % 97; \
         analyze public.memories",
        noise("centre", "0.1", "1.0"),
        noise("aside", "0.2", "0.5"),
        numbered("g.n"),
    )
}

pub const RECALL: Property = Property {
    id: "search_memories_semantic/recall-is-at-least-0.95",
    claim: "of the 10 nearest of a user's 10,000 memories it finds at least 95 of 100",
    about: &["search_memories_semantic", "memories"],
    cases: 2,
    holds: |runner| {
        runner.prepare(&many())?;
        // Each query is between two memories.
        runner.check(&vec((0..MANY, 0..MANY), 8), async |transaction, between| {
            let user = Carol.user_id().expect("Carol has signed up");
            let mut found = 0;
            for (one, other) in &between {
                let embedding = |n: &usize| {
                    let id = numbered(&n.to_string());
                    format!("(select embedding from public.memories where id = {id})")
                };
                let (one, other) = (embedding(one), embedding(other));
                let towards = format!("{one} operator(extensions.+) {other}");
                let search = format!(
                    "select id from public.search_memories_semantic('{user}', {towards}, 10, -1)"
                );
                let answer = transaction.run(&Sender::persona(Carol), &search).await?;
                // Another formula for the cosine, which cannot use an index.
                let nearest = format!(
                    "select id from public.memories where user_id = '{user}' order by \
                     (embedding operator(extensions.<#>) ({towards})) \
                     / extensions.vector_norm(embedding) limit 10"
                );
                let nearest = transaction.admin(&nearest).await?;
                found += answer.rows.iter().filter(|row| nearest.rows.contains(row)).count();
            }
            let wanted = 10 * between.len();
            prop_assert!(100 * found >= 95 * wanted, "{} of {} were found", found, wanted);
            Ok(())
        })
    },
};
