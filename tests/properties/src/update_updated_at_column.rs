//! Invariants of `update_updated_at_column` for every table with `updated_at`.

use std::collections::BTreeMap;
use std::fmt;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use proptest::test_runner::TestCaseError;
use tokio::sync::OnceCell;

use schema_harness::checks::properties::{Property, Sender};
use schema_harness::database::batch::Answer;
use schema_harness::error::CannotRun;
use schema_harness::platform::persona::{Alice, Persona, ServiceRole};

pub(super) const PROPERTIES: [Property; 2] = [IN_ONE_TRANSACTION, IN_MANY_TRANSACTIONS];

/// A table with `updated_at`, of which every case has one row with Alice's id.
struct Table {
    name: &'static str,
    /// The required columns besides the id and the two times, with expressions.
    row: [&'static str; 2],
    /// The updated columns with their new expressions: the same value, an equal value in
    /// another form, and others.
    columns: Columns,
    /// Columns of which two values are equal and stored differently.
    twins: Columns,
    /// Whether Alice may change these columns.
    is_alices: bool,
}

/// Columns, and expressions for each.
type Columns = &'static [(&'static str, &'static [&'static str])];

const USER_PROFILES: Table = Table {
    name: "user_profiles",
    row: ["username, preferences", "'alice in a case', '{\"a\": 1.0}'"],
    columns: &[
        ("username", &["username", "'ann'", "'Ann'", "'анна'"]),
        ("full_name", &["full_name", "null", "''", "'Ann'"]),
        ("avatar_url", &["null", "'https://example.com/a'"]),
        ("bio", &["bio || ''", "''", "repeat('long ', 5000)"]),
        ("preferences", JSON),
        ("onboarding_completed", BOOLEAN),
    ],
    twins: &[("preferences", NUMBERS)],
    is_alices: true,
};

const MEMORIES: Table = Table {
    name: "memories",
    row: ["user_id, content, metadata", "id, 'it', '{\"a\": 1.0}'"],
    columns: &[
        ("content", &["content", "'it'", "'that'", "repeat('long ', 5000)"]),
        ("summary", &["null", "''", "'s'"]),
        (
            "embedding",
            &[
                "embedding",
                "null",
                "array_fill('0'::real, array[384])::extensions.vector",
                "array_fill('-0'::real, array[384])::extensions.vector",
            ],
        ),
        ("metadata", JSON),
        ("tags", &["tags", "'{}'", "'{a,b}'", "array['a', 'b']", "'[0:1]={a,b}'", "'{b,a}'"]),
        ("encrypted_data", &["null", "'c2VjcmV0'"]),
        ("source", &["source", "'manual'", "'chat'"]),
        ("is_favorite", BOOLEAN),
        ("is_archived", BOOLEAN),
        ("deleted_at", &["null", "now()", "'infinity'", "'2025-01-01 00:00+00'"]),
    ],
    twins: &[("metadata", NUMBERS), ("embedding", ZEROS)],
    is_alices: true,
};

const CONVERSATIONS: Table = Table {
    name: "conversations",
    row: ["user_id, temperature", "id, 0"],
    columns: &[
        ("title", &["title", "'New conversation'", "'t'"]),
        ("model", &["model", "'gpt'"]),
        ("system_prompt", &["null", "'p'"]),
        ("temperature", &["temperature", "'0'", "'-0'", "0.5", "0.50"]),
        ("is_pinned", BOOLEAN),
        ("is_archived", BOOLEAN),
        ("folder", &["null", "'f'"]),
        ("tags", &["tags", "'{}'", "'{a,b}'", "'[0:1]={a,b}'"]),
    ],
    twins: &[("temperature", &["'0'", "'-0'"])],
    is_alices: true,
};

const FEEDBACK: Table = Table {
    name: "feedback",
    row: ["user_id, type, title, content", "id, 'bug', 't', 'it'"],
    columns: &[
        ("title", &["title", "'t'", "'T'"]),
        ("content", &["content || ''", "'that'"]),
        ("rating", &["rating", "null", "1", "5"]),
    ],
    twins: &[],
    is_alices: true,
};

