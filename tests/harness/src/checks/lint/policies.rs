//! Linter rules about row level security and policies.

use super::rule::{Detection, Lint, NOTHING};
use crate::findings::rules::{Example, Rule};

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0003_auth_rls_initplan",
            title: "a policy calls a function for every row",
            meaning: "A function in a policy is called for every row that is looked at, unless it \
                      stands in a select of its own: then it is called once, and the policy can \
                      use an index.",
            remedy: "put the call into a select of its own: (select auth.uid())",
            references: &["https://supabase.github.io/splinter/0003_auth_rls_initplan/"],
            example: Example {
                fault: "alter policy \"Users read their own notes\" on public.notes using \
                        (auth.uid() = user_id);",
                object: "notes.Users read their own notes",
                check: "lint/0003_auth_rls_initplan",
                expected: NOTHING,
                observed: "notes.Users read their own notes: a call outside a select of its own",
            },
        },
        // Literals, quoted names, schemas of functions and casts go first. Then pairs of
        // parentheses are taken away from within, and with them each select that reads no
        // table and no column. A call that is left is made for every row.
        looks: Detection::At(
            "with recursive bare as (
                select p.relation, p.name, regexp_replace(regexp_replace(regexp_replace(
                    regexp_replace(regexp_replace(
                        expression, '''(?:[^'']|'''')*''', '0', 'g'
                    ), '\"(?:[^\"]|\"\")*\"', 'q', 'g'),
                    '\\m(auth\\.\\w+|current_setting)\\([^()]*\\)', '§', 'g'),
                    '\\w+\\.(\\w+\\()', '\\1', 'g'),
                    '::\\w+(\\.\\w+)?', '', 'g'
                ) as text
                from policy p
                cross join unnest(array[p.filter, p.lets_in]) expression
                where expression is not null
                union all
                select relation, name, regexp_replace(regexp_replace(
                    text, '\\(\\s*SELECT\\M((?!\\mFROM\\M|\\w\\.\\w)[^()])*\\)', '', 'g'
                ), '\\(([^()]*)\\)', ' \\1 ', 'g')
                from bare where text ~ '[()]'
            )
            select distinct relation || '.' || name, 'a call outside a select of its own'
            from bare where text !~ '[()]' and text ~ '§'",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0006_multiple_permissive_policies",
            title: "several permissive policies apply to the same role and command",
            meaning: "Permissive policies of one role and command are combined with OR: a row \
                passes if any of them accepts it. Each is evaluated, and their combined effect is \
                hard to review.",
            remedy: "combine them into one policy, or make those restrictive that should narrow it",
            references: &["https://supabase.github.io/splinter/0006_multiple_permissive_policies/"],
            example: Example {
                fault: "create policy more on public.notes to authenticated using (body = \
                        'shared');",
                object: "notes.select to authenticated",
                check: "lint/0006_multiple_permissive_policies",
                expected: NOTHING,
                observed: "notes.select to authenticated: \"Users read their own notes\" and more",
            },
        },
        // Policies do not apply to roles that bypass row level security.
        looks: Detection::At(
            "select p.relation || '.' || u.word || ' to ' || role.rolname,
                string_agg(quote_ident(p.name), ' and ' order by p.name)
            from policy p
            cross join unnest(case p.command
                when 'r' then array['select'] when 'a' then array['insert']
                when 'w' then array['update'] when 'd' then array['delete']
                else array['select', 'insert', 'update', 'delete'] end) as u (word)
            join pg_roles role on not role.rolbypassrls and not role.rolsuper and (
                role.oid in (select oid from client)
                or role.oid in (select unnest(roles) from policy)
            )
            where p.permissive and exists (
                select from unnest(p.roles) given
                where case when given = 0 then true else pg_has_role(role.oid, given, 'usage') end
            )
            group by p.relation, u.word, role.rolname
            having count(*) > 1",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0007_policy_exists_rls_disabled",
            title: "a table has policies but row level security is disabled",
            meaning: "Policies apply only to a table whose row level security is enabled. A reader \
                of the policies believes that they are in force.",
            remedy: "enable row level security on the table",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0007_policy_exists_rls_disabled/",
            ],
            example: Example {
                fault: "alter table public.notes disable row level security;",
                object: "notes",
                check: "lint/0007_policy_exists_rls_disabled",
                expected: NOTHING,
                observed: "notes: \"Users read their own notes\"",
            },
        },
        looks: Detection::At(
            "select r.name, string_agg(quote_ident(p.name), ', ' order by p.name)
            from relation r join policy p on p.polrelid = r.oid
            where not r.secured
            group by r.name",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0008_rls_enabled_no_policy",
            title: "a table has row level security and no policy, so that clients see no row",
            meaning: "Without a policy no row passes, so that clients cannot reach the table. That \
                is safe, but seldom intended.",
            remedy: "write its policies, or declare that only the back end uses it",
            references: &["https://supabase.github.io/splinter/0008_rls_enabled_no_policy/"],
            example: Example {
                fault: "drop policy \"Users read their own notes\" on public.notes;",
                object: "notes",
                check: "lint/0008_rls_enabled_no_policy",
                expected: NOTHING,
                observed: "notes: row level security without a policy",
            },
        },
        // A partition may be like this on purpose: it is reached through its parent.
        looks: Detection::At(
            "select r.name, 'row level security without a policy' from relation r
            where r.kind in ('r', 'p') and r.secured and not r.is_partition
                and not exists (select from policy p where p.polrelid = r.oid)",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0013_rls_disabled_in_public",
            title: "a table of the API's schema has no row level security",
            meaning: "Everything in the schema that the API exposes can be reached with the public \
                key. Without row level security only privileges decide, and they apply to all \
                rows.",
            remedy: "enable row level security on the table",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0013_rls_disabled_in_public/",
            ],
            example: Example {
                fault: "create table public.tags (id uuid primary key);",
                object: "tags",
                check: "lint/0013_rls_disabled_in_public",
                expected: NOTHING,
                observed: "tags: no row level security; open to no client",
            },
        },
        looks: Detection::At(
            "select r.name, 'no row level security; open to ' || coalesce(r.reachable, 'no client')
            from relation r where r.kind in ('r', 'p') and not r.secured",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0015_rls_references_user_metadata",
            title: "a policy uses metadata that users can change",
            meaning: "Users may write anything into their own user_metadata, which is part of the \
                token. A policy that uses it can be satisfied by any user.",
            remedy: "use app_metadata, which only the back end writes, or a table",
            references: &[
                "CWE-807",
                "https://supabase.github.io/splinter/0015_rls_references_user_metadata/",
            ],
            example: Example {
                fault: "alter policy \"Users read their own notes\" on public.notes\n\
                        \x20   using ((select auth.jwt() -> 'user_metadata' ->> 'is_admin')::boolean);",
                object: "notes.Users read their own notes",
                check: "lint/0015_rls_references_user_metadata",
                expected: NOTHING,
                observed: "notes.Users read their own notes: (( SELECT ((auth.jwt() -> \
                           'user_metadata'::text) ->> 'is_admin'::text)))::boolean",
            },
        },
        looks: Detection::At(
            "select p.relation || '.' || p.name, coalesce(p.filter, p.lets_in) from policy p
            where concat_ws(' ', p.filter, p.lets_in) ~ '\\m(raw_)?user_meta_?data\\M'",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0024_permissive_rls_policy",
            title: "a policy for writing accepts every row (rls_policy_always_true)",
            meaning: "A policy that is always true protects nothing: a role with the privilege \
                writes any row. The linter's own name for it is rls_policy_always_true.",
            remedy: "write the condition on rows into the policy",
            references: &[
                "CWE-863",
                "https://supabase.github.io/splinter/0024_permissive_rls_policy/",
            ],
            example: Example {
                fault: "create policy put on public.notes for insert to authenticated with check \
                        (true);",
                object: "notes.put",
                check: "lint/0024_permissive_rls_policy",
                expected: NOTHING,
                observed: "notes.put: with check true",
            },
        },
        // The linter leaves out select, because public rows are often intended, and the grid
        // has the expected rows. A restrictive policy for the same command narrows it.
        looks: Detection::At(
            "with true_when as (
                select p.*,
                    coalesce(regexp_replace(p.filter, '::\\w+', '', 'g') ~ always, false) as any_old,
                    coalesce(regexp_replace(p.lets_in, '::\\w+', '', 'g') ~ always, false) as any_new
                from policy p
                cross join (
                    values ('^\\(*(true|([0-9.]+|''[^'']*'') = \\2)\\)*$')
                ) as it (always)
            )
            select p.relation || '.' || p.name, case
                when p.any_old then 'using ' || p.filter else 'with check ' || p.lets_in end
            from true_when p
            where p.permissive and p.command <> 'r' and (p.any_old or p.any_new)
                and (0 = any (p.roles) or p.roles && (select array_agg(oid) from client))
                and not exists (
                    select from true_when n
                    where n.polrelid = p.polrelid and not n.permissive
                        and n.command in (p.command, '*') and not n.any_old and not n.any_new
                        and (0 = any (n.roles) or p.roles <@ n.roles)
                )",
        ),
    },
];
