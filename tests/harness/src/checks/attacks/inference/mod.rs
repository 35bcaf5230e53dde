//! Attack family I: inference of data that cannot be read.

pub mod collisions;
mod leaks;
mod pointers;
mod statistics;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub const ATTACKS: [Attack; 11] = [
    Attack {
        id: "I01",
        title: "another user's unique value; ON CONFLICT DO NOTHING",
        meaning: "A unique index covers all rows, hidden or not. A finding means that a user can \
            supply a value and infer from the error, or from a row that was not written, that \
            another user has it.",
        remedy: "let no client supply a key, or make it unique per owner",
        references: &["CWE-203", "CWE-204"],
        unless: "no table with owners has a unique key",
        kind: Kind::Probes(collisions::uniques),
    },
    Attack {
        id: "I02",
        title: "a reference to a row that is hidden, against one that does not exist",
        meaning: "A foreign key can reference hidden rows. A finding means that the answer differs \
            between a hidden row and one that does not exist, so that ids can be probed.",
        remedy: "check in the policy that the referenced row is the caller's, so that both get the \
            same error",
        references: &["CWE-203", "CWE-204"],
        unless: "no table with owners references another",
        kind: Kind::Probes(pointers::hidden_parents),
    },
    Attack {
        id: "I03",
        title: "a cheap function in WHERE that reveals its arguments",
        meaning: "The planner may call a caller's function before the condition that hides a row, \
            unless the view has security_barrier or the table has policies. A finding means that \
            such a function received hidden rows.",
        remedy: "let a view have security_invoker or security_barrier, and mark no function \
                 leakproof that is not",
        references: &["Supabase linter 0010", "CWE-200"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::functions),
    },
    Attack {
        id: "I04",
        title: "an operator that reveals the planner's statistics",
        meaning: "The planner may call an operator on sampled values of a column. A finding means \
            that an operator whose function is marked leakproof received hidden values.",
        remedy: "mark no operator's function leakproof that is not; use a patched PostgreSQL",
        references: &["CVE-2017-7484", "CVE-2019-10130", "CVE-2025-8713", "CWE-200"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::operators),
    },
    Attack {
        id: "I05",
        title: "a division by zero or a failing cast over hidden rows",
        meaning: "A finding means that a condition was evaluated on hidden rows: whether the query \
            fails depends on their values, and the error may quote one.",
        remedy: "let a view have security_invoker or security_barrier",
        references: &["Supabase linter 0010", "CWE-209"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::failures),
    },
    Attack {
        id: "I06",
        title: "ON CONFLICT DO UPDATE … WHERE over a hidden row",
        meaning: "A finding means that an upsert which conflicts with a hidden row reveals or \
            changes it: the answer differs from the one without such a row.",
        remedy: "let no client supply a unique value that can collide with another's; use a \
                 patched PostgreSQL",
        references: &["CVE-2026-120154", "CVE-2017-15099", "CWE-203"],
        unless: "no table with owners has a unique key",
        kind: Kind::Probes(collisions::upserts),
    },
    Attack {
        id: "I07",
        title: "pg_stats, pg_stats_ext, pg_stats_ext_exprs",
        meaning: "Statistics contain samples of a column's values. A finding means that a client \
            can read samples of hidden rows.",
        remedy: "enable row level security, which hides a table's statistics; grant nothing on \
                 pg_statistic",
        references: &["CVE-2024-4317", "CWE-200"],
        unless: "no table has owners",
        kind: Kind::Probes(statistics::samples),
    },
    Attack {
        id: "I08",
        title: "detail and hint of unique, check and foreign-key failures",
        meaning: "A finding means that the message, detail or hint of an error depends on another \
            user's rows; the API sends all three to the client.",
        remedy: "let no constraint of the user's row depend on another user's",
        references: &["CWE-209"],
        unless: "no table with owners has constraints that a client can break",
        kind: Kind::Probes(pointers::failures),
    },
    Attack {
        id: "I09",
        title: "EXPLAIN, reltuples, relation size, activity counters",
        meaning: "Estimates, sizes and counters are of whole tables. A client that may send any \
            SQL can infer from them the number of rows, and sometimes whether a guessed value \
            occurs. That is accepted, reported and no finding; a finding means that the attack \
            could not run.",
        remedy: "offer clients only the API, not SQL",
        references: &["CWE-203"],
        unless: "no table has owners",
        kind: Kind::Accepted(
            "it needs SQL, which the API does not offer; it reveals the number of rows and, if the \
                operator of a condition is leakproof (=, <), whether a guessed value is among the \
                hidden ones",
            statistics::estimates,
        ),
    },
    Attack {
        id: "I10",
        title: "last_value, nextval and setval of sequences",
        meaning: "A finding means that a client can read or advance a sequence that others use, \
            and so count their inserts.",
        remedy: "use uuid keys, or identity columns, whose sequences need no grant",
        references: &["CWE-203", "CWE-340"],
        unless: "the schema has no sequence",
        kind: Kind::Probes(statistics::sequences),
    },
    Attack {
        id: "I11",
        title: "the time that a filtered query takes",
        meaning: "A query that filters more hidden rows takes longer. That is accepted, reported \
            and no finding, and no time is measured; a finding means that the query could not be \
            run.",
        remedy: "let an index on secret columns begin with the owner, so that a query reads only \
            its owner's rows",
        references: &["CWE-208"],
        unless: "no table has owners",
        kind: Kind::Accepted(
            "no policy can hide it, and it is not measured: the query runs, its time is not \
                compared; with an index and a leakproof operator (=, <) in the condition, the time \
                reveals whether a guessed value is among the hidden ones, also through the API",
            statistics::timing,
        ),
    },
];
