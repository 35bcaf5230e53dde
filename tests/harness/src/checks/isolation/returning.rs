//! Inserts with RETURNING, as client libraries send them: the new row has to pass the policies for
//! reading at once, before any AFTER trigger has run.

use super::Sandbox;
use super::cells::Cell;
use super::judge::Judge;
use super::plan::Try;
use crate::contract;
use crate::contract::grid::{Command, Whose};
use crate::contract::shape::Sharing;
use crate::database::outcome::Outcome;
use crate::error::CannotRun;
use crate::findings::ledger::Finding;
use crate::findings::rules;
use crate::probe::Target;
use crate::sql::ident;

impl Sandbox {
    /// What is wrong where an own row can be inserted and read, and cannot be returned.
    ///
    /// # Errors
    /// Why it could not be tried.
    pub(super) async fn not_returned(
        &self,
        judge: &Judge<'_>,
        target: &Target,
        declared: &contract::Relation,
        (cell, written): (&Cell, &Try),
    ) -> Result<Option<Finding>, CannotRun> {
        let own = Whose::Own(None);
        let is_own = cell.command == Command::Insert && cell.whose == own && cell.column.is_none();
        let reads = declared.grid.permits(cell.persona, &own, Command::Select);
        // What has members is nobody's until the first has joined.
        let comes_first = declared.shape.sharing != Sharing::Members;
        if !is_own || !reads || !comes_first || cell.expected.is_denial() {
            return Ok(None);
        }
        let columns = declared.granted(cell.persona.role(), Command::Select.name());
        let columns = columns.into_iter().map(ident).collect::<Vec<_>>().join(", ");
        let statement = format!("{} returning {columns}", written.statement);
        let tried = Try { statement, ..written.clone() };
        let outcome = self
            .prober
            .attempt_without_state(target, cell.persona, &tried.setup, &tried.statement)
            .await?
            .outcome;
        let expected = Outcome::Rows(1);
        Ok((outcome != expected).then(|| {
            let seen = [
                format!("{expected}, which the insert returns"),
                format!("{outcome} where it is to return the row, and without that it succeeds"),
            ];
            judge.finding(&rules::CELL, cell, &tried, [&seen[0], &seen[1]])
        }))
    }
}
