//! The library's modules depend on each other one way: each stage uses only those before it, and
//! no module uses another that uses it.

mod paths;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;

use self::paths::Modules;
use crate::conventions::sources;

/// The library's code.
const LIBRARY: &str = "tests/harness/src/";

/// The kinds of checks, each using only those before it.
const CHECKS: [&str; 10] = [
    "schema",
    "lint",
    "isolation",
    "sign_up",
    "attacks",
    "properties",
    "controls",
    "plans",
    "reachable",
    "mutants",
];

/// The library's modules, as they are written.
fn library() -> Modules {
    let sources = sources();
    let files = sources.iter().filter(|it| it.is_rust());
    let files = files.filter_map(|it| Some((it.path.strip_prefix(LIBRARY)?, it.text.as_str())));
    Modules::of(files)
}

/// The stages in the order that the documentation of `lib.rs` declares: the words in backticks of
/// the paragraph that begins with this.
fn stages() -> Vec<String> {
    let sources = sources();
    let root = sources.iter().find(|it| it.path == format!("{LIBRARY}lib.rs")).expect("lib.rs");
    let lines = root.text.lines().map(|line| line.trim_start_matches("//!").trim());
    let declared = lines.skip_while(|line| !line.starts_with("The modules are the stages"));
    let declared: Vec<&str> = declared.take_while(|line| !line.is_empty()).collect();
    declared.join(" ").split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `user -> used` of each module that uses a later part; a part is the word of a path at `depth`.
fn backwards(modules: &Modules, order: &[&str], depth: usize) -> Vec<String> {
    let place = |module: &str| {
        let part = module.split("::").nth(depth)?;
        let place = order.iter().position(|it| *it == part);
        Some(place.unwrap_or_else(|| panic!("{module} is in no part that is declared")))
    };
    let uses = modules.uses.iter().flat_map(|(user, all)| all.iter().map(move |it| (user, it)));
    let back = uses.filter(|(user, used)| place(user) < place(used) && place(user).is_some());
    back.map(|(user, used)| format!("{user} -> {used}")).collect()
}

/// A shortest cycle through each module that is in one, from its first module on.
fn cycles(uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let cycle_of = |start: &String| {
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for next in uses.get(&way[way.len() - 1]).into_iter().flatten() {
                    if next == start {
                        return Some(way);
                    }
                    if seen.insert(next.clone()) {
                        longer.push([way.clone(), vec![next.clone()]].concat());
                    }
                }
            }
            ways = longer;
        }
        None
    };
    let from_the_first = |mut cycle: Vec<String>| {
        let first = (0..cycle.len()).min_by_key(|at| &cycle[*at]).unwrap_or_default();
        cycle.rotate_left(first);
        cycle.join(" -> ")
    };
    uses.keys().filter_map(cycle_of).map(from_the_first).collect()
}

#[test]
fn every_stage_uses_only_those_before_it() {
    let stages = stages();
    let order: Vec<&str> = stages.iter().map(String::as_str).collect();
    assert!(order.contains(&"platform"), "T02: stages in {order:?}");
    assert_eq!(backwards(&library(), &order, 0), [""; 0]);
}

#[test]
fn every_kind_of_check_uses_only_those_before_it() {
    let checks = library().below("checks");
    assert_ne!(checks.uses.len(), 0, "T02: checks");
    assert_eq!(backwards(&checks, &CHECKS, 1), [""; 0]);
}

#[test]
fn no_module_uses_one_that_uses_it() {
    let library = library();
    assert!(library.uses["cli"].contains("cli::verify"), "T02: a parent that uses its child");
    assert_eq!(cycles(&library.uses), BTreeSet::new());
}

/// A file per line: its path, and what it holds.
fn written(files: &[(&str, &str)]) -> Modules {
    Modules::of(files.iter().copied())
}

#[rstest]
#[case::a_use("use crate::catalog::Catalog;")]
#[case::a_use_of_several("use crate::{error::CannotRun, catalog::{self, Catalog}};")]
#[case::a_path("fn f() -> crate::catalog::Catalog { loop {} }")]
#[case::a_re_export("pub use super::catalog::Catalog;")]
fn stage_that_uses_a_later_one_is_named(#[case] text: &str) {
    let modules = written(&[("error.rs", ""), ("server.rs", text), ("catalog/mod.rs", "")]);
    let order = ["error", "server", "catalog"];
    assert_eq!(backwards(&modules, &order, 0), ["server -> catalog"]);
}

/// What only looks like a use of a later stage.
#[rstest]
#[case::an_earlier_one("use crate::error::CannotRun;")]
#[case::its_own_module("use self::home::Home; use super::server::home;")]
#[case::a_comment("// use crate::catalog::Catalog;")]
#[case::a_text("const TEXT: &str = \"crate::catalog::Catalog\";")]
#[case::a_test("#[cfg(test)]\nmod tests {\n    use crate::catalog::Catalog;\n}")]
#[case::a_visibility("pub(in crate::catalog) fn f() {}")]
#[case::another_crate("use catalog::Catalog;")]
fn stage_that_uses_no_later_one_is_passed_over(#[case] text: &str) {
    let files = [("error.rs", ""), ("server/mod.rs", text), ("server/home.rs", "")];
    let modules = written(&[&files[..], &[("catalog.rs", "")]].concat());
    assert_eq!(backwards(&modules, &["error", "server", "catalog"], 0), [""; 0]);
}

#[rstest]
#[case::of_siblings(
    &[("a/mod.rs", "mod b; mod c;"), ("a/b.rs", "use super::c::C;"), ("a/c.rs", "use super::b::B;")],
    "a::b -> a::c"
)]
#[case::of_three(
    &[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")],
    "a -> b -> c"
)]
#[case::of_parent_and_child(
    &[("a/mod.rs", "mod b;\nuse self::b::B;\npub struct A;"), ("a/b.rs", "use super::A;")],
    "a -> a::b"
)]
#[case::of_parent_and_child_by_its_bare_name(
    &[("a/mod.rs", "mod b;\nfn f() { b::f() }"), ("a/b.rs", "use super::f;")],
    "a -> a::b"
)]
#[case::through_a_re_export(
    &[
        ("a/mod.rs", "mod b;\nmod c;\npub use self::b::B;"),
        ("a/b.rs", "use super::c::C;"),
        ("a/c.rs", "use crate::a::B;")
    ],
    "a::b -> a::c"
)]
fn cycle_is_named(#[case] files: &[(&str, &str)], #[case] cycle: &str) {
    assert_eq!(cycles(&written(files).uses), BTreeSet::from([cycle.to_owned()]));
}

/// A parent that declares its children and re-exports what they hold uses nothing of theirs.
#[rstest]
#[case::a_re_export(
    &[("a/mod.rs", "mod b;\npub use self::b::B;\npub struct A;"), ("a/b.rs", "use super::A;")]
)]
#[case::a_sibling_through_the_parent(
    &[
        ("a/mod.rs", "mod b;\nmod c;\npub use self::b::B;\nuse self::c::C;"),
        ("a/b.rs", ""),
        ("a/c.rs", "use super::B;")
    ]
)]
#[case::two_ways_to_one(
    &[("a.rs", "use crate::b::B; use crate::c::C;"), ("b.rs", "use crate::c::C;"), ("c.rs", "")]
)]
fn modules_without_a_cycle_are_passed_over(#[case] files: &[(&str, &str)]) {
    assert_eq!(cycles(&written(files).uses), BTreeSet::new());
}
