//! Runs a property: a clone of its own, the generator of its cases, and the results of those
//! that were tried.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, FailurePersistence, FileFailurePersistence, RngSeed, TestCaseError, TestError,
    TestRunner,
};
use tokio::runtime::Runtime;
use tokio_postgres::Client;

use super::broken::Broken;
use super::coverage::{self, Coverage};
use super::transaction::{CaseTransaction, Sender};
use crate::catalog::{Catalog, EVERYTHING};
use crate::contract::Contract;
use crate::database::connect;
use crate::database::session::Session;
use crate::error::{CannotRun, describe};
use crate::platform::persona::Identity;
use crate::rows::World;
use crate::sandbox::{Database, State};

/// Runs the cases of one property, in a clone of the database in which the personas have
/// signed up.
pub struct Runner {
    runtime: Runtime,
    database: Database,
    transaction: CaseTransaction,
    auth_server: Sender,
    contract: Contract,
    config: Config,
    seed: u64,
    times: RefCell<Vec<Duration>>,
    /// The statements that were run before the first case.
    prepared: RefCell<String>,
    /// Whether cases run within the transaction of a mutant.
    nested: Cell<bool>,
    /// Whether to stop at the first case that fails, without shrinking it.
    stops_at_first: Cell<bool>,
    /// Whether cases were left out, because they commit.
    left_out: Cell<bool>,
    /// The script of the last case that failed, which is the smallest.
    failed: RefCell<String>,
}

/// The cases to generate.
pub(super) struct Cases {
    /// How many.
    pub(super) number: u32,
    /// The seed of the generator.
    pub(super) seed: u64,
    /// The file of seeds that failed before, which are tried first.
    pub(super) regressions: Option<PathBuf>,
}

impl Cases {
    /// The same, at most that many.
    pub(super) fn at_most(self, number: u32) -> Self {
        Self { number: number.min(self.number), ..self }
    }
}

/// The statement timeout with a mutant; no statement of the schema takes a tenth of it.
pub const PATIENCE: &str = "5s";

/// The longest time for shrinking, in milliseconds.
const SHRINKING: u32 = 20_000;

/// A runtime of one thread; its connections end with it.
///
/// # Errors
/// Why there is none.
pub fn runtime() -> Result<Runtime, CannotRun> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| CannotRun(format!("could not start a runtime: {error}")))
}

impl Runner {
    pub(super) fn open(
        cases: Cases,
        runtime: Runtime,
        database: Database,
        contract: &Contract,
    ) -> Result<Self, CannotRun> {
        let admin = runtime.block_on(database.admin())?;
        runtime.block_on(coverage::begin(&admin))?;
        // As requests have it, so that what triggers look up is found.
        let path = "set search_path = public, extensions";
        runtime.block_on(admin.batch_execute(path)).map_err(|error| {
            CannotRun(format!("could not set the search path: {}", describe(&error)))
        })?;
        let settings = runtime.block_on(settings_of(&admin, "supabase_auth_admin"))?;
        let Cases { number, seed, regressions } = cases;
        let persistence = regressions.map(|file| {
            let path = file.to_string_lossy().into_owned();
            Box::new(FileFailurePersistence::Direct(path.leak())) as Box<dyn FailurePersistence>
        });
        let config = Config {
            cases: number,
            rng_seed: RngSeed::Fixed(seed),
            max_shrink_time: SHRINKING,
            max_shrink_iters: 1000,
            failure_persistence: persistence,
            ..Config::default()
        };
        Ok(Self {
            runtime,
            database,
            transaction: CaseTransaction::new(admin),
            auth_server: Sender::login("supabase_auth_admin", &settings),
            contract: contract.clone(),
            config,
            seed,
            times: RefCell::default(),
            prepared: RefCell::default(),
            nested: Cell::new(false),
            stops_at_first: Cell::new(false),
            left_out: Cell::new(false),
            failed: RefCell::default(),
        })
    }

    /// The platform's auth server, with the settings of its role.
    pub fn auth_server(&self) -> &Sender {
        &self.auth_server
    }

    /// The contract.
    pub(super) fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The catalog, including planted faults, and the rows of the world.
    ///
    /// # Errors
    /// The server's answer, or why there is no world.
    pub(super) fn made(&self) -> Result<(Catalog, World), CannotRun> {
        self.runtime.block_on(async {
            let admin = self.database.admin().await?;
            let world: Result<World, String> = self.database.state(&admin, State::World).await?;
            Ok((Catalog::read(&admin, EVERYTHING).await?, world.map_err(CannotRun)?))
        })
    }

    /// The seed that the cases are generated from.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// How long each case took.
    pub(super) fn times(&self) -> Vec<Duration> {
        self.times.borrow().clone()
    }

    /// The coverage of each function.
    pub(super) fn coverage(&self) -> Result<Coverage, CannotRun> {
        if self.transaction.is_closed() {
            return Err(CannotRun("the server ended the connection of a property".to_owned()));
        }
        self.runtime.block_on(coverage::read(&self.transaction))
    }

    /// Plants a fault, if there is one; the first failing case is then sufficient.
    pub(super) fn plant(&self, fault: &str) -> Result<(), CannotRun> {
        if fault.is_empty() {
            return Ok(());
        }
        self.stops_at_first.set(true);
        let planted = self.runtime.block_on(self.transaction.admin(fault));
        planted.map(drop).map_err(|why| CannotRun(format!("could not plant the fault: {why}")))
    }

