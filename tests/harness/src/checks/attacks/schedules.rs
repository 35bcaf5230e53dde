//! Schedules of family E: two connections whose steps are interleaved in the same order in
//! every run.

use serde_json::json;

use super::procedures::{context, trial};
use crate::checks::attacks::runner::Trial;
use crate::checks::attacks::runner::context::{ATTACKER, Context, Subject, VICTIM};
use crate::checks::attacks::runner::open_transaction::{OpenTransaction, Response};
use crate::checks::isolation::Sandbox;
use crate::contract::Owner;
use crate::contract::grid::{Command, Whose};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows;
use crate::rows::accounts::sign_up_with;
use crate::rows::compose::{PLAIN_ROWS, Wanted, one_per_user};
use crate::sql::ident;

/// The connections of the attacker, of the back end, and of an observer of locks.
struct CaseTransaction<'a> {
    context: Context<'a>,
    attacker: OpenTransaction,
    back_end: OpenTransaction,
    observer: OpenTransaction,
}

async fn transaction(sandbox: &Sandbox) -> Result<CaseTransaction<'_>, CannotRun> {
    let context = context(sandbox)?;
    let attacker = OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
    let back_end = OpenTransaction::connect(&sandbox.database.login("supabase_admin")).await?;
    let observer = OpenTransaction::connect(&sandbox.database.login("supabase_admin")).await?;
    Ok(CaseTransaction { context, attacker, back_end, observer })
}

/// E03: the attacker's write waits for a row lock; when it gets the lock, the row is the
/// victim's.
pub(super) async fn owner_changes(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let transaction = transaction(sandbox).await?;
    let mut trials = Vec::new();
    for subject in transaction.context.owned_tables() {
        let Owner::Column(owner) = &subject.declared.owner else { continue };
        // If the owner is part of a key, another owner means another row; and a user who may add
        // members may change memberships of others.
        let is_in_a_key = subject.relation.unique_keys().iter().any(|key| key.contains(owner));
        if is_in_a_key || subject.declared.membership.is_some() {
            continue;
        }
        let (table, key) =
            (subject.relation.qualified(), transaction.context.aim(subject.name, ATTACKER)?);
        let give = |to: Persona| {
            let to = to.user_id().unwrap_or_default();
            format!("update {table} set {} = '{to}' where {key}", ident(owner))
        };
        let update = transaction.context.author(subject.name).plain_update(&key)?;
        let lets = |command: Command| {
            subject.declared.grid.permits(ATTACKER, &Whose::Anothers(None), command)
        };
        for (part, statement) in [
            ("update", update),
            ("delete", format!("delete from {table} where {key}")),
            (
                "select for update",
                format!("select {} from {table} where {key} for update", subject.select_list()),
            ),
        ] {
            // What the grid lets every user do, the attacker may do to the victim's row.
            let command = if part == "delete" { Command::Delete } else { Command::Update };
            if lets(command) {
                continue;
            }
            transaction.attacker.begin(&transaction.context.contract.identity(ATTACKER)).await?;
            transaction.back_end.must(&format!("begin; {}", give(VICTIM))).await?;
            let write = async {
                let answer = transaction
                    .attacker
                    .execute(&format!("{statement} {}", returning(part)))
                    .await?;
                transaction.attacker.must("commit").await?;
                Ok::<Response, CannotRun>(answer)
            };
            let commit = async {
                // A write that is refused for a missing privilege does not wait.
                let waits = transaction.observer.see_waiting_or_done(&transaction.attacker).await?;
                transaction.back_end.must("commit").await?;
                Ok::<bool, CannotRun>(waits)
            };
            let (answer, waited) = tokio::try_join!(write, commit)?;
            let got = answer.as_ref().map_or(0, Vec::len);
            let weakness = (got > 0)
                .then(|| format!("{part} reached the row after it had become the victim's"));
            let answer = match (&answer, waited) {
                (Ok(_), true) => "waits, and then finds no row".to_owned(),
                (Ok(_), false) => "finds no row".to_owned(),
                (Err(error), _) => format!("refused: {}", error.message()),
            };
            trials.push(trial(subject.name, part, &statement, &answer, weakness));
            transaction.back_end.must(&give(ATTACKER)).await?;
        }
    }
    Ok(trials)
}

/// A RETURNING clause that counts the rows of a write without reading a column.
fn returning(part: &str) -> &'static str {
    if part.starts_with("select") { "" } else { "returning 1" }
}

