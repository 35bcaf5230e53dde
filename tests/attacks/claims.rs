//! Property of claims: for any claims, rows are returned only for a well-formed subject, and
//! only that subject's own.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use schema_harness::checks::attacks::runner::Context;
use schema_harness::checks::attacks::runner::open_transaction::OpenTransaction;
use schema_harness::checks::isolation::Sandbox;
use schema_harness::inputs::Inputs;
use schema_harness::platform::Regime;
use schema_harness::platform::persona::{Alice, Bob, Carol, Guest, Persona};
use schema_harness::sandbox::Database;
use schema_harness::sql::{ident, quote};

/// Documents in one round trip.
const BATCH: usize = 20;
/// Round trips.
const CASES: u32 = 60;

/// The text of a token's claims, and whose rows it may read.
#[derive(Debug, Clone)]
struct Document {
    text: String,
    opens: Option<Persona>,
}

/// A subject as JSON text, and the user it names.
type Subject = (String, Option<Persona>);

fn well_formed() -> impl Strategy<Value = Subject> {
    // Only forms that the server parses as the same uuid.
    let spellings: Vec<fn(&str) -> String> =
        vec![str::to_owned, str::to_uppercase, |id| id.replace('-', ""), |id| format!("{{{id}}}")];
    (select(vec![Alice, Bob, Carol, Guest]), select(spellings)).prop_map(|(user, spell)| {
        (json!(spell(user.user_id().unwrap_or_default())).to_string(), Some(user))
    })
}

fn malformed() -> impl Strategy<Value = Subject> {
    let alice = Alice.user_id().unwrap_or_default();
    let values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("%"),
        json!("*"),
        json!("alice@example.com"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!([alice]),
        json!({"sub": alice}),
        json!({"uuid": {"value": alice}}),
        json!(format!(" {alice}")),
        json!(format!("{alice}\n")),
        json!(format!("urn:uuid:{alice}")),
        json!(&alice[..35]),
        json!(format!("{alice}0")),
        json!(alice.replace('a', "а")),
        json!(format!("{alice}' or '1'='1")),
        json!(format!("{alice}\u{202e}")),
        json!(alice.repeat(300)),
        json!("٠١٢٣٤٥٦٧-٨٩٠١-٢٣٤٥-٦٧٨٩-٠١٢٣٤٥٦٧٨٩٠١"),
    ];
    let listed = select(values).prop_map(|value| (value.to_string(), None));
    let text = any::<String>().prop_map(|text| (json!(text).to_string(), None));
    let anyone = any::<[u8; 16]>()
        .prop_map(|id| (json!(uuid::Uuid::from_bytes(id).to_string()).to_string(), None));
    prop_oneof![6 => listed, 2 => text, 1 => anyone]
}

/// Claims beside the subject, some of them forged.
fn others() -> impl Strategy<Value = Vec<String>> {
    let alice = Alice.user_id().unwrap_or_default();
    let metadata = json!({"sub": alice, "user_id": alice, "role": "service_role", "admin": true});
    let mut deep = json!({"sub": alice});
    for _ in 0..60 {
        deep = json!({"claims": deep});
    }
    let claim = |name: &str, value: &Value| format!("{}: {value}", json!(name));
    let listed = vec![
        claim("role", &json!("service_role")),
        claim("role", &json!("anon")),
        claim("role", &json!(["authenticated", "service_role"])),
        claim("role", &json!(null)),
        claim("user_metadata", &metadata),
        claim("app_metadata", &metadata),
        claim("is_anonymous", &json!(true)),
        claim("aal", &json!("aal2")),
        claim("email", &json!("alice@example.com")),
        claim("SUB", &json!(alice)),
        claim("sub ", &json!(alice)),
        claim("s\u{200b}ub", &json!(alice)),
        claim("user_id", &json!(alice)),
        claim("id", &json!(alice)),
        claim("request.jwt.claim.sub", &json!(alice)),
        claim("nested", &deep),
        claim("huge", &json!("x".repeat(10_000))),
        claim("unicode", &json!("😀 \u{7f} ﷽")),
    ];
    let any_text = (any::<String>(), any::<String>());
    let any_text = any_text.prop_filter("the subject is set elsewhere", |(n, _)| n != "sub");
    let free = any_text.prop_map(|(name, text)| format!("{}: {}", json!(name), json!(text)));
    vec(prop_oneof![5 => select(listed), 1 => free], 0..5)
}

