//! This file is family W: writing what is somebody else's, or what nobody may write.

/// W11, W13: what a permitted statement does to other rows.
mod effects;
/// W01, W04, W05, W12: a row that says that it belongs to somebody else.
mod forgeries;
/// W09, W10: the columns of one's own row that are not one's own.
mod protected;
/// W02, W03, W07, W08: statements aimed at another's row, or at all.
mod reach;
/// What statements are put together from.
pub(super) mod statements;
/// W06: a row that collides with another's.
mod upserts;

use crate::checks::attacks::runner::{Attack, Kind};

/// The family.
pub const ATTACKS: [Attack; 13] = [
    Attack {
        id: "W01",
        title: "insert with another as owner, with none, and without signing in",
        meaning: "A finding means that a user can write a row and name somebody else, or nobody, \
                  as its owner, or that somebody can who has not signed in.",
        remedy: "give the table an insert policy whose WITH CHECK compares the owner with \
                 (select auth.uid()), for authenticated alone",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(forgeries::inserts),
    },
    Attack {
        id: "W02",
        title: "update by key, and with neither WHERE nor RETURNING",
        meaning: "A finding means that an update changes rows of somebody else's. One without \
                  WHERE and RETURNING reads nothing, so that select policies do not protect \
                  against it.",
        remedy: "give the table an update policy whose USING compares the owner; a select policy \
                 does not protect an update that reads nothing",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::updates),
    },
    Attack {
        id: "W03",
        title: "delete by key, and with no WHERE",
        meaning: "A finding means that a delete removes rows of somebody else's. One without WHERE \
                  reads nothing, so that select policies do not protect against it.",
        remedy: "give the table a delete policy whose USING compares the owner",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::deletes),
    },
    Attack {
        id: "W04",
        title: "give a row away, abandon it, or take another's over",
        meaning: "A finding means that a row's owner can be rewritten: given to somebody who never \
                  wrote it, left to nobody, or taken over with all that hangs on it. USING looks \
                  at the old row alone; it is WITH CHECK that looks at the new one.",
        remedy: "do not grant update on the owner's column, and write WITH CHECK out beside USING",
        references: &["CWE-639", "CWE-915"],
        unless: "no table names its owner in a column",
        kind: Kind::Probes(forgeries::owners),
    },
    Attack {
        id: "W05",
        title: "move a child to another's parent, or plant one there",
        meaning: "A finding means that a row which belongs to its parent's owner can be hung under \
                  a parent of somebody else's, and so appears among that user's rows.",
        remedy: "let WITH CHECK look the parent up under the caller's own policies",
        references: &["CWE-639", "CWE-863"],
        unless: "no table is owned through another",
        kind: Kind::Probes(forgeries::parents),
    },
    Attack {
        id: "W06",
        title: "upsert and merge onto another's key",
        meaning: "A finding means that inserting a row under the key of somebody else's changes \
                  that row, or tells that it is there.",
        remedy: "grant insert on no column of a unique key that is not bound to the owner",
        references: &["CVE-2026-120154", "CWE-639", "CWE-203"],
        unless: "no table that has owners has a unique key",
        kind: Kind::Probes(upserts::probes),
    },
    Attack {
        id: "W07",
        title: "update from, delete using, writable CTEs, insert select, RETURNING",
        meaning: "A finding means that a statement which reads and writes at once, such as update \
                  … from or a writable CTE, gets at more than a plain one does.",
        remedy: "compare the owner in the policy of each command, not of select alone",
        references: &["CWE-639", "CWE-863"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::detours),
    },
    Attack {
        id: "W08",
        title: "truncate, alone and cascading",
        meaning: "TRUNCATE asks for a privilege and for no policy: whoever holds it empties the \
                  table of all users' rows, and with CASCADE others too.",
        remedy: "revoke TRUNCATE from every client role; no policy applies to it",
        references: &["CWE-862", "CWE-732"],
        unless: "no table has owners",
        kind: Kind::Probes(reach::truncates),
    },
    Attack {
        id: "W09",
        title: "write the protected columns of one's own row",
        meaning: "A finding means that a user can set a column of their own row that is not theirs \
                  to set: an answer of the staff's, a badge, a limit. Row level security does not \
                  know columns; grants do.",
        remedy: "grant insert and update by column, and only those that clients may write",
        references: &["CWE-915", "CWE-732"],
        unless: "clients may write every column",
        kind: Kind::Trials(protected::columns),
    },
    Attack {
        id: "W10",
        title: "forge times and counters among permitted columns",
        meaning: "A finding means that a time or a number which the database keeps can be sent by \
                  a client instead, and is stored: history is forged, counters lie.",
        remedy: "do not grant the column, and let a trigger overwrite what a client sends",
        references: &["CWE-915", "CWE-345"],
        unless: "no time or number is kept from clients",
        kind: Kind::Trials(protected::forged),
    },
    Attack {
        id: "W11",
        title: "cascades: delete or re-key one's own parent; what an account leaves behind",
        meaning: "A finding means that deleting one's own row, or one's account, changes or shows \
                  rows of somebody else's, because a foreign key acts past every policy.",
        remedy: "let foreign keys lead within one user's rows; an orphan must match no policy",
        references: &["CWE-284", "CWE-639"],
        unless: "no foreign key leads to a table that has owners",
        kind: Kind::Probes(effects::cascades),
    },
    Attack {
        id: "W12",
        title: "link to another's row by a reference or in an array",
        meaning: "A finding means that a row can refer to somebody else's row, by a key or in an \
                  array of ids, or that trying so tells whether there is one.",
        remedy: "let WITH CHECK look each reference up under the caller's own policies, so that \
                 what is hidden and what does not exist fail alike",
        references: &["CWE-639", "CWE-203"],
        unless: "no table has references or arrays of ids",
        kind: Kind::Probes(forgeries::links),
    },
    Attack {
        id: "W13",
        title: "side effects of one's own statements",
        meaning: "A finding means that a trigger does something to other users' rows when a user \
                  writes their own: trigger functions that are security definer are bound by no \
                  policy.",
        remedy: "let trigger functions write only the row's own owner's rows; take no id from \
                 what a client sent",
        references: &["CWE-284", "CWE-269"],
        unless: "no table has owners",
        kind: Kind::Probes(effects::side_effects),
    },
];