/// E04: concurrent requests for one parent, one counter, one name, one key.
pub(super) async fn concurrent_requests(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let transaction = transaction(sandbox).await?;
    let mut trials = Vec::new();
    for subject in transaction.context.owned_tables() {
        let Owner::Through(paths) = &subject.declared.owner else { continue };
        let [(column, parent)] = paths.as_slice() else { continue };
        // The attacker has no second one.
        if one_per_user(transaction.context.catalog, transaction.context.contract, parent).is_some()
        {
            continue;
        }
        trials.push(transaction.parent_is_deleted(&subject, column, parent).await?);
        trials.push(transaction.two_children(sandbox, &subject, column, parent).await?);
    }
    // Whom a trigger refuses alone, it refuses beside another.
    let signs_up = transaction.context.world.refused_sign_up().is_none();
    let accounts = transaction.context.contract.database.accounts.as_ref();
    if let Some(accounts) = accounts.filter(|_| signs_up) {
        trials.push(one_name(sandbox, &transaction, &accounts.profile).await?);
    }
    Ok(trials)
}

impl CaseTransaction<'_> {
    /// A new parent of the attacker: its key and its INSERT.
    fn extra_parent(&self, parent: &str, ordinal: usize) -> Result<(String, String), CannotRun> {
        let owner = rows::Owner::User(ATTACKER);
        let wanted = Wanted::plain(owner, 10 + ordinal);
        let relation = self.context.catalog.relation(parent).expect("a parent is declared");
        let mut draft = self.context.factory().draft(parent, wanted)?;
        self.context.factory().name_the_key(&mut draft, relation, wanted)?;
        let key = draft.values[&relation.primary_key()[0]].clone();
        let mut statements = vec![draft.insert(relation)];
        if let Some(Owner::Members(members)) =
            self.context.contract.tables.get(parent).map(|declared| &declared.owner)
        {
            statements.extend(self.context.factory().memberships(members, owner, &key)?);
        }
        Ok((key, statements.join("; ")))
    }

    /// The INSERT of the nth new child under that parent.
    fn child_of(
        &self,
        subject: &Subject<'_>,
        (column, key): (&str, &str),
        nth: usize,
    ) -> Result<String, CannotRun> {
        let wanted = Wanted::plain(rows::Owner::User(ATTACKER), PLAIN_ROWS + nth);
        let mut draft = self.context.factory().draft(subject.name, wanted)?;
        draft.values.insert(column.to_owned(), key.to_owned());
        draft.values.retain(|column, _| subject.declared.client_may("insert", column));
        Ok(draft.insert(subject.relation))
    }

    /// The parent is deleted while a child is inserted: no child remains without a parent.
    async fn parent_is_deleted(
        &self,
        subject: &Subject<'_>,
        column: &str,
        parent: &str,
    ) -> Result<Trial, CannotRun> {
        let (key, insert) = self.extra_parent(parent, 0)?;
        let child = self.child_of(subject, (column, &key), 0)?;
        let delete = self.deletion(parent, &key);
        self.back_end.must(&insert).await?;
        self.attacker.begin(&self.context.contract.identity(ATTACKER)).await?;
        self.back_end.must(&format!("begin; {delete}")).await?;
        let plant = async {
            let answer = self.attacker.execute(&child).await?;
            self.attacker.must("commit").await?;
            Ok::<Response, CannotRun>(answer)
        };
        let commit = async {
            self.observer.see_waiting_or_done(&self.attacker).await?;
            self.back_end.must("commit").await
        };
        let (answer, ()) = tokio::try_join!(plant, commit)?;
        let orphans = format!(
            "select 1 from {} where {} = {key}",
            subject.relation.qualified(),
            ident(column)
        );
        let orphans = self.observer.execute(&orphans).await?.map_or(0, |rows| rows.len());
        let weakness =
            (orphans > 0).then(|| format!("{orphans} rows are left without a {parent} row"));
        self.back_end
            .must(&format!(
                "delete from {} where {} = {key}",
                subject.relation.qualified(),
                ident(column)
            ))
            .await?;
        let answer = answer.err().map_or("inserted".to_owned(), |error| error.message().to_owned());
        Ok(trial(subject.name, "its parent is deleted", &child, &answer, weakness))
    }

    /// Two concurrent children result in the same parent row as two in sequence.
    async fn two_children(
        &self,
        sandbox: &Sandbox,
        subject: &Subject<'_>,
        column: &str,
        parent: &str,
    ) -> Result<Trial, CannotRun> {
        let second = OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
        let identity = self.context.contract.identity(ATTACKER);
        let mut after = Vec::new();
        let mut child = String::new();
        for at_once in [true, false] {
            // The first is deleted by then; one like it has the same numbers.
            let (key, insert) = self.extra_parent(parent, 1)?;
            child = self.child_of(subject, (column, &key), 0)?;
            let other = self.child_of(subject, (column, &key), 1)?;
            self.back_end.must(&insert).await?;
            self.attacker.begin(&identity).await?;
            if let Err(refused) = self.attacker.execute(&child).await? {
                self.attacker.must("rollback").await?;
                self.back_end.must(&self.deletion(parent, &key)).await?;
                let answer = format!("no user adds one: {}", refused.message());
                return Ok(trial(subject.name, "two at one parent", &child, &answer, None));
            }
            if at_once {
                second.begin(&identity).await?;
                let second_request = async {
                    second.must(&other).await?;
                    second.must("commit").await
                };
                let commit_first = async {
                    self.observer.see_waiting_or_done(&second).await?;
                    self.attacker.must("commit").await
                };
                tokio::try_join!(second_request, commit_first)?;
            } else {
                self.attacker.must("commit").await?;
                second.begin(&identity).await?;
                second.must(&other).await?;
                second.must("commit").await?;
            }
            after.push(self.counters(parent, &key).await?);
            self.back_end.must(&self.deletion(parent, &key)).await?;
        }
        let weakness = (after[0] != after[1])
            .then(|| format!("at once: {}; one after the other: {}", after[0], after[1]));
        let answer = format!("{parent} counts as it does one after the other: {}", after[0]);
        Ok(trial(subject.name, "two at one parent", &child, &answer, weakness))
    }

    /// Takes a parent's row away.
    fn deletion(&self, parent: &str, key: &str) -> String {
        let relation = self.context.catalog.relation(parent).expect("a parent is declared");
        let (table, id) = (relation.qualified(), ident(&relation.primary_key()[0]));
        format!("delete from {table} where {id} = {key}")
    }

    /// The numbers in a parent's row.
    async fn counters(&self, parent: &str, key: &str) -> Result<String, CannotRun> {
        let relation = self.context.catalog.relation(parent).expect("a parent is declared");
        let numbers = relation.columns.iter().filter(|column| {
            ["smallint", "integer", "bigint"].contains(&column.data_type.as_str())
        });
        let mut list: Vec<String> = numbers.map(|column| ident(&column.name)).collect();
        list.push("'end'".to_owned());
        let (table, id) = (relation.qualified(), ident(&relation.primary_key()[0]));
        let query = format!("select {} from {table} where {id} = {key}", list.join(", "));
        let rows = self.observer.execute(&query).await?;
        Ok(rows.map_or_else(|error| error.message().to_owned(), |rows| rows.concat().join(" ")))
    }
}

