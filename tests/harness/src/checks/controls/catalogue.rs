//! The catalogue of negative controls: what is planted in the schema of `fixtures/controls`, and
//! the check that has to find it.

use crate::checks::attacks;
use crate::checks::attacks::runner::Kind;

/// A weakness, and what has to find it.
#[derive(Debug, Clone, Copy)]
pub struct Control {
    /// The statements that plant it, as a migration would.
    pub plant: &'static str,
    /// The rule of the finding.
    pub rule: &'static str,
    /// The check that has to make it.
    pub check: Check,
}

/// A check, by the id that it has in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// A facet of the catalog.
    Schema(&'static str),
    /// A rule of the linter.
    Lint(&'static str),
    /// A cell of the access matrix; before it the table.
    Cell(&'static str, &'static str),
    /// An attack on an object; before it the attack's number.
    Attack(&'static str, &'static str),
    /// A step of sign-up and login.
    SignUp(&'static str),
    /// A property of constraints.
    Property(&'static str),
}

impl Check {
    /// Its id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Schema(id)
            | Self::Lint(id)
            | Self::Cell(_, id)
            | Self::Attack(_, id)
            | Self::SignUp(id)
            | Self::Property(id) => id,
        }
    }

    /// Whether the same run makes that check, too.
    pub fn is_made_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Schema(_), Self::Schema(_))
            | (Self::Lint(_), Self::Lint(_))
            | (Self::SignUp(_), Self::SignUp(_)) => true,
            (Self::Attack(one, _), Self::Attack(another, _)) => one == another,
            _ => self == other,
        }
    }

    /// Whether it depends on what the weakness changes in the catalog. Cells are written from
    /// columns and keys, which no weakness of theirs changes.
    pub fn reads_the_catalog(self) -> bool {
        matches!(self, Self::Schema(_) | Self::Attack(..))
    }

    /// Whether it opens connections of its own, which see only what is committed.
    pub fn takes_a_clone(self) -> bool {
        match self {
            Self::Schema(_) | Self::Lint(_) | Self::Cell(..) => false,
            Self::SignUp(_) | Self::Property(_) => true,
            Self::Attack(number, _) => {
                attacks::all().any(|it| it.id == number && !matches!(it.kind, Kind::Probes(_)))
            }
        }
    }
}

/// Of the matrix; its cells are those of the table of notes.
const fn cell(rule: &'static str, id: &'static str, plant: &'static str) -> Control {
    Control { plant, rule, check: Check::Cell("notes", id) }
}

const fn attack(rule: &'static str, of: [&'static str; 2], plant: &'static str) -> Control {
    Control { plant, rule, check: Check::Attack(of[0], of[1]) }
}

