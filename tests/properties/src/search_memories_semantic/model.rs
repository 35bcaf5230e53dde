//! Semantic search by brute force: memories, queries, and which memories match which query.

use proptest::array::uniform7;
use proptest::prelude::{Just, Strategy, TestCaseError, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;

use schema_harness::database::batch::Answer;

/// The coordinates of a vector that are not zero: the first six and the last.
pub(super) type Direction = [i8; 7];

/// The literal of a direction's vector.
pub(super) fn vector(direction: Direction) -> String {
    let [head @ .., last] = direction.map(|coordinate| coordinate.to_string());
    format!("'[{},{}{last}]'::extensions.vector", head.join(","), "0,".repeat(377))
}

pub(super) fn direction() -> impl Strategy<Value = Direction> {
    uniform7(prop_oneof![2 => Just(0i8), 3 => -2i8..=2])
}

/// A memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) embedding: Option<Direction>,
    pub(super) deleted: bool,
}

pub(super) fn memory() -> impl Strategy<Value = Memory> {
    let embedding = prop_oneof![1 => Just(None), 6 => direction().prop_map(Some)];
    (embedding, proptest::bool::weighted(0.2))
        .prop_map(|(embedding, deleted)| Memory { embedding, deleted })
}

/// A query.
#[derive(Debug, Clone, Copy)]
pub(super) enum Query {
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

pub(super) fn query() -> impl Strategy<Value = Query> {
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
pub(super) struct Question {
    pub(super) query: Query,
    pub(super) limit: Option<i32>,
    pub(super) threshold: Option<f32>,
    pub(super) by_the_back_end: bool,
}

impl Question {
    pub(super) fn sql(self, user: &str) -> String {
        let limit = self.limit.map_or("null".to_owned(), |limit| limit.to_string());
        let threshold = self.threshold.map_or("null".to_owned(), |at| format!("'{at}'::real"));
        format!(
            "select id, similarity from public.search_memories_semantic('{user}', {}, {limit}, \
             {threshold})",
            self.query.sql()
        )
    }
}

pub(super) fn question() -> impl Strategy<Value = Question> {
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

/// The tolerance for a sum of floats.
const ERROR: f64 = 1e-5;

/// The cosine of two directions; `None` where one of them has no direction.
fn similarity(a: Direction, b: Direction) -> Option<f64> {
    let dot = |a: Direction, b: Direction| -> i32 {
        a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(b)).sum()
    };
    let norms = dot(a, a) * dot(b, b);
    (norms > 0).then(|| f64::from(dot(a, b)) / f64::from(norms).sqrt())
}

/// Whether a memory matches a query.
enum Candidate {
    /// It must be found, unless nearer ones fill the limit.
    Found(f64),
    /// It is so near the threshold that rounding decides.
    Perhaps(f64),
}

impl Candidate {
    fn of(memory: Memory, towards: Direction, threshold: f32) -> Option<Self> {
        let similarity = similarity(memory.embedding?, towards).filter(|_| !memory.deleted)?;
        let threshold = f64::from(threshold);
        // These values are exact, so that comparisons are, too.
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
pub(super) fn id(at: usize) -> String {
    format!("5ea4c000-0000-4000-8000-{at:012}")
}

/// Compares an answer with brute force, except for ties and rounding.
pub(super) fn compare(
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
    let mut before = f64::INFINITY;
    for row in &answer.rows {
        let at = left.iter().position(|(id, _)| *id == row[0]);
        prop_assert!(at.is_some(), "{} is no candidate, or is found twice", row[0]);
        let (_, candidate) = left.swap_remove(at.unwrap_or_default());
        let said: f64 = row[1].parse().unwrap_or(f64::NAN);
        let off = (said - candidate.similarity()).abs();
        prop_assert!(off <= ERROR, "{} instead of {}", said, candidate.similarity());
        prop_assert!(said <= before, "{} after {}", said, before);
        before = said;
    }
    let missed = left.iter().filter(|(_, it)| {
        matches!(it, Candidate::Found(similarity) if count < limit || *similarity > before + ERROR)
    });
    let missed: Vec<&String> = missed.map(|(id, _)| id).collect();
    prop_assert_eq!(missed, Vec::<&String>::new(), "memories that were passed over");
    Ok(())
}
