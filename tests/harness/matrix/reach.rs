//! This file is the state rule: whose rows a statement of a user's may change.

use crate::harness::contract::grid::{Command, SHARED, Whose};
use crate::harness::contract::shape::Sharing;
use crate::harness::contract::{self, Contract};
use crate::harness::digest::{WITH, reaches, touches};
use crate::harness::persona::Persona;

/// Whether statements of that user's, of these commands on one table or view, may change rows
/// of `table` of that owner. A row between two users' rows (a link, say) goes with either of
/// them, but only so: no user may touch it by itself. A row that the user shares may change
/// where the grid lets the user write one.
pub(crate) fn may_change(
    contract: &Contract,
    persona: Persona,
    (object, commands): (&str, &[Command]),
    table: &str,
    owner: &str,
) -> bool {
    let Some(user) = persona.user_id() else { return false };
    if !(reaches(owner, user) || table != object && touches(owner, user)) {
        return false;
    }
    if !is_shared_in_the_world(owner) {
        return true;
    }
    let lets = |name: &str, commands: &[Command], targets: &[Whose]| {
        contract.relation(name).is_some_and(|declared| {
            let permits = |whose: &Whose| {
                commands.iter().any(|command| declared.grid.permits(persona, whose, *command))
            };
            targets.iter().any(permits)
        })
    };
    let target = contract.relation(table).map_or(Whose::Shared, |it| target(it, user, owner));
    if table == object {
        // Whoever lets somebody in shares what the others had.
        let lets_in = commands.contains(&Command::Insert)
            && lets(table, &[Command::Insert], &[Whose::Shared]);
        return lets_in || lets(table, commands, &[target]);
    }
    // It comes with what is done to a shared row, or the user may do it anyway.
    let either = [Whose::Shared, Whose::Own(Some(SHARED.to_owned()))];
    lets(table, &Command::ALL, &[target]) || lets(object, commands, &either)
}

/// Whether Alice and Bob share rows of that owner.
fn is_shared_in_the_world(owner: &str) -> bool {
    let shares = |persona: &Persona| persona.user_id().is_some_and(|user| reaches(owner, user));
    owner.contains(WITH) && Persona::OWNERS.iter().all(shares)
}

/// What the grid calls such a row, seen from that user.
fn target(declared: &contract::Relation, user: &str, owner: &str) -> Whose {
    if declared.shape.sharing == Sharing::Membership && owner.starts_with(user) {
        Whose::Own(Some(SHARED.to_owned()))
    } else {
        Whose::Shared
    }
}
