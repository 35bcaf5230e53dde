//! Bypass: changes of identity, by a function, by a statement, or by a role of which the
//! client's is a member.

use super::functions::{call, is_callable, plain_call};
use super::statements::{CLIENTS, offenders, ours, trial};
use crate::catalog::Function;
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::open_transaction::OpenTransaction;
use crate::checks::attacks::runner::{Context, Trial};
use crate::checks::isolation::Sandbox;
use crate::error::CannotRun;
use crate::sql::quote;

/// All settings of the session's identity.
const WHO: &str = "select session_user, current_user, current_setting('role'), \
    coalesce(current_setting('request.jwt.claims', true), ''), \
    coalesce(current_setting('request.jwt.claim', true), ''), \
    coalesce(current_setting('request.jwt.claim.sub', true), ''), \
    coalesce(current_setting('request.jwt.claim.role', true), ''), \
    current_setting('row_security'), current_setting('search_path')";

/// Why the schema cannot restrict a client that sends its own SQL.
pub(super) const INHERENT: &str = "a session that may send any SQL may choose among the roles and \
    claims of authenticator; the API sends one statement of its own and offers no function of \
    pg_catalog";

/// B04.
pub(super) async fn changes(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = Context::of(sandbox).map_err(CannotRun)?;
    let session = OpenTransaction::connect(&sandbox.database.login("authenticator")).await?;
    let mut trials = Vec::new();
    for function in context.client_functions().into_iter().filter(|f| is_callable(f)) {
        for call in identity_changes(&context, function) {
            trials.push(calling(&context, &session, function, &call).await?);
        }
    }
    trials.extend(pinned(&context));
    for statement in [
        "reset role",
        "set role none",
        "set local role none",
        "reset session authorization",
        "set session authorization default",
    ] {
        trials.push(nobody(&context, &session, statement).await?);
    }
    let admin = sandbox.database.admin().await?;
    let roles = admin.query("select rolname::text from pg_catalog.pg_roles order by 1", &[]).await;
    let roles = roles.map_err(|error| CannotRun(error.to_string()))?;
    for role in roles.iter().map(|row| row.get::<_, String>(0)) {
        let name = crate::sql::ident(&role);
        let open = ["anon", "authenticated", "authenticator", "service_role"];
        for statement in [
            format!("set local role {name}"),
            format!("select set_config('role', {}, true)", quote(&role)),
            format!("set local session authorization {name}"),
        ] {
            if role == "authenticator" && statement.contains("authorization") {
                continue;
            }
            session.begin(&ATTACKER.identity()).await?;
            let answer_of_server = session.execute(&statement).await?;
            session.must("rollback").await?;
            let tried = trial("database", &statement, ATTACKER.name(), &statement);
            trials.push(match answer_of_server {
                Err(_) => tried,
                Ok(_) if open.contains(&&*role) && !statement.contains("authorization") => {
                    let answer = match role.as_str() {
                        "service_role" => format!("accepted: {INHERENT}"),
                        _ => "no further privileges".to_owned(),
                    };
                    Trial { answer, ..tried }
                }
                Ok(_) => Trial { weakness: Some(format!("became {role}")), ..tried },
            });
        }
    }
    trials.push(raw_claims(&session).await?);
    Ok(trials)
}

/// Calls that try to change the caller's identity: every text argument is a role, a claim, or
/// the name of a setting and its value.
fn identity_changes(context: &Context<'_>, function: &Function) -> Vec<String> {
    let victim = VICTIM.user_id().unwrap_or_default();
    let claims = context.contract.identity(VICTIM).claims;
    let pairs: [(&str, &str); 6] = [
        ("service_role", "service_role"),
        ("postgres", "postgres"),
        (victim, victim),
        (&claims, &claims),
        ("role", "service_role"),
        ("request.jwt.claims", &claims),
    ];
    let mut calls = vec![plain_call(context, function)];
    for (first, second) in pairs {
        let texts = function.inputs.iter().filter(|input| input.data_type == "text");
        let names: Vec<&str> = texts.map(|input| input.name.as_str()).collect();
        calls.push(call(function, &|input| match input.data_type.as_str() {
            "text" if names.first() == Some(&&*input.name) => quote(first),
            "text" => quote(second),
            "uuid" => quote(victim),
            "json" | "jsonb" => quote(&claims),
            "boolean" => "false".to_owned(),
            _ => "null".to_owned(),
        }));
    }
    calls.dedup();
    calls
}

