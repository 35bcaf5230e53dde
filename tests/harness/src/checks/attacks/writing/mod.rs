//! Attack family W: writing rows of other users, and columns that no client may write.

/// W14: what a permitted statement opens.
mod chains;
/// W11, W13: what a permitted statement does to other rows.
mod effects;
/// W01, W04, W05, W12: rows with another user as owner.
mod forgeries;
/// W09, W10: protected columns of a user's own row.
mod protected;
/// W02, W03, W07, W08: statements on another user's row, or on all rows.
mod reach;
/// The parts that statements are composed of.
pub(super) mod statements;
/// W06: rows that conflict with another user's.
mod upserts;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub(super) const ATTACKS: [Attack; 14] = [
    Attack {
        id: "W01",
        title: "insert with another as owner, with none, and without signing in",
        meaning: "A finding means that a user can insert a row with another user as its owner, or \
            without one, or that a client can that has not signed in.",
        remedy: "give the table an insert policy whose WITH CHECK compares the owner with \
                 (select auth.uid()), for authenticated alone",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(forgeries::inserts),
    },
    Attack {
        id: "W02",
        title: "update by key, and with neither WHERE nor RETURNING",
        meaning: "A finding means that an update changes another user's rows. One without WHERE \
            and RETURNING reads no column, so that select policies do not apply to it.",
        remedy: "give the table an update policy whose USING compares the owner; a select policy \
                 does not protect an update that reads nothing",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::updates),
    },
    Attack {
        id: "W03",
        title: "delete by key, and with no WHERE",
        meaning: "A finding means that a delete removes another user's rows. One without WHERE \
            reads no column, so that select policies do not apply to it.",
        remedy: "give the table a delete policy whose USING compares the owner",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::deletes),
    },
    Attack {
        id: "W04",
        title: "change a row's owner: give it away, remove the owner, take over another's",
        meaning: "A finding means that a row's owner can be changed: to another user, to none, or \
            to the attacker. USING checks only the old row; WITH CHECK checks the new one.",
        remedy: "do not grant update on the owner's column, and write WITH CHECK out beside USING",
        references: &["CWE-639", "CWE-915"],
        unless: "no table names its owner in a column",
        kind: Kind::Probes(forgeries::owners),
    },
    Attack {
        id: "W05",
        title: "move a child to another's parent, or plant one there",
        meaning: "A finding means that a row which is owned through its parent can be moved to \
            another user's parent, and then appears among that user's rows.",
        remedy: "let WITH CHECK look up the parent under the caller's own policies",
        references: &["CWE-639", "CWE-863"],
        unless: "no table is owned through another",
        kind: Kind::Probes(forgeries::parents),
    },
    Attack {
        id: "W06",
        title: "upsert and merge with another user's key",
        meaning: "A finding means that an insert with the key of another user's row changes that \
            row, or reveals that it exists.",
        remedy: "grant insert on no column of a unique key that does not include the owner",
        references: &["CVE-2026-120154", "CWE-639", "CWE-203"],
        unless: "no table that has owners has a unique key",
        kind: Kind::Probes(upserts::probes),
    },
    Attack {
        id: "W07",
        title: "update from, delete using, writable CTEs, insert select, RETURNING",
        meaning: "A finding means that a statement which reads and writes, such as update … from \
            or a writable CTE, reaches more rows than a plain one.",
        remedy: "compare the owner in the policy of each command, not of select alone",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::combined_statements),
    },
    Attack {
        id: "W08",
        title: "truncate, alone and cascading",
        meaning: "TRUNCATE needs a privilege, and no policy applies to it: a role with the \
            privilege removes all users' rows, and with CASCADE those of other tables, too.",
        remedy: "revoke TRUNCATE from every client role; no policy applies to it",
        references: &["CWE-862", "CWE-732"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::truncates),
    },
    Attack {
        id: "W09",
        title: "write the protected columns of one's own row",
        meaning: "A finding means that a user can set a protected column of their own row, such as \
            an answer of the staff, a badge or a limit. Row level security does not restrict \
            columns; column privileges do.",
        remedy: "grant insert and update by column, and only those that clients may write",
        references: &["CWE-915", "CWE-732"],
        unless: "clients may write every column",
        kind: Kind::Trials(protected::columns),
    },
    Attack {
        id: "W10",
        title: "forge times and counters among permitted columns",
        meaning: "A finding means that a client can set a time or a number that the database \
            maintains, so that history or counters can be forged.",
        remedy: "do not grant the column, and let a trigger overwrite what a client sends",
        references: &["CWE-915", "CWE-345"],
        unless: "clients may write every time and number",
        kind: Kind::Trials(protected::forged),
    },
    Attack {
        id: "W11",
        title: "cascades: delete a parent or change its key; rows of a deleted account",
        meaning: "A finding means that deleting a row or an account changes or exposes another \
            user's rows, because the actions of foreign keys bypass policies.",
        remedy: "let foreign keys reference only rows of the same user; a row without an owner \
            must satisfy no policy",
        references: &["CWE-284", "CWE-639"],
        unless: "no foreign key leads to a table that has owners",
        kind: Kind::Probes(effects::cascades),
    },
    Attack {
        id: "W12",
        title: "reference another user's row by a foreign key or in an array",
        meaning: "A finding means that a row can reference another user's row, by a key or in an \
            array of ids, or that the attempt reveals whether it exists.",
        remedy: "let WITH CHECK look up each reference under the caller's own policies, so that \
            hidden and missing rows get the same error",
        references: &["CWE-639", "CWE-203"],
        unless: "no table has references or arrays of ids",
        kind: Kind::Probes(forgeries::links),
    },
    Attack {
        id: "W13",
        title: "side effects of permitted statements",
        meaning: "A finding means that a trigger changes other users' rows when a user writes \
            their own: security definer trigger functions bypass policies.",
        remedy: "let trigger functions write only rows of the same owner; use no id that a client \
            sends",
        references: &["CWE-284", "CWE-269"],
        unless: "no table has owners",
        kind: Kind::Probes(effects::side_effects),
    },
    Attack {
        id: "W14",
        title: "write a row that opens another user's rows, and read them",
        meaning: "A finding means that a user may write a row, such as a membership or an own \
            profile, with a reference to what is another user's, and then reads that user's rows: \
            whoever may write what a policy looks up passes the policy.",
        remedy: "let nobody insert or update, of themselves, what a policy looks up: a membership \
            is added by whoever owns what it is for, and counts once it is accepted",
        references: &["CWE-639", "CWE-269"],
        unless: "no column refers to rows of another user, or nothing of theirs is hidden",
        kind: Kind::Probes(chains::opened),
    },
];
