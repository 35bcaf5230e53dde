//! Inference: what constraints reveal about another user's rows.

use super::collisions;
use crate::catalog::Constraint;
use crate::checks::attacks::runner::context::{ATTACKER, Subject};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract::grid::Command;
use crate::error::CannotRun;
use crate::rows::holders::removal;
use crate::sql::{ident, quote};

type Probes = Result<Vec<Probe>, CannotRun>;

/// The foreign keys of a table with one column each, and the referenced table with owners.
fn references<'a>(
    context: &Context<'a>,
    table: &Subject<'a>,
) -> Vec<(&'a Constraint, Subject<'a>)> {
    let owned = context.owned_tables();
    let foreign = table.relation.constraints.iter();
    let foreign = foreign.filter(|c| c.kind == "f" && c.columns.len() == 1);
    let parent = |constraint: &'a Constraint| {
        let target = constraint.target.as_deref()?;
        let target = target.strip_prefix("public.").unwrap_or(target);
        owned.iter().find(|owned| owned.name == target).map(|parent| (constraint, *parent))
    };
    foreign.filter_map(parent).collect()
}

/// I02: the attacker's row references the victim's row, which exists or not.
pub(super) fn hidden_parents(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.owned_tables() {
        let name = table.relation.qualified();
        let own = context.aim(table.name, ATTACKER)?;
        for (constraint, parent) in references(context, &table) {
            let column = &constraint.columns[0];
            let secrets = context.secret_rows(&parent, &context.attacker);
            let key = secrets.first().and_then(|row| row.literal(&constraint.target_columns[0]));
            let Some(key) = key else { continue };
            let mut draft = context.draft(table.name, ATTACKER)?;
            draft.values.retain(|given, _| {
                let required = table.relation.column(given).is_some_and(|c| c.not_null);
                required || table.declared.client_may("insert", given)
            });
            draft.values.insert(column.clone(), key.to_owned());
            let insert = draft.insert(table.relation);
            let update = format!("update {name} set {} = {key} where {own}", ident(column));
            for (way, statement) in [("insert", insert), ("update", update)] {
                let part = format!("{column}, {way}");
                let mut probe = context.probe(&table, &part, vec![statement])?;
                probe.worlds = context.worlds(&parent, &context.attacker)?;
                if way == "insert" {
                    probe.setup.clone_from(&draft.setup);
                }
                probes.push(probe);
            }
        }
        probes.extend(arrays(context, &table)?);
    }
    Ok(probes)
}

/// Ids in an array, which has no foreign key.
fn arrays(context: &Context<'_>, table: &Subject<'_>) -> Probes {
    let mut probes = Vec::new();
    let columns = table.relation.columns.iter().filter(|column| column.data_type == "uuid[]");
    for column in columns.filter(|column| table.declared.client_may("insert", &column.name)) {
        for parent in context.owned_tables() {
            let [key] = parent.relation.primary_key() else { continue };
            let secrets = context.secret_rows(&parent, &context.attacker);
            let Some(key) = secrets.first().and_then(|row| row.literal(key)) else { continue };
            let mut draft = context.draft(table.name, ATTACKER)?;
            draft.values.retain(|given, _| table.declared.client_may("insert", given));
            draft.values.insert(column.name.clone(), format!("array[{key}]::uuid[]"));
            let part = format!("{} of {}", column.name, parent.name);
            let mut probe = context.probe(table, &part, vec![draft.insert(table.relation)])?;
            probe.setup.clone_from(&draft.setup);
            probe.worlds = context.worlds(&parent, &context.attacker)?;
            probe.control = Control::Nobody(
                "an array references nothing, so that no role gets \
                another answer",
            );
            probes.push(probe);
        }
    }
    Ok(probes)
}

/// I08: errors of broken constraints.
pub(super) fn failures(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.secret_tables(&context.attacker) {
        probes.extend(collisions::moves(context, &table)?);
        probes.extend(broken_checks(context, &table)?);
    }
    for table in context.owned_tables() {
        probes.extend(open_parents(context, &table)?);
    }
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// Updates without WHERE that break NOT NULL or a check: the error quotes the first row.
fn broken_checks(context: &Context<'_>, table: &Subject<'_>) -> Probes {
    let name = table.relation.qualified();
    let mut probes = Vec::new();
    let may = |column: &str| {
        let guard = table.declared.guard(column, Command::Update);
        guard.is_none() && table.declared.client_may("update", column)
    };
    for column in table.relation.columns.iter().filter(|c| c.not_null && may(&c.name)) {
        let script = vec![format!("update {name} set {} = null", ident(&column.name))];
        probes.push(context.probe(table, &format!("{} null", column.name), script)?);
    }
    for check in table.relation.constraints.iter().filter(|c| c.kind == "c") {
        let [column] = check.columns.as_slice() else { continue };
        let data_type = table.relation.column(column).map(|c| c.data_type.as_str());
        let value = match data_type.unwrap_or_default() {
            "text" | "character varying" => quote(&"identra ".repeat(2_000)),
            "smallint" | "integer" | "bigint" | "real" | "double precision" | "numeric" => {
                "-32000".to_owned()
            }
            _ => continue,
        };
        if may(column) {
            let script = vec![format!("update {name} set {} = {value}", ident(column))];
            probes.push(context.probe(table, &check.name, script)?);
        }
    }
    Ok(probes)
}

/// Deletes the attacker's row, which the victim's row references or not.
fn open_parents(context: &Context<'_>, parent: &Subject<'_>) -> Probes {
    let mut probes = Vec::new();
    for child in context.secret_tables(&context.attacker) {
        for (constraint, target) in references(context, &child) {
            let holds = !["ON DELETE CASCADE", "ON DELETE SET"]
                .iter()
                .any(|action| constraint.definition.contains(action));
            let row = context.row(parent.name, ATTACKER);
            let key = row.and_then(|row| row.literal(&constraint.target_columns[0]));
            let Some(key) = key.filter(|_| holds && target.name == parent.name) else { continue };
            let (name, own) = (parent.relation.qualified(), context.aim(parent.name, ATTACKER)?);
            let script = vec![format!("delete from {name} where {own}")];
            let mut probe = context.probe(parent, &constraint.name, script)?;
            let victims = context.aim_at_secret(&child, &context.attacker)?;
            let column = ident(&constraint.columns[0]);
            let table = child.relation.qualified();
            let mut point = vec![format!("update {table} set {column} = {key} where {victims}")];
            if child.relation.is_unique(&[&constraint.columns[0]]) {
                let here = format!("r.{column} = {key}");
                let mut room = removal(context.catalog, child.relation, &victims);
                room.extend(removal(context.catalog, child.relation, &here));
                room.push(format!("delete from {table} r where {here}"));
                point.splice(0..0, room);
            }
            probe.worlds = vec![("pointing here", point)];
            probes.push(probe);
        }
    }
    Ok(probes)
}