/// Whether a call keeps the caller's identity until the end of its transaction.
async fn calling(
    context: &Context<'_>,
    session: &OpenTransaction,
    function: &Function,
    call: &str,
) -> Result<Trial, CannotRun> {
    session.begin(&context.attacker).await?;
    let before = session.execute(WHO).await?;
    let failed = session.execute(call).await?.is_err();
    let after = if failed { before.clone() } else { session.execute(WHO).await? };
    session.must("rollback").await?;
    let shown = |answer_of_server: &crate::checks::attacks::runner::open_transaction::Response| {
        match answer_of_server {
            Ok(rows) => rows.concat().join(" | "),
            Err(error) => error.message().to_owned(),
        }
    };
    let (before, after) = (shown(&before), shown(&after));
    let weakness = (before != after).then(|| format!("{before}\n  became {after}"));
    let answer = if failed { "refused" } else { "the identity is unchanged" }.to_owned();
    let pasted = format!("begin;\n{}\n{call};\n{WHO};\nrollback;", context.attacker.become_sql());
    let tried = trial(&function.name, "call", ATTACKER.name(), &pasted);
    Ok(Trial { answer, weakness, ..tried })
}

/// Functions that clients can execute and that set a role or `row_security`.
fn pinned(context: &Context<'_>) -> Vec<Trial> {
    let says_who = |setting: &&String| {
        let name = setting.split('=').next().unwrap_or_default();
        ["role", "session_authorization", "row_security"].contains(&name)
            || name.starts_with("request.")
    };
    let functions = context.client_functions().into_iter();
    let pinned = functions.filter_map(|f| Some((f, f.settings.iter().find(says_who)?)));
    pinned
        .map(|(function, setting)| {
            let weakness = Some(format!("runs with {setting} for every caller"));
            Trial { weakness, ..trial(&function.name, "settings", "catalog", setting) }
        })
        .collect()
}

/// A statement that resets the role within the request: authenticator itself may read no table.
async fn nobody(
    context: &Context<'_>,
    session: &OpenTransaction,
    statement: &str,
) -> Result<Trial, CannotRun> {
    let mut weakness = None;
    for table in context.tables() {
        session.begin(&ATTACKER.identity()).await?;
        session.must(statement).await?;
        let read = format!("select from {}", table.relation.qualified());
        let answer_of_server = session.execute(&read).await?;
        session.must("rollback").await?;
        match answer_of_server {
            Err(error) if error.code().code() == "42501" => {}
            Err(error) => weakness = Some(format!("{}: {}", table.name, error.message())),
            Ok(_) => weakness = Some(format!("authenticator itself may read {}", table.name)),
        }
    }
    let answer = "no table can be read".to_owned();
    Ok(Trial { answer, weakness, ..trial("database", statement, ATTACKER.name(), statement) })
}

/// Claims set by SQL: inherent, and the control for functions that do the same.
async fn raw_claims(session: &OpenTransaction) -> Result<Trial, CannotRun> {
    let statement = format!(
        "select set_config('request.jwt.claims', {}, true)",
        quote(&VICTIM.identity().claims)
    );
    session.begin(&ATTACKER.identity()).await?;
    let before = session.execute(WHO).await?;
    session.must(&statement).await?;
    let after = session.execute(WHO).await?;
    session.must("rollback").await?;
    let weakness = (before == after)
        .then(|| "the control, a change of claims by SQL, is not detected".to_owned());
    let tried = trial("database", "claims by hand", ATTACKER.name(), &statement);
    Ok(Trial { answer: INHERENT.to_owned(), weakness, ..tried })
}

