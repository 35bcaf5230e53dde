//! The rules of Supabase's database linter, each under its number: queries written from the
//! linter's documentation, and the contract's exceptions.

mod exposure;
mod functions;
mod keys;
mod platform;
mod policies;
mod rule;

use std::collections::BTreeMap;

use self::rule::{Detection, Lint, NOTHING};
use crate::contract::LintException;
use crate::database::Client;
use crate::error::{CannotRun, describe};
use crate::findings::ledger::{Entry, Finding, in_regime};
use crate::findings::rules::{Rule, UNNEEDED};
use crate::inputs::Inputs;
use crate::platform::Regime;
use crate::source::mistake::{Mistakes, Wrong};

/// All rules with a number of their own, by number. Several proposals share number 0030, so
/// that numbers from there on are not final.
fn all() -> Vec<&'static Lint> {
    let topics: [&'static [Lint]; 5] =
        [keys::LINTS, policies::LINTS, exposure::LINTS, functions::LINTS, platform::LINTS];
    let mut all: Vec<&Lint> = topics.into_iter().flatten().collect();
    all.sort_by_key(|lint| lint.rule.id);
    all
}

/// The numbers and names of all rules.
pub fn names() -> Vec<&'static str> {
    all().into_iter().map(Lint::name).collect()
}

/// Checks that every rule in the contract's exceptions exists.
///
/// # Errors
/// The unknown rule, with file and line.
pub fn are_known(inputs: &Inputs) -> Result<(), CannotRun> {
    let names = names();
    let mut mistakes = Mistakes::default();
    for (at, exception) in inputs.contract.database.lint_exceptions.iter().enumerate() {
        let rule = exception.rule.as_str();
        if !names.contains(&rule) {
            let file = &inputs.contract.sources["database.toml"];
            let at = file.value(&["lint_exceptions", &at.to_string(), "rule"]);
            mistakes.add(file.mistake(at, Wrong::unknown("rule", rule, names.iter().copied())));
        }
    }
    mistakes.told()
}

/// All rules, with the reason for those that are not checked here.
pub fn rules() -> Vec<(&'static Rule, Option<&'static str>)> {
    let rule = |lint: &'static Lint| match lint.looks {
        Detection::At(_) => (&lint.rule, None),
        Detection::Nowhere(why) => (&lint.rule, Some(why)),
    };
    all().into_iter().map(rule).collect()
}

/// The ids of the checks.
pub fn ids() -> impl Iterator<Item = String> {
    all().into_iter().map(Lint::check)
}

/// An object that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offender {
    /// The object, as findings name it.
    pub object: String,
    /// How it breaks the rule.
    pub detail: String,
}

/// Offenders by the rule's name.
pub type Offenders = BTreeMap<String, Vec<Offender>>;

/// The offenders of all rules in the database of `admin`, in one query.
///
/// # Errors
/// The server's answer.
pub async fn offenders(admin: &Client) -> Result<Offenders, CannotRun> {
    let query = |lint: &Lint| match lint.looks {
        Detection::At(query) => {
            let name = lint.name();
            Some(format!("select '{name}', o.object, o.detail from ({query}) o (object, detail)"))
        }
        Detection::Nowhere(_) => None,
    };
    let queries: Vec<String> = all().into_iter().filter_map(query).collect();
    let query = format!("{SHARED}{} order by 1, 2, 3", queries.join(" union all "));
    let rows = admin.query(&query, &[]).await;
    let rows = rows.map_err(|error| {
        CannotRun(format!("could not query the linter's rules: {}", describe(&error)))
    })?;
    let mut offenders = Offenders::new();
    for row in rows {
        let offender = Offender { object: row.get(1), detail: row.get(2) };
        offenders.entry(row.get(0)).or_default().push(offender);
    }
    Ok(offenders)
}

/// The entries of all checks, from the offenders in each regime and the contract's exceptions.
pub fn entries(seen: &[(Regime, Offenders)], exceptions: &[LintException]) -> Vec<Entry> {
    let entries_of = |lint: &'static Lint| {
        let mut unneeded = unneeded(lint, seen, exceptions);
        let entry = |(regime, offenders): &(Regime, Offenders)| {
            let offenders = offenders.get(lint.name()).map_or(&[][..], Vec::as_slice);
            let mut entry = lint.entry(offenders, exceptions, *regime);
            entry.findings.append(&mut unneeded);
            entry
        };
        seen.iter().map(entry).collect::<Vec<Entry>>()
    };
    all().into_iter().flat_map(entries_of).collect()
}

