//! Writing: rows with another user as owner, or with references to another user's rows.

use super::statements::{TableStatements, owned, service_instead};
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract;
use crate::contract::shape::Sharing;
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows::Owner;
use crate::sql::{ident, quote};

/// W01: a new row with the victim as owner, without an owner, or by a client that has not
/// signed in.
pub(super) fn inserts(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let theirs = words.insertion("the victim's", words.draft(Owner::User(VICTIM))?)?;
        for persona in [Persona::AnonKey, Persona::NoToken] {
            let part = format!("the victim's, as {}", persona.name());
            probes.push(words.by(persona, Probe { part, ..theirs.clone() })?);
        }
        probes.push(theirs);
        if words.subject.declared.shape.nobodys {
            let nobodys = words.insertion("nobody's", words.draft(Owner::Nobody)?)?;
            let part = "nobody's, as anon_key".to_owned();
            probes.push(words.by(Persona::AnonKey, Probe { part, ..nobodys.clone() })?);
            probes.push(nobodys);
        }
    }
    Ok(probes)
}

/// W04: rows with a column for the owner.
pub(super) fn owners(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let Some(column) = words.owner_column() else {
            probes.extend(examples(&words)?);
            continue;
        };
        let set = |owner: Option<&str>| {
            let owner = owner.unwrap_or("null");
            format!("update {} r set {} = {owner}", words.table(), ident(column))
        };
        let (own, theirs) = (words.key(ATTACKER)?, words.key(VICTIM)?);
        let give = set(words.owner_value(VICTIM));
        let take = set(words.owner_value(ATTACKER));
        probes.push(words.probe("give away", format!("{give} where {own}"))?);
        probes.push(words.probe("take over", format!("{take} where {theirs}"))?);
        if !words.is_one_per_user() {
            for (part, statement) in
                [("give all away, blind", give), ("take all over, blind", take)]
            {
                let setup = words.nothing_shared();
                probes.push(Probe { setup, ..words.probe(part, statement)? });
            }
        }
        if words.subject.declared.shape.nobodys {
            probes.push(words.probe("abandon", format!("{} where {own}", set(None)))?);
        }
    }
    Ok(probes)
}

/// The same for rows whose owner is in a part of a column.
fn examples(words: &TableStatements<'_>) -> Result<Vec<Probe>, CannotRun> {
    let columns: Vec<&str> = words.subject.declared.owner_examples().map(|(it, _)| it).collect();
    if columns.is_empty() || !matches!(words.subject.declared.owner, contract::Owner::Expression(_))
    {
        return Ok(Vec::new());
    }
    let update = |owner: Owner| {
        let draft = words.draft(owner)?;
        let set = columns.iter().map(|it| format!("{} = {}", ident(it), draft.values[*it]));
        let set: Vec<String> = set.collect();
        Ok(format!("update {} r set {}", words.table(), set.join(", ")))
    };
    let (own, theirs) = (words.key(ATTACKER)?, words.key(VICTIM)?);
    let (give, take) = (update(Owner::User(VICTIM))?, update(Owner::User(ATTACKER))?);
    Ok(vec![
        words.probe("give away", format!("{give} where {own}"))?,
        words.probe("take over", format!("{take} where {theirs}"))?,
        words.probe("abandon", format!("{} where {own}", update(Owner::Nobody)?))?,
    ])
}

