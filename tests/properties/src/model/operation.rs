//! The operations of users, the back end and the auth server, and the strategies that generate
//! them.

use std::collections::BTreeMap;
use std::fmt;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;
use proptest_state_machine::ReferenceStateMachine;

use super::state::{Label, Message, State};

/// One of the model's users.
pub(super) type User = u8;

/// All users that may have an account.
pub(super) const USERS: [User; 3] = [0, 1, 2];

/// The id of a user's account.
pub(super) fn user_id(user: User) -> String {
    format!("0000000{user}-0000-4000-8000-00000000000{user}")
}

/// A sender of operations, and a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// A sender with a token of that user, even after the account is deleted.
    User(User),
    Anon,
    ServiceRole,
}

impl Actor {
    /// Whether it may read and change that user's rows.
    pub(super) fn owns(self, user: User) -> bool {
        self == Self::User(user) || self == Self::ServiceRole
    }
}

/// The change of a memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Favorite(bool),
    Deleted(bool),
}

/// An operation. Without a label it is on all rows: a statement without WHERE.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    SignUp(User),
    DeleteAccount(User),
    Rename {
        by: Actor,
        of: User,
        to: u8,
    },
    /// The back end may insert one in the past.
    Remember {
        by: Actor,
        owner: User,
        label: Label,
        favorite: bool,
        at: Option<i32>,
    },
    Mark {
        by: Actor,
        memory: Option<Label>,
        mark: Mark,
    },
    Forget {
        by: Actor,
        memory: Option<Label>,
    },
    Link {
        by: Actor,
        ends: (Label, Label),
        kind: &'static str,
    },
    Weigh {
        by: Actor,
        ends: (Label, Label),
        strength: &'static str,
    },
    Unlink {
        by: Actor,
        ends: (Label, Label),
    },
    Converse {
        by: Actor,
        owner: User,
        label: Label,
    },
    Pin {
        by: Actor,
        conversation: Option<Label>,
        pinned: bool,
    },
    End {
        by: Actor,
        conversation: Option<Label>,
    },
    Say {
        by: Actor,
        conversation: Label,
        label: Label,
        context: Option<Label>,
    },
    /// The back end inserts messages in the past, two in one statement.
    Import {
        conversation: Label,
        labels: [Label; 2],
        at: [i32; 2],
    },
    Unsay {
        by: Actor,
        message: Option<Label>,
    },
    Complain {
        by: Actor,
        owner: User,
        label: Label,
    },
    Rate {
        by: Actor,
        feedback: Option<Label>,
        rating: u8,
    },
    Answer {
        feedback: Label,
        status: &'static str,
    },
    LogIn {
        owner: User,
        label: Label,
        expired: bool,
    },
    SignOut {
        by: Actor,
        session: Option<Label>,
    },
    CleanUp {
        by: Actor,
    },
    StartImport {
        owner: User,
        label: Label,
    },
    FinishImport {
        import: Label,
    },
    Flag {
        label: Label,
        enabled: bool,
        percentage: u8,
        target: Option<User>,
    },
    Measure {
        label: Label,
        value: i32,
    },
    /// A user tries a command that no client may run.
    Trespass {
        by: User,
        statement: &'static str,
    },
}

/// Commands that no client may run on any row.
const TRESPASSES: [&str; 12] = [
    "update public.conversations set message_count = 0",
    "update public.conversations set user_id = user_id",
    "update public.memories set user_id = user_id",
    "update public.messages set content = content",
    "update public.feedback set status = 'resolved'",
    "delete from public.feedback",
    "delete from public.user_profiles",
    "update public.user_sessions set expires_at = 'infinity'",
    "delete from public.import_history",
    "update public.feature_flags set enabled = true",
    "delete from public.system_metrics",
    "delete from auth.users",
];

