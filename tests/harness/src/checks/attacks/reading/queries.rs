//! Reading: the forms of a query, each tried on every table and view.

use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Probe};
use crate::error::CannotRun;
use crate::platform::persona::Persona;
use crate::rows::Owner;
use crate::rows::compose::{PLAIN_ROWS, Wanted};
use crate::sql::ident;

type Probes = Result<Vec<Probe>, CannotRun>;
/// Forms of a query: a name, and the statements.
type Routes<const N: usize> = [(&'static str, Vec<String>); N];

/// The parts that queries of a table are composed of.
struct TableStatements {
    table: String,
    /// Its readable columns.
    list: String,
    /// The first of them.
    first: String,
    /// A condition that is true for a row of the victim's that the attacker may not read.
    victims: String,
}

impl TableStatements {
    fn of(
        context: &Context<'_>,
        subject: &Subject<'_>,
        attacker: Persona,
    ) -> Result<Self, CannotRun> {
        Ok(Self {
            table: subject.relation.qualified(),
            list: subject.select_list(),
            first: subject.readable().first().map(|column| ident(column)).unwrap_or_default(),
            victims: context.aim_at_secret(subject, &context.contract.identity(attacker))?,
        })
    }
}

/// One probe for each form on each subject.
fn each<const N: usize>(
    context: &Context<'_>,
    subjects: Vec<Subject<'_>>,
    ways: fn(&TableStatements) -> Routes<N>,
) -> Probes {
    each_by(ATTACKER, context, subjects, ways)
}

/// The same by another attacker.
fn each_by<const N: usize>(
    attacker: Persona,
    context: &Context<'_>,
    subjects: Vec<Subject<'_>>,
    ways: fn(&TableStatements) -> Routes<N>,
) -> Probes {
    let mut probes = Vec::new();
    for subject in subjects {
        for (part, script) in ways(&TableStatements::of(context, &subject, attacker)?) {
            let mut probe =
                context.probe_by(context.contract.identity(attacker), &subject, part, script)?;
            // The control reads the victim's row, so that its answers differ in the world
            // without it.
            probe.worlds.truncate(1);
            probes.push(probe);
        }
    }
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// R01: plain select, also by a persona that owns nothing.
pub(super) fn plain(context: &Context<'_>) -> Probes {
    let mut probes = each(context, relations(context), |w| {
        let TableStatements { table, list, victims, .. } = w;
        [
            ("by key", vec![format!("select {list} from {table} where {victims}")]),
            ("whole table", vec![format!("select {list} from {table}")]),
        ]
    })?;
    let hidden = context.secret_relations(&context.contract.identity(Persona::Guest));
    probes.extend(each_by(Persona::Guest, context, hidden, |w| {
        [("whole table, as a guest", vec![format!("table {}", w.table)])]
    })?);
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// The tables and views with rows that the attacker may not read.
fn relations<'a>(context: &Context<'a>) -> Vec<Subject<'a>> {
    context.secret_relations(&context.attacker)
}

/// The tables of them.
fn tables<'a>(context: &Context<'a>) -> Vec<Subject<'a>> {
    context.secret_tables(&context.attacker)
}

