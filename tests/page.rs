//! The page of the evidence: all of the evidence, and no markup from its text.

mod browser;
mod reading;
mod rendering;

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job};
use schema_harness::report::Evidence;
use schema_harness::report::page::{anchor, page};

/// Markup, in any place where text may stand.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;";

/// The evidence of the project's migrations.
fn proved() -> &'static Evidence {
    static PROVED: OnceLock<Evidence> = OnceLock::new();
    PROVED.get_or_init(|| evidence_with("select 1"))
}

/// The same with a policy opened, and another whose name is markup.
fn faulty() -> &'static Evidence {
    static FAULTY: OnceLock<Evidence> = OnceLock::new();
    FAULTY.get_or_init(|| {
        evidence_with(
            "alter policy \"Users read their own memories\" on public.memories using (true);
             create policy \"<script>alert(1)</script>\" on public.feedback for select
                 to authenticated using (true);",
        )
    })
}

/// The evidence of the project's migrations and one more.
fn evidence_with(fault: &str) -> Evidence {
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let inputs = inputs.followed_by(fault);
    let job = Job::without_attacks(&[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let evidence = runtime.block_on(job::run(Arc::new(inputs), &job));
    evidence.unwrap_or_else(|why| panic!("{fault}\n{why}"))
}

/// The same with all options, so that each part of the page has contents.
fn dressed(evidence: &Evidence) -> Evidence {
    let mut value = serde_json::to_value(evidence).expect("the evidence is plain data");
    let check = |id: &str, passed: bool, observed: &str| {
        json!({
            "id": id, "passed": passed, "expected": "it is so", "observed": { "explicit": observed },
        })
    };
    let finding = json!({
        "severity": "contract", "rule": "schema.different", "title": "it is otherwise",
        "object": "memories.content",
        "expected": "text", "observed": "varchar", "persona": null, "statement": "select 1",
        "remedy": "mend it", "location": null, "references": ["CWE-693"], "cause": [],
        "check": "schema/memories/columns/content", "regimes": ["explicit"],
    });
    let attacks =
        [("R91", "executed", true), ("W91", "executed", false), ("X91", "not made", false)];
    value["attacks"] = attacks
        .map(|(id, status, passed)| {
            let checks = [format!("attack/{id}/memories")];
            json!({
                "id": id, "title": "somebody tries", "references": ["CWE-639"], "status": status,
                "passed": passed, "checks": checks,
            })
        })
        .into();
    value["baseline"] =
        json!([{ "reason": "it is known", "expires": "2027-01-31", "finding": finding }]);
    value["mutants"] = json!({
        "families": { "policies": { "caught": 1, "missed": 1 } },
        "caught_by": { "policies/opened": ["isolation/memories/select/bob/alices-row"] },
        "idle": { "attack/R91/memories": "another comes before it" },
    });
    value["accounting"]["missing"] = json!({ "isolation/memories/select/eve/own": ["explicit"] });
    value["accounting"]["unplanned"] = json!(["schema/memories/surprise"]);
    let functions = value["functions"].as_object_mut().expect("functions");
    for function in functions.values_mut() {
        function["statements"] = json!([
            { "line": 3, "kind": "return", "executed": true },
            { "line": 4, "kind": "raise", "executed": false },
        ]);
    }
    value["checks"].as_array_mut().expect("checks").extend([
        check("attack/R91/memories", true, "read, as bob: 0 rows; read, as anon_key: 0 rows"),
        check("attack/W91/memories", false, "written, as bob: 1 row"),
        check("attack/X91/memories", false, "not made"),
        check("mutant/policies/opened", true, "caught by isolation"),
        check("mutant/policies/other", false, "missed: no check failed"),
    ]);
    serde_json::from_value(value).expect("the same form")
}

/// The same with two personas' cells of one table, and what else there is of it: a checker that
/// looks at each element needs a minute for all.
fn small(evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    let (table, personas) = ("memories", ["alice", "bob"]);
    evidence.matrix.retain(|cell| {
        let is_a_few = cell.cell.column.as_deref().is_none_or(|column| column == "content");
        cell.cell.table == table && personas.contains(&cell.cell.persona.as_str()) && is_a_few
    });
    let shown = |id: &str| {
        let mut parts = id.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("isolation"), ..) => evidence.matrix.iter().any(|cell| cell.id == id),
            (Some("schema"), object, part) => object == Some(table) && part == Some("policies"),
            _ => true,
        }
    };
    evidence.checks.retain(|check| shown(&check.id));
    evidence.findings.retain(|finding| shown(&finding.check));
    evidence
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
                // These are one of a few words each.
                if ["denials", "severity", "shows"].contains(&key.as_str()) {
                    return (key, value);
                }
                let key = if is_field(&key) { key } else { key + HOSTILE };
                (key, hostile(value))
            };
            Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// CWE-79: a policy's name, a comment or a value is never markup.
#[test]
fn text_of_the_evidence_becomes_no_markup() {
    let evidence = dressed(faulty());
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

/// Each check has exactly one anchor with its id.
#[test]
fn every_check_has_one_place() {
    let evidence = dressed(proved());
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

/// The picture marks the tables of which a check failed, and no others.
#[test]
fn picture_marks_what_failed() {
    let evidence = faulty();
    let page = page(evidence);
    let marked = |name: &str| page.contains(&format!("<g class=\"box bad \"><title>{name}:"));
    let failed = |name: &str| {
        let of_it = ["schema", "isolation"].map(|family| format!("{family}/{name}/"));
        let mut failed = evidence.checks.iter().filter(|check| !check.passed);
        failed.any(|check| of_it.iter().any(|it| check.id.starts_with(it)))
    };
    for name in evidence.tables.keys() {
        assert_eq!(marked(name), failed(name), "{name}");
    }
    assert!(
        failed("memories") && !failed("messages"),
        "control: one that failed, one that did not"
    );
}
