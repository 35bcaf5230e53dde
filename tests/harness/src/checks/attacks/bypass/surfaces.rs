//! Bypass: relations without policies of their own: views, rules, INSTEAD OF triggers, foreign
//! tables, and the auth server's tables.

use super::statements::trial;
use crate::catalog::{Column, Relation};
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe, Trial, judge};
use crate::checks::attacks::writing::statements::{TableStatements, owned, service_instead};
use crate::checks::isolation::Sandbox;
use crate::contract::grid::{Command, Whose};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::platform::{CLIENTS, SCHEMAS};
use crate::rows::Owner;
use crate::sql::{ident, quote};

/// The bits of `pg_relation_is_updatable`.
const UPDATE: u32 = 4;
const INSERT: u32 = 8;
const DELETE: u32 = 16;

/// The attackers, with and without an account.
const ATTACKERS: [Persona; 2] = [ATTACKER, Persona::AnonKey];

/// B01.
pub(super) fn views(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for view in context.catalog.relations.iter().filter(|relation| is_view(relation)) {
        let declared = context.contract.relation(&view.name);
        let of_users = declared.is_some_and(|declared| declared.shape.owned);
        for attacker in ATTACKERS {
            let others = [Whose::Anothers(None), Whose::Any];
            let is_public = declared.is_some_and(|declared| {
                others.iter().any(|it| declared.grid.permits(attacker, it, Command::Select))
            });
            let statements = through(context, view, attacker)?.into_iter();
            for (part, statement) in statements.filter(|(part, _)| *part != "read" || !is_public) {
                let control = match part {
                    "read" if of_users => Control::By(Persona::ServiceRole.identity()),
                    "read" | "refresh" => Control::Understood,
                    _ if view.writable & DELETE > 0 && of_users => {
                        service_instead(vec![format!("delete from {}", view.qualified())])
                    }
                    _ => Control::Understood,
                };
                probes.push(on(context, view, part, attacker, statement, control)?);
            }
        }
    }
    Ok(probes)
}

fn is_view(relation: &Relation) -> bool {
    relation.kind.ends_with("view") && !SCHEMAS.contains(&relation.schema.as_str())
}

/// A probe in the worlds where all the victim's rows differ. The control, the service role, is
/// granted all privileges, so that its answers do not depend on them.
fn on(
    context: &Context<'_>,
    relation: &Relation,
    part: &str,
    attacker: Persona,
    statement: String,
    control: Control,
) -> Result<Probe, CannotRun> {
    let name = relation.qualified();
    let mut setup = vec![format!("grant all on {name} to service_role")];
    if relation.kind == "materialized view" {
        setup.push(format!("refresh materialized view {name}"));
    }
    Ok(Probe {
        object: relation.declared_name(),
        part: format!("{part}, as {}", attacker.name()),
        setup,
        attacker: context.contract.identity(attacker),
        script: vec![statement],
        worlds: context.worlds_of_all(&context.contract.identity(attacker))?,
        control,
    })
}

/// Reads and writes through a view, with the victim's id for each id.
fn through(
    context: &Context<'_>,
    view: &Relation,
    attacker: Persona,
) -> Result<Vec<(&'static str, String)>, CannotRun> {
    let name = view.qualified();
    let granted = |c: &&Column| view.grants(attacker.role(), "select", &c.name);
    let mut columns: Vec<String> =
        view.columns.iter().filter(granted).map(|column| ident(&column.name)).collect();
    if columns.is_empty() {
        columns.push("*".to_owned());
    }
    let mut statements = vec![("read", format!("select {} from {name}", columns.join(", ")))];
    if view.kind == "materialized view" {
        statements.push(("refresh", format!("refresh materialized view {name}")));
    }
    let value = |column: &Column| {
        if column.data_type == "uuid" {
            return Ok(quote(VICTIM.user_id().unwrap_or_default()));
        }
        context.factory().value(view, &column.name, "through a view")
    };
    let writable = || view.columns.iter().filter(|column| column.writable);
    if view.writable & UPDATE > 0 {
        for column in writable() {
            let (set, value) = (ident(&column.name), value(column)?);
            statements.push(("update", format!("update {name} set {set} = {value}")));
        }
    }
    if view.writable & DELETE > 0 {
        statements.push(("delete", format!("delete from {name}")));
    }
    if view.writable & INSERT > 0 {
        let names: Vec<String> = writable().map(|column| ident(&column.name)).collect();
        let values: Vec<String> = writable().map(value).collect::<Result<_, _>>()?;
        let (names, values) = (names.join(", "), values.join(", "));
        statements.push(("insert", format!("insert into {name} ({names}) values ({values})")));
    }
    Ok(statements)
}

