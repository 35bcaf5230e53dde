//! Explains a rule by its id: `scripts/verify explain`.

pub mod page;
pub mod rules;

use self::rules::{Explained, Shown};
use crate::error::CannotRun;

/// How alike a word and an id must be for a slip of the pen, from 0 to 1; how much less alike
/// than the first the others may be that are offered; and how many.
const ALIKE: f64 = 0.55;
const BEHIND: f64 = 0.15;
const OFFERED: usize = 3;

/// The explanation.
///
/// # Errors
/// Suggestions of similar rules, and how to list all.
pub fn answer(example: Shown, asked: &str) -> Result<String, CannotRun> {
    let all = rules::all(example);
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
        let why = format!("there is no rule `{asked}`; {perhaps}scripts/verify explain lists all");
        CannotRun(why)
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
