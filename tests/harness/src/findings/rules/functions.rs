//! Rules about the behaviour of functions, triggers and constraints.

use super::{Example, Rule};

/// A function, trigger or constraint breaks an invariant of the contract.
pub const BROKEN_PROPERTY: Rule = Rule {
    id: "property.broken",
    title: "a generated case breaks the invariant",
    meaning: "The contract states the invariant of a function, a trigger or a constraint in a \
        sentence, and a property tests it with generated cases. One of them broke it, and was \
        shrunk to the smallest input, which is in the finding together with the seed that \
        generates it.",
    remedy: "run the statements in psql, and check the function, trigger or constraint in them",
    references: &["CWE-682"],
    example: Example {
        fault: "drop trigger notes_count on public.notes; -- it kept notebooks.note_count",
        object: "note_count",
        check: "property/note_count/is-the-number-of-notes",
        expected: "note_count is the number of notes of its notebook",
        observed: "left: 0, right: 1: note_count against count(*); smallest input: [Add]; seed \
                   7204",
    },
};

/// The properties of a function do not execute all of it.
pub const COVERAGE: Rule = Rule {
    id: "property.unreached",
    title: "a statement of the function was never executed, so it is untested",
    meaning: "The extension plpgsql_check counts which statements of a function were executed; what a statement does that no generated case reached is unknown. On \
              servers without the extension, only calls of the function are counted.",
    remedy: "write a property that reaches it, or remove it from the function",
    references: &["CWE-1164"],
    example: Example {
        fault: "create or replace function public.note_count() returns trigger … if old.pinned \
                then raise exception …",
        object: "note_count",
        check: "coverage/note_count",
        expected: "every statement executed",
        observed: "never executed: line 5 (RAISE)",
    },
};

/// `plpgsql_check` reports a problem in a function.
pub const BODY: Rule = Rule {
    id: "function.body",
    title: "plpgsql_check reports on the function's body",
    meaning: "The statements of a plpgsql body are parsed when they are first executed, so that a \
        function can be created although it names a missing column or table, or declares an unused \
        variable. plpgsql_check checks the whole body.",
    remedy: "fix what it reports; the line is counted within the body",
    references: &["CWE-710"],
    example: Example {
        fault: "create function public.bad() returns integer language plpgsql as 'begin return \
                (select missing from public.notes); end';",
        object: "bad",
        check: "plpgsql_check/bad",
        expected: "nothing",
        observed: "line 1: column \"missing\" does not exist (error, 42703)",
    },
};

/// A function fails on every call.
pub const FAILS: Rule = Rule {
    id: "function.fails",
    title: "a function fails whatever it is called with",
    meaning: "The statements of a body are parsed when they are first executed, so that a function \
        remains when a column that it names is renamed or dropped. Called with the ids of rows that \
        there are, it fails with an error about its own text: no client can use it.",
    remedy: "correct the body: the error says what it names, and in which line",
    references: &["CWE-710"],
    example: Example {
        fault: "alter table public.notes rename column pinned to is_pinned; -- pin_note sets pinned",
        object: "pin_note",
        check: "attack/B02",
        expected: "nothing of another user's is seen or changed",
        observed: "the function fails by itself: 42703 column \"pinned\" of relation \"notes\" does \
                   not exist",
    },
};

/// A trigger does not do what the contract says.
pub const NO_EFFECT: Rule = Rule {
    id: "function.no_effect",
    title: "a row is added, and the declared effect on another table stays away",
    meaning: "A trigger's function that runs with the rights of whoever writes updates only rows \
        which that user may update; a count in another user's row stays as it was, without an error.",
    remedy: "let the function be security definer with set search_path = '', and write nothing but \
             the count",
    references: &["CWE-682"],
    example: Example {
        fault: "alter function public.count_note() security invoker; -- it kept posts.note_count",
        object: "notes",
        check: "attack/W12/notes",
        expected: "nothing of another user's is seen or changed",
        observed: "insert post_id to public posts: the declared effect stays away: update by insert \
                   of notes",
    },
};
