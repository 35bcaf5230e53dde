//! The rules that a finding can break: what each means and how to fix it.

mod functions;
mod harness;
mod rows;

pub use self::functions::{BODY, BROKEN_PROPERTY, COVERAGE, FAILS, NO_EFFECT};
pub use self::harness::{COULD_NOT_RUN, HARNESS_BROKEN};
pub use self::rows::{ACCEPTS_NOTHING, ROWS, SIGN_UP};

/// A rule, by its stable id.
#[derive(Debug)]
pub struct Rule {
    /// Its id in findings.
    pub id: &'static str,
    /// Its title, in a sentence.
    pub title: &'static str,
    /// An explanation for a first reader, in a few sentences.
    pub meaning: &'static str,
    /// How to fix a finding.
    pub remedy: &'static str,
    /// Weakness numbers.
    pub references: &'static [&'static str],
    /// A fault that breaks it, and the finding.
    pub example: Example,
}

/// A fault, and its finding. Notebooks and notes stand for any schema.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The fault: SQL of a migration, or lines of another file.
    pub fault: &'static str,
    /// The object of the finding.
    pub object: &'static str,
    /// The check that reports it.
    pub check: &'static str,
    /// The expected outcome.
    pub expected: &'static str,
    /// The observed outcome.
    pub observed: &'static str,
}

/// Every rule but those of the linter, which are beside their queries, and the attacks'.
pub const ALL: [&Rule; 25] = [
    &MISSING,
    &UNDECLARED,
    &DIFFERENT,
    &CELL,
    &STATE,
    &CONTROL,
    &GUARD,
    &COULD_NOT_RUN,
    &HARNESS_BROKEN,
    &ROWS,
    &SIGN_UP,
    &FLOW,
    &BROKEN_PROPERTY,
    &COVERAGE,
    &UNNEEDED,
    &ACCEPTS_NOTHING,
    &BODY,
    &FAILS,
    &NO_EFFECT,
    &UNUSED,
    &EXPIRED,
    &CHANGED,
    &MISSED,
    &NOT_EQUIVALENT,
    &IDLE,
];

/// Rules whose findings mean that an outcome is unknown, which cannot be accepted.
pub const UNKNOWN_OUTCOME: [&str; 4] = ["harness.", "baseline.", GUARD.id, CONTROL.id];

/// The contract declares an object that is not in the database.
pub const MISSING: Rule = Rule {
    id: "schema.missing",
    title: "the contract declares it and the database does not have it",
    meaning: "The contract is written by hand and agreed on by reviewers. What it declares and the \
        catalog lacks was forgotten in a migration, or dropped by a later one. A missing policy or \
        privilege often explains the isolation findings below it.",
    remedy: "restore it in the migration, or remove it from the contract if it is not intended",
    references: &["CWE-693"],
    example: Example {
        fault: "drop policy \"Users read their own notes\" on public.notes;",
        object: "notes.Users read their own notes",
        check: "schema/notes/policies/Users read their own notes",
        expected: "select to authenticated using ((( SELECT auth.uid() AS uid) = user_id))",
        observed: "not there",
    },
};

/// The database has an object that no file declares.
pub const UNDECLARED: Rule = Rule {
    id: "schema.undeclared",
    title: "the database has it and no file of the contract declares it",
    meaning: "A migration creates it and no file says that it is intended: an additional policy or \
        privilege, or a function that was not reviewed. It may be harmless, but the rest of the \
        contract was written without it.",
    remedy: "remove it from the migration, or declare it in the contract if it is intended",
    references: &["CWE-1059"],
    example: Example {
        fault: "create policy more on public.notes for select to authenticated using (true);",
        object: "notes.more",
        check: "schema/notes/policies/more",
        expected: "nothing",
        observed: "select to authenticated using (true)",
    },
};