/// Whole documents: of several subjects the last one counts; a document that is no object names
/// no user.
fn documents() -> impl Strategy<Value = Document> {
    let subject = || prop_oneof![1 => well_formed(), 2 => malformed()];
    let object = (vec(subject(), 0..3), others()).prop_map(|(subjects, others)| {
        let opens = subjects.last().and_then(|(_, user)| *user);
        let said = subjects.iter().map(|(text, _)| format!("\"sub\": {text}"));
        let (mut claims, middle) = (others, said.collect::<Vec<_>>());
        let at = claims.len() / 2;
        claims.splice(at..at, middle);
        Document { text: format!("{{{}}}", claims.join(", ")), opens }
    });
    let broken = (well_formed(), select(vec!["", " ", "[", "{", "\"", "nul", "null", "0", "{}x"]))
        .prop_map(|((sub, _), start)| {
            let rest = if start == "[" { format!("{{\"sub\": {sub}}}]") } else { String::new() };
            Document { text: format!("{start}{rest}"), opens: None }
        });
    let cut = (well_formed(), 1_usize..20).prop_map(|((sub, _), less)| {
        let whole = format!("{{\"role\": \"authenticated\", \"sub\": {sub}}}");
        let text = whole[..whole.len() - less].to_owned();
        Document { text, opens: None }
    });
    prop_oneof![10 => object, 1 => broken, 1 => cut]
}

/// A database in which documents are tried, and the rows that each user reads there.
struct Trial {
    admin: OpenTransaction,
    seen: Vec<(Persona, String)>,
    // The clone is dropped with its owner.
    _sandbox: Sandbox,
}

impl Trial {
    /// A clone with `weakness` planted, and a function that reads every table and view with
    /// owners under the given claims: keys, or SQLSTATE.
    async fn open(weakness: &str) -> Self {
        let inputs = Arc::new(Inputs::from_environment().unwrap_or_else(|why| panic!("{why}")));
        let database = Database::of(&inputs, Regime::AutoExpose).await;
        let database = database.unwrap_or_else(|why| panic!("{why}"));
        let migrator = open_transaction(&database, "postgres").await;
        migrator.must(weakness).await.unwrap_or_else(|why| panic!("{why}"));
        let sandbox = Sandbox::within(database, inputs, Regime::AutoExpose).await;
        let sandbox = sandbox.unwrap_or_else(|why| panic!("{why}"));
        let admin = open_transaction(&sandbox.database, "supabase_admin").await;
        admin.must(&reader(&sandbox)).await.unwrap_or_else(|why| panic!("{why}"));
        let mut trial = Self { admin, seen: Vec::new(), _sandbox: sandbox };
        for user in Persona::USERS {
            let text = user.identity().claims;
            let seen = trial.read(&[Document { text, opens: None }]).await.remove(0);
            assert!(!seen.is_empty() && seen.len() != 5, "control: {} sees {seen}", user.name());
            assert!(trial.seen.iter().all(|(_, other)| *other != seen), "each sees other rows");
            trial.seen.push((user, seen));
        }
        trial
    }

