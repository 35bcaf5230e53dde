//! This file is family I: learning what cannot be read.

pub mod collisions;
mod leaks;
mod pointers;
mod statistics;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub const ATTACKS: [Attack; 11] = [
    Attack {
        id: "I01",
        title: "a unique value that is somebody else's; ON CONFLICT DO NOTHING",
        meaning: "A unique index knows every row, hidden or not. A finding means that a user can \
                  supply a value and learn from the error, or from a row that was not written, \
                  that somebody has it already.",
        remedy: "let no client supply a key, or make it unique per owner",
        references: &["CWE-203", "CWE-204"],
        unless: "no table with owners has a unique key",
        kind: Kind::Probes(collisions::uniques),
    },
    Attack {
        id: "I02",
        title: "a reference to a row that is hidden, against one that does not exist",
        meaning: "A foreign key knows every row, too. A finding means that pointing at somebody's \
                  hidden row and pointing at none get different answers, so that ids can be tried \
                  out.",
        remedy: "check in the policy that the row pointed at is the caller's, so that both fail \
                 alike",
        references: &["CWE-203", "CWE-204"],
        unless: "no table with owners points at another",
        kind: Kind::Probes(pointers::hidden_parents),
    },
    Attack {
        id: "I03",
        title: "a cheap function in WHERE that tells what it is given",
        meaning: "The planner may call a function of the caller's before the condition that hides \
                  a row, unless the view has a barrier or the table has policies. A finding means \
                  that such a function was shown hidden rows.",
        remedy: "let a view have security_invoker or security_barrier, and mark no function \
                 leakproof that is not",
        references: &["Supabase linter 0010", "CWE-200"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::functions),
    },
    Attack {
        id: "I04",
        title: "an operator that tells what the planner's statistics hold",
        meaning: "The planner may show an operator what it has sampled of a column. A finding \
                  means that an operator of the caller's, trusted because its function is marked \
                  leakproof, was shown hidden values.",
        remedy: "mark no operator's function leakproof that is not; use a patched PostgreSQL",
        references: &["CVE-2017-7484", "CVE-2019-10130", "CVE-2025-8713", "CWE-200"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::operators),
    },
    Attack {
        id: "I05",
        title: "a division by zero or a failing cast over hidden rows",
        meaning: "A finding means that a condition was evaluated on rows that are hidden: the \
                  query fails, or not, depending on what is in them, and the error may quote a \
                  value.",
        remedy: "let a view have security_invoker or security_barrier",
        references: &["Supabase linter 0010", "CWE-209"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::failures),
    },
    Attack {
        id: "I06",
        title: "ON CONFLICT DO UPDATE … WHERE over a hidden row",
        meaning: "A finding means that an upsert which meets a hidden row says so, or changes it: \
                  the answer differs from the one where there is no such row.",
        remedy: "let no client supply a unique value that can collide with another's; use a \
                 patched PostgreSQL",
        references: &["CVE-2026-120154", "CVE-2017-15099", "CWE-203"],
        unless: "no table with owners has a unique key",
        kind: Kind::Probes(collisions::upserts),
    },
    Attack {
        id: "I07",
        title: "pg_stats, pg_stats_ext, pg_stats_ext_exprs",
        meaning: "Statistics hold samples of a column's values. A finding means that a client \
                  reads them although the rows that they were taken from are hidden.",
        remedy: "enable row level security, which hides a table's statistics; grant nothing on \
                 pg_statistic",
        references: &["CVE-2024-4317", "CWE-200"],
        unless: "no table has owners",
        kind: Kind::Probes(statistics::samples),
    },
    Attack {
        id: "I08",
        title: "detail and hint of unique, check and foreign-key failures",
        meaning: "A finding means that the text of an error, its detail or its hint depends on \
                  rows of somebody else's; the API passes all three on to the client.",
        remedy: "let no constraint of the user's row depend on another user's",
        references: &["CWE-209"],
        unless: "no table with owners has constraints that a client can break",
        kind: Kind::Probes(pointers::failures),
    },
    Attack {
        id: "I09",
        title: "EXPLAIN, reltuples, relation size, activity counters",
        meaning: "Estimates, sizes and counters are kept for whole tables. Who may send any SQL \
                  learns from them how many rows there are, and sometimes whether a guessed value \
                  occurs. That is accepted, reported and no finding; a finding means that it could \
                  not be looked at.",
        remedy: "offer clients the API alone, not SQL",
        references: &["CWE-203"],
        unless: "no table has owners",
        kind: Kind::Accepted(
            "only SQL reaches it, which the API does not offer; it tells how many rows there \
             are and, where the operator of a condition is leakproof (=, <), whether a guessed \
             value is among the hidden ones",
            statistics::estimates,
        ),
    },
    Attack {
        id: "I10",
        title: "last_value, nextval and setval of sequences",
        meaning: "A finding means that a client can read or advance a sequence that others use as \
                  well, and so count what they do.",
        remedy: "use uuid keys, or identity columns, whose sequences need no grant",
        references: &["CWE-203", "CWE-340"],
        unless: "the schema has no sequence",
        kind: Kind::Probes(statistics::sequences),
    },
    Attack {
        id: "I11",
        title: "the time that a filtered query takes",
        meaning: "A query that looks at more hidden rows takes longer. That is accepted, reported \
                  and no finding, and no time is measured; a finding means that the query could \
                  not be run.",
        remedy: "let an index on what is secret begin with the owner, so that a query looks at \
                 its owner's rows alone",
        references: &["CWE-208"],
        unless: "no table has owners",
        kind: Kind::Accepted(
            "no policy hides it, and it is not measured: the query runs, its time is not \
             compared; where an index and a leakproof operator (=, <) serve the condition, the \
             time tells whether a guessed value is among the hidden ones, through the API too",
            statistics::timing,
        ),
    },
];
