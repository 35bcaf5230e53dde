//! The state rule: which rows of which owners a user's statement may change.

use std::collections::BTreeSet;

use crate::contract::effects::Does;
use crate::contract::grid::{Command, SHARED, Whose};
use crate::contract::shape::Sharing;
use crate::contract::{self, Contract};
use crate::platform::persona::Persona;
use crate::probe::digest::{BETWEEN, Changed, How, NOBODY, WITH, reaches, touches};
use crate::rows::World;

/// Of the rows that a statement has changed, those that it may not: neither may the user change
/// them, nor are they changed by a declared effect of another change that is permitted.
pub fn misplaced<'c>(
    contract: &Contract,
    changed: &'c [Changed],
    may_change: impl Fn(&Changed) -> bool,
) -> Vec<&'c Changed> {
    let (mut permitted, mut left): (Vec<&Changed>, Vec<&Changed>) =
        changed.iter().partition(|one| may_change(one));
    loop {
        let (effects, others): (Vec<&Changed>, Vec<&Changed>) =
            left.iter().partition(|one| is_effect(contract, one, &permitted));
        if effects.is_empty() {
            return others;
        }
        permitted.extend(effects);
        left = others;
    }
}

/// The effect that a new row is declared to have on a row of another table, and does not have.
pub fn lacking(contract: &Contract, changed: &[Changed]) -> Option<String> {
    contract.tables.iter().find_map(|(name, declared)| {
        let mut effects = declared.effects.iter().filter(|effect| {
            effect.of.command == Command::Insert
                && effect.function.is_some()
                && matches!(effect.does, Does::Update(_))
        });
        let lacks = |table: &str| {
            changed.iter().any(|it| it.table == table && it.how == How::New)
                && !changed.iter().any(|it| it.table == *name)
        };
        effects.find(|effect| lacks(&effect.of.table)).map(|effect| format!("{name}, {effect}"))
    })
}

/// Whether a change is what an effect of one of those does.
fn is_effect(contract: &Contract, changed: &Changed, causes: &[&Changed]) -> bool {
    let effects = contract.tables.get(&changed.table).into_iter().flat_map(|it| &it.effects);
    let mut effects = effects.filter(|effect| match &effect.does {
        Does::Insert => changed.how == How::New,
        Does::Delete => changed.how == How::Gone,
        Does::Update(columns) => {
            let all = !changed.columns.is_empty()
                && changed.columns.iter().all(|column| columns.contains(column));
            changed.how == How::Other && all
        }
    });
    effects.any(|effect| {
        let how = match effect.of.command {
            Command::Insert => How::New,
            Command::Delete => How::Gone,
            Command::Update | Command::Select => How::Other,
        };
        causes.iter().any(|cause| cause.table == effect.of.table && cause.how == how)
    })
}

/// Whether statements of that user, of these commands on one table or view, may change such
/// rows. A row that references rows of two users, such as a link, may be deleted by a cascade
/// from either, but no user may change it directly. A shared row may change as the grid lets
/// the user change one, whatever table the statement names; and it may be deleted by a cascade
/// from a shared row that the user may delete. Any other row may change as the grid lets the user
/// change another's, nobody's, or any.
pub fn may_change(
    contract: &Contract,
    world: &World,
    persona: Persona,
    (object, commands): (&str, &[Command]),
    changed: &Changed,
) -> bool {
    let (table, owner) = (changed.table.as_str(), changed.owner.as_str());
    let is_own = |user: &&str| reaches(owner, user) || table != object && touches(owner, user);
    let Some(user) = persona.user_id().filter(is_own) else {
        return is_granted(contract, world, (persona, commands), changed);
    };
    if !is_shared_in_the_world(owner) {
        return true;
    }
    let lets = |name: &str, command: Command, targets: &[Whose]| {
        contract.relation(name).is_some_and(|declared| {
            targets.iter().any(|whose| declared.grid.permits(persona, whose, command))
        })
    };
    let target = contract.relation(table).map_or(Whose::Shared, |it| target(it, user, owner));
    let targets = [target];
    let either = [Whose::Shared, Whose::Own(Some(SHARED.to_owned()))];
    let sent = |command: Command| commands.contains(&command) && lets(object, command, &either);
    match changed.how {
        // Adding a member shares existing rows with that member.
        How::Gained => {
            let declared = contract.relation(object);
            declared.is_some_and(|it| it.shape.sharing == Sharing::Membership)
                && (sent(Command::Insert) || sent(Command::Update))
        }
        How::New if table == object => {
            lets(table, Command::Insert, &targets) || sent(Command::Insert)
        }
        How::New => lets(table, Command::Insert, &targets),
        How::Other => lets(table, Command::Update, &targets),
        How::Gone => {
            lets(table, Command::Delete, &targets)
                || references(contract, table, object) && sent(Command::Delete)
        }
        How::Somehow => [Command::Insert, Command::Update, Command::Delete]
            .iter()
            .all(|command| lets(table, *command, &targets)),
    }
}

/// Whether the grid lets a client change such a row, which is not the client's own.
fn is_granted(
    contract: &Contract,
    world: &World,
    (persona, commands): (Persona, &[Command]),
    changed: &Changed,
) -> bool {
    let Some(declared) = contract.tables.get(&changed.table) else { return false };
    let command = match changed.how {
        How::New => Command::Insert,
        How::Other => Command::Update,
        How::Gone => Command::Delete,
        How::Gained | How::Somehow => return false,
    };
    let whose = match changed.owner.as_str() {
        _ if !declared.shape.owned => Whose::Any,
        NOBODY => Whose::Nobodys,
        several if several.contains(BETWEEN) || several.contains(WITH) => return false,
        _ => Whose::Anothers(world.variant(&changed.table, &changed.key).map(str::to_owned)),
    };
    commands.contains(&command) && declared.grid.permits(persona, &whose, command)
}

/// Whether rows of `table` reference rows of `object`, directly or over other tables.
fn references(contract: &Contract, table: &str, object: &str) -> bool {
    let mut left = vec![table];
    let mut seen = BTreeSet::new();
    while let Some(table) = left.pop() {
        let declared = contract.tables.get(table).filter(|_| seen.insert(table));
        let columns = declared.into_iter().flat_map(|declared| declared.columns.values());
        let targets = columns.filter_map(|it| it.references.as_deref()?.split(" (").next());
        left.extend(targets.map(|it| it.strip_prefix("public.").unwrap_or(it)));
        if left.contains(&object) {
            return true;
        }
    }
    false
}

/// Whether Alice and Bob share rows of that owner.
fn is_shared_in_the_world(owner: &str) -> bool {
    let shares = |persona: &Persona| persona.user_id().is_some_and(|user| reaches(owner, user));
    owner.contains(WITH) && Persona::OWNERS.iter().all(shares)
}

/// The grid's target for such a row, relative to that user.
fn target(declared: &contract::Relation, user: &str, owner: &str) -> Whose {
    if declared.shape.sharing == Sharing::Membership && owner.starts_with(user) {
        Whose::Own(Some(SHARED.to_owned()))
    } else {
        Whose::Shared
    }
}
