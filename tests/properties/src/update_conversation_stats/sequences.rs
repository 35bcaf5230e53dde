//! Any sequence of statements on messages, compared with a model.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use super::{OWNERS, arrange, id, ids};
use schema_harness::checks::properties::{CaseTransaction, Property, Runner, Sender};
use schema_harness::platform::persona::{Alice, Bob, ServiceRole};

pub const IN_SEQUENCES: Property = Property {
    id: "update_conversation_stats/counts-after-every-statement",
    claim: "after any insert, upsert, delete, move, new date, cascade or statement without a row, \
            message_count is the number of each conversation's messages and last_message_at \
            their latest created_at; nothing else about a conversation changes",
    about: &["update_conversation_stats", "conversations", "messages"],
    cases: 150,
    holds: |runner| {
        let steps = vec(step(), 0..10);
        runner.check(&steps, async |transaction, steps| run(runner, transaction, steps).await)
    },
};

/// Seconds since 1970.
type At = i64;

/// A statement. A message is picked by its place among those that are there; beyond them
/// there is none.
#[derive(Debug, Clone)]
enum Step {
    /// The back end inserts messages into conversations.
    Insert(Vec<(usize, At)>),
    /// The owner of a conversation inserts messages into it, now.
    Say(usize, usize),
    /// The back end upserts a message whose key may exist: it moves and re-dates that message,
    /// or does nothing.
    Upsert { key: u32, to: usize, at: At, moves: bool },
    /// The back end deletes messages.
    Delete(Vec<usize>),
    /// The owner of a conversation deletes all its messages.
    Clear(usize),
    /// A user deletes every message that is theirs, without a WHERE.
    ClearAll { alice: bool },
    /// The back end moves messages into a conversation.
    Move(Vec<usize>, usize),
    /// The back end updates every message, and moves one.
    MoveOne(usize, usize),
    /// The back end swaps two messages.
    Swap(usize, usize),
    /// The back end changes the times of messages.
    Redate(Vec<usize>, At),
    /// The back end changes only the contents of messages.
    Edit(Vec<usize>),
    /// The back end deletes and inserts messages in one statement.
    Replace(usize, At),
    /// The owner, or the back end, deletes a conversation.
    Drop(usize, bool),
    /// The auth server deletes Bob's account.
    DropAccount,
}

fn step() -> impl Strategy<Value = Step> {
    let to = || 0..OWNERS.len();
    // Close together, so that some are equal; before 1970; and after now.
    let at = || prop_oneof![-3i64..=3, Just(4_102_444_800)];
    let picks = || vec(0..6usize, 0..4);
    prop_oneof![
        6 => vec((to(), at()), 0..6).prop_map(Step::Insert),
        3 => (to(), 1..4usize).prop_map(|(to, times)| Step::Say(to, times)),
        3 => (0..3u32, to(), at(), any::<bool>())
            .prop_map(|(key, to, at, moves)| Step::Upsert { key, to, at, moves }),
        3 => picks().prop_map(Step::Delete),
        1 => to().prop_map(Step::Clear),
        1 => any::<bool>().prop_map(|alice| Step::ClearAll { alice }),
        3 => (picks(), to()).prop_map(|(picks, to)| Step::Move(picks, to)),
        3 => (0..6usize, to()).prop_map(|(one, to)| Step::MoveOne(one, to)),
        2 => (0..6usize, 0..6usize).prop_map(|(one, other)| Step::Swap(one, other)),
        3 => (picks(), at()).prop_map(|(picks, at)| Step::Redate(picks, at)),
        1 => picks().prop_map(Step::Edit),
        1 => (to(), at()).prop_map(|(to, at)| Step::Replace(to, at)),
        1 => (to(), any::<bool>()).prop_map(|(which, owner)| Step::Drop(which, owner)),
        1 => select(vec![Step::DropAccount]),
    ]
}

/// The expected contents of the database: times are microseconds since 1970.
struct Model {
    now: i64,
    /// Whether each conversation is there.
    there: [bool; OWNERS.len()],
    /// Where each message is, and its time. Its key is also its content; those below ten are
    /// chosen, and make the message's id.
    messages: BTreeMap<u32, (usize, i64)>,
    next: u32,
}

/// A statement, who sends it, and what the model is once it has succeeded.
struct Response {
    who: Sender,
    sql: String,
    /// The conversations that must be there.
    into: Vec<usize>,
}