/// W05: rows that are owned through their parents.
pub(super) fn parents(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let (own, theirs) = (words.key(ATTACKER)?, words.key(VICTIM)?);
        let mut planted = words.draft(Owner::User(ATTACKER))?;
        let mut worlds = Vec::new();
        for (nth, (column, parent)) in words.paths().iter().enumerate() {
            let mine = key_of(&words, parent, ATTACKER, 0)?;
            let others = key_of(&words, parent, VICTIM, 0)?;
            // The two ends of a link must be different rows.
            planted.values.insert(column.clone(), key_of(&words, parent, VICTIM, nth)?);
            let update = format!("update {} set {} =", words.table(), ident(column));
            worlds = worlds_of(context, parent)?;
            let mut ways = vec![
                ("move to", format!("{update} {others} where {own}")),
                ("take from", format!("{update} {mine} where {theirs}")),
            ];
            if words.is_membership() {
                let part = format!("move the only one to {parent} by {column}, blind");
                let probe = words.probe(&part, format!("{update} {others}"))?;
                let alone = context.belongs_to(&words.subject, ATTACKER);
                let leave =
                    format!("delete from {} r where {alone} and not ({own})", words.table());
                let setup = words.nothing_shared().into_iter().chain([leave]).collect();
                let control = service_instead(vec![format!("{update} {others} where {own}")]);
                probes.push(Probe { setup, control, worlds: worlds.clone(), ..probe });
            } else {
                ways.push(("move all to, blind", format!("{update} {others}")));
            }
            // A shared row, moved to a parent of the attacker alone.
            if words.subject.declared.shape.sharing == Sharing::Through {
                let shared = context.author(words.subject.name).aim_at(Owner::Shared, None)?;
                ways.push(("keep for oneself from", format!("{update} {mine} where {shared}")));
            }
            for (part, statement) in ways {
                let part = format!("{part} {parent} by {column}");
                let worlds = worlds.clone();
                probes.push(Probe { worlds, ..words.probe(&part, statement)? });
            }
        }
        if let (true, Some(column)) = (words.is_membership(), words.owner_column()) {
            let mut joining = planted.clone();
            let id = quote(ATTACKER.user_id().unwrap_or_default());
            joining.values.insert(column.to_owned(), id);
            let worlds = worlds.clone();
            probes.push(Probe { worlds, ..words.insertion("join", joining)? });
        }
        if !words.paths().is_empty() {
            probes.push(Probe { worlds, ..words.insertion("plant", planted)? });
        }
    }
    Ok(probes)
}

/// W12: the attacker's own row with a reference to the victim's.
pub(super) fn links(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for subject in context.tables() {
        let words = TableStatements { context, subject };
        references(&words, &mut probes)?;
        arrays(&words, &mut probes)?;
    }
    Ok(probes)
}

/// Foreign keys to rows of users, except those that determine the owner; of a link, one end.
fn references(words: &TableStatements<'_>, probes: &mut Vec<Probe>) -> Result<(), CannotRun> {
    for key in words.subject.relation.constraints.iter().filter(|key| key.kind == "f") {
        let ([column], [referenced]) = (key.columns.as_slice(), key.target_columns.as_slice())
        else {
            continue;
        };
        let decides = words.owner_column() == Some(column)
            || matches!(words.paths(), [(path, _)] if path == column);
        let target = key.target.as_deref().and_then(|target| target.strip_prefix("public."));
        let target = target.and_then(|target| owned_table(words.context, target));
        let (false, Some(target)) = (decides, target) else { continue };
        let differing = words.context.worlds(&target, &words.context.attacker)?;
        let secrets = words.context.secret_rows(&target, &words.context.attacker);
        if let Some(theirs) = secrets.last() {
            let theirs = theirs.literal(referenced).unwrap_or("null");
            point(words, column, theirs, target.name, &mut |probe| {
                probes.push(Probe { worlds: differing.clone(), ..probe });
            })?;
        }
        // To name a public row reveals nothing; what follows from it is judged.
        if words.context.may_read(&words.context.attacker, &target, None) {
            let theirs = words.row(target.name, VICTIM)?.literal(referenced).unwrap_or("null");
            let control = Control::Nobody("users may read the row that it names");
            point(words, column, theirs, &format!("public {}", target.name), &mut |probe| {
                let control = control.clone();
                probes.push(Probe { worlds: differing.clone(), control, ..probe });
            })?;
        }
    }
    Ok(())
}

