//! The observed outcome of the first weakness of each attack, which `explain` shows as the
//! example.

/// What is observed, with an ellipsis for what is long or differs from run to run.
pub(super) const OBSERVED: [(&str, &str); 57] = [
    ("R01", "by key: the answer shows whether the victim's rows are absent: …"),
    ("R02", "signed in, empty claims: the answer shows whether the victim's rows are absent: …"),
    ("R03", "subject empty: the answer shows whether the victim's rows are absent: …"),
    ("R04", "whole row: the answer shows whether the victim's rows are absent: …"),
    ("R05", "sample: the answer shows whether the victim's rows are absent: …"),
    ("R06", "current of: rows changed: conversations of alice"),
    ("R07", "table: the answer shows whether the victim's rows are absent: …"),
    ("R08", "function: the answer shows whether the victim's rows are absent: …"),
    ("R09", "user_metadata of admin: the answer shows whether the victim's rows are absent: …"),
    ("R10", "without an owner: the answer shows whether the victim's rows are one more: …"),
    ("R11", "read: the answer shows whether the victim's rows are there: …"),
    ("R12", "{…}: the answer shows whether the victim's rows are absent: …"),
    (
        "I01",
        "memories_pkey, do nothing: the answer shows whether the victim's rows are absent: \"(0)\" \
            / \"(1)\"",
    ),
    ("I02", "about, update: the answer shows whether the victim's rows are absent: …"),
    (
        "I03",
        "where: the answer shows whether the victim's rows are absent: \"NOTICE 00000: leak: …",
    ),
    (
        "I04",
        "operator public.<~~<: the answer shows whether the victim's rows are absent: \"NOTICE …",
    ),
    (
        "I05",
        "division: the answer shows whether the victim's rows are absent: \"ERROR 22012: division \
            by zero\" / …",
    ),
    (
        "I06",
        "conversations_pkey, by columns: the answer shows whether the victim's rows are absent: …",
    ),
    ("I07", "pg_statistic: the answer shows whether the victim's rows are absent: …"),
    ("I08", "feedback_about_fkey: the answer shows whether the victim's rows are pointing here: …"),
    ("I10", "nextval: the answer shows whether the victim's rows are one more: …"),
    ("W01", "the victim's: rows changed: memories of alice"),
    ("W02", "every row: rows changed: memories of alice"),
    ("W03", "every row: rows changed: conversations of alice"),
    ("W04", "give away: rows changed: memories of alice"),
    ("W05", "plant: rows changed: conversations of alice"),
    ("W06", "memories_pkey by column: the answer shows whether the victim's rows are absent: …"),
    (
        "W07",
        "insert select: the answer shows whether the victim's rows are absent: \"(1)\" / \"(0)\"",
    ),
    ("W08", "alone: rows changed: messages of alice"),
    ("W09", "update admin_response: expected no privilege, got 1 row"),
    ("W10", "insert created_at: the forged value is stored"),
    ("W11", "delete own: rows changed: memories of alice"),
    (
        "W12",
        "insert context_memories to memories: the answer shows whether the victim's rows are \
            absent: …",
    ),
    ("W13", "update: rows changed: memories of alice"),
    ("W14", "update about, then read: the answer shows whether the victim's rows are other: …"),
    ("B01", "read, as bob: the answer shows whether the victim's rows are absent: …"),
    (
        "B02",
        "the victim's conversations, as bob: the answer shows whether the victim's rows are \
            absent: …",
    ),
    ("B03", "types: what the attacker made ran as postgres"),
    ("B04", "call: authenticator | authenticated | …"),
    ("B05", "insert: rows changed: memories of alice"),
    ("B06", "ownership: is owned by authenticated, to whom policies do not apply"),
    ("B07", "on relations: authenticated holds TRIGGER"),
    ("B08", "table, as anon_key, no_token: select * from public.later_objects; …"),
    ("B09", "read by key, as bob: the answer shows whether the victim's rows are absent: …"),
    ("B10", "leakproof: is LEAKPROOF and owned by postgres, no superuser"),
    ("E01", "prepared: alice gets from the prepared statement: …"),
    ("E02", "after a commit: the connection is still authenticator as …"),
    ("E03", "update: update reached the row after it had become the victim's"),
    ("E04", "its parent is deleted: 1 rows are left without a conversations row"),
    ("E05", "parent: rows can still be read after their parent became the victim's"),
    ("T01", "bob: bob is authenticator, authenticated, f, f, f; it should be …"),
    ("T02", "… cells are planned for a table that is not there"),
    ("T03", "could not run: no rows"),
    ("T04", "bob: bob owns no row"),
    ("T05", "… rows of the set-up are there"),
    ("T06", "a policy that is true for everyone changes nothing"),
    ("T07", "a new connection: it starts as authenticator, authenticator, …"),
];

/// Whether an observation says what is written here.
pub(super) fn matches_pattern(observed: &str, written: &str) -> bool {
    let mut rest = observed;
    written.split('…').all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

#[test]
fn an_ellipsis_stands_for_anything() {
    assert!(matches_pattern("read: 4 rows of 7", "read: … of 7"));
    assert!(matches_pattern("read: 4 rows", "read: …"), "at the end");
    assert!(matches_pattern("125 cells", "… cells"), "at the beginning");
    assert!(!matches_pattern("read: 4 rows of 7", "read: … of 8"), "control");
    assert!(!matches_pattern("of 7 read: 4 rows", "read: … of 7"), "control: the order");
}
