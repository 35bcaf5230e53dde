//! This file is every rule that a finding can carry, from the three places where rules are
//! written: the harness's own, the linter's and the attacks.

use crate::attacks::{self, weaknesses};
use crate::harness::attack::{Attack, EXPECTED, Kind};
use crate::harness::families::{self, Family};
use crate::harness::lint;
use crate::harness::rules::{self, Rule};

/// A rule, with all that is to be said of it.
pub(super) struct Explained {
    /// Its id in findings.
    pub(super) id: String,
    /// What it means, in a few words.
    pub(super) title: String,
    /// What it means, in sentences.
    pub(super) meaning: String,
    /// How to mend what breaks it.
    pub(super) remedy: &'static str,
    /// Numbers, of weaknesses above all.
    pub(super) references: Vec<&'static str>,
    /// The family of its checks.
    pub(super) family: &'static Family,
    /// A fault; empty where no fault is needed, since the channel is open by nature.
    pub(super) fault: &'static str,
    /// What becomes of it.
    pub(super) becomes: Becomes,
    /// Where it does not apply; may be empty.
    pub(super) unless: String,
}

/// What becomes of a fault.
pub(super) enum Becomes {
    /// A finding: object, check, what was to be, what was seen.
    Finding([String; 4]),
    /// None, and why.
    Nothing(&'static str),
}

impl Explained {
    /// What it may be called by, in lower case: its id, and of an attack or a rule of the
    /// linter's the number and the name, alone and behind the family.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
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
pub(super) fn all() -> Vec<Explained> {
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
            None => all.push(of_attack(attack)),
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

fn of_attack(attack: &'static Attack) -> Explained {
    let (fault, becomes) = match (&attack.kind, weaknesses::example(attack.id)) {
        (Kind::Accepted(reason, _), _) => ("", Becomes::Nothing(reason)),
        (kind, Some((weakness, observed))) => {
            let object = weakness.object;
            let check = match kind {
                Kind::Trials(_) | Kind::PartlyAccepted(..) => format!("attack/{}", attack.id),
                _ => format!("attack/{}/{object}", attack.id),
            };
            let seen = [object.to_owned(), check, EXPECTED.to_owned(), observed.to_owned()];
            (weakness.plant, Becomes::Finding(seen))
        }
        (_, None) => panic!("{} has no example in tests/attacks/weaknesses", attack.id),
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

/// Nothing that a finding can carry is without an explanation.
#[test]
fn every_rule_has_a_meaning_an_example_and_a_remedy() {
    let all = all();
    for rule in &all {
        let Explained { id, title, meaning, remedy, references, fault, .. } = rule;
        for (what, text) in [("title", title), ("meaning", meaning)] {
            assert!(!text.is_empty(), "{id} has no {what}");
        }
        assert!(meaning.ends_with('.'), "{id}: its meaning is no sentence: {meaning}");
        assert!(!remedy.is_empty(), "{id} has no remedy");
        let told = match &rule.becomes {
            Becomes::Finding(seen) => !fault.is_empty() && seen.iter().all(|it| !it.is_empty()),
            Becomes::Nothing(why) => !why.is_empty(),
        };
        assert!(told, "{id} has no example");
        assert!(references.iter().all(|it| !it.is_empty()), "{id}: an empty reference");
    }
    let attacks = attacks::all().map(Attack::rule);
    let linters = lint::names().into_iter().map(|name| format!("lint.{name}"));
    let own = rules::ALL.into_iter().map(|rule| rule.id.to_owned());
    for id in own.chain(linters).chain(attacks) {
        assert!(all.iter().any(|rule| rule.id == id), "{id} is not explained");
    }
}

/// A rule that is written and not listed could be in a finding, and nobody could ask for it.
#[test]
fn every_rule_that_is_written_is_listed() {
    let files =
        [include_str!("../harness/rules.rs"), include_str!("../harness/rules/functions.rs")];
    let written: usize = files.map(|text| text.matches(": Rule = Rule {").count()).iter().sum();
    assert_eq!(rules::ALL.len(), written, "rules::ALL and the rules that are written");
}

/// No two rules answer to one name, and a check's id in an example begins with its rule's.
#[test]
fn every_name_is_of_one_rule() {
    let all = all();
    let mut names: Vec<String> = all.iter().flat_map(Explained::names).collect();
    let (count, ()) = (names.len(), names.sort());
    names.dedup();
    assert_eq!(names.len(), count, "names that two rules have");
    for (rule, _) in lint::rules() {
        assert_eq!(rule.example.check, rule.id.replacen('.', "/", 1), "the example's check");
    }
}
