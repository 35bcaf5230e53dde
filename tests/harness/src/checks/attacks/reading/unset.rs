//! Reading on a new connection, where the claims have never been set and are null: after the
//! first transaction that sets them they are empty, which a policy may treat differently.

use crate::checks::attacks::runner::context::Subject;
use crate::checks::attacks::runner::open_transaction::OpenTransaction;
use crate::checks::attacks::runner::{Context, Trial, TrialFuture};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::platform::persona::Identity;

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
            let claims = String::new();
            let attacker = Identity { name: String::new(), role: role.to_owned(), claims };
            for subject in context.secret_relations(&attacker) {
                let row = context.aim_at_secret(&subject, &attacker);
                let row = row.unwrap_or_else(|_| "true".to_owned());
                let statement = script(&subject, role, &row);
                let seen = count(&connection, &statement).await?;
                let control = count(&service, &script(&subject, "service_role", &row)).await?;
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
                    remedy: None,
                });
            }
        }
        Ok(trials)
    })
}

/// The script that counts the victim's rows readable by that role without claims. It names one by
/// its key, because the role may lack the privilege to read the owner.
fn script(subject: &Subject<'_>, role: &str, row: &str) -> String {
    format!(
        "begin; set local role {role}; \
         set local search_path = public, extensions; \
         select count(*) from {} where {row} \
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
