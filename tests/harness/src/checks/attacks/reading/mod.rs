//! Attack family R: reading rows of other users.

mod children;
mod hidden;
mod identities;
mod newcomers;
mod queries;
mod unset;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub(super) const ATTACKS: [Attack; 13] = [
    Attack {
        id: "R01",
        title: "plain select by key, and over the whole table",
        meaning: "A finding means that a user who selects the whole table, or a row by its key, \
            gets another user's rows: there is no policy for select, or a wrong one.",
        remedy: POLICY,
        references: &["CWE-639", "CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::plain),
    },
    Attack {
        id: "R02",
        title: "no token, the public key, empty claims",
        meaning: "A finding means that a client that has not signed in reads users' rows. A policy \
            that replaces a null user id, for example by coalesce, may be true for every row.",
        remedy: NOBODY,
        references: &["CWE-287", "CWE-862"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::nobody),
    },
    Attack {
        id: "R02",
        title: "a connection on which claims were never set",
        meaning: "On a new connection of a pool the setting has never been set, so that it is null \
            and not empty; a policy that treats the two differently may expose the table until the \
            first request.",
        remedy: NOBODY,
        references: &["CWE-287", "CWE-862"],
        unless: NO_OWNERS,
        kind: Kind::Trials(unset::claims_never_set),
    },
    Attack {
        id: "R03",
        title: "signed in with a subject that is missing or malformed",
        meaning: "A finding means that a token without a valid subject reads rows: an empty \
            subject is a prefix of every id, an array contains several ids, and the error of a \
            cast may be caught in the wrong place.",
        remedy: "compare the owner with auth.uid(), a uuid or null, and nothing else of the token",
        references: &["CWE-287", "CWE-1287"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::malformed),
    },
    Attack {
        id: "R04",
        title: "aggregates, windows, EXISTS, whole rows, system columns",
        meaning: "A finding means that a row which a plain select does not return can be read \
            through an aggregate, a window function, a whole-row reference or a system column; \
            counting another user's rows is reading them.",
        remedy: POLICY,
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::expressions),
    },
    Attack {
        id: "R05",
        title: "joins, LATERAL, CTEs, UNION, sub-selects, TABLESAMPLE",
        meaning: "A finding means that a sample, a sub-select or a join returns rows that a select \
            from the table does not.",
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
        meaning: "A finding means that COPY reads or writes more than select and insert do. COPY \
            TO applies policies, and COPY FROM is refused on a table with row level security; \
            without it, only privileges count.",
        remedy: "enable row level security: COPY then reads by policy, and refuses to write",
        references: &["CWE-863"],
        unless: NO_OWNERS,
        kind: Kind::Probes(queries::copies),
    },
    Attack {
        id: "R08",
        title: "row_security = off",
        meaning: "With this setting the server raises an error instead of filtering rows, so that \
            it gives a client nothing. A finding means that an object with its owner's privileges \
            reads the setting and returns more if it is off.",
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
            the current role of the session. A finding means that a policy uses one of them.",
        remedy: "use auth.uid() and the database role; users can change user_metadata",
        references: &["Supabase linter 0015", "CWE-807", "CWE-269"],
        unless: NO_OWNERS,
        kind: Kind::Probes(identities::forged),
    },
    Attack {
        id: "R10",
        title: "rows without an owner, rows marked as deleted or archived",
        meaning: "A finding means that what makes a row special opens it: that it has no owner, or \
                  that its owner has archived, finished or deleted it. Policies with `or` are \
                  where this happens.",
        remedy: "compare the owner with auth.uid() whatever else holds of the row; null owns \
                 nothing",
        references: &["CWE-863"],
        unless: "no table has ownerless rows, variants or columns that put a row away",
        kind: Kind::Probes(hidden::marked),
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
        kind: Kind::Probes(children::children),
    },
    Attack {
        id: "R12",
        title: "an account whose sign-up says what policies ask for",
        meaning: "The metadata of a sign-up is written by whoever signs up. A finding means that \
            a trigger copies a role, a flag or the id of a tenant from it, and that the new \
            account then reads other users' rows.",
        remedy: "let the trigger copy names and pictures alone; a role or a tenant is given by the \
            back end, or by an invitation that names the address",
        references: &["CWE-269", "CWE-915"],
        unless: "no table or view has owners, or no function reads the metadata of a sign-up",
        kind: Kind::Probes(newcomers::told_at_sign_up),
    },
];

const POLICY: &str = "give the table a select policy that compares the owner with \
                      (select auth.uid())";
const NOBODY: &str = "grant anon nothing on tables with owners, and let no policy hold where \
                      auth.uid() is null";
const NO_OWNERS: &str = "no table or view has owners";
