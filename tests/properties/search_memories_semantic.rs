//! This file is what `search_memories_semantic` keeps true.

use proptest::array::uniform7;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, TestCaseError, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use rstest::rstest;

use super::{altered, holds, notices};
use crate::harness::batch::Answer;
use crate::harness::persona::{Alice, AnonKey, Bob, Carol, Guest, NoToken, Persona, ServiceRole};
use crate::harness::property::{Property, Who};

pub(super) const PROPERTIES: [Property; 4] =
    [RECALL, EQUALS_BRUTE_FORCE, ANOTHERS_ID, FOR_USERS_ALONE];

/// The coordinates of a vector that are not zero: the first six and the last.
type Direction = [i8; 7];

/// The literal of a direction's vector.
fn vector(direction: Direction) -> String {
    let [head @ .., last] = direction.map(|coordinate| coordinate.to_string());
    format!("'[{},{}{last}]'::extensions.vector", head.join(","), "0,".repeat(377))
}

fn direction() -> impl Strategy<Value = Direction> {
    uniform7(prop_oneof![2 => Just(0i8), 3 => -2i8..=2])
}

/// Something to remember.
#[derive(Debug, Clone, Copy)]
struct Memory {
    embedding: Option<Direction>,
    deleted: bool,
}

fn memory() -> impl Strategy<Value = Memory> {
    let embedding = prop_oneof![1 => Just(None), 6 => direction().prop_map(Some)];
    (embedding, proptest::bool::weighted(0.2))
        .prop_map(|(embedding, deleted)| Memory { embedding, deleted })
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
enum Query {
    Towards(Direction),
    Null,
    NotANumber,
    OfLength(usize),
}

impl Query {
    fn sql(self) -> String {
        match self {
            Self::Towards(direction) => vector(direction),
            Self::Null => "null".to_owned(),
            Self::NotANumber => format!("'[{}NaN]'::extensions.vector", "0,".repeat(383)),
            Self::OfLength(length) => {
                format!("'[{}1]'::extensions.vector", "0,".repeat(length - 1))
            }
        }
    }
}

fn query() -> impl Strategy<Value = Query> {
    let of_length = prop_oneof![select(vec![1, 383, 385]), 1usize..1000];
    prop_oneof![
        12 => direction().prop_map(Query::Towards),
        1 => Just(Query::Towards([0; 7])),
        1 => Just(Query::Null),
        1 => Just(Query::NotANumber),
        1 => of_length.prop_filter("the right one", |l| *l != 384).prop_map(Query::OfLength),
    ]
}

/// A call.
#[derive(Debug, Clone, Copy)]
struct Question {
    query: Query,
    limit: Option<i32>,
    threshold: Option<f32>,
    by_the_back_end: bool,
}

impl Question {
    fn sql(self, user: &str) -> String {
        let limit = self.limit.map_or("null".to_owned(), |limit| limit.to_string());
        let threshold = self.threshold.map_or("null".to_owned(), |at| format!("'{at}'::real"));
        format!(
            "select id, similarity from public.search_memories_semantic('{user}', {}, {limit}, \
             {threshold})",
            self.query.sql()
        )
    }
}

fn question() -> impl Strategy<Value = Question> {
    let limits = vec![i32::MIN, -1, 0, 1, 2, 10, 11, 1000, i32::MAX];
    let limit = prop_oneof![Just(None), select(limits).prop_map(Some), (0..60).prop_map(Some)];
    let infinite = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let thresholds = [-2.0, -1.0, -0.5, 0.0, 0.3, 0.5, 0.999, 1.0, 2.0];
    let threshold = prop_oneof![
        2 => Just(None),
        5 => select(thresholds.to_vec()).prop_map(Some),
        1 => select(infinite.to_vec()).prop_map(Some),
        2 => (-1.0f32..1.0).prop_map(Some),
    ];
    (query(), limit, threshold, proptest::bool::weighted(0.3)).prop_map(
        |(query, limit, threshold, by_the_back_end)| Question {
            query,
            limit,
            threshold,
            by_the_back_end,
        },
    )
}

/// How far a sum of floats may be off.
const ERROR: f64 = 1e-5;

/// The cosine of two directions; `None` where one of them has no direction.
fn similarity(a: Direction, b: Direction) -> Option<f64> {
    let dot = |a: Direction, b: Direction| -> i32 {
        a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(b)).sum()
    };
    let norms = dot(a, a) * dot(b, b);
    (norms > 0).then(|| f64::from(dot(a, b)) / f64::from(norms).sqrt())
}

/// What a memory is to a question.
enum Candidate {
    /// It is to be found, if no nearer ones take its place.
    Found(f64),
    /// It is so near the threshold that the floats decide.
    Perhaps(f64),
}

