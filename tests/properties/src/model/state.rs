//! The model's state: the rows that each user owns, and the effect of an operation on them.

use std::collections::BTreeMap;

use super::operation::{Actor, Mark, Operation, User, context};

/// Names a row: its number stands in a text column of it.
pub(super) type Label = u16;

/// All rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The label of the next row.
    pub(super) next: Label,
    /// Usernames of those who have an account.
    pub(super) users: BTreeMap<User, String>,
    pub(super) memories: BTreeMap<Label, Memory>,
    /// The kind and the strength of the link between two memories.
    pub(super) links: BTreeMap<(Label, Label), (&'static str, &'static str)>,
    pub(super) conversations: BTreeMap<Label, Conversation>,
    pub(super) messages: BTreeMap<Label, Message>,
    pub(super) feedback: BTreeMap<Label, Feedback>,
    pub(super) sessions: BTreeMap<Label, Session>,
    /// The owner of an import, and its status.
    pub(super) imports: BTreeMap<Label, (User, &'static str)>,
    pub(super) flags: BTreeMap<Label, Flag>,
    pub(super) metrics: BTreeMap<Label, i32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) owner: User,
    pub(super) favorite: bool,
    pub(super) deleted: bool,
    pub(super) at: At,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversation {
    pub(super) owner: User,
    pub(super) pinned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) conversation: Label,
    pub(super) at: At,
    pub(super) context: Option<Label>,
}

/// The time of a message: in the past, in seconds since 2025-01-01, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    Seconds(i32),
    Now,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feedback {
    /// None after the account is deleted.
    pub(super) owner: Option<User>,
    pub(super) rating: u8,
    pub(super) status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) owner: User,
    pub(super) expired: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) enabled: bool,
    pub(super) percentage: u8,
    pub(super) target: Option<User>,
}

/// The expected outcome of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Rows(usize),
    Refused,
}

/// The username that a sign-up gives.
pub(super) fn first_name(user: User) -> String {
    format!("user{user}")
}

impl State {
    /// The initial state.
    pub(super) fn start() -> Self {
        let mut state = Self::default();
        for operation in context() {
            assert_ne!(state.apply(&operation), Answer::Refused, "{operation:?}");
        }
        state
    }

    /// Applies an operation, and returns the expected outcome for its sender.
    pub(super) fn apply(&mut self, operation: &Operation) -> Answer {
        self.next = self.next.max(operation.label().map_or(0, |label| label + 1));
        if operation.actor() == Actor::Anon {
            return Answer::Refused;
        }
        self.accounts(operation)
            .or_else(|| self.notes(operation))
            .or_else(|| self.talk(operation))
            .or_else(|| self.back_end(operation))
            // The remaining operations are the back end's alone.
            .unwrap_or(Answer::Refused)
    }

    fn accounts(&mut self, operation: &Operation) -> Option<Answer> {
        Some(match operation {
            Operation::SignUp(user) => insert(&mut self.users, *user, first_name(*user), true),
            Operation::DeleteAccount(user) => {
                let there = self.users.remove(user).is_some();
                let gone = |owner: User| owner == *user;
                retain(&mut self.memories, |memory| !gone(memory.owner));
                retain(&mut self.conversations, |conversation| !gone(conversation.owner));
                retain(&mut self.sessions, |session| !gone(session.owner));
                retain(&mut self.imports, |(owner, _)| !gone(*owner));
                for feedback in self.feedback.values_mut() {
                    feedback.owner = feedback.owner.filter(|owner| !gone(*owner));
                }
                self.cascade();
                Answer::Rows(usize::from(there))
            }
            Operation::Rename { by, of, to } => {
                let to = format!("name{to}");
                let taken = self.users.iter().any(|(user, name)| user != of && *name == to);
                match self.users.get_mut(of) {
                    Some(_) if by.owns(*of) && taken => Answer::Refused,
                    Some(name) if by.owns(*of) => {
                        *name = to;
                        Answer::Rows(1)
                    }
                    _ => Answer::Rows(0),
                }
            }
            _ => return None,
        })
    }