impl Model {
    fn new_key(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn picked(&self, picks: &[usize]) -> Vec<u32> {
        let mut keys: Vec<u32> =
            picks.iter().filter_map(|pick| self.messages.keys().nth(*pick).copied()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn accepts(&self, into: &[usize]) -> bool {
        into.iter().all(|at| self.there[*at])
    }

    /// Updates every message and moves one: of two with equal times, one stays.
    fn move_one(&mut self, one: usize, to: usize) -> Response {
        let moved = self.picked(&[one]);
        let into = if moved.is_empty() { Vec::new() } else { vec![to] };
        if self.accepts(&into) {
            self.change(&moved, |(at, _)| *at = to);
        }
        let set = format!(
            "conversation_id = case when {} then '{}' else conversation_id end",
            among(&moved),
            id(to)
        );
        let all: Vec<u32> = self.messages.keys().copied().collect();
        Response { who: Sender::persona(ServiceRole), sql: update(&set, &all), into }
    }

    /// Applies a step to the model, and returns its statement. An insert into a deleted
    /// conversation is refused, and changes neither.
    fn apply(&mut self, step: &Step, auth_server: &Sender) -> Response {
        let back_end = |sql, into| Response { who: Sender::persona(ServiceRole), sql, into };
        let owner =
            |of: usize, sql: String, into| Response { who: Sender::persona(OWNERS[of]), sql, into };
        match step {
            Step::Insert(rows) => {
                let into: Vec<usize> = rows.iter().map(|(to, _)| *to).collect();
                let keyed: Vec<_> = rows.iter().map(|row| (self.new_key(), *row)).collect();
                if self.accepts(&into) {
                    let kept = keyed.iter().map(|(key, (to, at))| (*key, (*to, micros(*at))));
                    self.messages.extend(kept);
                }
                back_end(insert(&keyed), into)
            }
            Step::Say(to, times) => {
                let keys: Vec<u32> = (0..*times).map(|_| self.new_key()).collect();
                if self.there[*to] {
                    self.messages.extend(keys.iter().map(|key| (*key, (*to, self.now))));
                }
                owner(*to, say(&keys, *to), vec![*to])
            }
            Step::Upsert { key, to, at, moves } => {
                let is_new = !self.messages.contains_key(key);
                // A row that is not inserted is not checked further.
                let into = if is_new || *moves { vec![*to] } else { Vec::new() };
                if self.accepts(&into) && !into.is_empty() {
                    self.messages.insert(*key, (*to, micros(*at)));
                }
                back_end(upsert(*key, *to, *at, *moves), into)
            }
            Step::Delete(picks) => {
                let keys = self.picked(picks);
                self.messages.retain(|key, _| !keys.contains(key));
                back_end(format!("delete from public.messages where {}", among(&keys)), Vec::new())
            }
            Step::Clear(which) => {
                self.messages.retain(|_, (at, _)| at != which);
                let sql =
                    format!("delete from public.messages where conversation_id = '{}'", id(*which));
                owner(*which, sql, Vec::new())
            }
            Step::ClearAll { alice } => {
                let persona = if *alice { Alice } else { Bob };
                self.messages.retain(|_, (at, _)| OWNERS[*at] != persona);
                let sql = "delete from public.messages".to_owned();
                Response { who: Sender::persona(persona), sql, into: Vec::new() }
            }
            Step::Move(picks, to) => {
                let keys = self.picked(picks);
                let into = if keys.is_empty() { Vec::new() } else { vec![*to] };
                if self.accepts(&into) {
                    self.change(&keys, |(at, _)| *at = *to);
                }
                let set = format!("conversation_id = '{}'", id(*to));
                back_end(update(&set, &keys), into)
            }
            Step::MoveOne(one, to) => self.move_one(*one, *to),
            Step::Swap(one, other) => {
                let keys = self.picked(&[*one, *other]);
                if let [one, other] = keys[..] {
                    let [a, b] = [self.messages[&one].0, self.messages[&other].0];
                    self.change(&keys, |(at, _)| *at = if *at == a { b } else { a });
                }
                back_end(swap(&keys), Vec::new())
            }
            Step::Redate(picks, at) => {
                let keys = self.picked(picks);
                self.change(&keys, |(_, time)| *time = micros(*at));
                back_end(update(&format!("created_at = to_timestamp({at})"), &keys), Vec::new())
            }
            Step::Edit(picks) => {
                let keys = self.picked(picks);
                let set = "metadata = '{\"edited\": true}', created_at = created_at";
                back_end(update(set, &keys), Vec::new())
            }
            Step::Replace(which, at) => {
                let key = self.new_key();
                if self.there[*which] {
                    self.messages.retain(|_, (at, _)| at != which);
                    self.messages.insert(key, (*which, micros(*at)));
                }
                let sql = format!(
                    "with gone as (delete from public.messages where conversation_id = '{}') {}",
                    id(*which),
                    insert(&[(key, (*which, *at))])
                );
                back_end(sql, vec![*which])
            }
            Step::Drop(which, by_owner) => {
                self.forget(*which);
                let sql = format!("delete from public.conversations where id = '{}'", id(*which));
                if *by_owner { owner(*which, sql, Vec::new()) } else { back_end(sql, Vec::new()) }
            }
            Step::DropAccount => {
                let gone = (0..OWNERS.len()).filter(|at| OWNERS[*at] == Bob);
                gone.for_each(|at| self.forget(at));
                let bob = Bob.user_id().expect("Bob has signed up");
                let sql = format!("delete from auth.users where id = '{bob}'");
                Response { who: auth_server.clone(), sql, into: Vec::new() }
            }
        }
    }

    fn change(&mut self, keys: &[u32], change: impl Fn(&mut (usize, i64))) {
        self.messages
            .iter_mut()
            .filter(|(key, _)| keys.contains(key))
            .for_each(|(_, it)| change(it));
    }

    fn forget(&mut self, conversation: usize) {
        self.there[conversation] = false;
        self.messages.retain(|_, (at, _)| *at != conversation);
    }

    /// The expected conversations of the database.
    fn rows(&self) -> Vec<Vec<String>> {
        let there = (0..OWNERS.len()).filter(|at| self.there[*at]);
        let row = |at| {
            let times = self.messages.values().filter(|(of, _)| *of == at).map(|(_, time)| *time);
            let last = times.clone().max().map_or("∅".to_owned(), |last| last.to_string());
            vec![id(at), times.count().to_string(), last]
        };
        there.map(row).collect()
    }
}

fn micros(at: At) -> i64 {
    at * 1_000_000
}

fn insert(rows: &[(u32, (usize, At))]) -> String {
    let values = rows.iter().map(|(key, (to, at))| {
        format!("('{}'::uuid, 'user', '{key}', to_timestamp({at}))", id(*to))
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let into = "insert into public.messages (conversation_id, role, content, created_at)";
    if values.is_empty() {
        return format!(
            "{into} select id, 'user', '', now() from public.conversations where false"
        );
    }
    format!("{into} values {values}")
}

/// As a client may: without an id and a time.
fn say(keys: &[u32], to: usize) -> String {
    let values = keys.iter().map(|key| format!("('{}', 'user', '{key}')", id(to)));
    let values = values.collect::<Vec<_>>().join(", ");
    format!("insert into public.messages (conversation_id, role, content) values {values}")
}

fn upsert(key: u32, to: usize, at: At, moves: bool) -> String {
    let action = if moves {
        "update set conversation_id = excluded.conversation_id, created_at = excluded.created_at"
    } else {
        "nothing"
    };
    format!(
        "insert into public.messages (id, conversation_id, role, content, created_at) \
         values ('{key:08}-0000-4000-8000-000000000000', '{}', 'user', '{key}', \
         to_timestamp({at})) on conflict (id) do {action}",
        id(to)
    )
}

/// Each of two messages moves to the other's conversation; a single one stays.
fn swap(keys: &[u32]) -> String {
    let set = format!(
        "conversation_id = coalesce((select o.conversation_id from public.messages as o \
         where o.{} and o.content <> m.content), m.conversation_id)",
        among(keys)
    );
    update(&set, keys)
}

fn update(set: &str, keys: &[u32]) -> String {
    format!("update public.messages as m set {set} where {}", among(keys))
}

/// A condition that is true only for these messages.
fn among(keys: &[u32]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("'{key}'")).collect();
    format!("content in ('none of them', {})", keys.join(", ")).replace(", )", ")")
}

async fn run(
    runner: &Runner,
    transaction: &CaseTransaction,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let now = format!("{}; select (extract(epoch from now()) * 1000000)::bigint", arrange());
    let now = transaction.admin(&now).await?.one()?;
    let there = [true; OWNERS.len()];
    let mut model = Model { now, there, messages: BTreeMap::new(), next: 9 };
    let counters = format!(
        "select id, message_count, (extract(epoch from last_message_at) * 1000000)::bigint \
         from public.conversations where id = any ({}) order by id",
        ids()
    );
    // A row with a new message_count has a new updated_at too, by another trigger.
    let rest = "select md5(string_agg((to_jsonb(c) - array['message_count', 'last_message_at', \
                'updated_at'])::text, '' order by id)) from public.conversations as c";
    let mut before = transaction.admin(rest).await?;
    for step in &steps {
        let Response { who, sql, into } = model.apply(step, runner.auth_server());
        let result = transaction.run(&who, &sql).await;
        if model.accepts(&into) {
            result?;
        } else {
            let code = result.map_err(|why| why.code().to_owned()).map(drop);
            let refused = ["23503", "42501"].map(|code| Err(code.to_owned()));
            prop_assert!(refused.contains(&code), "{:?} got {:?}", step, code);
        }
        prop_assert_eq!(
            &transaction.admin(&counters).await?.rows,
            &model.rows(),
            "after {:?}",
            step
        );
        let after = transaction.admin(rest).await?;
        if !matches!(step, Step::Drop(..) | Step::DropAccount) {
            prop_assert_eq!(&after, &before, "other columns after {:?}", step);
        }
        before = after;
    }
    Ok(())
}
