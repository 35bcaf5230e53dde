//! The facts of a run: what was tested, on which server, and how long it took.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Run;
use super::document::{Fingerprint, Measured, PropertyTimes, ServerFacts, Tested};
use crate::checks::properties::plan::Try;
use crate::findings::ledger::Ledger;
use crate::platform::cves;
use crate::source::{SourceFile, fingerprint, project};

/// The inputs and measurements of the run.
pub(super) fn tested(ledger: &Ledger, run: &Run<'_>) -> Tested {
    let Run { inputs, server, .. } = run;
    let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let unfixed = cves::unfixed(server.version_num()).unwrap_or_else(|why| panic!("{why}"));
    let probes = ledger.probes();
    let median = probes.get(probes.len() / 2).copied().unwrap_or_default();
    let names = |at: &str, files: &[SourceFile]| -> Vec<String> {
        files.iter().map(|file| format!("{at}{}", file.name)).collect()
    };
    Tested {
        migrations: Fingerprint {
            sha256: inputs.migrations_sha256(),
            files: names(&inputs.migrations_at, &inputs.migrations),
        },
        contract: Fingerprint {
            sha256: fingerprint(&inputs.contract_files),
            files: names(&inputs.contract_at, &inputs.contract_files),
        },
        platform_shim: Fingerprint { sha256: inputs.shim_sha256(), files: names("", &inputs.shim) },
        server: ServerFacts {
            version: server.version().to_owned(),
            kind: format!("{:?}", server.kind()).to_lowercase(),
            unfixed,
            choice: server.choice().to_owned(),
            stand_ins: run.stand_ins.clone(),
        },
        regimes: run.regimes.all.iter().map(|regime| regime.name().to_owned()).collect(),
        regimes_because: run.regimes.why.clone(),
        states: run.states.clone(),
        commit: commit(),
        at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        measured: Measured {
            total_ms: millis(run.took),
            compared_ms: millis(run.compared),
            probes: probes.len(),
            probe_median_us: u64::try_from(median.as_micros()).unwrap_or(u64::MAX),
            properties: property_times(run),
            mutants: run.mutants.as_ref().map_or(0, |judgement| judgement.judged.len()),
            mutant_median_ms: millis(mutant_median(run)),
            attack_probes: ledger.attacks().0,
            attacks_ms: millis(ledger.attacks().1),
            controls_ms: millis(run.controls),
        },
    }
}

/// The commit of the project, with `-dirty` if files have changed; none outside a repository.
pub fn commit() -> Option<String> {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
        .current_dir(project())
        .output()
        .ok()?;
    let name = String::from_utf8(described.stdout).ok()?.trim().to_owned();
    (described.status.success() && !name.is_empty()).then_some(name)
}

fn mutant_median(run: &Run<'_>) -> Duration {
    let judged = run.mutants.iter().flat_map(|judgement| &judgement.judged);
    let mut times: Vec<Duration> = judged.map(|one| one.took).collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn property_times(run: &Run<'_>) -> BTreeMap<String, PropertyTimes> {
    let times = |(property, _, tried): &Try| {
        let mut cases = tried.cases.clone();
        cases.sort();
        let median = cases.get(cases.len() / 2).copied().unwrap_or_default();
        let times = PropertyTimes {
            cases: cases.len(),
            case_median_us: u64::try_from(median.as_micros()).unwrap_or(u64::MAX),
            total_ms: u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX),
        };
        (property.id.to_owned(), times)
    };
    run.tries.iter().map(times).collect()
}
