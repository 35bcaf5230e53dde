//! Guard of a column: a trigger that refuses a new value, or keeps the old one, although the role
//! has the privilege.

use super::cell::{BY_TRIGGER, Command};
use super::model::Relation;
use crate::source::mistake::Wrong;

const KEPT: &str = "kept by trigger ";

/// What a trigger does to an update of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It refuses the statement.
    Refused(String),
    /// It keeps the old value, and the statement succeeds.
    Kept(String),
}

impl Guard {
    /// Reads `refused by trigger NAME` or `kept by trigger NAME`.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let named = |words: &str| text.strip_prefix(words).map(|name| name.trim().to_owned());
        match (named(BY_TRIGGER), named(KEPT)) {
            (Some(name), _) => Ok(Self::Refused(name)),
            (_, Some(name)) => Ok(Self::Kept(name)),
            _ => Err(Wrong::new(format!("`{text}` is no guard"))
                .help("say `refused by trigger NAME` or `kept by trigger NAME`")),
        }
    }

    /// The name of the trigger.
    pub fn trigger(&self) -> &str {
        match self {
            Self::Refused(name) | Self::Kept(name) => name,
        }
    }
}

impl Relation {
    /// The guard of a column against that command, if its trigger is fired by it. An insert has
    /// no old value to keep.
    pub fn guard(&self, column: &str, command: Command) -> Option<Guard> {
        let guard = Guard::parse(self.columns.get(column)?.guard.as_deref()?).ok()?;
        let definition = self.triggers.get(guard.trigger())?;
        let events = definition.split_whitespace().take_while(|it| !["for", "on"].contains(it));
        let fires = events.skip(1).any(|event| event.eq_ignore_ascii_case(command.name()));
        let has_old = command == Command::Update || !matches!(guard, Guard::Kept(_));
        (fires && has_old).then_some(guard)
    }

    /// The bare name of the function that a trigger executes.
    pub fn function_of(&self, trigger: &str) -> Option<&str> {
        let (_, call) = self.triggers.get(trigger)?.split_once("execute function ")?;
        let name = call.split('(').next()?;
        name.rsplit('.').next().map(|name| name.trim_matches('"'))
    }
}
