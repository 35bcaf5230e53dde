//! Runs mutants: each is applied in a transaction or a clone, the checks that could catch it
//! run, and it is rolled back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::Client;
use tokio_postgres::error::DbError;

use super::{Mutant, Scope, Source, all};
use crate::catalog;
use crate::checks::isolation::Sandbox;
use crate::checks::properties::{FaultRunner, PATIENCE, Property, runtime};
use crate::checks::schema::Comparison;
use crate::contract::Contract;
use crate::database::batch;
use crate::error::{CannotRun, describe};
use crate::inputs::Inputs;
use crate::platform::Regime;

/// The outcome of a mutant, in the terms of cargo-mutants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Checks failed: the first of each family that ran.
    Caught(Vec<String>),
    /// No check failed.
    Missed,
    /// The database refused its statements.
    Unviable(String),
    /// One of its statements, or of a check, exceeded the timeout.
    Timeout,
}

/// A mutant, its outcome, and how long it took.
#[derive(Debug, Clone)]
pub struct Judged {
    pub mutant: Mutant,
    pub outcome: Outcome,
    pub took: Duration,
}

/// The number of mutants judged at the same time, each on its own connections.
const AT_ONCE: usize = 2;

/// The number of cases of a property for a mutant in a transaction.
const CASES: u32 = 20;

/// The inputs of mutants, and the properties that judge them.
pub struct MutantRunner {
    inputs: Arc<Inputs>,
    properties: Vec<&'static Property>,
}

impl MutantRunner {
    /// Sorts the properties, cheap ones first: those with many cases.
    pub fn new(inputs: &Arc<Inputs>, properties: &[&'static Property]) -> Self {
        let mut properties = properties.to_vec();
        properties.sort_by_key(|property| std::cmp::Reverse(property.cases));
        Self { inputs: Arc::clone(inputs), properties }
    }

    /// Every mutant of the migrated database.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub fn mutants(&self) -> Result<Vec<Mutant>, CannotRun> {
        runtime()?.block_on(async {
            let sandbox = self.sandbox().await?;
            let admin = sandbox.database.admin().await?;
            let sources = sources(&admin, &self.inputs.contract).await?;
            Ok(all(&sandbox.catalog, &self.inputs.contract, &sources))
        })
    }

    async fn sandbox(&self) -> Result<Sandbox, CannotRun> {
        Sandbox::open(Arc::clone(&self.inputs), Regime::Explicit).await
    }

    /// Judges mutants in parallel, and reports each when it is done. Mutants that have not
    /// begun when `stopped` returns true are left out. Those that `known` lists as equivalent
    /// are judged only by the catalog and the whole matrix.
    ///
    /// # Errors
    /// Why the server could not be reached, or that a check fails without a mutant.
    pub fn judge(
        &self,
        mutants: Vec<Mutant>,
        known: &(impl Fn(&Mutant) -> bool + Sync),
        stopped: &(impl Fn() -> bool + Sync),
        tell: &(impl Fn(&Judged) + Sync),
    ) -> Result<Vec<Judged>, CannotRun> {
        let work = Mutex::new(mutants.into_iter());
        let next = || work.lock().expect("nobody panics with the lock").next();
        let worker = || {
            let mut bench = Bench::open(self)?;
            let mut judged = Vec::new();
            while !stopped() {
                let Some(mutant) = next() else { break };
                let began = Instant::now();
                let outcome = bench.judge(&mutant, known(&mutant))?;
                let one = Judged { mutant, outcome, took: began.elapsed() };
                tell(&one);
                judged.push(one);
            }
            Ok::<_, CannotRun>(judged)
        };
        let mut all = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
            let mut all = Vec::new();
            for worker in workers {
                let broke_down = |_| CannotRun("judging a mutant panicked; see above".to_owned());
                all.extend(worker.join().map_err(broke_down)??);
            }
            Ok::<_, CannotRun>(all)
        })?;
        all.sort_by(|one, other| one.mutant.id.cmp(&other.mutant.id));
        Ok(all)
    }
}

