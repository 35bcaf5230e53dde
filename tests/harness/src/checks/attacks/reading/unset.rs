//! Reading on a new connection, where the claims have never been set and are null: after the
//! first transaction that sets them they are empty, which a policy may treat differently.

use crate::checks::attacks::runner::context::{Subject, VICTIM};
use crate::checks::attacks::runner::open_transaction::OpenTransaction;
use crate::checks::attacks::runner::{Context, Trial, TrialFuture};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;

/// R02: every table and view by every role, on connections on which claims were never set.
pub(super) fn claims_never_set(sandbox: &Sandbox) -> TrialFuture<'_> {
    Box::pin(async move {
        let context = Context::of(sandbox).map_err(CannotRun)?;
        let mut trials = Vec::new();
        for role in ["anon", "authenticated"] {
            let connection =
                OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
            let service =
                OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
            for subject in context.owned_relations() {
                let statement = script(&context, &subject, role);
                let seen = count(&connection, &statement).await?;
                let control = count(&service, &script(&context, &subject, "service_role")).await?;
                let weakness = match (seen.as_str(), control.as_str()) {
                    ("0" | "42501", "0") => Some("the control sees no row either".to_owned()),
                    ("0" | "42501", _) => None,
                    (seen, _) => Some(format!("rows of the victim's: {seen}")),
                };
                trials.push(Trial {
                    object: subject.name.to_owned(),
                    part: format!("{role}, claims null"),
                    attacker: role.to_owned(),
                    statement,
                    answer: "0 rows".to_owned(),
                    weakness,
                });
            }
        }
        Ok(trials)
    })
}

/// The script that counts the victim's rows readable by that role without claims. It uses the
/// key, because the role may lack the privilege to read the owner.
fn script(context: &Context<'_>, subject: &Subject<'_>, role: &str) -> String {
    let aim = context.aim(subject.name, VICTIM).unwrap_or_else(|_| "true".to_owned());
    format!(
        "begin; set local role {role}; \
         set local search_path = public, extensions; \
         select count(*) from {} where {aim} \
         and current_setting('request.jwt.claims', true) is null; rollback",
        subject.relation.qualified()
    )
}

/// The count, or the SQLSTATE of the refusal.
async fn count(connection: &OpenTransaction, script: &str) -> Result<String, CannotRun> {
    match connection.execute(script).await? {
        Ok(rows) => Ok(rows.first().map(|row| row[0].clone()).unwrap_or_default()),
        Err(error) => {
            connection.must("rollback").await?;
            Ok(error.code().code().to_owned())
        }
    }
}
