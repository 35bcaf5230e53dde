//! Members of generated rows: the user alone of an own row, both users of a shared one, and the
//! member of a new membership.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

use super::cause::Cause;
use super::compose::{Draft, Factory, PLAIN_ROWS, Wanted};
use super::owner::Owner;
use super::search::Site;
use super::world::{World, failed, literals};
use crate::catalog::Relation;
use crate::contract;
use crate::contract::grid::SHARED;
use crate::contract::membership::{ALONE, Members, Membership};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::{ident, quote};

/// Whom a new membership of that owner's is for: somebody who is no member yet.
pub(super) fn newcomer(owner: Owner) -> Persona {
    match owner {
        Owner::User(Persona::Carol) => Persona::Guest,
        Owner::User(_) | Owner::Shared | Owner::Nobody => Persona::Carol,
    }
}

/// The members of a row of that owner, each with the word for what the membership holds.
fn members_of(owner: Owner) -> Vec<(Persona, &'static str)> {
    match owner {
        Owner::User(persona) => vec![(persona, ALONE)],
        Owner::Shared => Persona::OWNERS.map(|persona| (persona, persona.name())).to_vec(),
        Owner::Nobody => Vec::new(),
    }
}

impl Factory<'_> {
    /// The memberships that make a row the owner's, once it is there under that key.
    ///
    /// # Errors
    /// Names the column that could not be filled.
    pub fn memberships(
        &self,
        members: &Members,
        owner: Owner,
        key: &str,
    ) -> Result<Vec<String>, CannotRun> {
        let mut statements = Vec::new();
        for (persona, word) in members_of(owner) {
            let (relation, draft) = self.membership(members, persona, word, key)?;
            statements.append(&mut draft.setup.clone());
            // A trigger may have been quicker.
            statements.push(format!("{} on conflict do nothing", draft.insert(relation)));
        }
        Ok(statements)
    }

    /// A membership of that user's.
    fn membership(
        &self,
        members: &Members,
        persona: Persona,
        word: &str,
        key: &str,
    ) -> Result<(&Relation, Draft), CannotRun> {
        let (relation, declared) = self.relation(&members.table)?;
        let Some(declared) = declared else { return Ok((relation, Draft::default())) };
        let mut values = BTreeMap::from([(members.by.clone(), key.to_owned())]);
        if let contract::Owner::Column(user) = &declared.owner {
            values.insert(user.clone(), quote(persona.user_id().unwrap_or_default()));
        }
        let open_transaction = declared.membership.as_ref().and_then(|it| it.values.get(word));
        values.extend(open_transaction.into_iter().flatten().map(|(c, v)| (c.clone(), v.clone())));
        let mut draft = Draft { setup: Vec::new(), values };
        let owner = Owner::User(persona);
        self.complete(&mut draft, relation, Some(declared), Wanted::plain(owner, 0), 0)?;
        Ok((relation, draft))
    }
}

impl World {
    /// The memberships of the rows that are there: each user in three of their own, both in
    /// three that they share.
    pub(super) async fn fill_memberships(
        &mut self,
        site: &Site<'_>,
        relation: &Relation,
        membership: &Membership,
    ) -> Result<Result<(), Cause>, CannotRun> {
        let Site { admin, catalog, contract } = *site;
        let declared =
            contract.tables.get(&relation.declared_name()).map(|declared| &declared.owner);
        let Some(contract::Owner::Column(user)) = declared else { return Ok(Ok(())) };
        if relation.is_unique(&[user]) {
            let why = CannotRun(format!(
                "{} holds one row per user, so that nobody can have something alone and share \
                 something else; say how it is owned without \"<-\", which is for users with \
                 several memberships",
                relation.name
            ));
            return Ok(Err(Cause::unwritten(&relation.declared_name(), &why)));
        }
        for (by, of) in &membership.of {
            let Some(contract::Owner::Members(members)) =
                contract.tables.get(of).map(|declared| &declared.owner)
            else {
                continue;
            };
            debug_assert_eq!(*by, members.by, "what is derived from the owners");
            for owner in [Owner::User(Persona::Alice), Owner::User(Persona::Bob), Owner::Shared] {
                let variant = (owner == Owner::Shared).then_some(SHARED);
                let rows = self.rows(of, owner, None).into_iter().take(PLAIN_ROWS);
                let keys = rows.filter_map(|row| row.literal(&members.column).map(str::to_owned));
                let seats: Vec<(String, (Persona, &str))> = keys
                    .flat_map(|key| members_of(owner).into_iter().map(move |it| (key.clone(), it)))
                    .collect();
                for (key, (persona, word)) in &seats {
                    let factory = Factory { catalog, contract, world: self };
                    let draft = match factory.membership(members, *persona, word, key) {
                        Ok((_, draft)) => draft,
                        Err(why) => {
                            return Ok(Err(Cause::unwritten(&relation.declared_name(), &why)));
                        }
                    };
                    let kept = (Owner::User(*persona), variant);
                    // A trigger may have been quicker.
                    let aim = format!("{} = {key} and {} = ", ident(by), ident(user));
                    let aim = format!("{aim}{}", quote(persona.user_id().unwrap_or_default()));
                    if let Some(row) = there(admin, relation, &aim).await? {
                        self.keep(relation, kept.0, kept.1, &row);
                    } else {
                        let wanted = Wanted { variant: kept.1, ..Wanted::plain(kept.0, 0) };
                        let put = self.put(site, relation, &draft, wanted, true).await?;
                        if put.is_err() {
                            return Ok(put);
                        }
                    }
                }
            }
        }
        Ok(Ok(()))
    }
}

/// The row of a table for which the condition holds, if there is one.
async fn there(
    admin: &Client,
    relation: &Relation,
    condition: &str,
) -> Result<Option<Row>, CannotRun> {
    let (table, columns) = (relation.qualified(), literals(relation));
    let query = format!("select {columns} from {table} where {condition}");
    admin.query_opt(&query, &[]).await.map_err(|error| failed(&query, &error))
}