/// Clones in which mutants are applied and rolled back: one for cells and catalog, and one for
/// each property that was needed.
struct Bench<'a> {
    runner: &'a MutantRunner,
    fault_runners: BTreeMap<&'static str, FaultRunner>,
    sandbox: Sandbox,
    comparison: Comparison,
    runtime: Runtime,
}

impl<'a> Bench<'a> {
    fn open(runner: &'a MutantRunner) -> Result<Self, CannotRun> {
        let runtime = runtime()?;
        let (sandbox, comparison) = runtime.block_on(async {
            let sandbox = runner.sandbox().await?;
            let contract = &runner.inputs.contract;
            let regime = Regime::Explicit;
            let comparison = Comparison::read_in(&sandbox.database, contract, regime).await?;
            Ok::<_, CannotRun>((sandbox, comparison))
        })?;
        sandbox.prober.nest(true);
        let bench = Self { runner, fault_runners: BTreeMap::new(), sandbox, comparison, runtime };
        // The control: without a mutant nothing fails.
        let failed = bench.runtime.block_on(async {
            bench.begin().await?;
            let failed = bench.first_different_facet().await?.or(bench.any_cell().await?);
            bench.rollback().await?;
            Ok::<_, CannotRun>(failed)
        });
        match failed? {
            None => Ok(bench),
            Some(failed) => Err(CannotRun(format!("{failed} fails without any mutant"))),
        }
    }

    async fn begin(&self) -> Result<(), CannotRun> {
        // An empty search_path, so that every name is printed with its schema.
        let patience = format!("set local statement_timeout = '{PATIENCE}'");
        self.send(&format!("begin; {patience}; set local search_path = ''")).await.map(drop)
    }

    async fn rollback(&self) -> Result<(), CannotRun> {
        self.send("rollback").await.map(drop)
    }

    /// Sends a batch, and returns the server's error, if any.
    async fn send(&self, batch: &str) -> Result<Option<DbError>, CannotRun> {
        Ok(batch::run(self.sandbox.prober.client(), batch).await?.1)
    }

    fn judge(&mut self, mutant: &Mutant, known: bool) -> Result<Outcome, CannotRun> {
        let outcome = self.runtime.block_on(async {
            self.begin().await?;
            // If there are properties, they are faster than the whole matrix.
            let has_properties = |about: &String| {
                self.runner.properties.iter().any(|it| it.about.contains(&about.as_str()))
            };
            let all = known
                || !matches!(&mutant.scope, Scope::Properties(about) if has_properties(about));
            let outcome = self.judge_in_transaction(mutant, all).await;
            self.rollback().await?;
            outcome
        })?;
        match (outcome, &mutant.scope) {
            (Outcome::Missed, Scope::Properties(about)) if !known => self.properties(mutant, about),
            (outcome, _) => Ok(outcome),
        }
    }

    /// Applies the mutant, and runs its cells and the comparison of the catalog; if nothing
    /// fails and `all` is set, all cells.
    async fn judge_in_transaction(&self, mutant: &Mutant, all: bool) -> Result<Outcome, CannotRun> {
        if let Some(error) = self.send(&mutant.ddl).await? {
            return Ok(match error.code().code() {
                "57014" => Outcome::Timeout,
                code => Outcome::Unviable(format!("{} (SQLSTATE {code})", error.message())),
            });
        }
        let mut by = Vec::new();
        if let Scope::Cells { relation, roles, column } = &mutant.scope {
            let of_role = |role: &str| roles.is_empty() || roles.iter().any(|it| it == role);
            let of_column = |it: Option<&str>| column.is_none() || it == column.as_deref();
            let failed = self.sandbox.first_failed(relation, |cell| {
                of_role(cell.persona.role()) && of_column(cell.column.as_deref())
            });
            by.extend(failed.await?);
        }
        by.extend(self.first_different_facet().await?);
        if by.is_empty() && all {
            by.extend(self.any_cell().await?);
        }
        Ok(if by.is_empty() { Outcome::Missed } else { Outcome::Caught(by) })
    }

