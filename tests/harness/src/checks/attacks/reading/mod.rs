//! This file is family R: reading what is somebody else's.

mod hidden;
mod identities;
mod queries;
mod unset;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub const ATTACKS: [Attack; 12] = [
    Attack {
        id: "R01",
        title: "plain select by key, and over the whole table",
        meaning: "A finding means that a user who asks for everything, or for a row by its key, \
                  gets rows of somebody else's: no policy holds for reading, or a wrong one does.",
        remedy: POLICY,
        references: &["CWE-639", "CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::plain),
    },
    Attack {
        id: "R02",
        title: "no token, the public key, empty claims",
        meaning: "A finding means that somebody who has not signed in reads users' rows. A policy \
                  that compares with an absent user may hold for everybody where null is coalesced \
                  away.",
        remedy: NOBODY,
        references: &["CWE-287", "CWE-862"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::nobody),
    },
    Attack {
        id: "R02",
        title: "a connection on which claims were never set",
        meaning: "A connection from a pool may never have had a setting of that name, and then it \
                  is null and not empty; a policy that tells the two apart opens the table before \
                  the first request.",
        remedy: NOBODY,
        references: &["CWE-287", "CWE-862"],
        unless: NO_OWNERS,
        kind: Kind::Trials(unset::claims_never_set),
    },
    Attack {
        id: "R03",
        title: "signed in with a subject that is missing or malformed",
        meaning: "A finding means that a token without a proper subject opens rows: an empty \
                  subject is a prefix of everybody's, an array contains more than one, and a cast \
                  that fails may be caught in the wrong place.",
        remedy: "compare the owner with auth.uid(), a uuid or null, and nothing else of the token",
        references: &["CWE-287", "CWE-1287"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::malformed),
    },
    Attack {
        id: "R04",
        title: "aggregates, windows, EXISTS, whole rows, system columns",
        meaning: "A finding means that a row which a plain select does not return is seen through \
                  an aggregate, a window, a whole row or a system column; counting somebody's rows \
                  is reading them.",
        remedy: POLICY,
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::expressions),
    },
    Attack {
        id: "R05",
        title: "joins, LATERAL, CTEs, UNION, sub-selects, TABLESAMPLE",
        meaning: "A finding means that the way in which a query combines tables decides what it \
                  returns: a sample, a sub-select or a join reaches rows that the table alone does \
                  not give.",
        remedy: POLICY,
        references: &["CWE-863", "CVE-2024-10976"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::combinations),
    },
    Attack {
        id: "R06",
        title: "row locks, cursors, WHERE CURRENT OF",
        meaning: "A finding means that a lock or a cursor reaches rows that a select does not \
                  return, and an update through the cursor changes them.",
        remedy: POLICY,
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::locks_and_cursors),
    },
    Attack {
        id: "R07",
        title: "COPY of a table, of a query, and into a table",
        meaning: "A finding means that COPY reads or writes more than select and insert do. It \
                  obeys policies for reading, and refuses to write to a table that has them; \
                  without row level security it does what grants allow.",
        remedy: "enable row level security: COPY then reads by policy, and refuses to write",
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::copies),
    },
    Attack {
        id: "R08",
        title: "row_security = off",
        meaning: "The setting asks the server to fail instead of filtering, and no client gains by \
                  it. A finding means that something which runs with its owner's rights asks what \
                  the setting is and gives more where it is off.",
        remedy: "let no view, policy or function read with its owner's rights or ask for this \
                 setting",
        references: &["CWE-863", "CWE-807"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::row_security_off),
    },
    Attack {
        id: "R09",
        title: "forged metadata, and a role claim that is not the database role",
        meaning: "A user may write anything into user_metadata, and a token's role claim is not \
                  the role that the database runs as. A finding means that a policy believes one \
                  of them.",
        remedy: "decide by auth.uid() and the database role; user_metadata is the user's to write",
        references: &["Supabase linter 0015", "CWE-807", "CWE-269"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::forged),
    },
    Attack {
        id: "R10",
        title: "rows without an owner, rows that their owner has put away",
        meaning: "A finding means that what makes a row special opens it: that it has no owner, or \
                  that its owner has archived, finished or deleted it. Policies with `or` are \
                  where this happens.",
        remedy: "compare the owner with auth.uid() whatever else holds of the row; null owns \
                 nothing",
        references: &["CWE-863"],
        unless: "no table has ownerless rows, variants or columns that put a row away",
        kind: Kind::Probes(hidden::put_away),
    },
    Attack {
        id: "R11",
        title: "a partition or inheritance child named directly",
        meaning: "A policy of the parent holds for queries that name the parent. A finding means \
                  that the same rows are reached by the name of a partition or an inheritance \
                  child, which has grants and no policies of its own.",
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
