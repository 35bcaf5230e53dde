//! The transaction of a case: one connection on which any identity can send statements, and
//! which is rolled back.

use std::cell::RefCell;
use std::fmt;

use tokio_postgres::Client;
use tokio_postgres::error::DbError;
use uuid::Uuid;

use crate::database::batch::{self, Answer};
use crate::error::CannotRun;
use crate::platform::persona::{Identity, Persona};

/// A sender of statements: a name, and the statements that give a superuser's session its
/// identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    name: String,
    prelude: Vec<String>,
}

impl Sender {
    /// The administrator, a superuser.
    pub fn admin() -> Self {
        Self { name: "the administrator".to_owned(), prelude: Vec::new() }
    }

    /// A persona's request.
    pub fn persona(persona: Persona) -> Self {
        Self::request(&persona.identity())
    }

    /// A request of the user with that id.
    pub fn user(id: Uuid) -> Self {
        let claims = format!("{{\"sub\": \"{id}\", \"role\": \"authenticated\"}}");
        Self::request(&Identity { name: id.to_string(), role: "authenticated".to_owned(), claims })
    }

    /// A request with that role and those claims.
    pub fn request(identity: &Identity) -> Self {
        let prelude = vec![
            "set local session authorization authenticator".to_owned(),
            identity.request_sql().trim_end_matches(';').to_owned(),
        ];
        Self { name: identity.name.clone(), prelude }
    }

    /// A session of that login role with its own settings, as a login would give it.
    pub(super) fn login(role: &str, settings: &[(String, String)]) -> Self {
        let mut prelude = vec![format!("set local session authorization {role}")];
        for (name, value) in settings {
            let (name, value) = (crate::sql::quote(name), crate::sql::quote(value));
            prelude.push(format!("select pg_catalog.set_config({name}, {value}, true)"));
        }
        Self { name: role.to_owned(), prelude }
    }
}

/// A statement that the server refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The sender.
    who: String,
    /// The statement.
    statement: String,
    /// The server's error, or why there is none.
    error: Result<DbError, CannotRun>,
}

impl Refused {
    /// The SQLSTATE; empty if the server could not be reached.
    pub fn code(&self) -> &str {
        self.error.as_ref().map_or("", |error| error.code().code())
    }

    /// The server's message; empty if it could not be reached.
    pub fn message(&self) -> &str {
        self.error.as_ref().map_or("", DbError::message)
    }

    /// The constraint that refused it.
    pub fn constraint(&self) -> &str {
        self.error.as_ref().ok().and_then(DbError::constraint).unwrap_or_default()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, statement, error } = self;
        match error {
            Ok(error) => {
                let (message, code) = (error.message(), error.code().code());
                write!(f, "{who} got: {message} (SQLSTATE {code}) for {statement}")
            }
            Err(why) => write!(f, "{why} for {statement}"),
        }
    }
}

impl std::error::Error for Refused {}

/// Resets the session's identity and the settings of the gateway.
const LEAVE: &str = "set local session authorization default; \
                     select pg_catalog.set_config('search_path', '', true), \
                     pg_catalog.set_config('request.jwt.claims', '', true)";

/// A superuser's connection on which a case runs.
pub struct CaseTransaction {
    client: Client,
    /// The statements since the case began, as a script for psql.
    script: RefCell<Vec<String>>,
}

impl CaseTransaction {
    pub(super) fn new(client: Client) -> Self {
        Self { client, script: RefCell::default() }
    }

    /// Whether the connection is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The statements since the case began.
    pub(super) fn script(&self) -> String {
        let line = |statement: &String| format!("{};\n", statement.replace("; ", ";\n"));
        self.script.borrow().iter().map(line).collect()
    }

    pub(super) fn forget(&self) {
        self.script.borrow_mut().clear();
    }

    /// Runs one statement as `who`. After a refusal the transaction continues without it.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn run(&self, who: &Sender, statement: &str) -> Result<Answer, Refused> {
        let mut batch = "savepoint attempt; ".to_owned();
        for prelude in &who.prelude {
            batch += &format!("{prelude}; ");
        }
        batch += &format!("{statement}; ");
        if !who.prelude.is_empty() {
            batch += &format!("{LEAVE}; ");
        }
        batch += "release savepoint attempt";
        self.script.borrow_mut().push(batch.clone());
        let at = 1 + who.prelude.len();
        match self.send(&batch).await {
            Ok((mut answers, None)) => Ok(answers.swap_remove(at)),
            Ok((_, Some(error))) => {
                let back = "rollback to savepoint attempt";
                self.script.borrow_mut().push(back.to_owned());
                self.send(back).await.map_err(|why| refused(who, statement, Err(why)))?;
                Err(refused(who, statement, Ok(error)))
            }
            Err(why) => Err(refused(who, statement, Err(why))),
        }
    }

    /// Runs statements of several senders in one message.
    ///
    /// # Errors
    /// The server's error for the first refused statement; the transaction is then aborted.
    pub async fn run_all(&self, acts: &[(&Sender, &str)]) -> Result<Vec<Answer>, Refused> {
        let mut batch = String::new();
        let mut places = Vec::new();
        let mut answers_before = 0;
        for (who, statement) in acts {
            for prelude in &who.prelude {
                batch += &format!("{prelude}; ");
            }
            batch += &format!("{statement}; ");
            places.push(answers_before + who.prelude.len());
            answers_before += who.prelude.len() + 1;
        }
        batch += LEAVE;
        self.script.borrow_mut().push(batch.clone());
        let everybody = Sender { name: "somebody".to_owned(), prelude: Vec::new() };
        match self.send(&batch).await {
            Ok((mut answers, None)) => {
                Ok(places.into_iter().map(|at| std::mem::take(&mut answers[at])).collect())
            }
            Ok((_, Some(error))) => Err(refused(&everybody, &batch, Ok(error))),
            Err(why) => Err(refused(&everybody, &batch, Err(why))),
        }
    }

    /// Runs one statement as the administrator.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn admin(&self, statement: &str) -> Result<Answer, Refused> {
        self.script.borrow_mut().push(statement.to_owned());
        let admin = Sender::admin();
        match self.send(statement).await {
            Ok((answers, None)) => Ok(answers.into_iter().next_back().unwrap_or_default()),
            Ok((_, Some(error))) => Err(refused(&admin, statement, Ok(error))),
            Err(why) => Err(refused(&admin, statement, Err(why))),
        }
    }

    /// Sends a batch, and returns every answer.
    ///
    /// # Errors
    /// Why the server could not be reached.
    pub(super) async fn send(
        &self,
        batch: &str,
    ) -> Result<(Vec<Answer>, Option<DbError>), CannotRun> {
        batch::run(&self.client, batch).await
    }
}

fn refused(who: &Sender, statement: &str, error: Result<DbError, CannotRun>) -> Refused {
    Refused { who: who.name.clone(), statement: statement.to_owned(), error }
}