/// Two sign-ups with the same name: both succeed, with a profile each.
async fn one_name(
    sandbox: &Sandbox,
    transaction: &CaseTransaction<'_>,
    profile: &str,
) -> Result<Trial, CannotRun> {
    const TWINS: [&str; 2] =
        ["72110000-0000-4000-8000-000000000001", "72110000-0000-4000-8000-000000000002"];
    let login = sandbox.database.login("supabase_auth_admin");
    let (one, other) =
        (OpenTransaction::connect(&login).await?, OpenTransaction::connect(&login).await?);
    let sign_up_with_name = |id: &str| {
        sign_up_with(id, Some(&format!("{id}@example.com")), &json!({"username": "twin"}))
    };
    one.must(&format!("begin; {}", sign_up_with_name(TWINS[0]))).await?;
    other.must("begin").await?;
    let second_request = async {
        let answer = other.execute(&sign_up_with_name(TWINS[1])).await?;
        other.must("commit").await?;
        Ok::<Response, CannotRun>(answer)
    };
    let commit_first = async {
        transaction.observer.see_waiting_or_done(&other).await?;
        one.must("commit").await
    };
    let (answer, ()) = tokio::try_join!(second_request, commit_first)?;
    let subject = transaction.context.tables().into_iter().find(|table| table.name == profile);
    let Some(subject) = subject else {
        return Ok(Trial::failed(Some(format!("could not run: there is no table {profile}"))));
    };
    let Owner::Column(owner) = &subject.declared.owner else {
        return Ok(Trial::failed(Some(format!("could not run: {profile} has no owner column"))));
    };
    let ids = TWINS.map(|id| format!("'{id}'")).join(", ");
    let table = subject.relation.qualified();
    let query = format!("select 1 from {table} where {} in ({ids})", ident(owner));
    let profiles = transaction.observer.execute(&query).await?.map_or(0, |rows| rows.len());
    transaction.back_end.must(&format!("delete from auth.users where id in ({ids})")).await?;
    let weakness = match answer {
        Err(error) => Some(format!("the second sign-up fails: {}", error.message())),
        Ok(_) if profiles != 2 => Some(format!("two sign-ups leave {profiles} profiles")),
        Ok(_) => None,
    };
    Ok(trial(
        profile,
        "two sign-ups with one name",
        &sign_up_with_name(TWINS[1]),
        "a profile each",
        weakness,
    ))
}