/// Arrays of ids. The catalog does not tell which table an id belongs to, so all are tried; a
/// hidden id and one that does not exist must get the same answer.
fn arrays(words: &TableStatements<'_>, probes: &mut Vec<Probe>) -> Result<(), CannotRun> {
    let columns = words.subject.relation.columns.iter();
    let columns = columns.filter(|column| !words.is_on_path(&column.name));
    for column in columns.filter(|column| column.data_type == "uuid[]") {
        for target in words.context.secret_tables(&words.context.attacker) {
            let key = target.relation.primary_key().first();
            let secrets = words.context.secret_rows(&target, &words.context.attacker);
            let theirs = key.zip(secrets.last()).and_then(|(key, row)| row.literal(key));
            let Some(theirs) = theirs else { continue };
            let value = |id: &str| format!("array[{id}]::pg_catalog.uuid[]");
            let differing = words.context.worlds(&target, &words.context.attacker)?;
            let owned = words.subject.declared.shape.owned;
            // The control is the victim with an empty array if clients may write it, else the
            // service role.
            let mut harmless =
                words.draft(if owned { Owner::User(VICTIM) } else { Owner::Nobody })?;
            harmless.values.insert(column.name.clone(), "'{}'".to_owned());
            let who = if owned && words.may("insert", &column.name) {
                VICTIM
            } else {
                Persona::ServiceRole
            };
            let control = Control::Instead(
                words.context.contract.identity(who),
                vec![harmless.insert(words.subject.relation)],
            );
            point(words, &column.name, &value(theirs), target.name, &mut |probe| {
                let control = control.clone();
                probes.push(Probe { worlds: differing.clone(), control, ..probe });
            })?;
        }
    }
    Ok(())
}

/// Sets a column to the victim's id in a new row of the attacker and in an existing one.
fn point(
    words: &TableStatements<'_>,
    column: &str,
    value: &str,
    target: &str,
    add: &mut dyn FnMut(Probe),
) -> Result<(), CannotRun> {
    let part = |how: &str| format!("{how} {column} to {target}");
    let owned = words.subject.declared.shape.owned;
    let mut draft = words.draft(if owned { Owner::User(ATTACKER) } else { Owner::Nobody })?;
    draft.values.insert(column.to_owned(), value.to_owned());
    add(words.insertion(&part("insert"), draft)?);
    let condition = if owned { words.key(ATTACKER)? } else { "true".to_owned() };
    let update =
        format!("update {} set {} = {value} where {condition}", words.table(), ident(column));
    let mut probe = words.probe(&part("update"), update)?;
    if !words.may("update", column) {
        let theirs = if owned { words.key(VICTIM)? } else { "true".to_owned() };
        let set = words.assignment()?;
        probe.control =
            service_instead(vec![format!("update {} set {set} where {theirs}", words.table())]);
    }
    add(probe);
    Ok(())
}

/// The key of that user's last row in a table, or of the `nth` before it.
fn key_of(
    words: &TableStatements<'_>,
    table: &str,
    persona: Persona,
    nth: usize,
) -> Result<String, CannotRun> {
    let relation = words.context.catalog.relation(table);
    let key = relation.and_then(|relation| relation.primary_key().first());
    let rows = words.context.world.rows(table, Owner::User(persona), None);
    let row = rows.iter().rev().nth(nth).or(rows.last());
    let literal = key.zip(row).and_then(|(key, row)| row.literal(key));
    literal.map(str::to_owned).ok_or_else(|| {
        CannotRun(format!("the world has no row of {table} of {} with a key", persona.name()))
    })
}

fn owned_table<'a>(context: &Context<'a>, name: &str) -> Option<Subject<'a>> {
    context.owned_tables().into_iter().find(|table| table.name == name)
}

fn worlds_of(
    context: &Context<'_>,
    table: &str,
) -> Result<Vec<(&'static str, Vec<String>)>, CannotRun> {
    owned_table(context, table)
        .map_or(Ok(Vec::new()), |table| context.worlds(&table, &context.attacker))
}
