//! All rules that a finding can have: the harness's own, the linter's and the attacks'.

use crate::checks::attacks;
use crate::checks::attacks::runner::{Attack, EXPECTED, Example, Kind};
use crate::checks::lint;
use crate::findings::families::{self, Family};
use crate::findings::rules::{self, Rule};

/// The fault that a project shows for an attack.
pub type Shown = fn(&str) -> Option<Example>;

/// A rule with its explanation.
pub struct Explained {
    /// Its id in findings.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What a finding means.
    pub meaning: String,
    /// How to fix a finding.
    pub remedy: &'static str,
    /// References, mostly CWE numbers.
    pub references: Vec<&'static str>,
    /// The family of its checks.
    pub family: &'static Family,
    /// A fault; empty for an inherent channel, which needs none.
    pub fault: &'static str,
    /// What the fault results in.
    pub becomes: Becomes,
    /// When it does not apply; may be empty.
    pub unless: String,
}

/// The result of a fault.
pub enum Becomes {
    /// A finding: object, check, expected and observed outcome.
    Finding([String; 4]),
    /// None, and why.
    Nothing(&'static str),
}

impl Explained {
    /// What it may be called by, in lower case: its id, and of an attack or a rule of the
    /// linter's the number and the name, alone and behind the family.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let id = self.id.to_lowercase();
        let mut names = vec![id.clone()];
        if let Some((family @ ("attack" | "lint"), short)) = id.split_once('.') {
            names.push(short.to_owned());
            let (number, name) = short.split_once('_').unwrap_or_default();
            if number.parse::<u16>().is_ok() {
                names.extend([number.to_owned(), name.to_owned(), format!("{family}.{number}")]);
            }
        }
        names.into_iter()
    }
}

/// All of them, in the order in which they are listed.
pub fn all(example: Shown) -> Vec<Explained> {
    let own = rules::ALL.into_iter().map(|rule| of_rule(rule, None));
    let linters = lint::rules().into_iter().map(|(rule, blind)| of_rule(rule, blind));
    let mut all: Vec<Explained> = own.chain(linters).collect();
    for attack in attacks::all() {
        // One number may be tried in several ways.
        match all.iter_mut().find(|known| known.id == attack.rule()) {
            Some(known) => {
                known.title = format!("{}; {}", known.title, attack.title);
                known.meaning = format!("{} {}", known.meaning, attack.meaning);
            }
            None => all.push(of_attack(attack, example(attack.id))),
        }
    }
    all
}

fn of_rule(rule: &'static Rule, blind: Option<&'static str>) -> Explained {
    let example = &rule.example;
    let family = families::of_check(example.check);
    let seen = [example.object, example.check, example.expected, example.observed];
    Explained {
        id: rule.id.to_owned(),
        title: rule.title.to_owned(),
        meaning: rule.meaning.to_owned(),
        remedy: rule.remedy,
        references: rule.references.to_vec(),
        family: family.unwrap_or_else(|| panic!("{}: {} is of no family", rule.id, example.check)),
        fault: example.fault,
        becomes: blind.map_or(Becomes::Finding(seen.map(str::to_owned)), Becomes::Nothing),
        unless: String::new(),
    }
}

fn of_attack(attack: &'static Attack, example: Option<Example>) -> Explained {
    let (fault, becomes) = match (&attack.kind, example) {
        (Kind::Accepted(reason, _), _) => ("", Becomes::Nothing(reason)),
        (kind, Some(Example { object, plant, observed })) => {
            let check = match kind {
                Kind::Trials(_) | Kind::PartlyAccepted(..) => format!("attack/{}", attack.id),
                _ => format!("attack/{}/{object}", attack.id),
            };
            let seen = [object.to_owned(), check, EXPECTED.to_owned(), observed.to_owned()];
            (plant, Becomes::Finding(seen))
        }
        (_, None) => ("", Becomes::Nothing("this project gives no example")),
    };
    Explained {
        id: attack.rule(),
        title: attack.title.to_owned(),
        meaning: attack.meaning.to_owned(),
        remedy: attack.remedy,
        references: attack.references.to_vec(),
        family: families::named("attack").expect("attacks are a family"),
        fault,
        becomes,
        unless: attack.unless.to_owned(),
    }
}