/// E05: after the parent's owner has changed to the victim, the attacker's open transaction can
/// neither read nor insert its children.
pub(super) async fn parent_changes_owner(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let transaction = transaction(sandbox).await?;
    let mut trials = Vec::new();
    for subject in transaction.context.owned_tables() {
        let Owner::Through(paths) = &subject.declared.owner else { continue };
        let (column, parent) = &paths[0];
        // The victim has one already.
        if one_per_user(transaction.context.catalog, transaction.context.contract, parent).is_some()
        {
            continue;
        }
        let Some(row) = transaction.context.row(subject.name, ATTACKER) else { continue };
        let key = row.literal(column).unwrap_or("null");
        let Some((table, id, owner)) = owner_of_parent(&transaction.context, parent) else {
            continue;
        };
        let give = |to: Persona| {
            let to = to.user_id().unwrap_or_default();
            format!("update {table} set {owner} = '{to}' where {id} = {key}")
        };
        let children = subject.relation.qualified();
        let read = format!("select 1 from {children} where {} = {key}", ident(column));
        let insert = transaction.child_of(&subject, (column, key), 0)?;
        transaction.attacker.begin(&transaction.context.contract.identity(ATTACKER)).await?;
        let before = transaction.attacker.execute(&read).await?;
        transaction.back_end.must(&give(VICTIM)).await?;
        let after = transaction.attacker.execute(&read).await?;
        let planted = transaction.attacker.execute(&insert).await?;
        transaction.attacker.must("rollback").await?;
        transaction.back_end.must(&give(ATTACKER)).await?;
        let lets = |command: Command| {
            subject.declared.grid.permits(ATTACKER, &Whose::Anothers(None), command)
        };
        let is_shared = lets(Command::Select)
            || transaction.context.reads_as_party(&subject, (column, key), ATTACKER);
        let weakness = if !is_shared && after.is_ok_and(|rows| !rows.is_empty()) {
            Some("rows can still be read after their parent became the victim's".to_owned())
        } else if !lets(Command::Insert) && planted.is_ok() {
            Some("a row was added under the victim's parent".to_owned())
        } else if subject.is_read_by_its_owners() && !before.is_ok_and(|it| !it.is_empty()) {
            Some("the control: the attacker cannot read the row while it is the attacker's".into())
        } else {
            None
        };
        trials.push(trial(subject.name, "parent", &read, "neither read nor inserted", weakness));
    }
    Ok(trials)
}

/// How a parent's owner is changed: the table with its owner, the column of its key there, and
/// the column of its user.
fn owner_of_parent(context: &Context<'_>, parent: &str) -> Option<(String, String, String)> {
    let table = |name: &str| context.contract.tables.get(name).zip(context.catalog.relation(name));
    let (declared, relation) = table(parent)?;
    match &declared.owner {
        Owner::Column(owner) => {
            let id = relation.primary_key().first()?;
            Some((relation.qualified(), ident(id), ident(owner)))
        }
        Owner::Members(members) => {
            let (memberships, relation) = table(&members.table)?;
            let Owner::Column(user) = &memberships.owner else { return None };
            Some((relation.qualified(), ident(&members.by), ident(user)))
        }
        Owner::Through(_) | Owner::Expression(_) | Owner::None | Owner::Tenant(_) => None,
    }
}
