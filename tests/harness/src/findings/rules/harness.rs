//! Rules about the run itself.

use super::{Example, Rule};

/// The check could not run, which is never a pass.
pub const COULD_NOT_RUN: Rule = Rule {
    id: "harness.could-not-run",
    title: "the check could not run, so its outcome is unknown",
    meaning: "A planned check could not run, because something that it needs is missing or does \
        not work. That is not a pass: nothing is proved until it runs.",
    remedy: "fix what the message names; the schema's own findings often explain it",
    references: &[],
    example: Example {
        fault: "drop table public.notes;",
        object: "notes",
        check: "isolation/notes/select/bob/alices-row",
        expected: "0 rows",
        observed: "notes is not in the database",
    },
};

/// A negative control stayed green, or the checks are red without one.
pub const HARNESS_BROKEN: Rule = Rule {
    id: "harness.broken",
    title: "a check overlooked a weakness that the run planted, or found one where none was",
    meaning: "Every run plants weaknesses in a small schema of the harness's own, and makes the \
        checks that have to find them. One of these checks did not find its weakness, or found \
        one where none was planted. Then it may overlook the same in your schema, and no outcome \
        of the run can be relied on, whatever the verdict would have been.",
    remedy: "rely on nothing that this run says: restore tests/harness and fixtures/controls as \
        released; if the control then fails, too, report it with this finding and the version of \
        PostgreSQL",
    references: &["CWE-1164"],
    example: Example {
        fault: "a change of tests/harness after which the access matrix reads no row",
        object: "the harness",
        check: "control/isolation.cell/isolation/notes/select/bob/alices-row",
        expected: "isolation.cell by isolation/notes/select/bob/alices-row, where this is \
            planted: alter policy \"Users read their own notes\" on public.notes using (true)",
        observed: "no finding",
    },
};
