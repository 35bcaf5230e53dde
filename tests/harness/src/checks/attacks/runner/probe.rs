//! A probe: statements of an attacker with their control, and the trial that is their result.

use crate::platform::persona::Identity;

/// Statements of an attacker, and the worlds and the control that they are compared with.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The table, view or function that is attacked.
    pub object: String,
    /// The variant, if there are several for that object; may be empty.
    pub part: String,
    /// The setup: statements that the administrator runs first.
    pub setup: Vec<String>,
    /// The attacker.
    pub attacker: Identity,
    /// The statements, in order until one fails.
    pub script: Vec<String>,
    /// Other worlds, which differ only in the victim's rows: name, and the administrator's
    /// statements that make them.
    pub worlds: Vec<(&'static str, Vec<String>)>,
    /// The control, for which the same statements are effective.
    pub control: Control,
}

/// The control of an attack: an identity for which its statements are effective.
#[derive(Debug, Clone)]
pub enum Control {
    /// This identity's answers differ between the worlds, or it changes a row of the victim's.
    By(Identity),
    /// This identity, with these statements instead, does so.
    Instead(Identity, Vec<String>),
    /// No control, for the reason given.
    Nobody(&'static str),
    /// No control, because the object's relation to rows of users is unknown; but the server
    /// must accept the statements: one that it cannot parse would prove nothing.
    Understood,
}

/// The result of one variant of an attack on one object.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The table, view or function; or the database.
    pub object: String,
    /// The variant, if there are several for that object; may be empty.
    pub part: String,
    /// The attacker.
    pub attacker: String,
    /// The script that reproduces it in psql.
    pub statement: String,
    /// The attacker's answer, if there is no weakness; empty if the attack does not apply to
    /// the object.
    pub answer: String,
    /// The leak or change; none if there is no weakness.
    pub weakness: Option<String>,
    /// The statements of a migration that mend it, where they are known better than the attack
    /// says.
    pub remedy: Option<String>,
}

impl Trial {
    /// A trial of the database as a whole, with a weakness or none.
    pub fn failed(weakness: Option<String>) -> Self {
        Self {
            object: "database".to_owned(),
            part: String::new(),
            attacker: "nobody".to_owned(),
            statement: String::new(),
            answer: "nothing".to_owned(),
            weakness,
            remedy: None,
        }
    }
}

/// The prefix of the reason if a function fails on every call.
pub(super) const FAILS: &str = "the function fails by itself: ";

/// The prefix of the reason if a row is there without what a trigger is to do with it.
pub(super) const NO_EFFECT: &str = "the declared effect stays away: ";

/// The prefix of the reason if its statements have no effect for the control either.
pub(super) const INEFFECTIVE: &str = "the control, ";
