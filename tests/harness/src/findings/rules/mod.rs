//! This file is the rules that a finding can break: what each means and how to mend it.

mod functions;
mod rows;

pub use self::functions::{BODY, BROKEN_PROPERTY, COVERAGE};
pub use self::rows::{ROWS, SIGN_UP};

/// A rule, by its stable id.
#[derive(Debug)]
pub struct Rule {
    /// Its id in findings.
    pub id: &'static str,
    /// What it means, in a sentence.
    pub title: &'static str,
    /// Why it is a rule, for who meets it for the first time: a sentence or two.
    pub meaning: &'static str,
    /// How to mend what breaks it.
    pub remedy: &'static str,
    /// Weakness numbers.
    pub references: &'static [&'static str],
    /// What breaks it, and what is found of that.
    pub example: Example,
}

/// A fault, and the finding that it becomes. Notebooks and notes stand for any schema.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The fault: SQL of a migration, or lines of another file.
    pub fault: &'static str,
    /// What is found to be at fault.
    pub object: &'static str,
    /// The check that finds it.
    pub check: &'static str,
    /// What was to be.
    pub expected: &'static str,
    /// What is seen.
    pub observed: &'static str,
}

/// Every rule but those of the linter, which are beside their queries, and the attacks'.
pub const ALL: [&Rule; 21] = [
    &MISSING,
    &UNDECLARED,
    &DIFFERENT,
    &CELL,
    &STATE,
    &CONTROL,
    &GUARD,
    &COULD_NOT_RUN,
    &ROWS,
    &SIGN_UP,
    &FLOW,
    &BROKEN_PROPERTY,
    &COVERAGE,
    &UNNEEDED,
    &BODY,
    &UNUSED,
    &EXPIRED,
    &CHANGED,
    &MISSED,
    &NOT_EQUIVALENT,
    &IDLE,
];

/// Something is declared by the contract and is not in the database.
pub const MISSING: Rule = Rule {
    id: "schema.missing",
    title: "the contract declares it and the database does not have it",
    meaning: "The contract is what reviewers have agreed to, written by hand; what it declares \
              and the catalog lacks was forgotten in a migration, or dropped by a later one. A \
              policy or a privilege that is missing often explains the isolation findings below \
              it.",
    remedy: "restore it in the migration, or take it out of the contract if it is not meant",
    references: &["CWE-693"],
    example: Example {
        fault: "drop policy \"Users read their own notes\" on public.notes;",
        object: "notes.Users read their own notes",
        check: "schema/notes/policies/Users read their own notes",
        expected: "select to authenticated using ((( SELECT auth.uid() AS uid) = user_id))",
        observed: "not there",
    },
};

/// Something is in the database that no file declares.
pub const UNDECLARED: Rule = Rule {
    id: "schema.undeclared",
    title: "the database has it and no file of the contract declares it",
    meaning: "Somebody made it and nobody wrote down that it is meant: a policy more, a privilege \
              more, a function that nobody reviewed. Each may be harmless, but nothing else here \
              has been looked at with it in mind.",
    remedy: "remove it from the migration, or declare it in the contract if it is meant",
    references: &["CWE-1059"],
    example: Example {
        fault: "create policy more on public.notes for select to authenticated using (true);",
        object: "notes.more",
        check: "schema/notes/policies/more",
        expected: "nothing",
        observed: "select to authenticated using (true)",
    },
};

/// Something is not as declared.
pub const DIFFERENT: Rule = Rule {
    id: "schema.different",
    title: "the database has it in another form than the contract declares",
    meaning: "Both have it, and not alike: a policy's text, a column's type, a privilege's list, \
              a function's settings. The comparison is of what the server stores, not of how it \
              was written, so that spelling does not matter and meaning does.",
    remedy: "change the migration to what the contract says, or the contract if it is wrong",
    references: &["CWE-693"],
    example: Example {
        fault: "grant update (note_count) on public.notebooks to authenticated;",
        object: "notebooks.note_count",
        check: "schema/notebooks/columns/note_count/privileges/authenticated",
        expected: "select",
        observed: "select, update",
    },
};

/// A statement got something else than the grid says.
pub const CELL: Rule = Rule {
    id: "isolation.cell",
    title: "a statement got something else than the access grid says",
    meaning: "The grid says for each persona, command and row what must come of it, and a \
              statement that was really run came to something else: somebody reaches a row that \
              is not theirs, or cannot reach one that is.",
    remedy: "compare the table's policies, grants and row level security with its grid",
    references: &["CWE-639", "CWE-863"],
    example: Example {
        fault: "alter policy \"Users read their own notes\" on public.notes using (true);",
        object: "notes",
        check: "isolation/notes/select/bob/alices-row",
        expected: "0 rows",
        observed: "1 row",
    },
};