    /// The rows that each document reads, in one round trip.
    async fn read(&self, documents: &[Document]) -> Vec<String> {
        let reads = documents
            .iter()
            .map(|document| format!("({})", quote(&document.text)))
            .collect::<Vec<_>>()
            .join(", ");
        let batch = format!(
            "begin; set local session authorization authenticator; \
             select pg_temp.identra_read(d) from (values {reads}) v (d); rollback"
        );
        let answer = self.admin.execute(&batch).await.expect("the server answers");
        let rows = answer.expect("the reader catches what is refused");
        rows.into_iter().flatten().collect()
    }

    /// What is wrong with an answer.
    fn fault(&self, document: &Document, answer: &str) -> Option<String> {
        let owner = self.seen.iter().find(|(_, seen)| seen == answer).map(|(user, _)| *user);
        let refused = ["22P02", "22P05"].contains(&answer);
        let right = match document.opens {
            Some(user) => owner == Some(user),
            None => answer.is_empty() || refused,
        };
        (!right).then(|| format!("{} opens {answer}, of {owner:?}", document.text))
    }
}

async fn open_transaction(database: &Database, role: &str) -> OpenTransaction {
    OpenTransaction::connect(&database.login(role)).await.unwrap_or_else(|why| panic!("{why}"))
}

/// The function that reads as the claims of one document; static, so that it is planned once.
fn reader(sandbox: &Sandbox) -> String {
    let context = Context::of(sandbox).unwrap_or_else(|why| panic!("{why}"));
    let reads: Vec<String> = context
        .owned_relations()
        .iter()
        .map(|subject| {
            let first = subject.readable().first().map(|column| ident(column)).unwrap_or_default();
            format!(
                "select '{}:' || {first}::text as k from {}",
                subject.name,
                subject.relation.qualified()
            )
        })
        .collect();
    format!(
        "create function pg_temp.identra_read(claims text) returns text language plpgsql as $f$
        declare seen text;
        begin
            perform set_config('role', 'authenticated', true),
                set_config('request.jwt.claims', claims, true);
            select coalesce(string_agg(k, ' ' order by k), '') into seen from ({}) r;
            perform set_config('role', 'none', true);
            return seen;
        exception when others then
            return sqlstate;
        end $f$",
        reads.join(" union all ")
    )
}

/// Generates documents until one is answered wrongly.
fn check(trial: &Trial, runtime: &Runtime, config: Config) -> Result<(), String> {
    let seed = config.rng_seed;
    let batches = vec(documents(), BATCH);
    let ran = TestRunner::new(config).run(&batches, |batch| {
        let answers = runtime.block_on(trial.read(&batch));
        prop_assert_eq!(answers.len(), batch.len(), "answers");
        let mut answered = batch.iter().zip(&answers);
        let fault = answered.find_map(|(document, answer)| trial.fault(document, answer));
        prop_assert_eq!(fault, None);
        Ok(())
    });
    ran.map_err(|why| format!("seed {seed:?}: {why}"))
}

/// Twelve hundred documents, another set at each run; a failure is kept beside this file.
fn config() -> Config {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    Config {
        cases: CASES,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    }
}

#[test]
fn claims_read_only_the_rows_of_a_well_formed_subject() {
    let runtime = Runtime::new().expect("a runtime");
    let trial = runtime.block_on(Trial::open("select 1"));
    let checked = check(&trial, &runtime, config());
    assert_eq!(checked, Ok(()));
}

/// The control: a policy that uses metadata that users can change is found.
#[test]
fn policy_that_uses_user_metadata_is_found() {
    let runtime = Runtime::new().expect("a runtime");
    let policy = "alter policy \"Users read their own feedback\" on public.feedback using \
                  ((select auth.uid()) = user_id \
                  or (select auth.jwt() -> 'user_metadata' ->> 'user_id') = user_id::text)";
    let trial = runtime.block_on(Trial::open(policy));
    let config = Config { failure_persistence: None, max_shrink_iters: 50, ..config() };
    let found = check(&trial, &runtime, config).expect_err("the policy uses the metadata");
    assert!(found.starts_with("seed ") && found.contains("user_metadata"), "{found}");
}