/// One or more for each family of checks and of attacks; in the access matrix for each command, for
/// a row that is not the persona's and for an owner who is refused.
pub const CONTROLS: &[Control] = &[
    Control {
        plant: "drop policy \"Users delete their own notes\" on public.notes",
        rule: "schema.missing",
        check: Check::Schema("schema/notes/policies/Users delete their own notes"),
    },
    Control {
        plant: "create policy \"Another\" on public.notes for select to anon using (false)",
        rule: "schema.undeclared",
        check: Check::Schema("schema/notes/policies/Another"),
    },
    Control {
        plant: "grant update (user_id) on public.notes to authenticated",
        rule: "schema.different",
        check: Check::Schema("schema/notes/columns/user_id/privileges/authenticated"),
    },
    Control {
        plant: "drop index public.notes_user_id_idx",
        rule: "lint.0001_unindexed_foreign_keys",
        check: Check::Lint("lint/0001_unindexed_foreign_keys"),
    },
    Control {
        plant: "alter table public.notes disable row level security",
        rule: "lint.0013_rls_disabled_in_public",
        check: Check::Lint("lint/0013_rls_disabled_in_public"),
    },
    cell(
        "isolation.cell",
        "isolation/notes/select/bob/alices-row",
        "alter policy \"Users read their own notes\" on public.notes using (true)",
    ),
    cell(
        "isolation.cell",
        "isolation/notes/insert/bob/alices-row",
        "alter policy \"Users create their own notes\" on public.notes with check (true)",
    ),
    // Only without WHERE does the policy for reading not stand in front of it.
    cell(
        "isolation.cell",
        "isolation/notes/update/bob/every-row",
        "alter policy \"Users edit their own notes\" on public.notes using (true) \
         with check (true)",
    ),
    cell(
        "isolation.cell",
        "isolation/notes/delete/bob/every-row",
        "alter policy \"Users delete their own notes\" on public.notes using (true)",
    ),
    cell(
        "isolation.cell",
        "isolation/notes/select/alice/alices-row",
        "drop policy \"Users read their own notes\" on public.notes",
    ),
    cell(
        "isolation.cell",
        "isolation/notes/insert/alice/alices-row",
        "drop policy \"Users create their own notes\" on public.notes",
    ),
    cell(
        "isolation.cell",
        "isolation/notes/update/alice/alices-row",
        "drop policy \"Users edit their own notes\" on public.notes",
    ),
    cell(
        "isolation.cell",
        "isolation/notes/delete/alice/alices-row",
        "drop policy \"Users delete their own notes\" on public.notes",
    ),
    cell(
        "isolation.guard",
        "isolation/notes/select/alice/alices-row",
        "alter table public.notes disable row level security",
    ),
    cell("isolation.state", "isolation/notes/update/alice/alices-row", DELETES_REMARKS),
    // For nobody does a DELETE have an effect then, so that its refusal says nothing.
    cell(
        "isolation.control",
        "isolation/notes/delete/bob/alices-row",
        "create function public.keep() returns trigger language plpgsql \
         as 'begin return null; end'; \
         create trigger keep before delete on public.notes \
         for each row execute function public.keep()",
    ),
    attack(
        "attack.R01",
        ["R01", "attack/R01/notes"],
        "alter policy \"Users read their own notes\" on public.notes using (true)",
    ),
    attack(
        "attack.R09",
        ["R09", "attack/R09/notes"],
        "alter policy \"Users read their own notes\" on public.notes using \
         (user_id = (select auth.uid()) \
         or (select auth.jwt() -> 'user_metadata' ->> 'role') = 'admin')",
    ),
    attack(
        "attack.I01",
        ["I01", "attack/I01/notes"],
        "grant insert (id) on public.notes to authenticated",
    ),
    attack(
        "attack.I02",
        ["I02", "attack/I02/remarks"],
        "create function public.look_up() returns trigger language plpgsql security definer \
         set search_path = '' as $$ begin \
         if not exists (select from public.notes as n where n.id = new.note_id) \
         then raise exception 'there is no such note'; end if; return new; end $$; \
         create trigger look_up before insert on public.remarks \
         for each row execute function public.look_up()",
    ),
    attack(
        "attack.W02",
        ["W02", "attack/W02/notes"],
        "alter policy \"Users edit their own notes\" on public.notes using (true) \
         with check (true)",
    ),
    attack(
        "attack.W04",
        ["W04", "attack/W04/notes"],
        "grant update (user_id) on public.notes to authenticated; \
         alter policy \"Users edit their own notes\" on public.notes with check (true)",
    ),
    attack(
        "attack.W05",
        ["W05", "attack/W05/remarks"],
        "alter policy \"Users create remarks on their own notes\" on public.remarks \
         with check (true)",
    ),
    attack("attack.W13", ["W13", "attack/W13/notes"], DELETES_REMARKS),
    attack(
        "attack.B01",
        ["B01", "attack/B01/all_notes"],
        "create view public.all_notes as select id, body from public.notes; \
         grant select on public.all_notes to authenticated",
    ),
    attack(
        "attack.B02",
        ["B02", "attack/B02/notes_of"],
        "create function public.notes_of(p_user_id uuid) returns setof public.notes \
         language sql security definer set search_path = '' \
         as 'select * from public.notes where user_id = p_user_id'; \
         grant execute on function public.notes_of(uuid) to authenticated",
    ),
    // A prepared statement keeps what a function that is immutable said of the first user.
    attack(
        "attack.E01",
        ["E01", "attack/E01"],
        "create function public.me() returns uuid language plpgsql immutable \
         as 'begin return auth.uid(); end'; \
         grant execute on function public.me() to authenticated; \
         alter policy \"Users read their own notes\" on public.notes \
         using (user_id = public.me())",
    ),
    attack(
        "attack.E03",
        ["E03", "attack/E03"],
        "alter policy \"Users edit their own notes\" on public.notes using (true) \
         with check (true); \
         alter policy \"Users read their own notes\" on public.notes using (true)",
    ),
    Control {
        plant: "create or replace function public.make_profile() returns trigger \
                language plpgsql as 'begin raise exception ''no''; end'",
        rule: "sign_up.failed",
        check: Check::SignUp("sign_up/sign-up/succeeds"),
    },
    Control {
        plant: "alter table public.notes alter column body drop not null",
        rule: "property.broken",
        check: Check::Property("property/constraints/not-null"),
    },
];

/// Whoever updates a note deletes everybody's remarks.
const DELETES_REMARKS: &str = "create function public.tidy() returns trigger language plpgsql \
    security definer set search_path = '' as 'begin delete from public.remarks; return null; end'; \
    create trigger tidy after update on public.notes \
    for each statement execute function public.tidy()";
