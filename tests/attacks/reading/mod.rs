//! This file is family R: reading what is somebody else's.

mod hidden;
mod identities;
mod queries;
mod unset;

use crate::harness::attack::{Attack, Kind};

/// The family.
pub(crate) const ATTACKS: [Attack; 12] = [
    Attack {
        id: "R01",
        title: "plain select by key, and over the whole table",
        remedy: POLICY,
        references: &["CWE-639", "CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::plain),
    },
    Attack {
        id: "R02",
        title: "no token, the public key, empty claims",
        remedy: NOBODY,
        references: &["CWE-287", "CWE-862"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::nobody),
    },
    Attack {
        id: "R02",
        title: "a connection on which claims were never set",
        remedy: NOBODY,
        references: &["CWE-287", "CWE-862"],
        unless: NO_OWNERS,
        kind: Kind::Trials(unset::claims_never_set),
    },
    Attack {
        id: "R03",
        title: "signed in with a subject that is missing or malformed",
        remedy: "compare the owner with auth.uid(), a uuid or null, and nothing else of the token",
        references: &["CWE-287", "CWE-1287"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::malformed),
    },
    Attack {
        id: "R04",
        title: "aggregates, windows, EXISTS, whole rows, system columns",
        remedy: POLICY,
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::expressions),
    },
    Attack {
        id: "R05",
        title: "joins, LATERAL, CTEs, UNION, sub-selects, TABLESAMPLE",
        remedy: POLICY,
        references: &["CWE-863", "CVE-2024-10976"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::combinations),
    },
    Attack {
        id: "R06",
        title: "row locks, cursors, WHERE CURRENT OF",
        remedy: POLICY,
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::locks_and_cursors),
    },
    Attack {
        id: "R07",
        title: "COPY of a table, of a query, and into a table",
        remedy: "enable row level security: COPY then reads by policy, and refuses to write",
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::copies),
    },
    Attack {
        id: "R08",
        title: "row_security = off",
        remedy: "let no view, policy or function read with its owner's rights or ask for this \
                 setting",
        references: &["CWE-863", "CWE-807"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::row_security_off),
    },
    Attack {
        id: "R09",
        title: "forged metadata, and a role claim that is not the database role",
        remedy: "decide by auth.uid() and the database role; user_metadata is the user's to write",
        references: &["Supabase linter 0015", "CWE-807", "CWE-269"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::forged),
    },
    Attack {
        id: "R10",
        title: "rows without an owner, rows that their owner has put away",
        remedy: "compare the owner with auth.uid() whatever else holds of the row; null owns \
                 nothing",
        references: &["CWE-863"],
        unless: "no table has ownerless rows, variants or columns that put a row away",
        kind: Kind::Probes(hidden::put_away),
    },
    Attack {
        id: "R11",
        title: "a partition or inheritance child named directly",
        remedy: "enable row level security on the child, or revoke its privileges: the parent's \
                 policies do not hold for it",
        references: &["CWE-863"],
        unless: "no table with owners has partitions or inheritance children",
        kind: Kind::Probes(hidden::children),
    },
];

const POLICY: &str = "give the table a select policy that compares the owner with \
                      (select auth.uid())";
const NOBODY: &str = "grant anon nothing on tables with owners, and let no policy hold where \
                      auth.uid() is null";
const NO_OWNERS: &str = "no table or view has owners";