/// Exceptions from a rule that is not broken in any regime.
fn unneeded(
    lint: &Lint,
    seen: &[(Regime, Offenders)],
    exceptions: &[LintException],
) -> Vec<Finding> {
    let offends = |exception: &LintException| {
        let mut offenders = seen.iter().filter_map(|(_, it)| it.get(lint.name())).flatten();
        offenders.any(|offender| offender.object == exception.object)
    };
    let finding = |exception: &LintException| {
        let observed = format!("{} does not break the rule", exception.object);
        let expected = format!("an exception that {} needs", exception.object);
        let (regime, seen) = (seen.first()?.0, [expected.as_str(), observed.as_str()]);
        Some(Finding::of(&UNNEEDED, &exception.object, &lint.check(), seen, regime))
    };
    let of_it = exceptions.iter().filter(|exception| exception.rule == lint.name());
    of_it.filter(|exception| !offends(exception)).filter_map(finding).collect()
}

impl Lint {
    fn entry(&self, offenders: &[Offender], exceptions: &[LintException], regime: Regime) -> Entry {
        let is_excepted = |offender: &&Offender| {
            exceptions.iter().any(|it| it.rule == self.name() && it.object == offender.object)
        };
        let (accepted, found): (Vec<_>, Vec<_>) = offenders.iter().partition(is_excepted);
        let text = |offender: &&Offender| format!("{}: {}", offender.object, offender.detail);
        let objects: Vec<&str> = accepted.iter().map(|it| it.object.as_str()).collect();
        let observed = match self.looks {
            Detection::Nowhere(why) => format!("not applicable: {why}"),
            Detection::At(_) if !found.is_empty() => {
                found.iter().map(text).collect::<Vec<String>>().join("; ")
            }
            Detection::At(_) if accepted.is_empty() => NOTHING.to_owned(),
            Detection::At(_) => format!("nothing but what is accepted: {}", objects.join(", ")),
        };
        let finding = |offender: &&Offender| {
            let seen = [NOTHING, &text(offender)];
            Finding::of(&self.rule, &offender.object, &self.check(), seen, regime)
        };
        Entry {
            id: self.check(),
            expected: NOTHING.to_owned(),
            observed: in_regime(regime, observed),
            findings: found.iter().map(finding).collect(),
            cell: None,
        }
    }
}

/// The common part of the queries: objects of the schema that the API exposes, without those of
/// extensions.
///
/// `readable` and `reachable` are the client roles with a privilege to read, or with any.
const SHARED: &str = "
    with member as materialized (
        select classid, objid from pg_depend where deptype = 'e'
    ),
    client as materialized (
        select oid, rolname::text as name from pg_roles
        where rolname in ('anon', 'authenticated')
    ),
    relation as materialized (
        select c.oid, c.relname::text as name, c.relkind as kind, c.relispartition as is_partition,
            c.relrowsecurity as secured,
            coalesce((
                select o.option_value::boolean from pg_options_to_table(c.reloptions) o
                where o.option_name = 'security_invoker'
            ), false) as invoker,
            (
                select string_agg(r.name, ' and ' order by r.name) from client r
                where has_any_column_privilege(r.oid, c.oid, 'select')
            ) as readable,
            (
                select string_agg(r.name, ' and ' order by r.name) from client r
                where has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
                    or has_table_privilege(r.oid, c.oid, 'delete')
            ) as reachable
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
            and not (c.relowner = 10 and (1259, c.oid) in (select classid, objid from member))
    ),
    policy as materialized (
        select r.name as relation, p.polrelid, p.polname::text as name, p.polcmd as command,
            p.polpermissive as permissive, p.polroles as roles,
            pg_get_expr(p.polqual, p.polrelid) as filter,
            pg_get_expr(p.polwithcheck, p.polrelid) as lets_in
        from pg_policy p
        join relation r on r.oid = p.polrelid
    ),
    function as materialized (
        select f.oid, f.prosecdef, f.proconfig, f.prorettype,
            case when count(*) over (partition by f.proname) = 1 then f.proname::text
                else f.proname || '(' || oidvectortypes(f.proargtypes) || ')' end as name
        from pg_proc f
        join pg_language l on l.oid = f.prolang and l.lanname not in ('internal', 'c')
        where f.pronamespace = 'public'::regnamespace and f.prokind in ('f', 'p')
            and not (f.proowner = 10 and (1255, f.oid) in (select classid, objid from member))
    )
    ";
