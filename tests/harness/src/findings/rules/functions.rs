//! This file is the rules about what functions, triggers and constraints do.

use super::{Example, Rule};

/// A function, trigger or constraint does not do what the contract promises.
pub const BROKEN_PROPERTY: Rule = Rule {
    id: "property.broken",
    title: "a case was found in which the promise does not hold",
    meaning: "The contract promises in a sentence what a function, a trigger or a constraint \
              keeps true, and a property tries to break it with generated cases. It found one, \
              and made it smaller until nothing could be left out; what is left is in the \
              finding, with the seed that finds it again.",
    remedy: "play the statements in psql, and look at the function, trigger or constraint in them",
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

/// The properties of a function leave a part of it untried.
pub const COVERAGE: Rule = Rule {
    id: "property.unreached",
    title: "a part of the function was never executed, so nothing is known of it",
    meaning: "The extension plpgsql_check counts which statements of a function have run; one that no generated \
              case has reached may do anything. Servers without the extension count whether the \
              function was called at all.",
    remedy: "write a property that reaches it, or take it out of the function",
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

/// `plpgsql_check` has something to say about a function.
pub const BODY: Rule = Rule {
    id: "function.body",
    title: "plpgsql_check reports on the function's body",
    meaning: "A body in plpgsql is parsed when it is first run, statement by statement, so that a function \
              may be created with a column that does not exist, a variable that nobody uses or a \
              query without its table. plpgsql_check reads the body as a whole.",
    remedy: "mend what it names; it says the line within the body",
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
