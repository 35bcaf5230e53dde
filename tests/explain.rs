//! This file is what a rule means, asked by its id: `scripts/verify --explain`.

mod page;
mod rules;

use self::rules::Explained;
use crate::harness::inputs;

/// The variable that makes this binary `scripts/verify --explain`; its value is what was asked.
const ASKED: &str = "IDENTRA_EXPLAIN";

/// How alike a word and an id must be for a slip of the pen, from 0 to 1; how much less alike
/// than the first the others may be that are offered; and how many.
const ALIKE: f64 = 0.55;
const BEHIND: f64 = 0.15;
const OFFERED: usize = 3;

/// What there is to say.
///
/// # Errors
/// What was meant, perhaps, and how to see all rules.
fn answer(asked: &str) -> Result<String, String> {
    let all = rules::all();
    if ["", "list"].contains(&asked) {
        return Ok(page::list(&all));
    }
    let asked = normal(asked);
    let found = all.iter().find(|rule| rule.names().any(|name| name == asked));
    found.map(page::of).ok_or_else(|| {
        let offered = alike(&asked, &all);
        let perhaps = match offered.as_slice() {
            [] => String::new(),
            ids => format!("did you mean {}? ", ids.join(" or ")),
        };
        format!("there is no rule \"{asked}\"; {perhaps}scripts/verify --explain list has all")
    })
}

/// As rules are called: in lower case, and of a check's id what names its rule.
fn normal(asked: &str) -> String {
    let asked = asked.trim().to_lowercase();
    match asked.split('/').collect::<Vec<_>>().as_slice() {
        [family @ ("attack" | "lint"), name, ..] => format!("{family}.{name}"),
        _ => asked,
    }
}

/// The ids of the rules that are called almost like that, the most alike first.
fn alike(asked: &str, all: &[Explained]) -> Vec<String> {
    let likeness = |rule: &Explained| {
        let names = rule.names();
        let each = names.map(|name| strsim::normalized_damerau_levenshtein(&name, asked));
        each.fold(0.0, f64::max)
    };
    let mut ranked: Vec<(f64, &str)> =
        all.iter().map(|rule| (likeness(rule), rule.id.as_str())).collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let least = ranked.first().map_or(ALIKE, |(best, _)| ALIKE.max(best - BEHIND));
    ranked.retain(|(likeness, _)| *likeness >= least);
    ranked.truncate(OFFERED);
    ranked.into_iter().map(|(_, id)| id.to_owned()).collect()
}

/// With `IDENTRA_EXPLAIN` set this is `scripts/verify --explain`: it prints to standard error,
/// since standard output is libtest's. Else every rule is asked for, by each of its names.
#[test]
fn every_rule_is_explained_by_each_of_its_names() {
    let own = "explain::every_rule_is_explained_by_each_of_its_names";
    if let Some(asked) = inputs::asked(own, ASKED) {
        let (status, text) = match answer(&asked.to_string_lossy()) {
            Ok(text) => (0, text),
            Err(why) => (2, format!("COULD NOT RUN: {why}")),
        };
        eprintln!("{text}");
        std::process::exit(status);
    }
    let all = rules::all();
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
fn slip_of_the_pen_is_forgiven() {
    let refusal = |asked: &str| answer(asked).expect_err("there is no such rule");
    assert_eq!(
        refusal("isolation.cel"),
        "there is no rule \"isolation.cel\"; did you mean isolation.cell? \
         scripts/verify --explain list has all"
    );
    assert!(refusal("unindexed_foreign_key").contains("did you mean lint.0001_unindexed"));
    assert_eq!(refusal("qqqq"), "there is no rule \"qqqq\"; scripts/verify --explain list has all");
}