/// The operations before the first generated one, so that each table has rows.
pub(super) fn context() -> Vec<Operation> {
    let of = |owner: User, label: Label| {
        let by = Actor::User(owner);
        [
            Operation::Remember { by, owner, label, favorite: true, at: Some(-1) },
            Operation::Remember { by, owner, label: label + 1, favorite: false, at: Some(2) },
            Operation::Link { by, ends: (label, label + 1), kind: "related" },
            Operation::Converse { by, owner, label: label + 2 },
            Operation::Import {
                conversation: label + 2,
                labels: [label + 3, label + 4],
                at: [0, 1],
            },
            Operation::Complain { by, owner, label: label + 5 },
            Operation::Complain { by, owner, label: label + 9 },
            Operation::Answer { feedback: label + 9, status: "closed" },
            Operation::LogIn { owner, label: label + 6, expired: false },
            Operation::LogIn { owner, label: label + 7, expired: true },
            Operation::StartImport { owner, label: label + 8 },
        ]
    };
    let accounts = [Operation::SignUp(0), Operation::SignUp(1)];
    accounts.into_iter().chain(of(0, 1)).chain(of(1, 11)).collect()
}

/// The model, as the generator uses it.
pub(super) struct Model;

impl ReferenceStateMachine for Model {
    type State = State;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<State> {
        Just(State::start()).boxed()
    }

    fn transitions(state: &State) -> BoxedStrategy<Operation> {
        let owner = || some_user();
        // A sender and an owner, who are mostly the same: otherwise few operations would
        // succeed.
        let own = prop_oneof![
            4 => owner().prop_map(|user| (Actor::User(user), user)),
            1 => (anybody(), owner()),
        ]
        .boxed();
        prop_oneof![
            3 => accounts(),
            9 => notes(state, own.clone()),
            9 => talk(state, own),
            6 => back_end(state),
            1 => (owner(), select(TRESPASSES.to_vec()))
                .prop_map(|(by, statement)| Operation::Trespass { by, statement }),
        ]
        .boxed()
    }

    fn apply(mut state: State, operation: &Operation) -> State {
        state.apply(operation);
        state
    }
}

type Generated = BoxedStrategy<Operation>;
type Own = BoxedStrategy<(Actor, User)>;

fn accounts() -> Generated {
    prop_oneof![
        2 => select(USERS.to_vec()).prop_map(Operation::SignUp),
        1 => select(USERS.to_vec()).prop_map(Operation::DeleteAccount),
        2 => (anybody(), some_user(), 0..3u8)
            .prop_map(|(by, of, to)| Operation::Rename { by, of, to }),
    ]
    .boxed()
}

fn notes(state: &State, own: Own) -> Generated {
    let label = state.next;
    let memories = rows(&state.memories, |memory| Some(memory.owner));
    let links = state.links.keys().map(|ends| (*ends, Some(state.memories[&ends.0].owner)));
    let links = aimed(links.collect(), (0, 0));
    let memory = aimed(memories.clone(), 0);
    let other = aimed(memories, 0);
    let mark =
        prop_oneof![any::<bool>().prop_map(Mark::Favorite), any::<bool>().prop_map(Mark::Deleted)];
    prop_oneof![
        4 => (own, any::<bool>(), -9..9i32).prop_map(move |((by, owner), favorite, at)| {
            let at = Some(at).filter(|_| by == Actor::ServiceRole);
            Operation::Remember { by, owner, label, favorite, at }
        }),
        3 => (blind(&memory), mark)
            .prop_map(|((by, memory), mark)| Operation::Mark { by, memory, mark }),
        2 => blind(&memory).prop_map(|(by, memory)| Operation::Forget { by, memory }),
        5 => (memory, other, kind())
            .prop_map(|((by, from), (_, to), kind)| Operation::Link { by, ends: (from, to), kind }),
        1 => (links.clone(), select(vec!["0", "0.25", "1"]))
            .prop_map(|((by, ends), strength)| Operation::Weigh { by, ends, strength }),
        1 => links.prop_map(|(by, ends)| Operation::Unlink { by, ends }),
    ]
    .boxed()
}

