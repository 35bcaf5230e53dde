//! The rules about what everything is tried on: accounts and rows.

use super::{Example, Rule};

/// The rows of a table could not be made.
pub const ROWS: Rule = Rule {
    id: "rows.refused",
    title: "no rows of the table could be made, so that nothing of it was tried",
    meaning: "Every cell and every attack is tried on rows, which are made from the catalog: \
              values by type and by what the checks accept, parents first. The server refused \
              all that were tried, and says why; nothing is known of the table until it has rows.",
    remedy: "give the columns that it is about an example in the contract, or mend the trigger or \
             constraint that refuses",
    references: &[],
    example: Example {
        fault: "alter table public.notes add constraint notes_body_check check (body = md5(body));",
        object: "notes.notes_body_check",
        check: "isolation/notes/rows",
        expected: "rows for everybody",
        observed: "constraint notes_body_check of notes refuses it: new row for relation \
                   \"notes\" violates check constraint \"notes_body_check\" (SQLSTATE 23514)",
    },
};

/// Somebody cannot sign up.
pub const SIGN_UP: Rule = Rule {
    id: "rows.sign_up_refused",
    title: "a trigger refuses a sign-up, so that somebody cannot have an account",
    meaning: "The platform's auth server adds a row to auth.users, with a search_path of its own \
              and for some sign-ups without an address; a trigger of the project's that fails then \
              refuses the account. The accounts were made without it, so that all else is tried.",
    remedy: "qualify every name in the trigger's function, let it be security definer with set \
             search_path = '', and let it do without an e-mail address",
    references: &["CWE-755"],
    example: Example {
        fault: "create or replace function public.handle_new_user() returns trigger language \
                plpgsql as 'begin insert into profiles (id) values (new.id); return new; end';",
        object: "handle_new_user",
        check: "sign_up/accounts",
        expected: "the account is made",
        observed: "the function handle_new_user, which a trigger calls, refuses it: relation \
                   \"profiles\" does not exist (SQLSTATE 42P01)",
    },
};

/// The contract accepts a finding that there is not.
pub const ACCEPTS_NOTHING: Rule = Rule {
    id: "database.unneeded_acceptance",
    title: "the contract accepts a finding that there is not",
    meaning: "Each accepted finding is a fault that is left, for a reason. An entry that is no \
        longer needed would hide the next fault of that rule on the same object.",
    remedy: "remove the entry from the contract's database.toml, or correct it",
    references: &["CWE-1164"],
    example: Example {
        fault: "# in the contract's database.toml\n\
                [[accepted]]\n\
                rule = \"attack.W06\"\n\
                object = \"notes\"\n\
                reason = \"no client chooses a key\"",
        object: "attack.W06 of notes",
        check: "database/unneeded_acceptance/attack.W06/notes",
        expected: "a finding that it accepts",
        observed: "none",
    },
};