impl Candidate {
    fn of(memory: Memory, towards: Direction, threshold: f32) -> Option<Self> {
        let similarity = similarity(memory.embedding?, towards).filter(|_| !memory.deleted)?;
        let threshold = f64::from(threshold);
        // These come out exactly, so that "above" means above.
        let is_exact = [-1.0, -0.5, 0.0, 0.5, 1.0].contains(&similarity);
        if !is_exact && (similarity - threshold).abs() <= ERROR {
            return Some(Self::Perhaps(similarity));
        }
        (similarity > threshold).then_some(Self::Found(similarity))
    }

    fn similarity(&self) -> f64 {
        let (Self::Found(similarity) | Self::Perhaps(similarity)) = self;
        *similarity
    }
}

/// The id of the memory at that place.
fn id(at: usize) -> String {
    format!("5ea4c000-0000-4000-8000-{at:012}")
}

/// Compares an answer with brute force, up to ties and what floats are off.
fn compare(
    memories: &[Memory],
    towards: Direction,
    question: Question,
    answer: &Answer,
) -> Result<(), TestCaseError> {
    let threshold = question.threshold.unwrap_or(0.3);
    let limit = usize::try_from(question.limit.unwrap_or(10)).unwrap_or(0);
    let mut left: Vec<(String, Candidate)> = Vec::new();
    for (at, memory) in memories.iter().enumerate() {
        left.extend(Candidate::of(*memory, towards, threshold).map(|found| (id(at), found)));
    }
    let sure = left.iter().filter(|(_, it)| matches!(it, Candidate::Found(_))).count();
    let (least, most) = (sure.min(limit), left.len().min(limit));
    let count = answer.rows.len();
    prop_assert!((least..=most).contains(&count), "{} rows, not {}..={}", count, least, most);
    let mut last = f64::INFINITY;
    for row in &answer.rows {
        let at = left.iter().position(|(id, _)| *id == row[0]);
        prop_assert!(at.is_some(), "{} is no candidate, or is found twice", row[0]);
        let (_, candidate) = left.swap_remove(at.unwrap_or_default());
        let said: f64 = row[1].parse().unwrap_or(f64::NAN);
        let off = (said - candidate.similarity()).abs();
        prop_assert!(off <= ERROR, "{} instead of {}", said, candidate.similarity());
        prop_assert!(said <= last, "{} after {}", said, last);
        last = said;
    }
    let missed = left.iter().filter(|(_, it)| {
        matches!(it, Candidate::Found(similarity) if count < limit || *similarity > last + ERROR)
    });
    let missed: Vec<&String> = missed.map(|(id, _)| id).collect();
    prop_assert_eq!(missed, Vec::<&String>::new(), "memories that were passed over");
    Ok(())
}

/// 2,000 memories of others, among them some in every direction that a case looks in.
fn others() -> String {
    let [alice, bob] = [Alice, Bob].map(|it| it.user_id().expect("they have signed up"));
    format!(
        "insert into public.memories (user_id, content, embedding) select \
         (array['{alice}', '{bob}'])[1 + n % 2]::uuid, '', ('[' || concat_ws(',', n % 5 - 2, \
         n / 5 % 5 - 2, n / 25 % 5 - 2, n / 125 % 5 - 2) || repeat(',0', 380) || ']') \
         ::extensions.vector from generate_series(1, 2000) as n"
    )
}