/// An object differs from its declaration.
pub const DIFFERENT: Rule = Rule {
    id: "schema.different",
    title: "the database has it in another form than the contract declares",
    meaning: "The object exists and differs: a policy's expression, a column's type, a list of \
        privileges, a function's settings. The comparison uses the form that the server stores, so \
        that spelling does not matter.",
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

/// The outcome of a statement differs from the grid.
pub const CELL: Rule = Rule {
    id: "isolation.cell",
    title: "the outcome of a statement differs from the access grid",
    meaning: "The grid states the outcome for each persona, command and row, and a statement that \
        was run had another: a persona reaches another user's row, or cannot reach its own.",
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

/// A statement changed a row of another user.
pub const STATE: Rule = Rule {
    id: "isolation.state",
    title: "a statement changed rows of other users, or rows that it does not name",
    meaning: "The harness compares a digest of all rows before and after each statement. A \
        statement can change more than its row count reports: through a policy that is too wide \
        for a statement without WHERE, a cascade, a rule or a trigger.",
    remedy: "check the policies, cascades, rules, triggers and definer functions that reach them",
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

/// The control cannot run the statement either, so that a refusal proves nothing.
pub const CONTROL: Rule = Rule {
    id: "isolation.control",
    title: "the entitled persona does not succeed with the same statement",
    meaning: "A refusal is evidence only if the same statement succeeds for a role that may run \
        it; so the service role runs each refused statement, and must succeed. Here it does not: \
        the statement itself may be wrong, and the cell proves nothing.",
    remedy: "grant the privilege to the service role, or correct the examples in the contract",
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
    meaning: "Before each statement the harness asks the server whether policies apply to the \
        persona. Here they do not, so that privileges alone decided the outcome.",
    remedy: "enable row level security on the table; revoke BYPASSRLS and superuser from the role",
    references: &["CWE-862"],
    example: Example {
        fault: "alter table public.notes disable row level security;",
        object: "notes",
        check: "isolation/notes/select/bob/alices-row",
        expected: "row level security applies",
        observed: "row level security is not active",
    },
};

/// A sign-up or a login failed.
pub const FLOW: Rule = Rule {
    id: "sign_up.failed",
    title: "a step of sign-up, login or token check had the wrong outcome",
    meaning: "A new user signs up, logs in and sends requests with valid and forged tokens through \
        a model of the platform's gateway; one of the steps had the wrong outcome. Either \
        legitimate users are refused, or an attacker is admitted.",
    remedy: "check the sign-up trigger and the privileges of the service role",
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

/// The contract has an exception from a linter rule that is not broken.
pub const UNNEEDED: Rule = Rule {
    id: "lint.unneeded_exception",
    title: "the contract has an exception from a rule that the object does not break",
    meaning: "Each exception from a linter rule accepts a fault, for a reason. One that is no \
        longer needed would hide the next fault of that kind on the same object.",
    remedy: "remove the exception from the contract's database.toml",
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

/// An entry of the baseline matches no finding.
pub const UNUSED: Rule = Rule {
    id: "baseline.unused",
    title: "an entry of the baseline matches no finding",
    meaning: "A baseline accepts known findings until a date. What an entry without a finding \
        accepted was fixed, or the entry misspells its rule or object; if it stayed, it would hide \
        the same fault when it returns.",
    remedy: "remove the entry from the baseline, or correct its rule and object",
    references: &["CWE-1164"],
    example: Example {
        fault: "[[known]] rule = \"schema.missing\", object = \"notes.notes_owner_idx\" -- and the \
                index is there",
        object: "schema.missing of notes.notes_owner_idx",
        check: "baseline/unused/schema.missing/notes.notes_owner_idx",
        expected: "a finding that it matches",
        observed: "none",
    },
};

/// An entry of the baseline accepts other findings.
pub const CHANGED: Rule = Rule {
    id: "baseline.changed",
    title: "the findings are not those that the baseline accepts",
    meaning: "An entry accepts the findings that existed when it was written, and has a \
        fingerprint of them. Otherwise it would hide further findings of the same rule and object. \
        The fingerprint differs now, so all of them count.",
    remedy: "review the findings; to accept all of them, write the observed fingerprint into the \
        entry",
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

/// An entry of the baseline has expired.
pub const EXPIRED: Rule = Rule {
    id: "baseline.expired",
    title: "an entry of the baseline has expired and its findings remain",
    meaning: "Each entry of a baseline accepts its findings until a date, so that they are \
        reviewed again. The date has passed and the findings remain, so they count.",
    remedy: "fix the findings, or accept them again with a new reason and a new date",
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

/// A mutant that no check catches.
pub const MISSED: Rule = Rule {
    id: "mutant.missed",
    title: "the schema can be broken in this way and every check passes",
    meaning: "Mutants prove that the checks can fail: each breaks one line that security depends \
        on, and a check must fail. Here none did, so that the same change in a migration would not \
        be found.",
    remedy: "add a check or a constraint that catches it; if it changes no behaviour, list it in \
        mutants.toml as equivalent",
    references: &["CWE-1164"],
    example: Example {
        fault: "create or replace function public.note_count() … set note_count = note_count - 1 \
                … -- it was + 1, and nothing tries it",
        object: "note_count",
        check: "mutant/bodies/note_count/= note_count [+ to -] 1 where",
        expected: "caught, unviable or equivalent",
        observed: "missed: no check failed",
    },
};

/// A wrong entry of `mutants.toml`.
pub const NOT_EQUIVALENT: Rule = Rule {
    id: "mutant.not-equivalent",
    title: "mutants.toml lists a mutant as equivalent that is not",
    meaning: "The file mutants.toml lists equivalent mutants. An entry for a mutant that a check \
        catches, that the database refuses, or that is no longer generated would accept a later \
        mutant of that name unseen.",
    remedy: "remove its entry from mutants.toml",
    references: &[],
    example: Example {
        fault: "# in mutants.toml, of a mutant that a check catches\n\
                [[equivalent]]\n\
                mutant = \"policies/notes.Users read their own notes/using true\"\n\
                reason = \"nobody can tell\"",
        object: "notes.Users read their own notes",
        check: "mutant/policies/notes.Users read their own notes/using true",
        expected: "caught, unviable or equivalent",
        observed: "caught or unviable, although mutants.toml lists it as equivalent",
    },
};

/// Checks that catch no mutant.
pub const IDLE: Rule = Rule {
    id: "mutant.idle-checks",
    title: "these checks caught no mutant",
    meaning: "None of the mutants was caught by these checks. Either they check something that no \
        mutant changes, which mutants.toml can say with a reason, or they check nothing.",
    remedy: "correct or remove them, or say in mutants.toml why they are kept",
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
