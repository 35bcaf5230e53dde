//! Inference: what the server stores about rows: samples, estimates, sizes, counters.

use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::sql::{ident, quote};

type Probes = Result<Vec<Probe>, CannotRun>;

fn analyse(table: &Subject<'_>) -> String {
    format!("analyze {}", table.relation.qualified())
}

/// I07: the sampled values of each table, through every view and catalog.
pub(super) fn samples(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.secret_tables(&context.attacker) {
        let [schema, name] = [&table.relation.schema, &table.relation.name].map(|it| quote(it));
        let is_it = format!("schemaname = {schema} and tablename = {name}");
        let stats = format!(
            "select attname, n_distinct, most_common_vals::text, histogram_bounds::text \
             from pg_catalog.pg_stats where {is_it}"
        );
        let raw = format!(
            "select staattnum, stavalues1::text, stavalues2::text from pg_catalog.pg_statistic \
             where starelid = '{}'::regclass",
            table.relation.qualified()
        );
        let others = ["pg_stats_ext", "pg_stats_ext_exprs"];
        let others = others.map(|v| format!("select * from pg_catalog.{v} where {is_it}"));
        let views = [stats].into_iter().chain(others).collect();
        let control = Control::Nobody("no role of the API may read it; pg_stats is its control");
        for (part, script, control) in [
            ("pg_stats and its kin", views, Control::By(Persona::ServiceRole.identity())),
            ("pg_statistic", vec![raw], control),
        ] {
            let mut probe = context.probe(&table, part, script)?;
            probe.control = control;
            probe.setup = extended_setup(&table);
            probe.setup.push(analyse(&table));
            probes.push(probe);
        }
    }
    Ok(probes)
}

/// Statistics on two columns and on an expression, as an operator may have made them.
fn extended_setup(table: &Subject<'_>) -> Vec<String> {
    let name = table.relation.qualified();
    let sortable = ["text", "uuid", "integer", "boolean", "timestamp with time zone"];
    let columns = table.relation.columns.iter();
    let columns = columns.filter(|column| sortable.contains(&column.data_type.as_str()));
    let columns: Vec<String> = columns.take(2).map(|column| ident(&column.name)).collect();
    let [one, other] = columns.as_slice() else { return Vec::new() };
    vec![
        format!("create statistics public.identra_pair (mcv) on {one}, {other} from {name}"),
        format!("create statistics public.identra_text on ({one}::text || '') from {name}"),
    ]
}

/// I09: estimates, counters and sizes.
pub(super) fn estimates(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.owned_tables() {
        let (list, name) = (table.select_list(), table.relation.qualified());
        let guess = context.aim(table.name, VICTIM)?;
        let analyze = "explain (analyze, costs off, timing off, summary off, buffers off)";
        let script = vec![
            format!("select reltuples from pg_class where oid = '{name}'::regclass"),
            format!("select pg_total_relation_size('{name}'::regclass)"),
            format!(
                "select n_live_tup, n_dead_tup from pg_stat_user_tables \
                 where relid = '{name}'::regclass"
            ),
            format!("explain select {list} from {name}"),
            format!("{analyze} select {list} from {name}"),
            format!("explain select {list} from {name} where {guess}"),
            format!("{analyze} select {list} from {name} where {guess}"),
        ];
        let mut probe = context.probe(&table, "", script)?;
        probe.setup = vec![analyse(&table)];
        probe.control = Control::Nobody("an accepted channel needs no control");
        probes.push(probe);
    }
    Ok(probes)
}

/// I10: each sequence, before and after another session calls nextval.
#[expect(clippy::unnecessary_wraps, reason = "it is one of many that can fail")]
pub(super) fn sequences(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    let sequences = context.catalog.relations.iter().filter(|relation| relation.kind == "sequence");
    for sequence in sequences.filter(|sequence| sequence.schema != "auth") {
        let name = sequence.qualified();
        let service = sequence.grants.iter().any(|grant| grant.grantee == "service_role");
        let (schema, bare) = (quote(&sequence.schema), quote(&sequence.name));
        for (part, query) in [
            ("last_value", format!("select last_value from {name}")),
            (
                "pg_sequences",
                format!(
                    "select last_value from pg_catalog.pg_sequences \
                     where schemaname = {schema} and sequencename = {bare}"
                ),
            ),
            ("nextval", format!("select nextval('{name}')")),
            ("setval", format!("select setval('{name}', nextval('{name}') + 1)")),
        ] {
            let control = if service {
                Control::By(Persona::ServiceRole.identity())
            } else {
                Control::Nobody("no role of the API may use the sequence")
            };
            probes.push(Probe {
                object: sequence.name.clone(),
                part: part.to_owned(),
                setup: Vec::new(),
                attacker: context.contract.identity(ATTACKER),
                script: vec![query],
                worlds: vec![("one more", vec![format!("select nextval('{name}')")])],
                control,
            });
        }
    }
    Ok(probes)
}

/// I11: a condition that is true for hidden rows. Its time is not measured.
pub(super) fn timing(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    for table in context.owned_tables() {
        let readable = table.readable();
        let first = readable.first().map(|column| ident(column)).unwrap_or_default();
        let name = table.relation.qualified();
        let query = format!("select count(*) from {name} where {first}::text like '%a%'");
        let mut probe = context.probe(&table, "filtered", vec![query])?;
        probe.control = Control::Nobody("an accepted channel needs no control");
        probes.push(probe);
    }
    Ok(probes)
}