    fn notes(&mut self, operation: &Operation) -> Option<Answer> {
        Some(match operation {
            Operation::Remember { by, owner, label, favorite, at } => {
                let at = at.map_or(At::Now, At::Seconds);
                let memory = Memory { owner: *owner, favorite: *favorite, deleted: false, at };
                let may = by.owns(*owner) && self.users.contains_key(owner);
                insert(&mut self.memories, *label, memory, may)
            }
            Operation::Mark { by, memory, mark } => change(
                &mut self.memories,
                *memory,
                |it| by.owns(it.owner),
                |it| match mark {
                    Mark::Favorite(favorite) => it.favorite = *favorite,
                    Mark::Deleted(deleted) => it.deleted = *deleted,
                },
            ),
            Operation::Forget { by, memory } => {
                let answer = remove(&mut self.memories, *memory, |it| by.owns(it.owner));
                self.cascade();
                answer
            }
            Operation::Link { by, ends: (from, to), kind } => {
                let mine = |label| self.memories.get(label).is_some_and(|it| by.owns(it.owner));
                let may = mine(from) && mine(to) && from != to;
                insert(&mut self.links, (*from, *to), (*kind, "0.5"), may)
            }
            Operation::Weigh { by, ends, strength } => match self.links.get_mut(ends) {
                Some(link) if owns_both(&self.memories, *by, *ends) => {
                    link.1 = strength;
                    Answer::Rows(1)
                }
                _ => Answer::Rows(0),
            },
            Operation::Unlink { by, ends } => {
                let mine = owns_both(&self.memories, *by, *ends);
                Answer::Rows(usize::from(mine && self.links.remove(ends).is_some()))
            }
            _ => return None,
        })
    }

    fn talk(&mut self, operation: &Operation) -> Option<Answer> {
        Some(match operation {
            Operation::Converse { by, owner, label } => {
                let may = by.owns(*owner) && self.users.contains_key(owner);
                let conversation = Conversation { owner: *owner, pinned: false };
                insert(&mut self.conversations, *label, conversation, may)
            }
            Operation::Pin { by, conversation, pinned } => change(
                &mut self.conversations,
                *conversation,
                |it| by.owns(it.owner),
                |it| it.pinned = *pinned,
            ),
            Operation::End { by, conversation } => {
                let answer = remove(&mut self.conversations, *conversation, |it| by.owns(it.owner));
                self.cascade();
                answer
            }
            Operation::Say { by, conversation, label, context } => {
                let owner = self.conversations.get(conversation).map(|it| it.owner);
                let known = |label| self.memories.get(label).is_some_and(|it| by.owns(it.owner));
                // No policy restricts the back end.
                let named = *by == Actor::ServiceRole || context.as_ref().is_none_or(known);
                let may = owner.is_some_and(|owner| by.owns(owner)) && named;
                let (conversation, context) = (*conversation, *context);
                let message = Message { conversation, at: At::Now, context };
                insert(&mut self.messages, *label, message, may)
            }
            Operation::Import { conversation, labels, at } => {
                let may = self.conversations.contains_key(conversation);
                for (label, at) in labels.iter().zip(at).filter(|_| may) {
                    let at = At::Seconds(*at);
                    let message = Message { conversation: *conversation, at, context: None };
                    self.messages.insert(*label, message);
                }
                if may { Answer::Rows(labels.len()) } else { Answer::Refused }
            }
            Operation::Unsay { by, message } => {
                let conversations = &self.conversations;
                let mine = |it: &Message| by.owns(conversations[&it.conversation].owner);
                remove(&mut self.messages, *message, mine)
            }
            Operation::Complain { by, owner, label } => {
                let may = by.owns(*owner) && self.users.contains_key(owner);
                let feedback = Feedback { owner: Some(*owner), rating: 1, status: "pending" };
                insert(&mut self.feedback, *label, feedback, may)
            }
            Operation::Rate { by, feedback, rating } => {
                let mine = |it: &Feedback| match by {
                    Actor::User(_) => {
                        it.owner.is_some_and(|owner| by.owns(owner)) && it.status == "pending"
                    }
                    _ => true,
                };
                change(&mut self.feedback, *feedback, mine, |it| it.rating = *rating)
            }
            _ => return None,
        })
    }

