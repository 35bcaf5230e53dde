//! The plans that the server uses for a statement of a persona, and for every statement in the
//! functions that it calls.

use serde_json::Value;

use crate::database::NoticeConnection;
use crate::database::batch;
use crate::error::CannotRun;
use crate::platform::persona::Identity;
use crate::sandbox::Database;

/// A superuser's session that becomes an identity and receives every plan as a notice.
pub struct Planner(NoticeConnection);

/// Sends the plan of each statement in a NOTICE, after it has run.
const SETTINGS: &str = "load 'auto_explain'; \
                    set auto_explain.log_min_duration = 0; \
                    set auto_explain.log_nested_statements = on; \
                    set auto_explain.log_analyze = on; \
                    set auto_explain.log_timing = off; \
                    set auto_explain.log_format = json; \
                    set auto_explain.log_level = notice";

impl Planner {
    /// One for that database.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn of(database: &Database) -> Result<Self, CannotRun> {
        let planner = Self(database.admin_with_notices().await?);
        planner.send(SETTINGS).await?;
        Ok(planner)
    }

    /// The steps of all plans of a statement of `identity`, which is rolled back.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn steps(
        &self,
        identity: &Identity,
        statement: &str,
    ) -> Result<Vec<Step>, CannotRun> {
        self.send(&format!("begin; {}", identity.become_sql())).await?;
        // Discards the plans of setting the identity.
        self.0.notices();
        let sent = self.send(statement).await;
        let notices = self.0.notices();
        self.send("rollback").await?;
        sent?;
        let mut steps = Vec::new();
        for notice in notices {
            let Some((_, plan)) = notice.message().split_once("plan:\n") else { continue };
            let plan: Value = serde_json::from_str(plan)
                .map_err(|error| CannotRun(format!("could not read a plan: {error}")))?;
            gather(&plan["Plan"], false, &mut steps);
        }
        Ok(steps)
    }

    /// Runs a question as the administrator.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn ask(&self, question: &str) -> Result<Vec<Vec<String>>, CannotRun> {
        let answers = self.send(question).await?;
        self.0.notices();
        Ok(answers.into_iter().next_back().unwrap_or_default().rows)
    }

    async fn send(&self, batch: &str) -> Result<Vec<batch::Answer>, CannotRun> {
        match batch::run(&self.0.client, batch).await? {
            (answers, None) => Ok(answers),
            (_, Some(error)) => {
                batch::run(&self.0.client, "rollback").await?;
                Err(CannotRun(format!("could not plan: {} for {batch}", error.message())))
            }
        }
    }
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its node type, such as `Index Scan`.
    pub kind: String,
    /// The table that it reads.
    pub table: Option<String>,
    /// The index that it uses.
    pub index: Option<String>,
    /// Its conditions, which are evaluated for each row.
    pub conditions: Vec<String>,
    /// Its number of loops.
    pub loops: f64,
    /// Whether it belongs to an `InitPlan`, which runs once before the first row.
    pub comes_first: bool,
}

fn gather(node: &Value, comes_first: bool, steps: &mut Vec<Step>) {
    let text = |key: &str| node[key].as_str().map(str::to_owned);
    let comes_first = comes_first || node["Parent Relationship"] == "InitPlan";
    let fields = node.as_object().into_iter().flatten();
    let conditions = fields
        .filter(|(key, _)| key.ends_with("Cond") || key.ends_with("Filter"))
        .filter_map(|(_, value)| value.as_str().map(str::to_owned));
    steps.push(Step {
        kind: text("Node Type").unwrap_or_default(),
        table: text("Relation Name"),
        index: text("Index Name"),
        conditions: conditions.collect(),
        loops: node["Actual Loops"].as_f64().unwrap_or_default(),
        comes_first,
    });
    for child in node["Plans"].as_array().into_iter().flatten() {
        gather(child, comes_first, steps);
    }
}
