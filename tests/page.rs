//! This file is the page as its readers have it: all of the evidence, and nothing that runs.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::evidence::Evidence;
use crate::evidence::page::{anchor, page};
use crate::harness::inputs::{Inputs, SourceFile};
use crate::verify::{self, Job};

/// Markup, in any place where text may stand.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;";

/// The evidence of the project's migrations, with one more behind them.
async fn evidence_with(fault: &str) -> Evidence {
    let mut inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let name = "20990101_fault.sql".to_owned();
    inputs.migrations.push(SourceFile { name, text: fault.to_owned() });
    verify::run(Arc::new(inputs), &Job::without_attacks(&[]))
        .await
        .unwrap_or_else(|why| panic!("{fault}\n{why}"))
}

/// The same with hostile text behind every text and every key.
fn hostile(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text + HOSTILE),
        Value::Array(values) => values.into_iter().map(hostile).collect(),
        Value::Object(fields) => {
            let is_field = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            // The form's own fields keep their names, and with them every name of a table.
            let field = |(key, value): (String, Value)| {
                let key = if is_field(&key) { key } else { key + HOSTILE };
                (key, hostile(value))
            };
            Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// CWE-79: a policy's name, a comment or a value is never markup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_of_the_evidence_becomes_no_markup() {
    let evidence = evidence_with(
        "create policy \"<script>alert(1)</script>\" on public.memories for select \
         to authenticated using (true)",
    )
    .await;
    assert!(page(&evidence).contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "control: the name");
    let plain = serde_json::to_value(&evidence).expect("the evidence is plain data");
    let verdict = plain["verdict"].clone();
    let mut value = hostile(plain);
    value["verdict"] = verdict;
    let page = page(&serde_json::from_value(value).expect("the same form"));
    assert!(page.matches("&gt;alert(1)").count() > 1000, "control: hostile text is there");
    assert_eq!(page.matches("<script").count(), 1, "scripts beside the page's own");
    assert_eq!(page.matches("<img").count(), 0, "images");
    let attributes = page.split("<main>").nth(1).expect("the content").split('<').skip(1);
    let tags: Vec<&str> = attributes.filter_map(|tag| tag.split('>').next()).collect();
    let torn: Vec<&&str> = tags.iter().filter(|tag| tag.matches('"').count() % 2 == 1).collect();
    assert!(torn.is_empty(), "tags that text has broken: {torn:?}");
}

/// Whoever has a check's id finds it: each has one place, and the page leaves none out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_check_has_one_place() {
    let evidence = evidence_with("select 1").await;
    let page = page(&evidence);
    let places = |id: &str| page.matches(&format!("id=\"{}\"", anchor(id))).count();
    let lost: Vec<&str> = evidence
        .checks
        .iter()
        .map(|check| check.id.as_str())
        .filter(|id| places(id) != 1)
        .collect();
    assert!(lost.is_empty(), "checks without a place of their own: {lost:?}");
    assert!(evidence.checks.len() > 1000, "control: there are checks");
    assert_eq!(places("isolation/nothing"), 0, "control: a check that there is not");
}
