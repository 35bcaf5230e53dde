//! The families of checks: what each checks, and which requirements of published standards it
//! relates to.
//!
//! That a family relates to a requirement does not mean that passing it fulfils the
//! requirement: an application is more than its schema.
//!
//! - ASVS is OWASP's Application Security Verification Standard. Numbers and texts of chapters
//!   2, 8, 9, 13 and 15 were compared with the project's own texts; those of chapter 8 with its
//!   tag v5.0.0, the others with neighbouring commits, whose chapters have the same numbers.
//! - CWE is MITRE's list; every number is one that a rule or an attack of that family has, too,
//!   but for CWE-566, which was compared with its page.
//! - CIS is the CIS `PostgreSQL` 17 Benchmark v1.0.0. Its own text is not public; numbers and
//!   titles are those of two transcriptions that agree. Older editions number them otherwise
//!   (row level security was 4.6 for 9.5, and 4.5 for some in between).

/// The first word of a check's id, and its meaning.
#[derive(Debug)]
pub struct Family {
    /// The word.
    pub name: &'static str,
    /// What its checks are about, in a sentence.
    pub what: &'static str,
    /// Requirements of the ASVS, as it asks to be cited: with the version.
    pub asvs: &'static [&'static str],
    /// Weaknesses that its checks find.
    pub cwe: &'static [&'static str],
    /// Recommendations of the CIS benchmark, by number and title.
    pub cis: &'static [&'static str],
}

/// "Ensure excessive function privileges are revoked".
const FUNCTIONS: &str = "4.5 excessive function privileges";
/// "Ensure excessive DML privileges are revoked".
const DML: &str = "4.6 excessive DML privileges";
/// "Ensure Row Level Security (RLS) is configured correctly".
const RLS: &str = "4.7 row level security";

/// Every family, by name. Some check the harness and not the schema, so that no requirement on
/// an application relates to them.
pub const ALL: [Family; 13] = [
    Family {
        name: "attack",
        what: "what an attacker with a valid token, the public key or nothing might try: reading, \
            writing, inference, bypassing the policies, and races",
        // Function, object and field level; a trusted layer; changes at once; the caller's own
        // permissions behind views and functions; tenants; mass assignment; time of check.
        asvs: &[
            "v5.0.0-8.2.1",
            "v5.0.0-8.2.2",
            "v5.0.0-8.2.3",
            "v5.0.0-8.3.1",
            "v5.0.0-8.3.2",
            "v5.0.0-8.3.3",
            "v5.0.0-8.4.1",
            "v5.0.0-15.3.3",
            "v5.0.0-15.4.2",
        ],
        cwe: &["CWE-200", "CWE-203", "CWE-269", "CWE-367", "CWE-639", "CWE-863", "CWE-915"],
        cis: &[FUNCTIONS, DML, RLS],
    },
    Family {
        name: "baseline",
        what: "whether the entries of a baseline match findings and have not expired",
        asvs: &[],
        cwe: &["CWE-693", "CWE-1164"],
        cis: &[],
    },
    Family {
        name: "control",
        what: "negative controls: whether the checks find weaknesses that are planted in a schema \
            of the harness's own, and nothing without them",
        asvs: &[],
        cwe: &["CWE-1164"],
        cis: &[],
    },
    Family {
        name: "coverage",
        what: "whether the generated cases executed every statement of the functions under test",
        asvs: &[],
        cwe: &["CWE-1164"],
        cis: &[],
    },
    Family {
        name: "database",
        what: "roles and their attributes, schemas, extensions, and default privileges of later \
            objects",
        asvs: &["v5.0.0-8.2.1", "v5.0.0-13.2.2"],
        cwe: &["CWE-693", "CWE-1059"],
        // BYPASSRLS is an attribute of roles.
        cis: &[FUNCTIONS, DML, RLS],
    },
    Family {
        name: "sign_up",
        what: "that a user can sign up and log in, and that a forged, expired or foreign token is \
            refused",
        asvs: &["v5.0.0-9.1.1", "v5.0.0-9.1.2", "v5.0.0-9.2.1", "v5.0.0-9.2.3"],
        cwe: &["CWE-287", "CWE-347"],
        cis: &[],
    },
    Family {
        name: "isolation",
        what: "every cell of every access grid: which persona may run which command on whose rows \
            and columns",
        asvs: &["v5.0.0-8.2.1", "v5.0.0-8.2.2", "v5.0.0-8.2.3", "v5.0.0-8.3.1", "v5.0.0-8.4.1"],
        cwe: &["CWE-284", "CWE-566", "CWE-639", "CWE-862", "CWE-863"],
        cis: &[DML, RLS],
    },
    Family {
        name: "lint",
        what: "the rules of the platform's own database linter, as queries of the catalog",
        asvs: &["v5.0.0-8.2.1", "v5.0.0-8.3.1", "v5.0.0-8.3.3"],
        cwe: &["CWE-200", "CWE-250", "CWE-426", "CWE-807", "CWE-862", "CWE-863"],
        cis: &[FUNCTIONS, RLS],
    },
    Family {
        name: "mutant",
        what: "whether a check fails when a line that security depends on is broken",
        asvs: &[],
        cwe: &["CWE-1164"],
        cis: &[],
    },
    Family {
        name: "mutants",
        what: "whether the lists of equivalent mutants and of checks without mutants are correct",
        asvs: &[],
        cwe: &[],
        cis: &[],
    },
    Family {
        name: "plpgsql_check",
        what: "what the extension of that name reports on the bodies of functions",
        asvs: &[],
        cwe: &["CWE-710"],
        cis: &[],
    },
    Family {
        name: "property",
        what: "invariants of functions, triggers and constraints, on generated cases",
        asvs: &["v5.0.0-2.2.1", "v5.0.0-2.2.2", "v5.0.0-2.2.3"],
        cwe: &["CWE-682"],
        cis: &[],
    },
    Family {
        name: "schema",
        what: "the catalog, facet by facet, against what the contract declares: tables, columns, \
               policies, privileges, functions",
        // The contract is the documentation that 8.1 asks for.
        asvs: &["v5.0.0-8.1.1", "v5.0.0-8.1.2", "v5.0.0-8.2.1", "v5.0.0-8.2.3"],
        cwe: &["CWE-693", "CWE-1059"],
        cis: &[FUNCTIONS, DML, RLS],
    },
];

/// The family of that name.
pub fn named(name: &str) -> Option<&'static Family> {
    ALL.iter().find(|family| family.name == name)
}

/// The family of a check, by the check's id.
pub fn of_check(id: &str) -> Option<&'static Family> {
    named(id.split('/').next().unwrap_or_default())
}