const FEATURE_FLAGS: Table = Table {
    name: "feature_flags",
    row: ["name", "'flag of a case'"],
    columns: &[
        ("enabled", BOOLEAN),
        ("description", &["null", "''", "'d'"]),
        ("rollout_percentage", &["rollout_percentage", "0", "1", "100"]),
        ("target_user_ids", &["target_user_ids", "'{}'", "array[id]", "array[id, id]"]),
    ],
    twins: &[],
    is_alices: false,
};

const NUMBERS: &[&str] = &["'{\"a\": 1.0}'", "'{\"a\": 1.00}'"];
const ZEROS: &[&str] = &[
    "array_fill('0'::real, array[384])::extensions.vector",
    "array_fill('-0'::real, array[384])::extensions.vector",
];
const BOOLEAN: &[&str] = &["false", "true"];
const JSON: &[&str] =
    &["'{}'", "'{\"a\": 1.0}'", "'{\"a\": 1.00}'", "'{\"a\":1,\"b\":2}'", "'{\"b\":2,\"a\":1}'"];
/// Values that the back end sends for either time; null would fail if it were stored.
const FORGED: &[&str] = &["now()", "clock_timestamp()", "null", "'-infinity'", "'infinity'"];

/// An UPDATE: its changes and its sender.
#[derive(Clone)]
struct Update {
    who: Persona,
    set: BTreeMap<&'static str, &'static str>,
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.who.name(), self.assignments())
    }
}

impl Update {
    /// Without a column to change the key is set to itself.
    fn assignments(&self) -> String {
        let set = self.set.iter().map(|(column, value)| format!("{column} = {value}"));
        let set = set.collect::<Vec<_>>().join(", ");
        if set.is_empty() { "id = id".to_owned() } else { set }
    }
}

/// A row whose `updated_at` is this many microseconds after now, and transactions of updates.
struct Case {
    table: &'static Table,
    ahead: i64,
    transactions: Vec<Vec<Update>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, ahead, transactions } = self;
        write!(f, "{} updated_at = now() + {ahead} µs, {transactions:?}", table.name)
    }
}