const EQUALS_BRUTE_FORCE: Property = Property {
    id: "search_memories_semantic/equals-brute-force",
    claim: "a user with few memories finds what brute force finds: live ones above the \
            threshold, nearest first, no more than the limit; nothing for a null or zero \
            vector, an error for one of another length or without numbers",
    about: &["search_memories_semantic", "memories"],
    cases: 100,
    holds: |ground| {
        ground.prepare(&others())?;
        let input = (vec(memory(), 0..=50), vec(question(), 1..6));
        ground.check(&input, async |stage, (memories, questions)| {
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
                stage.admin(&insert).await?;
            }
            for question in questions {
                let asker = if question.by_the_back_end { ServiceRole } else { Carol };
                let answer = stage.run(&Who::persona(asker), &question.sql(carol)).await;
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

const ANOTHERS_ID: Property = Property {
    id: "search_memories_semantic/another-users-id-finds-nothing",
    claim: "a user who names another finds nothing, whatever is looked for; the back end finds",
    about: &["search_memories_semantic", "memories"],
    cases: 60,
    holds: |ground| {
        ground.prepare(&others())?;
        let askers = select(vec![Alice, Bob, Carol, Guest]);
        let input = (askers, select(vec![Alice, Bob]), direction());
        let input = input.prop_filter("one's own", |(asker, named, _)| asker != named);
        ground.check(&input, async |stage, (asker, named, towards)| {
            let named = named.user_id().expect("they have signed up");
            // One that has a direction, so that there is something to find.
            let query = Query::Towards(if towards == [0; 7] { [1; 7] } else { towards });
            let (limit, threshold) = (Some(1000), Some(-2.0));
            let question = Question { query, limit, threshold, by_the_back_end: false };
            let find = format!("select count(*) from ({}) as found", question.sql(named));
            let found: usize = stage.run(&Who::persona(asker), &find).await?.one();
            prop_assert_eq!(found, 0, "rows of another's");
            let control: usize = stage.run(&Who::persona(ServiceRole), &find).await?.one();
            prop_assert!(control > 0, "control: the back end finds them");
            Ok(())
        })
    },
};

const FOR_USERS_ALONE: Property = Property {
    id: "search_memories_semantic/is-for-users-alone",
    claim: "nobody may call it without having signed in",
    about: &["search_memories_semantic"],
    cases: 8,
    holds: |ground| {
        let input = (select(vec![AnonKey, NoToken]), question());
        let input = input
            .prop_filter("no vector", |(_, question)| !matches!(question.query, Query::NotANumber));
        ground.check(&input, async |stage, (persona, question): (Persona, Question)| {
            let alice = Alice.user_id().expect("Alice has signed up");
            let answer = stage.run(&Who::persona(persona), &question.sql(alice)).await;
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

/// Ten thousand of one user's, as embeddings are: many near one another around 100 centres.
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

const RECALL: Property = Property {
    id: "search_memories_semantic/recall-is-at-least-0.95",
    claim: "of the 10 nearest of a user's 10,000 memories it finds at least 95 of 100",
    about: &["search_memories_semantic", "memories"],
    cases: 2,
    holds: |ground| {
        ground.prepare(&many())?;
        // Each is looked for between two memories.
        ground.check(&vec((0..MANY, 0..MANY), 8), async |stage, between| {
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
                let answer = stage.run(&Who::persona(Carol), &search).await?;
                // Another way to the cosine, which no index serves.
                let nearest = format!(
                    "select id from public.memories where user_id = '{user}' order by \
                     (embedding operator(extensions.<#>) ({towards})) \
                     / extensions.vector_norm(embedding) limit 10"
                );
                let nearest = stage.admin(&nearest).await?;
                found += answer.rows.iter().filter(|row| nearest.rows.contains(row)).count();
            }
            let wanted = 10 * between.len();
            prop_assert!(100 * found >= 95 * wanted, "{} of {} were found", found, wanted);
            Ok(())
        })
    },
};

#[rstest]
#[case::equals_brute_force(&EQUALS_BRUTE_FORCE)]
#[case::finds_nothing_for_another_users_id(&ANOTHERS_ID)]
#[case::is_for_users_alone(&FOR_USERS_ALONE)]
#[case::has_a_recall_of_at_least_95_in_100(&RECALL)]
fn semantic_search(#[case] property: &Property) {
    holds(property);
}

#[rstest]
#[case::that_the_deleted_are_found(" and m.deleted_at is null", "")]
#[case::that_the_threshold_is_found("s.similarity > threshold", "s.similarity >= threshold")]
#[case::that_everybodys_are_found("where m.user_id = p_user_id and", "where")]
#[case::that_there_is_no_limit("limit wanted", "limit 1000")]
#[case::that_a_null_limit_is_none("coalesce(p_limit, 10)", "coalesce(p_limit, 1000)")]
#[case::that_a_null_threshold_is_none("coalesce(p_threshold, 0.3)", "coalesce(p_threshold, -1)")]
#[case::that_the_distance_is_another("operator(extensions.<=>)", "operator(extensions.<->)")]
#[case::that_the_farthest_come_first("order by s.similarity desc", "order by s.similarity")]
#[case::that_no_direction_is_near(" and s.similarity <> 'NaN'", "")]
#[case::that_the_length_is_not_looked_at("<> 384", "< 0")]
fn semantic_search_notices(#[case] piece: &str, #[case] by: &str) {
    notices(&EQUALS_BRUTE_FORCE, &altered("search_memories_semantic", piece, by));
}

const SIGNATURE: &str = "public.search_memories_semantic(uuid, extensions.vector, integer, real)";

#[test]
fn semantic_search_notices_that_it_runs_with_its_owners_rights() {
    notices(&ANOTHERS_ID, &format!("alter function {SIGNATURE} security definer"));
}

#[test]
fn semantic_search_notices_that_anybody_may_call_it() {
    notices(&FOR_USERS_ALONE, &format!("grant execute on function {SIGNATURE} to anon"));
}

/// From the index alone, one of its hundred lists.
#[test]
fn semantic_search_notices_that_it_looks_in_few_lists() {
    let function = "search_memories_semantic";
    let by_index = altered(function, "offset 20000", "offset 0");
    let one_list = altered(function, "'ivfflat.probes', '20'", "'ivfflat.probes', '1'");
    notices(&RECALL, &format!("{by_index}; {one_list}"));
}