/// A statement changed a row that is not its sender's.
pub const STATE: Rule = Rule {
    id: "isolation.state",
    title: "a statement changed rows that are not its sender's, or not its own row",
    meaning: "The harness compares a digest of every row before and after each statement; a \
              statement may report that it changed nothing, or only what it may, and have changed \
              something else: through a policy that is too wide for a statement that reads \
              nothing, a cascade, a rule or a trigger.",
    remedy: "look for a policy, cascade, rule, trigger or definer function that reaches them",
    references: &["CWE-639", "CWE-284"],
    example: Example {
        fault: "alter policy \"Users edit their own notes\" on public.notes using (true) with \
                check (true);",
        object: "notes",
        check: "isolation/notes/update/alice/bobs-row",
        expected: "no row but the sender's own changes",
        observed: "changed: notes of bob",
    },
};

/// The statement is refused to those who may run it, so that a refusal proves nothing.
pub const CONTROL: Rule = Rule {
    id: "isolation.control",
    title: "the entitled persona does not succeed with the same statement",
    meaning: "A refusal proves something only if the same statement would have done something; so \
              the service role runs each one that somebody is refused, and must succeed. Here it \
              does not: the statement may be at fault, and the cell proves nothing.",
    remedy: "let the service role have the privilege, or give the contract better examples",
    references: &["CWE-693"],
    example: Example {
        fault: "revoke delete on public.notes from service_role;",
        object: "notes",
        check: "isolation/notes/delete/bob/alices-row",
        expected: "the service role succeeds with the same statement",
        observed: "no privilege",
    },
};

/// The persona is not subject to row level security.
pub const GUARD: Rule = Rule {
    id: "isolation.guard",
    title: "row level security does not apply to the persona as it should",
    meaning: "Before each statement the server is asked whether its policies apply to the persona \
              at all; here they do not, so that whatever the persona gets was decided by grants \
              alone.",
    remedy: "enable row level security on the table; take BYPASSRLS and superuser from the role",
    references: &["CWE-862"],
    example: Example {
        fault: "alter table public.notes disable row level security;",
        object: "notes",
        check: "isolation/notes/select/bob/alices-row",
        expected: "row level security applies",
        observed: "row level security is not active",
    },
};

/// The check could not be made, which is never a pass.
pub const COULD_NOT_RUN: Rule = Rule {
    id: "harness.could-not-run",
    title: "the check could not be made, so nothing is known",
    meaning: "A check that was planned could not be made, because something that it needs is not \
              there or does not work. That is no pass: as long as there is such a finding nothing \
              is proved of the cell.",
    remedy: "mend what the message names first; the schema's own findings often say why",
    references: &[],
    example: Example {
        fault: "drop table public.notes;",
        object: "notes",
        check: "isolation/notes/select/bob/alices-row",
        expected: "0 rows",
        observed: "notes is not in the database",
    },
};

/// A sign-up or a login did not go as promised.
pub const FLOW: Rule = Rule {
    id: "sign_up.failed",
    title: "a sign-up, a login or a token did not do what it promises",
    meaning: "A new user is signed up, logs in and makes requests with tokens, good and forged, \
              through an imitation of the platform's gateway; one of the steps went otherwise. \
              Either nobody can come in, or somebody can who should not.",
    remedy: "look at the sign-up trigger, and at the privileges of the service role",
    references: &["CWE-287", "CWE-347"],
    example: Example {
        fault: "create or replace function public.handle_new_user() returns trigger language \
                plpgsql as 'begin return new; end';",
        object: "profiles",
        check: "sign_up/sign-up/makes-one-profile",
        expected: "1 row",
        observed: "0 rows",
    },
};

/// The contract excepts something from a rule of the platform's linter that keeps it.
pub const UNNEEDED: Rule = Rule {
    id: "lint.unneeded_exception",
    title: "the contract excepts something from a rule that it does not break",
    meaning: "Each exception from a rule of the linter's is a hole that was left on purpose, with \
              a reason; one that nothing needs any more would hide the next fault of that kind on \
              the same object.",
    remedy: "take the exception out of the contract's database.toml",
    references: &["CWE-1164"],
    example: Example {
        fault: "# in the contract's database.toml, of a table that has policies\n\
                [[lint_exceptions]]\n\
                rule = \"0008_rls_enabled_no_policy\"\n\
                object = \"notes\"\n\
                reason = \"it is the back end's alone\"",
        object: "notes",
        check: "lint/0008_rls_enabled_no_policy",
        expected: "an exception that notes needs",
        observed: "notes does not break the rule",
    },
};

