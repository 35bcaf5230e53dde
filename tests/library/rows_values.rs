//! Values of every type.

use schema_harness::rows::values::plain;

#[test]
fn a_vector_has_as_many_dimensions_as_its_type() {
    let vector = plain("extensions.vector(3)", "x", 0);
    assert_eq!(vector.map(|v| v.matches(',').count()), Some(2));
}

#[test]
fn a_type_that_is_not_known_has_no_literal() {
    assert_eq!(plain("pg_lsn", "x", 0), None);
}

#[test]
fn a_number_fits_its_precision() {
    assert_eq!(plain("numeric(3,3)", "x", 0).map(|n| n.starts_with("0.")), Some(true));
    let fits = |n: String| n.parse::<u32>().is_ok_and(|n| n < 10);
    assert!((0..20).all(|round| plain("numeric(5,4)", "x", round).is_some_and(fits)));
}

#[test]
fn text_that_does_not_fit_still_tells_one_tag_from_another() {
    let [one, other] = ["alice name 0", "alice name 1"].map(|tag| plain("character(3)", tag, 0));
    assert_ne!(one, other);
    assert_eq!(one.map(|it| it.len()), Some(5));
}