fn update(table: &'static Table) -> impl Strategy<Value = Update> {
    type Pairs = BoxedStrategy<(&'static str, &'static str)>;
    let pair = |(column, values): &(&'static str, &'static [&'static str])| -> Pairs {
        (Just(*column), select(*values)).boxed()
    };
    let honest = Union::new(table.columns.iter().map(pair)).boxed();
    let forged = Union::new([("created_at", FORGED), ("updated_at", FORGED)].iter().map(pair));
    let back_end = prop_oneof![2 => honest.clone(), 1 => forged].boxed();
    let set = |pairs: Pairs, least| {
        let pairs = vec(pairs, least..=table.columns.len());
        let set = pairs.prop_map(|pairs| pairs.into_iter().collect::<BTreeMap<_, _>>());
        if table.twins.is_empty() {
            return set.boxed();
        }
        let twin = Union::new(table.twins.iter().map(pair));
        prop_oneof![3 => set, 1 => twin.prop_map(|pair| BTreeMap::from([pair]))].boxed()
    };
    let back_end = set(back_end, 0).prop_map(|set| Update { who: ServiceRole, set }).boxed();
    if !table.is_alices {
        return back_end;
    }
    prop_oneof![set(honest, 1).prop_map(|set| Update { who: Alice, set }), back_end].boxed()
}

fn case(transactions: usize) -> impl Strategy<Value = Case> {
    const TABLES: [&Table; 5] =
        [&FEEDBACK, &FEATURE_FLAGS, &CONVERSATIONS, &USER_PROFILES, &MEMORIES];
    let hour = 3_600_000_000i64;
    Union::new(TABLES.map(|table| {
        let ahead = prop_oneof![Just(0), -3i64..=3, -hour..=hour];
        let updates = vec(vec(update(table), 1..4), 1..=transactions);
        let case = move |(ahead, transactions)| Case { table, ahead, transactions };
        (ahead, updates).prop_map(case).boxed()
    }))
}

/// A statement that inserts the row of a case, without firing triggers.
fn arrange(Case { table, ahead, .. }: &Case) -> String {
    let Table { name, row: [columns, values], .. } = table;
    let alice = Alice.user_id().expect("Alice has signed up");
    format!(
        "set local session_replication_role = replica; \
         delete from public.{name} where id = '{alice}'; \
         insert into public.{name} (id, {columns}, created_at, updated_at) \
         select id, {values}, '2025-01-01 00:00+00', now() + {ahead} * interval '1 microsecond' \
         from (values ('{alice}'::uuid)) as alice (id); \
         set local session_replication_role = origin"
    )
}

/// The UPDATE itself, in which the row is named by its key.
fn statement(table: &Table, update: &Update) -> String {
    let alice = Alice.user_id().expect("Alice has signed up");
    format!("update public.{} set {} where id = '{alice}'", table.name, update.assignments())
}

/// Asks for the transaction's time, the row's times and its other columns as they are stored.
fn question(table: &Table) -> String {
    let alice = Alice.user_id().expect("Alice has signed up");
    let columns: Vec<&str> = table.columns.iter().map(|(column, _)| *column).collect();
    format!(
        "select (extract(epoch from now()) * 1000000)::bigint, created_at, \
         (extract(epoch from updated_at) * 1000000)::bigint, row({})::text \
         from public.{} where id = '{alice}'",
        columns.join(", "),
        table.name
    )
}

/// Compares the row before and after an update: the times keep the invariant.
fn judge(before: &Answer, after: &Answer) -> Result<(), TestCaseError> {
    let [before, after] = [&before.rows[0], &after.rows[0]];
    prop_assert_eq!(&after[1], &before[1], "created_at");
    let micros = |text: &String| text.parse::<i64>().map_err(|_| TestCaseError::fail(text.clone()));
    let [was, is, now] = [micros(&before[2])?, micros(&after[2])?, micros(&after[0])?];
    let changed = before[3] != after[3];
    let wanted = if changed { now.max(was) } else { was };
    prop_assert_eq!(is, wanted, "updated_at in µs; changed: {}; at {}", changed, now);
    Ok(())
}

pub const IN_ONE_TRANSACTION: Property = Property {
    id: "update_updated_at_column/tells-when-a-row-changed-last",
    claim: "whatever an update says, created_at stays; updated_at becomes the transaction's time \
            if what is stored changes, stays if not, and never goes back",
    about: &[
        "update_updated_at_column",
        "user_profiles",
        "memories",
        "conversations",
        "feedback",
        "feature_flags",
    ],
    cases: 150,
    holds: |runner| {
        runner.check(&case(1), async |transaction, case| {
            transaction.admin(&arrange(&case)).await?;
            let mut before = transaction.admin(&question(case.table)).await?;
            for update in case.transactions.iter().flatten() {
                let update_sql = statement(case.table, update);
                let updated = transaction.run(&Sender::persona(update.who), &update_sql).await?;
                prop_assert_eq!(updated.count, 1, "control: rows that were updated");
                let after = transaction.admin(&question(case.table)).await?;
                judge(&before, &after)?;
                before = after;
            }
            Ok(())
        })
    },
};

pub const IN_MANY_TRANSACTIONS: Property = Property {
    id: "update_updated_at_column/tells-the-transaction",
    claim: "over any number of transactions that are committed, updated_at is the time of the \
            last one in which what is stored changed, and created_at stays",
    about: IN_ONE_TRANSACTION.about,
    cases: 60,
    holds: |runner| {
        let sessions = OnceCell::new();
        let updates = (case(5), any::<bool>());
        runner.check_committed(&updates, async |transaction, (case, repeatable)| {
            let connect = async || {
                let alice = runner.session(Alice.identity()).await?;
                let back_end = runner.session(ServiceRole.identity()).await?;
                Ok::<_, CannotRun>((alice, back_end))
            };
            let (alice, back_end) = sessions.get_or_try_init(connect).await?;
            // One message is one transaction.
            transaction.admin(&arrange(&case)).await?;
            let level = if repeatable { "repeatable read" } else { "read committed" };
            let begin = format!("begin isolation level {level}");
            let mut before = transaction.admin(&question(case.table)).await?;
            for updates in &case.transactions {
                let as_alice = updates.iter().all(|update| update.who == Alice);
                let session = if as_alice { alice } else { back_end };
                let mut statements = Vec::new();
                for update in updates {
                    statements.push(statement(case.table, update));
                    statements.push(question(case.table));
                }
                let answers = session.transact(&begin, &statements, "commit").await??;
                for told in answers.chunks(2) {
                    prop_assert_eq!(told[0].count, 1, "control: rows that were updated");
                    judge(&before, &told[1])?;
                    before = told[1].clone();
                }
            }
            Ok(())
        })
    },
};