    /// The first facet that differs from the contract.
    async fn first_different_facet(&self) -> Result<Option<String>, CannotRun> {
        let client = self.sandbox.prober.client();
        let catalog = catalog::Catalog::read(client, catalog::EVERYTHING).await?;
        Ok(self.comparison.with(&catalog).differences().next())
    }

    /// The first cell of any relation that fails.
    async fn any_cell(&self) -> Result<Option<String>, CannotRun> {
        for (name, _) in self.runner.inputs.contract.relations() {
            if let Some(failed) = self.sandbox.first_failed(name, |_| true).await? {
                return Ok(Some(failed));
            }
        }
        Ok(None)
    }

    /// Runs the properties of a function: in a transaction, and if none fails, in clones with
    /// the mutant.
    fn properties(&mut self, mutant: &Mutant, about: &str) -> Result<Outcome, CannotRun> {
        let (runner, regime) = (self.runner, Regime::Explicit);
        let inputs = &runner.inputs;
        let properties =
            || runner.properties.iter().filter(|property| property.about.contains(&about));
        let mut deferred = Vec::new();
        for property in properties() {
            if !self.fault_runners.contains_key(property.id) {
                let runner = property.fault_runner(inputs, regime, CASES)?;
                self.fault_runners.insert(property.id, runner);
            }
            match self.fault_runners[property.id].notices(&mutant.ddl)? {
                Some(true) => return Ok(Outcome::Caught(vec![property.check()])),
                Some(false) => {}
                None => deferred.push(property.id),
            }
        }
        // First those that cannot run in a transaction, then the rest with all cases.
        let (first, rest): (Vec<&Property>, Vec<&Property>) =
            properties().partition(|property| deferred.contains(&property.id));
        for property in first.into_iter().chain(rest) {
            if property.attempt_with(inputs, regime, &mutant.ddl)?.result.is_err() {
                return Ok(Outcome::Caught(vec![property.check()]));
            }
        }
        Ok(Outcome::Missed)
    }
}

/// The definitions of all declared functions and views.
async fn sources(admin: &Client, contract: &Contract) -> Result<Vec<Source>, CannotRun> {
    let question = "
        select case n.nspname when 'public' then '' else n.nspname || '.' end || p.proname,
            pg_catalog.pg_get_functiondef(p.oid), false
        from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where p.prokind = 'f' and n.nspname !~ '^(pg_|information_schema$)'
        union all
        select c.relname, pg_catalog.format('create or replace view %I.%I%s as %s', 'public',
            c.relname, ' with (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')',
            pg_catalog.pg_get_viewdef(c.oid)), true
        from pg_catalog.pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
        order by 1";
    let rows = admin.query(question, &[]).await.map_err(|error| {
        CannotRun(format!("could not read the functions: {}", describe(&error)))
    })?;
    let mut sources = BTreeMap::new();
    for row in rows {
        let (name, text, is_view): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let declared = contract.functions.contains_key(&name) || contract.views.contains_key(&name);
        let opening = if is_view { " as " } else { "AS $function$" };
        // A SQL-standard body is not quoted.
        let body = text.find(opening).map(|at| at + opening.len());
        let body = body.or_else(|| text.find("\nRETURN ").map(|at| at + "\nRETURN ".len()));
        // Behind a quoted body stands its closing quote alone.
        let end = text.strip_suffix("$function$\n").map_or(text.len(), str::len);
        if let (true, Some(start)) = (declared, body) {
            let body = start..end;
            sources.insert(name.clone(), Source { name, text, body });
        }
    }
    Ok(sources.into_values().collect())
}