/// B06.
pub(super) async fn reachable(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let mut trials = Vec::new();
    // Superusers are members of every role, so they are reported once.
    let membership = "select c.rolname::text, 'is a member of ' || r.rolname || case when \
            r.rolsuper then ', a superuser' when r.rolbypassrls then ', which bypasses row level \
            security' when r.rolcreaterole then ', which makes roles' when r.rolname ~ '^pg_' then \
            ', a role of the server''s own' else ', which owns objects' end from \
            pg_catalog.pg_roles c cross join pg_catalog.pg_roles r where c.rolname in ('anon', \
            'authenticated', 'authenticator') and not c.rolsuper and c.oid <> r.oid and \
            pg_catalog.pg_has_role(c.oid, r.oid, 'MEMBER') and not (c.rolname = 'authenticator' \
            and r.rolname = 'service_role') and (r.rolsuper or r.rolbypassrls or r.rolcreaterole \
            or r.rolname ~ '^pg_' or exists (select from pg_catalog.pg_shdepend d where d.refobjid \
            = r.oid and d.deptype = 'o' and d.refclassid = \
            'pg_catalog.pg_authid'::pg_catalog.regclass)) order by 1, 2";
    trials.extend(offenders(sandbox, "membership", membership).await?);
    let attributes = "select rolname::text, 'is ' || pg_catalog.concat_ws(', ', \
            case when rolsuper then 'a superuser' end, \
            case when rolbypassrls then 'not bound by row level security' end, \
            case when rolcreaterole then 'allowed to make roles' end, \
            case when rolcreatedb then 'allowed to make databases' end, \
            case when rolreplication then 'allowed to replicate' end) \
        from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'authenticator') \
            and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication) \
        order by 1";
    trials.extend(offenders(sandbox, "attributes", attributes).await?);
    let ours = ours();
    let owners = format!(
        "select o.name, 'is owned by ' || r.rolname || ', to whom policies do not apply' \
         from ( \
            select c.relname::text as name, c.relowner as owner from pg_catalog.pg_class c \
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace where {ours} \
            union all \
            select p.proname::text, p.proowner from pg_catalog.pg_proc p \
            join pg_catalog.pg_namespace n on n.oid = p.pronamespace where {ours} \
            union all \
            select n.nspname::text, n.nspowner from pg_catalog.pg_namespace n where {ours} \
            union all \
            select d.datname::text, d.datdba from pg_catalog.pg_database d \
            where d.datname = pg_catalog.current_database() \
         ) o join pg_catalog.pg_roles r on r.oid = o.owner \
         where r.rolname in {CLIENTS} or r.rolname = 'authenticator' order by 1"
    );
    trials.extend(offenders(sandbox, "ownership", &owners).await?);
    trials.extend(tried(sandbox).await?);
    Ok(trials)
}

/// Which roles the client roles can set, without authenticator's memberships.
async fn tried(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let session = OpenTransaction::connect(&sandbox.database.login("supabase_admin")).await?;
    let all = session.execute("select rolname from pg_catalog.pg_roles").await?;
    let roles = all.map_err(|error| CannotRun(error.message().to_owned()))?.concat();
    let mut trials = Vec::new();
    for client in ["anon", "authenticated"] {
        let mut became = Vec::new();
        for role in roles.iter().filter(|role| *role != client) {
            session.must(&format!("begin; set local session authorization {client}")).await?;
            let statement = format!("set local role {}", crate::sql::ident(role));
            if session.execute(&statement).await?.is_ok() {
                became.push(role.as_str());
            }
            session.must("rollback").await?;
        }
        let weakness = (!became.is_empty()).then(|| format!("can become {}", became.join(", ")));
        let statement = format!("set session authorization {client}; set role …");
        let answer = format!("{} roles refused", roles.len() - 1);
        trials.push(Trial { answer, weakness, ..trial(client, "set role", client, &statement) });
    }
    Ok(trials)
}