/// B05.
pub(super) async fn rewritten(sandbox: &Sandbox) -> Result<Vec<Trial>, CannotRun> {
    let context = Context::of(sandbox).map_err(CannotRun)?;
    let mut trials = Vec::new();
    let relations = &context.catalog.relations;
    for relation in relations.iter().filter(|r| !SCHEMAS.contains(&r.schema.as_str())) {
        if relation.kind == "foreign table" {
            trials.push(foreign(relation));
        }
        let instead = relation.triggers.iter().any(|t| t.definition.contains(" INSTEAD OF "));
        if relation.rules.is_empty() && !instead {
            continue;
        }
        let words = owned(&context).find(|words| words.subject.name == relation.declared_name());
        let probes = match words {
            Some(words) if relation.is_table() => with_rules(&words)?,
            _ => {
                let mut probes = Vec::new();
                for attacker in ATTACKERS {
                    for (part, statement) in through(&context, relation, attacker)? {
                        let control = Control::Understood;
                        probes.push(on(&context, relation, part, attacker, statement, control)?);
                    }
                }
                probes
            }
        };
        for probe in probes {
            trials.push(judge::judge(&context, "B05", &probe).await?);
        }
    }
    Ok(trials)
}

/// A foreign table is judged by the catalog: a query would reach another server.
fn foreign(table: &Relation) -> Trial {
    let mut grants = table.grants.iter().chain(table.columns.iter().flat_map(|c| &c.grants));
    let weakness = grants.find(|grant| CLIENTS.contains(&&*grant.grantee)).map(|grant| {
        let (who, what) = (&grant.grantee, &grant.privilege);
        format!("{who} may {what} a foreign table, to which no policy applies")
    });
    Trial { weakness, ..trial(&table.declared_name(), "foreign table", "catalog", "") }
}

/// Permitted statements on the attacker's own rows, in a table with rules.
fn with_rules(words: &TableStatements<'_>) -> Result<Vec<Probe>, CannotRun> {
    let (table, own, theirs) = (words.table(), words.key(ATTACKER)?, words.key(VICTIM)?);
    let set = words.assignment()?;
    let control = service_instead(vec![format!("delete from {table} where {theirs}")]);
    let mut probes = vec![
        words.insertion("insert", words.draft(Owner::User(ATTACKER))?)?,
        words.probe("update", format!("update {table} set {set} where {own}"))?,
        words.probe("delete", format!("delete from {table} where {own}"))?,
        words.probe("update, blind", format!("update {table} set {set}"))?,
        words.probe("delete, blind", format!("delete from {table}"))?,
    ];
    for probe in &mut probes {
        probe.control = control.clone();
    }
    Ok(probes)
}

/// B09.
pub(super) fn auth_tables(context: &Context<'_>) -> Vec<Probe> {
    let id = quote(VICTIM.user_id().unwrap_or_default());
    let mut probes = Vec::new();
    for table in
        context.catalog.relations.iter().filter(|r| r.schema == "auth" && r.kind == "table")
    {
        let name = table.qualified();
        let (Some(key), true) = (table.primary_key().first(), table.name == "users") else {
            probes.extend(unowned(context, table));
            continue;
        };
        let key = ident(key);
        let texts = table.columns.iter().filter(|c| c.data_type.starts_with("character varying"));
        let others: Vec<String> =
            texts.map(|c| format!("{} = 'another'", ident(&c.name))).collect();
        let worlds = vec![
            ("absent", context.without_the_victim()),
            ("other", vec![format!("update {name} set {} where {key} = {id}", others.join(", "))]),
        ];
        for attacker in [ATTACKER, Persona::AnonKey, Persona::NoToken] {
            for (part, statement) in [
                ("read", format!("select * from {name}")),
                ("count", format!("select pg_catalog.count(*) from {name}")),
                ("read by key", format!("select {key} from {name} where {key} = {id}")),
                ("update", format!("update {name} set {key} = {key} where {key} = {id}")),
                ("update, blind", format!("update {name} set {}", others.join(", "))),
                ("delete", format!("delete from {name} where {key} = {id}")),
                ("delete, blind", format!("delete from {name}")),
            ] {
                probes.push(Probe {
                    object: format!("auth.{}", table.name),
                    part: format!("{part}, as {}", attacker.name()),
                    setup: vec![
                        "grant usage on schema auth to service_role".to_owned(),
                        format!("grant all on {name} to service_role"),
                    ],
                    attacker: context.contract.identity(attacker),
                    script: vec![statement],
                    worlds: worlds.clone(),
                    control: service_instead(vec![format!(
                        "select * from {name} where {key} = {id}"
                    )]),
                });
            }
        }
    }
    probes
}

/// Probes of a table of the auth server without a known owner: the victim's account exists or
/// not.
fn unowned(context: &Context<'_>, table: &Relation) -> Vec<Probe> {
    let absent = context.without_the_victim();
    let probe = |attacker: Persona, (part, statement): (&str, &str)| Probe {
        object: format!("auth.{}", table.name),
        part: format!("{part}, as {}", attacker.name()),
        setup: Vec::new(),
        attacker: context.contract.identity(attacker),
        script: vec![format!("{statement} {}", table.qualified())],
        worlds: vec![("absent", absent.clone())],
        control: Control::Understood,
    };
    let statements = [("read", "select * from"), ("delete", "delete from")];
    let tried =
        ATTACKERS.iter().flat_map(|attacker| statements.map(|statement| (*attacker, statement)));
    tried.map(|(attacker, statement)| probe(attacker, statement)).collect()
}
