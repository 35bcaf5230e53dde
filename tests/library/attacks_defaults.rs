//! The statements that close default privileges.

use std::collections::BTreeSet;

use schema_harness::catalog::{DefaultPrivileges, Grant};
use schema_harness::checks::attacks::bypass::{later::closing, needless::kinds};

/// Privileges of that kind on later objects of any schema.
fn everywhere(kind: &str, grantee: &str) -> DefaultPrivileges {
    let grantee = grantee.to_owned();
    DefaultPrivileges {
        maker: "postgres".to_owned(),
        schema: "*".to_owned(),
        kind: kind.to_owned(),
        grants: vec![Grant { grantee, privilege: "select".to_owned(), grantable: false }],
    }
}

#[test]
fn maintain_is_taken_back_where_the_server_knows_it() {
    assert_eq!(kinds(170_000), ["truncate", "references", "trigger", "maintain"]);
    assert_eq!(kinds(160_010), ["truncate", "references", "trigger"]);
}

#[test]
fn what_is_granted_in_every_schema_is_taken_back_there() {
    const WITHIN: &str = "alter default privileges in schema public revoke all on tables from \
                          public, anon, authenticated;";
    let tables = BTreeSet::from(["table"]);
    assert_eq!(closing(&tables, &[]), [WITHIN]);
    assert_eq!(closing(&tables, &[everywhere("tables", "service_role")]), [WITHIN]);
    let both = [WITHIN.replace(" in schema public", ""), WITHIN.to_owned()];
    assert_eq!(closing(&tables, &[everywhere("tables", "anon")]), both);
}

/// PostgreSQL lets everyone execute a function unless an entry for every schema says otherwise.
#[test]
fn functions_are_everyones_unless_an_entry_says_otherwise() {
    let functions = BTreeSet::from(["function"]);
    let closes_all = |defaults: &[DefaultPrivileges]| closing(&functions, defaults).len() == 2;
    assert!(closes_all(&[]));
    assert!(!closes_all(&[everywhere("functions", "service_role")]));
}
