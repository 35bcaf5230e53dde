//! The main job in shards, one test each, so that a partition of the tests is a shard of the
//! job; and the merge of shards.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;

use schema_harness::inputs::Inputs;
use schema_harness::job::{self, Job, Part};
use schema_harness::report::{self, Verdict};

/// Runs one part if `IDENTRA_PARTS` names a directory for its evidence. Otherwise another test
/// runs the whole main job.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn part_is_made(
    #[values(Part::Schema, Part::Isolation, Part::Attacks, Part::Properties, Part::Controls)]
    part: Part,
) {
    let Some(parts) = env::var_os("IDENTRA_PARTS").filter(|parts| !parts.is_empty()) else {
        eprintln!("left out: IDENTRA_PARTS does not say where the evidence of a part goes");
        return;
    };
    let out = PathBuf::from(parts).join(part.name());
    // Evidence of an earlier run must not remain, however this one ends.
    let prepared = report::clear(&out).and_then(|()| report::prepare(&out));
    prepared.unwrap_or_else(|why| panic!("{why}"));
    let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
    let properties: Vec<_> = identra_properties::all().collect();
    let job = Job { parts: vec![part], ..Job::whole(&properties) };
    let made = job::run(Arc::new(inputs), &job).await.unwrap_or_else(|why| panic!("{why}"));
    report::write(&made, &out).unwrap_or_else(|why| panic!("{why}"));
    // A part never proves anything by itself.
    assert_eq!(made.verdict, Verdict::Incomplete, "{}", report::terminal(&made, &out));
}

mod tests {
    use rstest::rstest;
    use serde_json::Value;
    use tempfile::TempDir;

    use super::{Arc, Inputs, Job, Part, PathBuf, Verdict};
    use schema_harness::checks::attacks;
    use schema_harness::error::CannotRun;
    use schema_harness::report::Evidence;
    use schema_harness::{job, report};

    /// A smaller job, which has something of every part.
    fn job(parts: &[Part]) -> Job {
        let attacks = attacks::all().filter(|attack| attack.id.starts_with('R')).collect();
        let properties =
            identra_properties::all().filter(|it| it.id.starts_with("cleanup_expired_sessions/"));
        Job { attacks, properties: properties.collect(), parts: parts.to_vec(), ..Job::whole(&[]) }
    }

    async fn made(parts: &[Part], fault: &str) -> Evidence {
        let inputs = Inputs::from_environment().unwrap_or_else(|why| panic!("{why}"));
        let inputs = if fault.is_empty() { inputs } else { inputs.followed_by(fault) };
        let made = job::run(Arc::new(inputs), &job(parts)).await;
        made.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Writes evidence below `workspace`, and returns its directory.
    fn written(workspace: &TempDir, name: &str, made: &Evidence) -> PathBuf {
        let out = workspace.path().join(name);
        let written = report::prepare(&out).and_then(|()| report::write(made, &out));
        written.unwrap_or_else(|why| panic!("{why}"));
        out
    }

    fn workspace() -> TempDir {
        TempDir::with_prefix("identra-shards-").expect("a directory of the test's own")
    }

    fn lines(value: &Value) -> Vec<String> {
        format!("{value:#}").lines().map(str::to_owned).collect()
    }

    fn refusal(merged: Result<Evidence, CannotRun>) -> String {
        let Err(CannotRun(why)) = merged else { panic!("it was merged") };
        why
    }

    /// The merge of all parts equals the evidence of one run, byte by byte except for volatile
    /// fields.
    #[rstest]
    #[case::clean("", Verdict::Proved)]
    #[case::open(
        "alter policy \"Users read their own memories\" on public.memories using (true)",
        Verdict::Findings
    )]
    #[tokio::test(flavor = "multi_thread")]
    async fn merged_parts_are_the_whole(#[case] fault: &str, #[case] verdict: Verdict) {
        let whole = made(&Part::ALL, fault).await;
        assert_eq!(whole.verdict, verdict, "{:#?}", whole.accounting);
        let workspace = workspace();
        let mut directories = Vec::new();
        for part in Part::ALL {
            let part_made = made(&[part], fault).await;
            assert!(part_made.accounting.executed < part_made.accounting.planned);
            directories.push(written(&workspace, part.name(), &part_made));
        }
        let merged = report::merged(&directories).unwrap_or_else(|why| panic!("{why}"));
        let (whole, merged) = (lines(&whole.lasting()), lines(&merged.lasting()));
        assert_eq!(whole.iter().zip(&merged).find(|(one, other)| one != other), None);
        assert_eq!(whole.len(), merged.len());
        // The control, for each: a lost shard is detected.
        for lost in 0..directories.len() {
            let mut left = directories.clone();
            left.remove(lost);
            let merged = report::merged(&left).unwrap_or_else(|why| panic!("{why}"));
            assert_ne!(merged.verdict, Verdict::Proved, "without {}", Part::ALL[lost].name());
            assert_ne!(merged.accounting.missing.len(), 0, "checks that are missed");
        }
    }

    /// Shards of other migrations, and what is no evidence, are refused.
    #[tokio::test(flavor = "multi_thread")]
    async fn shards_of_different_runs_are_refused() {
        let workspace = workspace();
        let schema = made(&[Part::Schema], "").await;
        let one = written(&workspace, "one", &schema);
        let other = made(&[Part::Properties], "comment on table public.memories is 'x'").await;
        let other = written(&workspace, "other", &other);
        let why = refusal(report::merged(&[one.clone(), other]));
        let end = "are not about the same migrations; merge the shards of one run";
        assert!(why.ends_with(end), "{why}");

        let mut unplanned = schema.clone();
        unplanned.checks.pop();
        let unplanned = written(&workspace, "unplanned", &unplanned);
        let why = refusal(report::merged(&[one.clone(), unplanned]));
        assert!(why.contains("did not plan the same checks"), "{why}");

        let mut old = serde_json::to_value(&schema).expect("plain data");
        old["format"] = 1.into();
        std::fs::create_dir(workspace.path().join("old")).expect("a directory");
        std::fs::write(workspace.path().join("old/evidence.json"), old.to_string())
            .expect("a file");
        let why = refusal(report::merged(&[workspace.path().join("old")]));
        assert!(why.contains("it is of format 1, and this harness reads format"), "{why}");

        std::fs::create_dir(workspace.path().join("empty")).expect("a directory");
        let why = refusal(report::merged(&[workspace.path().join("empty")]));
        assert!(why.starts_with("there is no evidence.json in"), "{why}");
        assert!(report::merged(&[one.clone(), one]).is_ok(), "control");
    }
}
