//! The known faults of a version of PostgreSQL.

use schema_harness::platform::cves::unfixed;

fn ids(version_num: u32) -> Vec<String> {
    let unfixed = unfixed(version_num).unwrap_or_else(|why| panic!("{why}"));
    unfixed.into_iter().map(|cve| cve.id).collect()
}

#[test]
fn minor_releases_decide_within_a_major_release() {
    let of_2026 = [
        "CVE-2026-120154",
        "CVE-2026-116311",
        "CVE-2026-16237",
        "CVE-2026-116327",
        "CVE-2026-14666",
    ];
    assert_eq!(ids(180_001), of_2026);
    assert_eq!(ids(180_006), of_2026[..4]);
    assert_eq!(ids(180_007), Vec::<String>::new());
    assert_eq!(ids(170_005), [&of_2026[..], &["CVE-2025-8713"]].concat());
    assert_eq!(ids(150_002).len(), 11);
}

#[test]
fn major_release_after_the_last_fixed_one_was_never_vulnerable() {
    assert_eq!(ids(190_000), Vec::<String>::new());
}
