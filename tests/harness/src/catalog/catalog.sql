-- The catalog of one database as one JSON document; read with an empty
-- search_path, so that every name in it is qualified.
--
-- An extension's members are left out where the bootstrap superuser (10) owns
-- them, as it does what CREATE EXTENSION makes: ALTER EXTENSION … ADD would
-- hide a migration's own objects among them.
with wanted as (
    select oid, nspname, nspowner, nspacl from pg_catalog.pg_namespace where /*schemas*/ true
),
relation as (
    select c.*, n.nspname
    from pg_catalog.pg_class c
    join wanted n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and not exists (
            select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.objid = c.oid and d.deptype = 'e' and c.relowner = 10
        )
)
select pg_catalog.json_build_object(
    'version_num', pg_catalog.current_setting('server_version_num')::integer,
    'relations', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'schema', c.nspname,
            'name', c.relname,
            'kind', case c.relkind
                when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
                when 'm' then 'materialized view' when 'f' then 'foreign table'
                else 'sequence' end,
            'owner', pg_catalog.pg_get_userbyid(c.relowner),
            'logged', c.relpersistence = 'p',
            'row_level_security', case
                when c.relrowsecurity and c.relforcerowsecurity then 'enabled and forced'
                when c.relrowsecurity then 'enabled'
                else 'disabled' end,
            'options', coalesce(pg_catalog.to_json(c.reloptions), '[]'),
            'writable', case when c.relkind = 'v'
                then pg_catalog.pg_relation_is_updatable(c.oid, true) else 0 end,
            'query', case when c.relkind in ('v', 'm')
                then pg_catalog.pg_get_viewdef(c.oid) end,
            'bounds', pg_catalog.pg_get_partition_constraintdef(c.oid),
            'parents', (
                select coalesce(pg_catalog.json_agg(i.inhparent::pg_catalog.regclass::text), '[]')
                from pg_catalog.pg_inherits i where i.inhrelid = c.oid
            ),
            'columns', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', a.attname,
                    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                    'not_null', a.attnotnull,
                    'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
                    'writable', c.relkind <> 'f'
                        and pg_catalog.pg_column_is_updatable(c.oid, a.attnum, true),
                    'made', case
                        when a.attgenerated <> '' then 'generated'
                        when a.attidentity <> '' then 'identity' end,
                    'always', a.attidentity = 'a',
                    'grants', (
                        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                            'grantee', case g.grantee when 0 then 'public'
                                else pg_catalog.pg_get_userbyid(g.grantee) end,
                            'privilege', pg_catalog.lower(g.privilege_type),
                            'grantable', g.is_grantable
                        )), '[]')
                        from pg_catalog.aclexplode(a.attacl) g
                    )
                ) order by a.attnum), '[]')
                from pg_catalog.pg_attribute a
                left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                    and c.relkind <> 'S'
            ),
            'constraints', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', k.conname,
                    'kind', k.contype::text,
                    'definition', pg_catalog.pg_get_constraintdef(k.oid),
                    'columns', (
                        select coalesce(pg_catalog.json_agg(a.attname order by x.at), '[]')
                        from pg_catalog.unnest(k.conkey) with ordinality x (attnum, at)
                        join pg_catalog.pg_attribute a
                            on a.attrelid = k.conrelid and a.attnum = x.attnum
                    ),
                    'target', (
                        select n.nspname || '.' || t.relname
                        from pg_catalog.pg_class t
                        join pg_catalog.pg_namespace n on n.oid = t.relnamespace
                        where t.oid = k.confrelid
                    ),
                    'target_columns', (
                        select coalesce(pg_catalog.json_agg(a.attname order by x.at), '[]')
                        from pg_catalog.unnest(k.confkey) with ordinality x (attnum, at)
                        join pg_catalog.pg_attribute a
                            on a.attrelid = k.confrelid and a.attnum = x.attnum
                    ),
                    'expression', pg_catalog.pg_get_expr(k.conbin, k.conrelid)
                ) order by k.conname), '[]')
                from pg_catalog.pg_constraint k
                where k.conrelid = c.oid and k.contype <> 'n'
            ),
            'indexes', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', i.indexrelid::pg_catalog.regclass::text,
                    'definition', pg_catalog.pg_get_indexdef(i.indexrelid)
                        || case when i.indisvalid then '' else ' (invalid)' end
                ) order by i.indexrelid::pg_catalog.regclass::text), '[]')
                from pg_catalog.pg_index i
                where i.indrelid = c.oid and not exists (
                    select from pg_catalog.pg_constraint k
                    where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
                )
            ),
            'triggers', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', t.tgname,
                    'definition', pg_catalog.pg_get_triggerdef(t.oid) || case t.tgenabled
                        when 'O' then '' when 'D' then ' (disabled)'
                        else ' (enabled ' || t.tgenabled::text || ')' end
                ) order by t.tgname), '[]')
                from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal
            ),
            'rules', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', r.rulename,
                    'definition', pg_catalog.pg_get_ruledef(r.oid)
                ) order by r.rulename), '[]')
                from pg_catalog.pg_rewrite r
                where r.ev_class = c.oid and r.rulename <> '_RETURN'
            ),
            'policies', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', p.polname,
                    'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert'
                        when 'w' then 'update' when 'd' then 'delete' else 'all' end,
                    'roles', (
                        select pg_catalog.json_agg(case r.oid when 0 then 'public'
                            else pg_catalog.pg_get_userbyid(r.oid) end)
                        from pg_catalog.unnest(p.polroles) r (oid)
                    ),
                    'permissive', p.polpermissive,
                    'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                    'with_check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
                ) order by p.polname), '[]')
                from pg_catalog.pg_policy p where p.polrelid = c.oid
            ),
            'grants', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'grantee', case g.grantee when 0 then 'public'
                        else pg_catalog.pg_get_userbyid(g.grantee) end,
                    'privilege', pg_catalog.lower(g.privilege_type),
                    'grantable', g.is_grantable
                )), '[]')
                from pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault(
                    case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner
                ))) g
                where g.grantee <> c.relowner
            )
        ) order by c.nspname, c.relname), '[]')
        from relation c
    ),
    'functions', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'schema', n.nspname,
            'name', p.proname,
            'arguments', pg_catalog.pg_get_function_arguments(p.oid),
            'signature', pg_catalog.pg_get_function_identity_arguments(p.oid),
            'kind', case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate'
                when 'w' then 'window function' else 'function' end,
            'inputs', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', coalesce(p.proargnames[x.at], ''),
                    'type', pg_catalog.format_type(x.type, null)
                ) order by x.at), '[]')
                from pg_catalog.unnest(p.proargtypes) with ordinality x (type, at)
            ),
            'returns', coalesce(pg_catalog.pg_get_function_result(p.oid), 'nothing'),
            'language', l.lanname,
            'volatility', case p.provolatile
                when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end,
            'security', case when p.prosecdef then 'definer' else 'invoker' end,
            'owner', pg_catalog.pg_get_userbyid(p.proowner),
            'leakproof', p.proleakproof,
            'strict', p.proisstrict,
            'parallel', case p.proparallel
                when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
            'body', p.prosrc || coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), ''),
            'settings', coalesce(pg_catalog.to_json(p.proconfig), '[]'),
            'grants', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'grantee', case g.grantee when 0 then 'public'
                        else pg_catalog.pg_get_userbyid(g.grantee) end,
                    'privilege', pg_catalog.lower(g.privilege_type),
                    'grantable', g.is_grantable
                )), '[]')
                from pg_catalog.aclexplode(
                    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
                ) g
                where g.grantee <> p.proowner
            )
        ) order by n.nspname, p.proname), '[]')
        from pg_catalog.pg_proc p
        join wanted n on n.oid = p.pronamespace
        join pg_catalog.pg_language l on l.oid = p.prolang
        where not exists (
            select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                and d.objid = p.oid and d.deptype = 'e' and p.proowner = 10
        )
    ),
    'extensions', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', e.extname, 'schema', n.nspname
        ) order by e.extname), '[]')
        from pg_catalog.pg_extension e
        join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    ),
    'schemas', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', n.nspname,
            'owner', pg_catalog.pg_get_userbyid(n.nspowner),
            'grants', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'grantee', case g.grantee when 0 then 'public'
                        else pg_catalog.pg_get_userbyid(g.grantee) end,
                    'privilege', pg_catalog.lower(g.privilege_type),
                    'grantable', g.is_grantable
                )), '[]')
                from pg_catalog.aclexplode(n.nspacl) g where g.grantee <> n.nspowner
            )
        ) order by n.nspname), '[]')
        from wanted n
    ),
    'default_privileges', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'maker', pg_catalog.pg_get_userbyid(d.defaclrole),
            'schema', coalesce(n.nspname, '*'),
            'kind', case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
                when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas'
                else 'large objects' end,
            'grants', (
                select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                    'grantee', case g.grantee when 0 then 'public'
                        else pg_catalog.pg_get_userbyid(g.grantee) end,
                    'privilege', pg_catalog.lower(g.privilege_type),
                    'grantable', g.is_grantable
                )), '[]')
                from pg_catalog.aclexplode(d.defaclacl) g where g.grantee <> d.defaclrole
            )
        ) order by 1 = 1), '[]')
        from pg_catalog.pg_default_acl d
        left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
    ),
    'roles', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', r.rolname,
            'facts', pg_catalog.concat_ws(', ',
                case when r.rolsuper then 'superuser' end,
                case when r.rolcanlogin then 'login' else 'nologin' end,
                case when r.rolinherit then 'inherit' else 'noinherit' end,
                case when r.rolcreatedb then 'createdb' end,
                case when r.rolcreaterole then 'createrole' end,
                case when r.rolreplication then 'replication' end,
                case when r.rolbypassrls then 'bypassrls' end,
                (
                    select 'member of '
                        || pg_catalog.string_agg(g.rolname, ' and ' order by g.rolname)
                    from pg_catalog.pg_auth_members m
                    join pg_catalog.pg_roles g on g.oid = m.roleid
                    where m.member = r.oid
                ),
                (
                    select pg_catalog.string_agg(s, ', ' order by s)
                    from pg_catalog.unnest(r.rolconfig) s
                ),
                (
                    select pg_catalog.string_agg('in this database ' || s, ', ' order by s)
                    from pg_catalog.pg_db_role_setting x
                    cross join pg_catalog.unnest(x.setconfig) s
                    where x.setrole = r.oid and x.setdatabase = (
                        select oid from pg_catalog.pg_database
                        where datname = pg_catalog.current_database()
                    )
                )
            )
        ) order by r.rolname), '[]')
        from pg_catalog.pg_roles r where r.rolname !~ '^pg_'
    ),
    'types', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', pg_catalog.format_type(t.oid, null),
            'kind', case t.typtype when 'e' then 'enum' when 'd' then 'domain'
                when 'r' then 'range' when 'm' then 'multirange' else 'composite' end,
            'parts', coalesce(case t.typtype
                when 'e' then (
                    select pg_catalog.json_agg(
                        pg_catalog.quote_literal(e.enumlabel) order by e.enumsortorder
                    )
                    from pg_catalog.pg_enum e where e.enumtypid = t.oid
                )
                when 'd' then pg_catalog.json_build_array(
                    pg_catalog.format_type(t.typbasetype, t.typtypmod)
                )
                when 'c' then (
                    select pg_catalog.json_agg(
                        pg_catalog.format_type(a.atttypid, a.atttypmod) order by a.attnum
                    )
                    from pg_catalog.pg_attribute a
                    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
                )
                else (
                    select pg_catalog.json_agg(pg_catalog.format_type(
                        case t.typtype when 'r' then r.rngsubtype else r.rngtypid end, null
                    ))
                    from pg_catalog.pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)
                ) end, '[]'),
            'checks', (
                select coalesce(pg_catalog.json_agg(
                    pg_catalog.pg_get_constraintdef(k.oid) order by k.conname
                ), '[]')
                from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'
            )
        ) order by pg_catalog.format_type(t.oid, null)), '[]')
        from pg_catalog.pg_type t
        left join pg_catalog.pg_class c on c.oid = t.typrelid
        where t.typtype in ('r', 'm')
            or (t.typtype in ('e', 'd') or t.typtype = 'c' and c.relkind = 'c')
                and t.typnamespace in (select oid from wanted)
    ),
    'others', (
        select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'identity', other.identity
        ) order by other.identity), '[]')
        from (
            select i.type || ' ' || i.identity as identity
            from (
                select 'pg_catalog.pg_type'::pg_catalog.regclass as classid, t.oid
                from pg_catalog.pg_type t
                join wanted n on n.oid = t.typnamespace
                left join pg_catalog.pg_class c on c.oid = t.typrelid
                where t.typelem = 0 and t.typtype <> 'm' and coalesce(c.relkind, 'c') = 'c'
                union all
                select 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid
                from pg_catalog.pg_operator o join wanted n on n.oid = o.oprnamespace
                union all
                select 'pg_catalog.pg_collation'::pg_catalog.regclass, o.oid
                from pg_catalog.pg_collation o join wanted n on n.oid = o.collnamespace
                union all
                select 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, o.oid
                from pg_catalog.pg_statistic_ext o join wanted n on n.oid = o.stxnamespace
                union all
                select 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, oid
                from pg_catalog.pg_event_trigger
                union all
                select 'pg_catalog.pg_publication'::pg_catalog.regclass, oid
                from pg_catalog.pg_publication
                union all
                select 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid
                from pg_catalog.pg_foreign_server
                union all
                select 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid
                from pg_catalog.pg_foreign_data_wrapper
                union all
                select 'pg_catalog.pg_cast'::pg_catalog.regclass, oid
                from pg_catalog.pg_cast where oid >= 16384
                union all
                select 'pg_catalog.pg_language'::pg_catalog.regclass, oid
                from pg_catalog.pg_language where oid >= 16384
            ) o
            cross join pg_catalog.pg_identify_object(o.classid, o.oid, 0) i
            where not exists (
                select from pg_catalog.pg_depend d
                where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e'
            )
            union all
            -- What a publication sends; row filters are there since PostgreSQL 15.
            select pg_catalog.format(
                'publication %I publishes %I.%I%s', p.pubname, p.schemaname, p.tablename,
                ' where ' || (pg_catalog.to_jsonb(p) ->> 'rowfilter')
            )
            from pg_catalog.pg_publication_tables p
        ) other
    )
)
