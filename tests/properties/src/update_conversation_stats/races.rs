//! Eight sessions that write messages concurrently.

use std::fmt;

use futures_util::future::{join_all, try_join_all};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof};
use proptest::test_runner::TestCaseError;
use tokio::sync::OnceCell;

use super::{OWNERS, arrange, id, ids};
use schema_harness::checks::properties::{CaseTransaction, Property};
use schema_harness::database::session::Session;
use schema_harness::platform::persona::{Alice, Bob, Persona, ServiceRole};

/// The persona of each connection.
const SESSIONS: [Persona; 8] = [Alice, Alice, Alice, Bob, Bob, Bob, ServiceRole, ServiceRole];
/// How often a transaction may be retried before that is a fault.
const PATIENCE: u32 = 200;

pub const IN_RACES: Property = Property {
    id: "update_conversation_stats/counts-after-every-race",
    claim: "when eight sessions have inserted, deleted and moved messages at once, in \
            transactions at read committed or repeatable read that were committed, rolled back \
            or tried again, message_count and last_message_at are what the messages say",
    about: &["update_conversation_stats", "conversations", "messages"],
    cases: 40,
    holds: |runner| {
        // A deadlock is resolved by a retry, and detected sooner than after a second.
        runner.prepare(
            "do $$ begin execute format('alter database %I set deadlock_timeout = ''5ms''', \
             current_database()); end $$",
        )?;
        let sessions = OnceCell::new();
        let scripts = SESSIONS.map(|persona| vec(transaction(persona), 0..4));
        runner.check_committed(&scripts, async |transaction, scripts| {
            let connect = || try_join_all(SESSIONS.map(|it| runner.session(it.identity())));
            let sessions: &Vec<Session> = sessions.get_or_try_init(connect).await?;
            transaction.admin(&arrange()).await?;
            let races = sessions.iter().zip(&scripts).map(|(session, script)| run(session, script));
            // All transactions end, so that the next case finds none open.
            join_all(races).await.into_iter().collect::<Result<(), _>>()?;
            agree(transaction).await
        })
    },
};

/// One of the two conversations that a user owns; of the back end's, one of all.
type Which = usize;

/// A statement of a race.
#[derive(Debug, Clone)]
enum Step {
    /// A message into each of these conversations, in one statement.
    Insert(Vec<Which>),
    /// One existing message.
    DeleteOne(Which),
    /// All existing messages.
    DeleteAll(Which),
    /// The back end moves the messages of a conversation to another.
    Move(Which, Which),
    /// The back end changes the time of one message.
    Redate(Which, i64),
}

/// Statements that are committed or rolled back together.
#[derive(Clone)]
struct Transaction {
    steps: Vec<Step>,
    repeatable: bool,
    commits: bool,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.repeatable { "repeatable read" } else { "read committed" };
        let end = if self.commits { "commit" } else { "rollback" };
        write!(f, "{level} {:?} {end}", self.steps)
    }
}

fn transaction(persona: Persona) -> impl Strategy<Value = Transaction> {
    let own: Vec<Which> = (0..OWNERS.len()).filter(|at| OWNERS[*at] == persona).collect();
    let own = if persona == ServiceRole { (0..OWNERS.len()).collect() } else { own };
    let which = || proptest::sample::select(own.clone());
    let clients = prop_oneof![
        5 => vec(which(), 1..4).prop_map(Step::Insert),
        2 => which().prop_map(Step::DeleteOne),
        1 => which().prop_map(Step::DeleteAll),
    ];
    let step = if persona == ServiceRole {
        prop_oneof![
            3 => clients,
            1 => (which(), which()).prop_map(|(from, to)| Step::Move(from, to)),
            1 => (which(), -3i64..=3).prop_map(|(of, at)| Step::Redate(of, at)),
        ]
        .boxed()
    } else {
        clients.boxed()
    };
    let flags = (proptest::bool::weighted(0.3), proptest::bool::weighted(0.8));
    (vec(step, 1..=4), flags).prop_map(|(steps, (repeatable, commits))| Transaction {
        steps,
        repeatable,
        commits,
    })
}

impl Step {
    fn sql(&self) -> String {
        let one = |which: &Which| {
            format!(
                "id = (select id from public.messages where conversation_id = '{}' limit 1)",
                id(*which)
            )
        };
        match self {
            Self::Insert(into) => {
                let values: Vec<String> =
                    into.iter().map(|at| format!("('{}', 'user', '')", id(*at))).collect();
                format!(
                    "insert into public.messages (conversation_id, role, content) values {}",
                    values.join(", ")
                )
            }
            Self::DeleteOne(of) => format!("delete from public.messages where {}", one(of)),
            Self::DeleteAll(of) => {
                format!("delete from public.messages where conversation_id = '{}'", id(*of))
            }
            Self::Move(from, to) => format!(
                "update public.messages set conversation_id = '{}' where conversation_id = '{}'",
                id(*to),
                id(*from)
            ),
            Self::Redate(of, at) => format!(
                "update public.messages set created_at = to_timestamp({at}) where {}",
                one(of)
            ),
        }
    }
}

/// Runs one session's transactions, and retries each after a serialization failure.
async fn run(session: &Session, script: &[Transaction]) -> Result<(), TestCaseError> {
    for transaction in script {
        let level = if transaction.repeatable { "repeatable read" } else { "read committed" };
        let begin = format!("begin isolation level {level}");
        let statements: Vec<String> = transaction.steps.iter().map(Step::sql).collect();
        let end = if transaction.commits { "commit" } else { "rollback" };
        let mut refusals = 0;
        while let Err(refusal) = session.transact(&begin, &statements, end).await? {
            let again = ["40001", "40P01"].contains(&refusal.code().code());
            prop_assert!(again, "{:?} got {}", transaction, refusal);
            refusals += 1;
            prop_assert!(refusals < PATIENCE, "{:?} is refused forever", transaction);
        }
    }
    Ok(())
}

/// The counters equal the numbers of messages, counted here.
async fn agree(transaction: &CaseTransaction) -> Result<(), TestCaseError> {
    let micros = |column: &str| format!("(extract(epoch from {column}) * 1000000)::bigint");
    let messages = format!(
        "select conversation_id, {} from public.messages where conversation_id = any ({})",
        micros("created_at"),
        ids()
    );
    let messages = transaction.admin(&messages).await?.rows;
    let counters = format!(
        "select id, message_count, {} from public.conversations where id = any ({}) order by id",
        micros("last_message_at"),
        ids()
    );
    let counters = transaction.admin(&counters).await?.rows;
    let wanted = (0..OWNERS.len()).map(|at| {
        let own = messages.iter().filter(|message| message[0] == id(at));
        let times = own.map(|message| message[1].parse::<i64>().expect("microseconds"));
        let last = times.clone().max().map_or("∅".to_owned(), |last| last.to_string());
        vec![id(at), times.count().to_string(), last]
    });
    prop_assert_eq!(counters, wanted.collect::<Vec<_>>(), "counters against messages");
    Ok(())
}
