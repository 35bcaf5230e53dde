//! The imitation of the platform is asked each fact of `fixtures/supabase/conformance.toml`.

use rstest::rstest;
use serde::Deserialize;

use schema_harness::database::{Client, connect};
use schema_harness::error::describe;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::sandbox::Database;
use schema_harness::server::Server;
use schema_harness::source::project;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conformance {
    fact: Vec<Fact>,
    statement: Vec<Statement>,
}

/// What a query of the catalog yields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    what: String,
    source: String,
    query: String,
    expected: String,
    /// The only regime that it is about.
    regime: Option<String>,
    /// The first major release that it is about.
    since: Option<u32>,
    /// The first major release that it is not about.
    before: Option<u32>,
}

/// What `postgres` may do, or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    what: String,
    source: String,
    run: String,
    expected: String,
}

fn conformance() -> Conformance {
    let text = include_str!("../fixtures/supabase/conformance.toml");
    toml::from_str(text).unwrap_or_else(|why| panic!("{why}"))
}

impl Fact {
    fn is_about(&self, regime: Regime, major: u32) -> bool {
        self.regime.as_deref().is_none_or(|it| it == regime.name())
            && self.since.is_none_or(|since| major >= since)
            && self.before.is_none_or(|before| major < before)
    }

    async fn observed(&self, admin: &Client) -> String {
        match admin.query(&self.query, &[]).await {
            Ok(rows) => {
                let rows = rows.iter().map(|row| row.get::<_, Option<String>>(0));
                rows.map(Option::unwrap_or_default).collect::<Vec<_>>().join("\n")
            }
            Err(why) => describe(&why),
        }
    }
}

impl Statement {
    /// `done`, or the SQLSTATE; nothing of it is left.
    async fn observed(&self, postgres: &Client) -> String {
        let script = format!("begin;\n{};\nrollback", self.run.trim());
        let outcome = postgres.batch_execute(&script).await;
        let Err(why) = outcome else { return "done".to_owned() };
        postgres.batch_execute("rollback").await.expect("a rollback");
        why.code().map_or_else(|| why.to_string(), |code| code.code().to_owned())
    }
}

/// One message for all that differ, each with its source.
#[rstest]
#[case::of_an_older_project(Regime::AutoExpose)]
#[case::of_a_newer_project(Regime::Explicit)]
#[tokio::test]
async fn platform_is_as_its_own_scripts_make_it(#[case] regime: Regime) {
    let inputs =
        Inputs::without_contract(&project().join("migrations"), &project().join("fixtures"))
            .unwrap_or_else(|why| panic!("{why}"));
    let database = Database::bare(&inputs, regime).await.unwrap_or_else(|why| panic!("{why}"));
    let admin = database.admin().await.unwrap_or_else(|why| panic!("{why}"));
    let postgres = connect(&database.login("postgres")).await;
    let postgres = postgres.unwrap_or_else(|why| panic!("{why}"));
    let major = Server::shared().expect("a server").version_num() / 10_000;
    let Conformance { fact, statement } = conformance();
    let mut differences = Vec::new();
    for fact in fact.iter().filter(|fact| fact.is_about(regime, major)) {
        let (observed, expected) = (fact.observed(&admin).await, fact.expected.trim());
        if observed != expected {
            let Fact { what, source, .. } = fact;
            differences.push(format!("{what}\n{source}\n- {expected}\n+ {observed}"));
        }
    }
    for statement in &statement {
        let (observed, expected) = (statement.observed(&postgres).await, &statement.expected);
        if observed != *expected {
            let Statement { what, source, .. } = statement;
            differences.push(format!("{what}\n{source}\n- {expected}\n+ {observed}"));
        }
    }
    assert!(differences.is_empty(), "- the platform, + here\n\n{}", differences.join("\n\n"));
}
