//! Counts the rows of a table or view, of all users and of each persona, whatever the policies
//! say.

use std::collections::BTreeMap;

use super::Sandbox;
use super::judge::in_table;
use crate::catalog::Relation;
use crate::contract::shape::Counts;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::probe::Attempt;
use crate::probe::digest::owner_expression;
use crate::rows::compose::Factory;
use crate::sql::quote;

impl Sandbox {
    /// The numbers of rows of a table or view for each persona.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub(super) async fn counts(
        &self,
        name: &str,
        relation: &Relation,
    ) -> Result<BTreeMap<Persona, Counts>, CannotRun> {
        let mut counts = BTreeMap::new();
        for persona in self.inputs.contract.everybody() {
            let there = if relation.is_table() {
                in_table(&self.inputs.contract, self.prober.initial(), name, persona)
            } else {
                self.of_view(relation, persona).await?
            };
            counts.insert(persona, there);
        }
        Ok(counts)
    }

    /// What the administrator sees with the claims of the persona, on which a view's query may
    /// depend.
    async fn of_view(&self, view: &Relation, persona: Persona) -> Result<Counts, CannotRun> {
        let owner = owner_expression(&self.catalog, &self.inputs.contract, view, "r");
        let count = format!("select pg_catalog.count(*) from {} r", view.qualified());
        let user = quote(persona.user_id().unwrap_or_default());
        let script = [
            "set local session authorization default".to_owned(),
            count.clone(),
            format!("{count} where ({owner})::text = {user}"),
        ];
        let identity = self.identity(persona);
        let arrival = self.world.as_ref().ok().map(|world| {
            let (catalog, contract) = (&self.catalog, &self.inputs.contract);
            Factory { catalog, contract, world }.arrival(persona)
        });
        let setup = arrival.transpose()?.unwrap_or_default();
        let attempt = Attempt { setup: &setup, identity: &identity, script: &script, active: "" };
        let counted = self.prober.transcript_without_state(&attempt).await?;
        // A view that fails has no rows, and its cells say why.
        let number = |at: usize| counted.answers.get(at).and_then(|it| it.one().ok()).unwrap_or(0);
        let (all, own) = (number(1), number(2));
        let own = if persona.user_id().is_some() { own } else { all };
        Ok(Counts { own, all, ..Counts::default() })
    }
}
