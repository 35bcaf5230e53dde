//! This file is family I: learning what cannot be read.

mod collisions;
mod engine;
mod leaks;
mod pointers;
mod statistics;

use crate::harness::attack::{Attack, Kind};

/// The family.
pub(crate) const ATTACKS: [Attack; 11] = [
    Attack {
        id: "I01",
        title: "a unique value that is somebody else's; ON CONFLICT DO NOTHING",
        remedy: "let no client supply a key, or make it unique per owner",
        references: &["CWE-203", "CWE-204"],
        unless: "no table with owners has a unique key",
        kind: Kind::Probes(collisions::uniques),
    },
    Attack {
        id: "I02",
        title: "a reference to a row that is hidden, against one that does not exist",
        remedy: "check in the policy that the row pointed at is the caller's, so that both fail \
                 alike",
        references: &["CWE-203", "CWE-204"],
        unless: "no table with owners points at another",
        kind: Kind::Probes(pointers::hidden_parents),
    },
    Attack {
        id: "I03",
        title: "a cheap function in WHERE that tells what it is given",
        remedy: "let a view have security_invoker or security_barrier, and mark no function \
                 leakproof that is not",
        references: &["Supabase linter 0010", "CWE-200"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::functions),
    },
    Attack {
        id: "I04",
        title: "an operator that tells what the planner's statistics hold",
        remedy: "mark no operator's function leakproof that is not; use a patched PostgreSQL",
        references: &["CVE-2017-7484", "CVE-2019-10130", "CVE-2025-8713", "CWE-200"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::operators),
    },
    Attack {
        id: "I05",
        title: "a division by zero or a failing cast over hidden rows",
        remedy: "let a view have security_invoker or security_barrier",
        references: &["Supabase linter 0010", "CWE-209"],
        unless: "no table or view has owners",
        kind: Kind::Probes(leaks::failures),
    },
    Attack {
        id: "I06",
        title: "ON CONFLICT DO UPDATE … WHERE over a hidden row",
        remedy: "let no client supply a unique value that can collide with another's; use a \
                 patched PostgreSQL",
        references: &["CVE-2026-120154", "CVE-2017-15099", "CWE-203"],
        unless: "no table with owners has a unique key",
        kind: Kind::Probes(collisions::upserts),
    },
    Attack {
        id: "I07",
        title: "pg_stats, pg_stats_ext, pg_stats_ext_exprs",
        remedy: "enable row level security, which hides a table's statistics; grant nothing on \
                 pg_statistic",
        references: &["CVE-2024-4317", "CWE-200"],
        unless: "no table has owners",
        kind: Kind::Probes(statistics::samples),
    },
    Attack {
        id: "I08",
        title: "detail and hint of unique, check and foreign-key failures",
        remedy: "let no constraint of the user's row depend on another user's",
        references: &["CWE-209"],
        unless: "no table with owners has constraints that a client can break",
        kind: Kind::Probes(pointers::failures),
    },
    Attack {
        id: "I09",
        title: "EXPLAIN, reltuples, relation size, activity counters",
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
        remedy: "use uuid keys, or identity columns, whose sequences need no grant",
        references: &["CWE-203", "CWE-340"],
        unless: "the schema has no sequence",
        kind: Kind::Probes(statistics::sequences),
    },
    Attack {
        id: "I11",
        title: "the time that a filtered query takes",
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
