//! Every rule is explained, by each of its names.

use schema_harness::checks::attacks;
use schema_harness::checks::attacks::runner::Attack;
use schema_harness::checks::lint;
use schema_harness::cli::explain;
use schema_harness::cli::explain::rules::{self as explained, Becomes, Explained};
use schema_harness::error::CannotRun;
use schema_harness::findings::rules;

use crate::attacks::weaknesses::example;

fn all() -> Vec<Explained> {
    explained::all(example)
}

fn answer(asked: &str) -> Result<String, CannotRun> {
    explain::answer(example, asked)
}

#[test]
fn every_rule_is_explained_by_each_of_its_names() {
    let all = all();
    for rule in &all {
        for name in rule.names() {
            let page = answer(&name.to_uppercase()).unwrap_or_else(|why| panic!("{why}"));
            assert!(page.starts_with(&format!("{}: ", rule.id)), "{name}\n{page}");
        }
        let listed = answer("").unwrap_or_else(|why| panic!("{why}"));
        assert!(listed.contains(&format!("\n  {}", rule.id)), "{listed}");
    }
}

#[test]
fn check_is_explained_by_its_rule() {
    let page = answer("attack/W04/notes").unwrap_or_else(|why| panic!("{why}"));
    assert!(page.starts_with("attack.W04: "), "{page}");
    let page = answer("lint/0001_unindexed_foreign_keys").unwrap_or_else(|why| panic!("{why}"));
    assert!(page.starts_with("lint.0001_unindexed_foreign_keys: "), "{page}");
}

#[test]
fn similar_name_is_suggested() {
    let refusal = |asked: &str| answer(asked).expect_err("there is no such rule").0;
    assert_eq!(
        refusal("isolation.cel"),
        "there is no rule `isolation.cel`; did you mean isolation.cell? scripts/verify explain \
         lists all"
    );
    assert!(refusal("unindexed_foreign_key").contains("did you mean lint.0001_unindexed"));
    assert_eq!(refusal("qqqq"), "there is no rule `qqqq`; scripts/verify explain lists all");
}

/// Every rule of a finding has an explanation.
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
        let has_example = match &rule.becomes {
            Becomes::Finding(seen) => !fault.is_empty() && seen.iter().all(|it| !it.is_empty()),
            Becomes::Nothing(why) => !why.is_empty(),
        };
        assert!(has_example, "{id} has no example");
        assert!(references.iter().all(|it| !it.is_empty()), "{id}: an empty reference");
    }
    let attacks = attacks::all().map(Attack::rule);
    let linters = lint::names().into_iter().map(|name| format!("lint.{name}"));
    let own = rules::ALL.into_iter().map(|rule| rule.id.to_owned());
    for id in own.chain(linters).chain(attacks) {
        assert!(all.iter().any(|rule| rule.id == id), "{id} is not explained");
    }
}

/// A rule that is not listed could be in a finding without an explanation.
#[test]
fn every_rule_that_is_written_is_listed() {
    let files = [
        include_str!("harness/src/findings/rules/mod.rs"),
        include_str!("harness/src/findings/rules/functions.rs"),
        include_str!("harness/src/findings/rules/harness.rs"),
        include_str!("harness/src/findings/rules/rows.rs"),
    ];
    let written: usize = files.map(|text| text.matches(": Rule = Rule {").count()).iter().sum();
    assert_eq!(rules::ALL.len(), written, "rules::ALL and the rules that are written");
}

/// No two rules share a name, and the check's id in an example begins with its rule's.
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
