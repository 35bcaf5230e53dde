//! Model: after any sequence of operations of users, back end and auth server, every sender
//! reads exactly the rows that the model assigns to it.

mod operation;
mod sql;
mod state;
mod view;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::{Strategy, TestCaseError, prop_assert_eq};
use proptest_state_machine::ReferenceStateMachine;

use self::operation::{Actor, Model, Operation, USERS, context};
use self::state::{Answer, State};
use schema_harness::checks::properties::{CaseTransaction, Property, Sender};

pub(super) const PROPERTIES: [Property; 1] = [EVERYBODY_SEES_WHAT_THEY_OWN];

/// The longest sequence.
const STEPS: usize = 40;

pub const EVERYBODY_SEES_WHAT_THEY_OWN: Property = Property {
    id: "model/everybody-sees-what-they-own",
    claim: "after any sequence of operations by three users, the service role and the auth \
            server, each gets what a plain model says, and everybody's view of every table is \
            the model's",
    about: &[
        "the schema",
        "update_conversation_stats",
        "update_updated_at_column",
        "handle_new_user",
        "cleanup_expired_sessions",
        "user_statistics",
    ],
    cases: 64,
    holds: |runner| {
        let auth_server = runner.auth_server();
        runner.prepare(&format!("{EMPTY} {}", view::prepare()))?;
        let context: String = context().iter().map(|operation| operation.sql().by_hand()).collect();
        runner.check(&steps(), async |transaction, steps| {
            transaction.admin(&context).await?;
            let mut state = State::start();
            for operation in &steps.operations {
                steps.seen();
                let expected = state.apply(operation);
                let got = send(transaction, operation, auth_server).await?;
                prop_assert_eq!(got, expected, "what {:?} got, against the model", operation);
                compare(transaction, &state, operation).await?;
            }
            Ok(())
        })
    },
};

/// The world's rows are not the model's.
const EMPTY: &str = "delete from auth.users; delete from public.feedback; \
                     delete from public.feature_flags; delete from public.system_metrics;";

/// A sequence of operations.
struct Steps {
    operations: Vec<Operation>,
    /// How many of them were tried: shrinking starts with the rest.
    tried: Option<Arc<AtomicUsize>>,
}

impl Steps {
    fn seen(&self) {
        if let Some(tried) = &self.tried {
            tried.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operations.fmt(f)
    }
}

fn steps() -> impl Strategy<Value = Steps> {
    Model::sequential_strategy(1..=STEPS)
        .prop_map(|(_, operations, tried)| Steps { operations, tried })
}

/// Sends the statement of an operation, and returns its outcome.
async fn send(
    transaction: &CaseTransaction,
    operation: &Operation,
    auth_server: &Sender,
) -> Result<Answer, TestCaseError> {
    let sql = operation.sql();
    if !sql.ids.is_empty() {
        transaction.admin(&sql.look_up()).await?;
    }
    let sent = if operation.is_the_auth_servers() {
        transaction.run(auth_server, &sql.statement).await
    } else {
        transaction.run(&operation.actor().who(), &sql.statement).await
    };
    match sent {
        Ok(answer) => Ok(Answer::Rows(usize::try_from(answer.count)?)),
        Err(refused) if REFUSALS.contains(&refused.code()) => Ok(Answer::Refused),
        Err(failed) => Err(failed.into()),
    }
}

/// Refusals by a privilege, a policy or a constraint; any other error is a failure.
const REFUSALS: [&str; 5] = ["42501", "23502", "23503", "23505", "23514"];

/// Every sender reads every table.
async fn compare(
    transaction: &CaseTransaction,
    model: &State,
    operation: &Operation,
) -> Result<(), TestCaseError> {
    let users = USERS.map(Actor::User);
    let viewers = users.into_iter().chain([Actor::Anon, Actor::ServiceRole]);
    let looks: Vec<(Actor, Sender, String)> = viewers
        .map(|viewer| (viewer, viewer.who(), format!("execute {}", view::statement(viewer))))
        .collect();
    let statements: Vec<(&Sender, &str)> =
        looks.iter().map(|(_, who, execute)| (who, execute.as_str())).collect();
    let answers = transaction.run_all(&statements).await?;
    for ((viewer, ..), answer) in looks.iter().zip(answers) {
        let mut seen: Vec<String> = answer.rows.into_iter().flatten().collect();
        seen.sort();
        let expected = model.seen_by(*viewer);
        if seen != expected {
            let without = |these: &[String], those: &[String]| {
                let only: Vec<String> =
                    these.iter().filter(|line| !those.contains(line)).cloned().collect();
                only.join("; ")
            };
            return Err(TestCaseError::fail(format!(
                "after {operation:?} {viewer:?} sees [{}] and should see [{}]",
                without(&seen, &expected),
                without(&expected, &seen)
            )));
        }
    }
    Ok(())
}
