//! Changes to expressions and bodies.

use schema_harness::checks::mutants::changes::{changes, removals};

fn texts(sql: &str) -> Vec<String> {
    let plain = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    changes(sql, 0..sql.len()).into_iter().map(|change| plain(change.text)).collect()
}

#[test]
fn conjuncts_are_removed_one_by_one() {
    let changed = texts("(mine = 1 and (a or b))");
    for expected in [
        "(mine <> 1 and (a or b))",
        "(mine = 2 and (a or b))",
        "(mine = 1 or (a or b))",
        "(mine = 1 )",
        "( (a or b))",
        "(mine = 1 and (a and b))",
        "(mine = 1 and (a ))",
        "(mine = 1 and ( b))",
    ] {
        assert!(changed.iter().any(|text| text == expected), "{expected} in {changed:#?}");
    }
}

#[test]
fn bounds_of_between_are_no_conjuncts() {
    let changed = texts("n between 1 and 5");
    assert!(!changed.iter().any(|text| text.contains(" or ")), "{changed:?}");
    assert!(changed.contains(&"n between 1 and 6".to_owned()), "{changed:?}");
}

#[test]
fn literals_are_not_split() {
    assert_eq!(texts("'a = b and c'"), ["'a = b and c~'"]);
}

#[test]
fn guard_is_removed() {
    let changed = texts("coalesce(f(a, b), false)");
    assert!(changed.contains(&"(f(a, b))".to_owned()), "{changed:?}");
}

#[test]
fn statements_are_left_out_one_by_one() {
    let body = "begin if a then b := 1; end if; return c; end";
    let left = removals(body, 0..body.len()).into_iter().map(|change| change.text);
    let left: Vec<String> = left.collect();
    assert_eq!(
        left,
        [
            "begin if a then null; end if; return c; end",
            "begin if a then b := 1; end if; null; end"
        ]
    );
}