    /// Whether `holds` fails with a fault in a transaction of this connection; none if its
    /// cases commit. Prepared rows stay.
    pub(super) fn notices(
        &self,
        fault: &str,
        holds: fn(&Self) -> Result<(), Broken>,
    ) -> Result<Option<bool>, CannotRun> {
        let send = |batch: &str| self.runtime.block_on(self.transaction.send(batch));
        self.stops_at_first.set(true);
        self.left_out.set(false);
        let (_, refused) =
            send(&format!("begin; set local statement_timeout = '{PATIENCE}'; {fault}"))?;
        self.nested.set(true);
        let broken = refused.is_none() && holds(self).is_err();
        self.nested.set(false);
        send("rollback")?;
        match refused {
            Some(error) => Err(CannotRun(format!("could not plant it: {}", error.message()))),
            None => Ok((!self.left_out.get()).then_some(broken)),
        }
    }

    /// Inserts rows that every case uses.
    ///
    /// # Errors
    /// The server's answer.
    pub fn prepare(&self, statement: &str) -> Result<(), Broken> {
        if self.nested.get() {
            return Ok(());
        }
        self.runtime.block_on(self.transaction.admin(statement))?;
        self.prepared.borrow_mut().push_str(&format!("{statement};\n"));
        Ok(())
    }

    /// Tries every generated case in a transaction that is rolled back.
    ///
    /// # Errors
    /// The smallest input that breaks the property.
    #[expect(clippy::needless_pass_by_value, reason = "a case is written where it is tried")]
    pub fn check<S: Strategy>(
        &self,
        strategy: &S,
        case: impl AsyncFn(&CaseTransaction, S::Value) -> Result<(), TestCaseError>,
    ) -> Result<(), Broken>
    where
        S::Value: Debug,
    {
        self.try_all(strategy, &async |transaction: &CaseTransaction, value| {
            let (open, close) = if self.nested.get() {
                ("savepoint trial", "rollback to savepoint trial")
            } else {
                ("begin", "rollback")
            };
            transaction.admin(open).await?;
            let result = case(transaction, value).await;
            transaction.admin(close).await?;
            result
        })
    }

    /// Tries every generated case; each commits and cleans up itself.
    ///
    /// # Errors
    /// The smallest input that breaks the property.
    #[expect(clippy::needless_pass_by_value, reason = "a case is written where it is tried")]
    pub fn check_committed<S: Strategy>(
        &self,
        strategy: &S,
        case: impl AsyncFn(&CaseTransaction, S::Value) -> Result<(), TestCaseError>,
    ) -> Result<(), Broken>
    where
        S::Value: Debug,
    {
        if self.nested.get() {
            self.left_out.set(true);
            return Ok(());
        }
        self.try_all(strategy, &case)
    }

    fn try_all<S: Strategy>(
        &self,
        strategy: &S,
        case: &impl AsyncFn(&CaseTransaction, S::Value) -> Result<(), TestCaseError>,
    ) -> Result<(), Broken>
    where
        S::Value: Debug,
    {
        let mut runner = TestRunner::new(self.config.clone());
        let first: RefCell<Option<(String, String)>> = RefCell::default();
        let tried = runner.run(strategy, |value| {
            if first.borrow().is_some() {
                return Ok(());
            }
            self.transaction.forget();
            let shown =
                if self.stops_at_first.get() { format!("{value:?}") } else { String::new() };
            let began = Instant::now();
            let result = self.runtime.block_on(case(&self.transaction, value));
            self.times.borrow_mut().push(began.elapsed());
            if matches!(result, Err(TestCaseError::Fail(_))) {
                let script = format!("{}{}", self.prepared.borrow(), self.transaction.script());
                self.failed.replace(script);
            }
            match result {
                Err(TestCaseError::Fail(reason)) if self.stops_at_first.get() => {
                    first.replace(Some((shown, reason.to_string())));
                    Ok(())
                }
                result => result,
            }
        });
        if let Some((input, reason)) = first.into_inner() {
            let script = self.failed.borrow().clone();
            return Err(Broken { input, reason, script, object: None });
        }
        tried.map_err(|error| {
            let script = self.failed.borrow().clone();
            match error {
                TestError::Fail(reason, value) => {
                    let (input, reason) = (format!("{value:?}"), reason.to_string());
                    Broken { input, reason, script, object: None }
                }
                TestError::Abort(reason) => Broken {
                    input: "none: no case could be generated".to_owned(),
                    reason: reason.to_string(),
                    script,
                    object: None,
                },
            }
        })
    }
}

/// Connections, which the properties of other projects do without.
#[doc(hidden)]
impl Runner {
    /// A separate connection on which requests of `identity` are committed.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn session(&self, identity: Identity) -> Result<Session, CannotRun> {
        let client = connect(&self.database.login("authenticator")).await?;
        Ok(Session::of(client, identity))
    }

    /// A separate connection as that login role.
    ///
    /// # Errors
    /// Why the server refused.
    pub async fn connect(&self, role: &str) -> Result<Client, CannotRun> {
        connect(&self.database.login(role)).await
    }
}

/// The settings of a role that a login applies.
async fn settings_of(admin: &Client, role: &str) -> Result<Vec<(String, String)>, CannotRun> {
    let question = "select unnest(rolconfig) from pg_catalog.pg_roles where rolname = $1";
    let rows = admin.query(question, &[&role]).await;
    let rows = rows.map_err(|error| {
        CannotRun(format!("could not read the settings of {role}: {}", describe(&error)))
    })?;
    let setting = |row: &tokio_postgres::Row| {
        let text: String = row.get(0);
        text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    Ok(rows.iter().filter_map(setting).collect())
}
