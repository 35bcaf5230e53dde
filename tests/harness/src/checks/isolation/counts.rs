//! Counts the rows of a table or view, of all users and of each persona, whatever the policies
//! say.

use std::collections::BTreeMap;

use super::Sandbox;
use super::judge::counted;
use crate::catalog::Relation;
use crate::contract::shape::Counts;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::probe::Attempt;
use crate::probe::digest::owner_expression;
use crate::rows::compose::Factory;

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
                let count = |is_it: &dyn Fn(&str) -> bool| self.prober.initial().count(name, is_it);
                counted(&self.inputs.contract, name, persona, count)
            } else {
                self.of_view(name, relation, persona).await?
            };
            counts.insert(persona, there);
        }
        Ok(counts)
    }

    /// What the administrator sees with the claims of the persona, on which a view's query may
    /// depend.
    async fn of_view(
        &self,
        name: &str,
        view: &Relation,
        persona: Persona,
    ) -> Result<Counts, CannotRun> {
        let owner = owner_expression(&self.catalog, &self.inputs.contract, view, "r");
        let view = view.qualified();
        let script = [
            "set local session authorization default".to_owned(),
            format!(
                "select coalesce(({owner})::text, ''), pg_catalog.count(*) from {view} r group by 1"
            ),
        ];
        let identity = self.identity(persona);
        let arrival = self.world.as_ref().ok().map(|world| {
            let (catalog, contract) = (&self.catalog, &self.inputs.contract);
            Factory { catalog, contract, world }.arrival(persona)
        });
        let setup = arrival.transpose()?.unwrap_or_default();
        let attempt = Attempt { setup: &setup, identity: &identity, script: &script, active: "" };
        let answers = self.prober.transcript_without_state(&attempt).await?.answers;
        // A view that fails has no rows, and its cells say why.
        let rows = answers.get(1).map_or(&[][..], |it| &it.rows);
        let count = |is_it: &dyn Fn(&str) -> bool| {
            let its = rows.iter().filter(|row| is_it(&row[0]));
            its.filter_map(|row| row[1].parse::<u64>().ok()).sum()
        };
        Ok(counted(&self.inputs.contract, name, persona, count))
    }
}