fn talk(state: &State, own: Own) -> Generated {
    let (label, second) = (state.next, state.next + 1);
    let owner = |message: &Message| Some(state.conversations[&message.conversation].owner);
    let message = aimed(rows(&state.messages, owner), 0);
    let conversation = aimed(rows(&state.conversations, |it| Some(it.owner)), 0);
    let memory = aimed(rows(&state.memories, |memory| Some(memory.owner)), 0);
    prop_oneof![
        3 => own.prop_map(move |(by, owner)| Operation::Converse { by, owner, label }),
        1 => (blind(&conversation), any::<bool>()).prop_map(|((by, conversation), pinned)| {
            Operation::Pin { by, conversation, pinned }
        }),
        1 => blind(&conversation)
            .prop_map(|(by, conversation)| Operation::End { by, conversation }),
        5 => (conversation.clone(), proptest::option::of(memory)).prop_map(
            move |((by, conversation), context)| {
                let context = context.map(|(_, memory)| memory);
                Operation::Say { by, conversation, label, context }
            },
        ),
        3 => (conversation, [-9..9, -9..9i32]).prop_map(move |((_, conversation), at)| {
            Operation::Import { conversation, labels: [label, second], at }
        }),
        3 => blind(&message).prop_map(|(by, message)| Operation::Unsay { by, message }),
    ]
    .boxed()
}

fn back_end(state: &State) -> Generated {
    let label = state.next;
    let feedback = aimed(rows(&state.feedback, |feedback| feedback.owner), 0);
    let session = aimed(rows(&state.sessions, |session| Some(session.owner)), 0);
    let import = aimed(rows(&state.imports, |(owner, _)| Some(*owner)), 0);
    prop_oneof![
        3 => some_user().prop_map(move |owner| {
            Operation::Complain { by: Actor::User(owner), owner, label }
        }),
        3 => (blind(&feedback), 1..6u8)
            .prop_map(|((by, feedback), rating)| Operation::Rate { by, feedback, rating }),
        2 => (feedback, select(vec!["reviewing", "closed"]))
            .prop_map(|((_, feedback), status)| Operation::Answer { feedback, status }),
        4 => (some_user(), any::<bool>())
            .prop_map(move |(owner, expired)| Operation::LogIn { owner, label, expired }),
        3 => blind(&session).prop_map(|(by, session)| Operation::SignOut { by, session }),
        2 => prop_oneof![Just(Actor::ServiceRole), anybody()]
            .prop_map(|by| Operation::CleanUp { by }),
        2 => some_user().prop_map(move |owner| Operation::StartImport { owner, label }),
        1 => import.prop_map(|(_, import)| Operation::FinishImport { import }),
        1 => (any::<bool>(), 0..101u8, proptest::option::of(some_user())).prop_map(
            move |(enabled, percentage, target)| {
                Operation::Flag { label, enabled, percentage, target }
            },
        ),
        1 => any::<i32>().prop_map(move |value| Operation::Measure { label, value }),
    ]
    .boxed()
}

/// A user; one of them more often, so that one has several rows.
fn some_user() -> BoxedStrategy<User> {
    prop_oneof![3 => Just(0), 2 => Just(1), 1 => Just(2)].boxed()
}

fn anybody() -> BoxedStrategy<Actor> {
    prop_oneof![
        6 => select(USERS.to_vec()).prop_map(Actor::User),
        1 => Just(Actor::Anon),
        2 => Just(Actor::ServiceRole),
    ]
    .boxed()
}

fn kind() -> impl Strategy<Value = &'static str> {
    select(vec!["related", "contradicts", "clarifies", "extends"])
}

/// The rows of a table, each with its owner.
fn rows<V>(
    rows: &BTreeMap<Label, V>,
    owner: impl Fn(&V) -> Option<User>,
) -> Vec<(Label, Option<User>)> {
    rows.iter().map(|(label, row)| (*label, owner(row))).collect()
}

/// A sender and a target row: mostly its own, often another user's, sometimes none.
fn aimed<T: Clone + fmt::Debug + 'static>(
    mut rows: Vec<(T, Option<User>)>,
    none: T,
) -> BoxedStrategy<(Actor, T)> {
    if rows.is_empty() {
        rows.push((none, None));
    }
    (select(rows), anybody(), 0..3u8)
        .prop_map(|((row, owner), anybody, chance)| match owner {
            Some(owner) if chance > 0 => (Actor::User(owner), row),
            _ => (anybody, row),
        })
        .boxed()
}

/// The same, but sometimes at all rows.
fn blind(one: &BoxedStrategy<(Actor, Label)>) -> BoxedStrategy<(Actor, Option<Label>)> {
    let aimed = one.clone().prop_map(|(by, row)| (by, Some(row)));
    prop_oneof![4 => aimed, 1 => anybody().prop_map(|by| (by, None))].boxed()
}