/// An entry of the baseline is for nothing.
pub const UNUSED: Rule = Rule {
    id: "baseline.unused",
    title: "the baseline puts up with something that is not found",
    meaning: "A baseline puts up with findings that were there when somebody began to look. An \
              entry that no finding needs is mended, or names something otherwise than the \
              finding does; left alone it would hide the same fault when it comes back.",
    remedy: "take the entry out of the baseline: what it was for is mended, or is named otherwise",
    references: &["CWE-1164"],
    example: Example {
        fault: "[[known]] rule = \"schema.missing\", object = \"notes.notes_owner_idx\" -- and the \
                index is there",
        object: "schema.missing of notes.notes_owner_idx",
        check: "baseline/unused/schema.missing/notes.notes_owner_idx",
        expected: "a finding that it is for",
        observed: "none",
    },
};

/// An entry of the baseline was written for other findings.
pub const CHANGED: Rule = Rule {
    id: "baseline.changed",
    title: "what is found is not what the baseline puts up with",
    meaning: "An entry puts up with the findings that there were when it was written, and has a \
              fingerprint of them. One more of the same rule and object, or one that is worse, \
              would hide behind it; so all of them count again.",
    remedy: "look at the findings; if all are to be put up with, write the fingerprint that is \
             observed into the entry",
    references: &["CWE-693"],
    example: Example {
        fault: "[[known]] rule = \"isolation.cell\", object = \"notes\", findings = \
                \"9c1f66a0d2b75e13\" -- and now somebody else reads them as well",
        object: "isolation.cell of notes",
        check: "baseline/changed/isolation.cell/notes",
        expected: "9c1f66a0d2b75e13",
        observed: "findings = \"0b6d8e1f4a7c2935\": 3, the first by \
                   isolation/notes/select/bob/alices-row",
    },
};

/// An entry of the baseline is in force no more.
pub const EXPIRED: Rule = Rule {
    id: "baseline.expired",
    title: "the baseline puts up with something no longer, and it is still there",
    meaning: "Each entry of a baseline has a last day, so that what is put up with is looked at \
              again. That day is over and the findings are still there; they count again.",
    remedy: "mend what it is about; or decide again, with a new reason and a new day",
    references: &["CWE-693"],
    example: Example {
        fault: "[[known]] rule = \"isolation.cell\", object = \"notes\", expires = 2026-01-31 -- and \
                it is February",
        object: "isolation.cell of notes",
        check: "baseline/expired/isolation.cell/notes",
        expected: "in force on 2026-02-01",
        observed: "its last day was 2026-01-31",
    },
};

/// A mutant that no check notices.
pub const MISSED: Rule = Rule {
    id: "mutant.missed",
    title: "the schema can be broken in this way and every check stays green",
    meaning: "Mutants prove that the proofs can fail: one line that security rests on is broken \
              at a time, and a check must turn red. Here none did, so that somebody could break \
              that line tomorrow and the verdict would stay the same.",
    remedy: "add a check or a constraint that notices; if nothing that is promised changes, say so \
             in mutants.toml",
    references: &["CWE-1164"],
    example: Example {
        fault: "create or replace function public.note_count() … set note_count = note_count - 1 \
                … -- it was + 1, and nothing tries it",
        object: "note_count",
        check: "mutant/bodies/note_count/= note_count [+ to -] 1 where",
        expected: "caught, refused by the database, or known to change nothing",
        observed: "missed: no check noticed",
    },
};

/// A mutant that `mutants.toml` is wrong about.
pub const NOT_EQUIVALENT: Rule = Rule {
    id: "mutant.not-equivalent",
    title: "mutants.toml says of a mutant that it changes nothing, and that is not so",
    meaning: "The file mutants.toml excuses mutants that change nothing that is promised; an entry that \
              excuses one that a check notices, that the database refuses, or that is not made \
              any more, would excuse the next one of that name unseen.",
    remedy: "take its entry out of mutants.toml",
    references: &[],
    example: Example {
        fault: "# in mutants.toml, of a mutant that a check catches\n\
                [[equivalent]]\n\
                mutant = \"policies/notes.Users read their own notes/using true\"\n\
                reason = \"nobody can tell\"",
        object: "notes.Users read their own notes",
        check: "mutant/policies/notes.Users read their own notes/using true",
        expected: "caught, refused by the database, or known to change nothing",
        observed: "caught or refused, although mutants.toml says that it changes nothing",
    },
};

/// Checks that notice nothing.
pub const IDLE: Rule = Rule {
    id: "mutant.idle-checks",
    title: "these checks noticed no mutant at all",
    meaning: "After all mutants were judged, these checks have noticed none of them: they may \
              look at something that no mutant changes, which mutants.toml can say with a reason, \
              or at nothing at all.",
    remedy: "mend them, take them out, or say in mutants.toml what they are kept for",
    references: &[],
    example: Example {
        fault: "# in mutants.toml the entry is missing\n\
                [[idle]]\n\
                checks = \"schema/kind\"\n\
                reason = \"no operator makes a table a view\"",
        object: "mutants.toml",
        check: "mutants/checks-that-noticed-none",
        expected: "none",
        observed: "schema/kind",
    },
};