/// R04: expressions in the select list.
pub(super) fn expressions(context: &Context<'_>) -> Probes {
    let mut probes = each(context, relations(context), |w| {
        let TableStatements { table, first: c, victims, .. } = w;
        [
            (
                "aggregates",
                vec![format!(
                    "select count(*), count({c}), min({c}::text), max({c}::text), \
                     string_agg({c}::text, ',' order by {c}::text), bool_or({victims}) from {table}"
                )],
            ),
            (
                "windows",
                vec![format!(
                    "select {c}, count(*) over (), lag({c}::text) over (order by {c}::text) \
                     from {table}"
                )],
            ),
            ("exists", vec![format!("select exists (select from {table} where {victims})")]),
            ("whole row", vec![format!("select r, row_to_json(r), to_jsonb(r) from {table} r")]),
        ]
    })?;
    probes.extend(each(context, tables(context), |w| {
        let TableStatements { table, first: c, .. } = w;
        [
            // The transaction ids change with each run, so only whether they are null is read.
            (
                "system columns",
                vec![format!(
                    "select ctid, tableoid::regclass, xmin is null, cmin is null from {table}"
                )],
            ),
            (
                "by place",
                vec![format!(
                    "select {c} from {table} where ctid = any (array(\
                     select format('(0,%s)', n)::tid from generate_series(1, 60) n))"
                )],
            ),
        ]
    })?);
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// R05: combinations of tables.
pub(super) fn combinations(context: &Context<'_>) -> Probes {
    let mut probes = each(context, relations(context), |w| {
        let TableStatements { table, list, first: c, victims } = w;
        let one = "(values (1)) one (identra_n)";
        let joins = [
            format!("select a.{c}, b.{c} from {table} a cross join {table} b"),
            format!("select {c} from {one} left join {table} r on {victims}"),
            format!(
                "select v.* from {one}, \
                 lateral (select {list} from {table} where identra_n = 1) v"
            ),
            format!(
                "select (select count(*) from {table} where {victims} and identra_n = 1) \
                 from {one}"
            ),
        ];
        let queries = [
            format!(
                "with v as materialized (select {list} from {table}) \
                 select * from v where {victims}"
            ),
            format!("with v as not materialized (select {list} from {table}) table v"),
            format!(
                "select {c}::text from {table} union all \
                 (select {c}::text from {table} except all select '')"
            ),
        ];
        [("joins and sub-selects", joins.to_vec()), ("cte and union", queries.to_vec())]
    })?;
    probes.extend(each(context, tables(context), |w| {
        let TableStatements { table, list, .. } = w;
        [("sample", vec![format!("select {list} from {table} tablesample system (100)")])]
    })?);
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// R06: row locks need other privileges and policies than select; cursors are read later.
pub(super) fn locks_and_cursors(context: &Context<'_>) -> Probes {
    let mut probes = each(context, relations(context), |w| {
        let TableStatements { table, list, .. } = w;
        let declare = format!("declare identra_c scroll cursor for select {list} from {table}");
        let last = "fetch last from identra_c".to_owned();
        [("cursor", vec![declare, last, "fetch backward all from identra_c".to_owned()])]
    })?;
    probes.extend(each(context, tables(context), |w| {
        let TableStatements { table, list, victims, .. } = w;
        let lock = |strength| vec![format!("select {list} from {table} for {strength}")];
        let declare = format!("declare identra_c cursor for select from {table} where {victims}");
        let fetch = "fetch next from identra_c".to_owned();
        [
            ("for update", lock("update skip locked")),
            ("for no key update", lock("no key update")),
            ("for share", lock("share nowait")),
            ("for key share", lock("key share")),
            (
                "current of",
                vec![declare, fetch, format!("delete from {table} where current of identra_c")],
            ),
        ]
    })?);
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// R07: COPY in its three forms.
pub(super) fn copies(context: &Context<'_>) -> Probes {
    let mut probes = each(context, relations(context), |w| {
        let TableStatements { table, list, .. } = w;
        [("query", vec![format!("copy (select {list} from {table}) to stdout")])]
    })?;
    for subject in tables(context) {
        let relation = subject.relation;
        // COPY takes no generated columns.
        let is_stored = |name: &&str| {
            relation.column(name).is_some_and(|it| it.made.as_deref() != Some("generated"))
        };
        let list = subject.readable().into_iter().filter(is_stored).map(ident);
        let list = list.collect::<Vec<_>>().join(", ");
        let copy = vec![format!("copy {} ({list}) to stdout", relation.qualified())];
        probes.push(context.probe(&subject, "table", copy)?);
    }
    for subject in context.owned_tables() {
        probes.push(copy_in(context, &subject)?);
    }
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// A row in the victim's name.
fn copy_in(context: &Context<'_>, subject: &Subject<'_>) -> Result<Probe, CannotRun> {
    let mut draft = context.draft(subject.name, VICTIM)?;
    // A row may say nothing but its key.
    if draft.values.is_empty() {
        let wanted = Wanted::plain(Owner::User(VICTIM), PLAIN_ROWS);
        context.factory().name_the_key(&mut draft, subject.relation, wanted)?;
    }
    let columns: Vec<String> = draft.values.keys().map(|column| ident(column)).collect();
    // COPY needs values, so an expression is replaced by the value of the victim's row.
    let row = context.row(subject.name, VICTIM);
    let bare = |(column, literal): (&String, &String)| {
        let is_plain = !literal.contains(['(', ' ', '[']) || literal.starts_with('\'');
        let plain = Some(literal.as_str()).filter(|_| is_plain);
        let plain = plain.or_else(|| row?.literal(column)).unwrap_or("null");
        let untyped = plain.rsplit_once("'::").map_or(plain, |(text, _)| text);
        let text = untyped.trim().trim_start_matches('E').trim_matches('\'').replace("''", "'");
        if plain == "null" { "\\N".to_owned() } else { text }
    };
    let values: Vec<String> = draft.values.iter().map(bare).collect();
    let (table, columns) = (subject.relation.qualified(), columns.join(", "));
    let copy = format!("copy {table} ({columns}) from stdin\n{}\n\\.", values.join("\t"));
    let mut probe = context.probe(subject, "from a client", vec![copy])?;
    probe.setup = draft.setup;
    // The only answer is a refusal, each time on a new connection.
    probe.worlds.clear();
    Ok(probe)
}

/// R08: must raise an error or return nothing, never more rows.
pub(super) fn row_security_off(context: &Context<'_>) -> Probes {
    each(context, relations(context), |w| {
        let TableStatements { table, list, .. } = w;
        let select = format!("select {list} from {table}");
        let function = format!(
            "create function pg_temp.identra_all() returns bigint language sql \
             set row_security = off as 'select count(*) from {table}'"
        );
        [
            ("set", vec!["set local row_security = off".to_owned(), select]),
            ("function", vec![function, "select pg_temp.identra_all()".to_owned()]),
        ]
    })
}
