//! This file is the rules about row level security and its policies.

use super::{Lint, Looks};
use crate::harness::rules::Rule;

pub(super) const LINTS: &[Lint] = &[
    Lint {
        rule: Rule {
            id: "lint.0003_auth_rls_initplan",
            title: "a policy asks who is calling once for every row",
            remedy: "put the call into a select of its own: (select auth.uid())",
            references: &["https://supabase.github.io/splinter/0003_auth_rls_initplan/"],
        },
        // Literals, quoted names, schemas of functions and casts go first. Then pairs of
        // parentheses are taken away from within, and with them each select that reads no
        // table and no column. A call that is left is made for every row.
        looks: Looks::At(
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
            title: "several permissive policies are about the same role and command",
            remedy: "make one policy of them, or make those restrictive that are to narrow it",
            references: &["https://supabase.github.io/splinter/0006_multiple_permissive_policies/"],
        },
        // A role that bypasses row level security has no use for any policy.
        looks: Looks::At(
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
            title: "a table has policies that nothing applies",
            remedy: "enable row level security on the table",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0007_policy_exists_rls_disabled/",
            ],
        },
        looks: Looks::At(
            "select r.name, string_agg(quote_ident(p.name), ', ' order by p.name)
            from relation r join policy p on p.polrelid = r.oid
            where not r.secured
            group by r.name",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0008_rls_enabled_no_policy",
            title: "a table has row level security and no policy, so that no client sees a row",
            remedy: "write its policies, or declare that it is for the back end alone",
            references: &["https://supabase.github.io/splinter/0008_rls_enabled_no_policy/"],
        },
        // A partition is closed like this on purpose: it is reached through its parent.
        looks: Looks::At(
            "select r.name, 'row level security without a policy' from relation r
            where r.kind in ('r', 'p') and r.secured and not r.is_partition
                and not exists (select from policy p where p.polrelid = r.oid)",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0013_rls_disabled_in_public",
            title: "a table of the API's schema has no row level security",
            remedy: "enable row level security on the table",
            references: &[
                "CWE-862",
                "https://supabase.github.io/splinter/0013_rls_disabled_in_public/",
            ],
        },
        looks: Looks::At(
            "select r.name, 'no row level security; open to ' || coalesce(r.reachable, 'no client')
            from relation r where r.kind in ('r', 'p') and not r.secured",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0015_rls_references_user_metadata",
            title: "a policy trusts what users say about themselves",
            remedy: "use app_metadata, which only the back end writes, or a table",
            references: &[
                "CWE-807",
                "https://supabase.github.io/splinter/0015_rls_references_user_metadata/",
            ],
        },
        looks: Looks::At(
            "select p.relation || '.' || p.name, coalesce(p.filter, p.lets_in) from policy p
            where concat_ws(' ', p.filter, p.lets_in) ~ '\\m(raw_)?user_meta_?data\\M'",
        ),
    },
    Lint {
        rule: Rule {
            id: "lint.0024_permissive_rls_policy",
            title: "a policy for writing lets every row through (rls_policy_always_true)",
            remedy: "say in the policy which rows the command is for",
            references: &[
                "CWE-863",
                "https://supabase.github.io/splinter/0024_permissive_rls_policy/",
            ],
        },
        // The linter leaves out select: what everybody may read is often meant so, and the
        // grid says who reads what. A restrictive policy for the same command narrows it.
        looks: Looks::At(
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
