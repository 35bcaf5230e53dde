//! Sign-up, login, token and session as a test.

use rstest::rstest;

use schema_harness::checks::sign_up;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;

/// A new user gets a profile, a session and a token for their own rows; an invalid token never
/// reaches the database.
#[rstest]
#[case::explicit(Regime::Explicit)]
#[case::auto_expose(Regime::AutoExpose)]
#[tokio::test]
async fn new_user_can_log_in_and_a_forged_token_is_refused(#[case] regime: Regime) {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let accounts = inputs.contract.database.accounts.clone().expect("the contract has accounts");
    let database = Database::of(&inputs, regime).await.unwrap_or_else(|why| panic!("{why}"));
    let entries = sign_up::run(&database, &inputs.contract, &accounts, regime).await;
    let entries = entries.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(entries.len(), sign_up::ids().len(), "T02: every step is taken");
    let failed: Vec<String> = entries
        .iter()
        .flat_map(|entry| &entry.findings)
        .map(|f| format!("{}: expected {}, observed {}", f.check, f.expected, f.observed))
        .collect();
    assert_eq!(failed, Vec::<String>::new(), "steps that failed");
}