    fn back_end(&mut self, operation: &Operation) -> Option<Answer> {
        Some(match operation {
            Operation::SignOut { by, session } => {
                remove(&mut self.sessions, *session, |it| by.owns(it.owner))
            }
            Operation::Answer { feedback, status } => {
                change(&mut self.feedback, Some(*feedback), |_| true, |it| it.status = status)
            }
            Operation::LogIn { owner, label, expired } => {
                let session = Session { owner: *owner, expired: *expired };
                insert(&mut self.sessions, *label, session, self.users.contains_key(owner))
            }
            Operation::CleanUp { by: Actor::ServiceRole } => {
                retain(&mut self.sessions, |session| !session.expired);
                Answer::Rows(1)
            }
            Operation::StartImport { owner, label } => {
                let there = self.users.contains_key(owner);
                insert(&mut self.imports, *label, (*owner, "processing"), there)
            }
            Operation::FinishImport { import } => {
                change(&mut self.imports, Some(*import), |_| true, |it| it.1 = "completed")
            }
            Operation::Flag { label, enabled, percentage, target } => {
                let (enabled, percentage, target) = (*enabled, *percentage, *target);
                insert(&mut self.flags, *label, Flag { enabled, percentage, target }, true)
            }
            Operation::Measure { label, value } => insert(&mut self.metrics, *label, *value, true),
            _ => return None,
        })
    }

    /// Deletes the rows that reference a deleted row.
    fn cascade(&mut self) {
        let Self { memories, conversations, .. } = self;
        self.links.retain(|(from, to), _| memories.contains_key(from) && memories.contains_key(to));
        self.messages.retain(|_, message| conversations.contains_key(&message.conversation));
    }
}

fn owns_both(memories: &BTreeMap<Label, Memory>, by: Actor, (from, to): (Label, Label)) -> bool {
    [from, to].iter().all(|end| memories.get(end).is_some_and(|it| by.owns(it.owner)))
}

/// A duplicate key is refused, and so is a row that the sender may not insert.
fn insert<K: Ord, V>(rows: &mut BTreeMap<K, V>, key: K, row: V, may: bool) -> Answer {
    if !may || rows.contains_key(&key) {
        return Answer::Refused;
    }
    rows.insert(key, row);
    Answer::Rows(1)
}

/// Updates one row, or without a label all rows, if the sender may.
fn change<V>(
    rows: &mut BTreeMap<Label, V>,
    label: Option<Label>,
    may: impl Fn(&V) -> bool,
    change: impl Fn(&mut V),
) -> Answer {
    let mut changed = 0;
    for (key, row) in rows {
        if label.is_none_or(|label| label == *key) && may(row) {
            change(row);
            changed += 1;
        }
    }
    Answer::Rows(changed)
}

/// Deletes one row, or without a label all rows, if the sender may.
fn remove<V>(
    rows: &mut BTreeMap<Label, V>,
    label: Option<Label>,
    may: impl Fn(&V) -> bool,
) -> Answer {
    let before = rows.len();
    rows.retain(|key, row| label.is_some_and(|label| label != *key) || !may(row));
    Answer::Rows(before - rows.len())
}

fn retain<V>(rows: &mut BTreeMap<Label, V>, stays: impl Fn(&V) -> bool) {
    rows.retain(|_, row| stays(row));
}
