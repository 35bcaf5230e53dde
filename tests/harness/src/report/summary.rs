//! Summary: the evidence in a few lines, for a terminal and for the page of a CI job.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::document::{Accounting, ControlsRecord, FamilyRecord, Known};
use super::fold::{Fold, by_severity, folds};
use super::words::count;
use super::{Evidence, Verdict};
use crate::findings::ledger::{Finding, Shows};

/// The number of lines of findings that a terminal shows at once; the other findings are counted.
const SCREEN: usize = 40;

/// The characters of a terminal's line.
const WIDTH: usize = 100;

/// The number of checks that a terminal names of those that were not made.
const SHOWN: usize = 12;

/// What the terminal shows; its last line is the verdict and the path.
pub fn terminal(evidence: &Evidence, out: &Path) -> String {
    let mut lines = vec![
        evidence.tested.server.choice.clone(),
        format!(
            "migrations {} ({}), platform shim {}",
            &evidence.tested.migrations.sha256[..12],
            evidence.tested.migrations.files.join(", "),
            &evidence.tested.platform_shim.sha256[..12],
        ),
        format!(
            "regime {}: {}",
            evidence.tested.regimes.join(" and "),
            evidence.tested.regimes_because
        ),
    ];
    for (family, FamilyRecord { passed, made: all, .. }) in &evidence.families {
        lines.push(format!("  {family:<12} {passed:>5} of {all:>5} checks passed"));
    }
    let measured = &evidence.tested.measured;
    lines.push(format!(
        "  {} cells tried, {} µs each in the median; {} attack statements in {:.1} s",
        measured.probes,
        measured.probe_median_us,
        measured.attack_probes,
        Duration::from_millis(measured.attacks_ms).as_secs_f64(),
    ));
    lines.push(format!("  {}", denials(evidence)));
    let seconds = Duration::from_millis(measured.controls_ms).as_secs_f64();
    lines.push(format!("  {}, {seconds:.1} s", negative_controls(evidence)));
    let unfixed: Vec<&str> =
        evidence.tested.server.unfixed.iter().map(|cve| cve.id.as_str()).collect();
    if !unfixed.is_empty() {
        lines.push(format!("  this server has not fixed: {}", unfixed.join(", ")));
    }
    let stand_ins = &evidence.tested.server.stand_ins;
    if !stand_ins.is_empty() {
        lines.push(format!("  stand-ins for extensions: {}", stand_ins.join(", ")));
    }
    for accepted in &evidence.accepted {
        let (object, channel, reason) = (&accepted.object, &accepted.channel, &accepted.reason);
        lines.push(format!("  accepted: {object}: {channel}, because {reason}"));
    }
    for (what, of, reason) in accepted(evidence) {
        lines.push(format!("  accepted until {what}: {of}, because {reason}"));
    }
    let open = evidence.not_proved.len();
    lines.push(format!("  not proved: {open} things that no check covers, listed in index.html"));
    lines.extend(one_screen(&folds(&evidence.findings)));
    let accounting = &evidence.accounting;
    for (what, count) in untried(accounting).into_iter().take(SHOWN) {
        lines.push(format!("  planned and not made: {count} of {what}"));
    }
    for id in accounting.unplanned.iter().take(SHOWN) {
        lines.push(format!("  made and not planned: {id}"));
    }
    lines.push(String::new());
    lines.push(format!("{}: {}", headline(evidence), out.display()));
    lines.join("\n")
}

/// How many planted weaknesses were found.
pub(super) fn negative_controls(evidence: &Evidence) -> String {
    let ControlsRecord { planted, found } = evidence.controls;
    format!("negative controls: {found} of {planted} red")
}

/// How many denials there are, and what is known of their statements.
pub(super) fn denials(evidence: &Evidence) -> String {
    let count = |shows: Shows| evidence.denials.get(&shows).copied().unwrap_or_default();
    let mut text = format!(
        "denials: {} cells, in {} of which the statement has an effect for service_role",
        evidence.denials.values().sum::<usize>(),
        count(Shows::Effect),
    );
    let others = [
        (Shows::Constraint, "a constraint refuses it to everybody"),
        (Shows::Nobody, "the contract lets nobody"),
        (Shows::Nothing, "nobody is known for whom it has one"),
    ];
    for (shows, why) in others.into_iter().filter(|(shows, _)| count(*shows) > 0) {
        text += &format!(", in {} {why}", count(shows));
    }
    text
}

/// `summary.md`.
pub fn markdown(evidence: &Evidence) -> String {
    let tested = &evidence.tested;
    let mut text = format!(
        "# {}\n\n{}.\n\n| tested | |\n|---|---|\n| migrations | `{}` {} |\n\
         | contract | `{}` |\n| platform shim | `{}` |\n| server | PostgreSQL {} ({}) |\n| regimes | {}, {} |\n\
         | commit | {} |\n",
        evidence.verdict.word(),
        headline(evidence),
        tested.migrations.sha256,
        tested.migrations.files.join(", "),
        tested.contract.sha256,
        tested.platform_shim.sha256,
        tested.server.version,
        tested.server.kind,
        tested.regimes.join(" and "),
        tested.regimes_because,
        tested.commit.as_deref().unwrap_or("unknown"),
    );
    for cve in &tested.server.unfixed {
        text += &format!("| not fixed by this server | {}: {} |\n", cve.id, cve.what);
    }
    text += "\n## Checks\n\n| family | passed | of |\n|---|---:|---:|\n";
    for (family, FamilyRecord { passed, made: all, .. }) in &evidence.families {
        text += &format!("| {family} | {passed} | {all} |\n");
    }
    let lines = [denials(evidence), negative_controls(evidence)];
    text += &lines.map(|it| format!("\n- {it}")).concat();
    text += "\n";
    text += &functions(evidence);
    text += &mutants(evidence);
    text += "\n## Accepted\n\n";
    if evidence.accepted.is_empty() {
        text += "Nothing.\n";
    }
    for accepted in &evidence.accepted {
        let (object, channel, reason) = (&accepted.object, &accepted.channel, &accepted.reason);
        text += &format!("- {object}: {channel}, because {reason}\n");
    }
    if !evidence.baseline.is_empty() {
        text += "\n## Accepted by a baseline\n\n";
        for (what, of, reason) in accepted(evidence) {
            text += &format!("- until {what}: {of}, because {reason}\n");
        }
    }
    text += "\n## Not proved\n\n";
    text += &evidence.not_proved.iter().map(|it| format!("- {it}\n")).collect::<String>();
    text += "\n## Findings\n\n";
    if evidence.findings.is_empty() {
        text += "None.\n";
    }
    for fold in folds(&evidence.findings) {
        let Fold { lead, others } = &fold;
        text += &format!("### {}: {}\n\n", lead.rule, lead.object);
        text += &format!("{}\n\n", shown(&fold).replace('\n', "  \n"));
        if let Some(statement) = &lead.statement {
            text += &format!("```sql\n{statement}\n```\n\n");
        }
        if !others.is_empty() {
            let count = count(others.len(), "consequence");
            text += &format!("<details><summary>{count}</summary>\n\n");
            text += &others.iter().map(|it| format!("- {}\n", line(it))).collect::<String>();
            text += "\n</details>\n\n";
        }
    }
    text
}

/// As many findings as a screen shows, each in full, and the number of the others.
fn one_screen(folds: &[Fold<'_>]) -> Vec<String> {
    let (mut lines, mut height) = (Vec::new(), 0);
    for (at, fold) in folds.iter().enumerate() {
        let text = shown(fold);
        let rows = text.lines().map(|line| 1 + line.chars().count().saturating_sub(1) / WIDTH);
        height += 1 + rows.sum::<usize>();
        if at > 0 && height > SCREEN {
            let rest = &folds[at..];
            let (findings, severities) = (count(rest.len(), "more finding"), by_severity(rest));
            lines.push(format!("\n… and {findings} ({severities}): index.html"));
            break;
        }
        lines.extend([String::new(), text]);
    }
    lines
}

/// Findings that a baseline accepts: last day, rule and object with their number, and reason.
fn accepted(evidence: &Evidence) -> Vec<(&str, String, &str)> {
    let of = |known: &Known| (known.finding.rule.clone(), known.finding.object.clone());
    let groups = evidence.baseline.chunk_by(|one, next| of(one) == of(next));
    let text = |group: &[Known]| {
        let (rule, object) = of(&group[0]);
        let times =
            if group.len() == 1 { String::new() } else { format!(", {} times", group.len()) };
        format!("{rule} of {object}{times}")
    };
    groups.map(|it| (it[0].expires.as_str(), text(it), it[0].reason.as_str())).collect()
}

/// The invariants of functions, how far they were tested, and every property with its cases and
/// seed.
fn functions(evidence: &Evidence) -> String {
    let mut text = "\n## Functions\n\n| function | invariant | properties | statements run |\n\
                    |---|---|---:|---:|\n"
        .to_owned();
    for (name, function) in &evidence.functions {
        let run = function.statements.iter().filter(|statement| statement.executed).count();
        let statements = match function.statements.len() {
            0 => "not counted".to_owned(),
            all => format!("{run} of {all}"),
        };
        let (invariant, checks) = (&function.invariant, function.checks.len());
        text += &format!("| {name} | {invariant} | {checks} | {statements} |\n");
    }
    let tried = evidence.checks.iter().filter(|check| check.id.starts_with("property/"));
    for check in tried {
        let observed = check.observed.values().next().map_or("", String::as_str);
        text += &format!("\n- `{}`: {}: {observed}", check.id, check.expected);
    }
    text + "\n"
}

/// The outcomes of mutants, in the order of the report.
const OUTCOMES: [&str; 5] = ["caught", "unviable", "equivalent", "timeout", "missed"];

/// The outcomes of mutants by family; empty if they were not requested.
fn mutants(evidence: &Evidence) -> String {
    let Some(mutants) = &evidence.mutants else { return String::new() };
    let mut text = format!(
        "\n## Mutants\n\n| family | {} |\n|---{}|\n",
        OUTCOMES.join(" | "),
        "|---:".repeat(5)
    );
    for (family, outcomes) in &mutants.families {
        let count = |outcome: &str| outcomes.get(outcome).copied().unwrap_or_default().to_string();
        text += &format!("| {family} | {} |\n", OUTCOMES.map(count).join(" | "));
    }
    text += "\nChecks that caught no mutant, and why they are kept:\n\n";
    text + &mutants.idle.iter().map(|(it, why)| format!("- `{it}`: {why}\n")).collect::<String>()
}

/// What was planned and not made, by family and object, with the number of checks.
fn untried(accounting: &Accounting) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for id in accounting.missing.keys() {
        let what: Vec<&str> = id.splitn(3, '/').take(2).collect();
        *counts.entry(what.join("/")).or_default() += 1;
    }
    counts
}

/// How much was tried.
fn share(evidence: &Evidence) -> String {
    let Accounting { planned, executed, .. } = evidence.accounting;
    let mut text = format!("{executed} of {planned} checks made");
    if executed < planned {
        let (tried, all) = (evidence.tables_tried(), evidence.tables.len());
        text += &format!(", in {tried} of {all} tables and views");
    }
    text
}

/// Verdict and accounting in a sentence.
fn headline(evidence: &Evidence) -> String {
    let (counts, folds) = (share(evidence), folds(&evidence.findings));
    let severities = by_severity(&folds);
    let seconds = Duration::from_millis(evidence.tested.measured.total_ms).as_secs_f64();
    match evidence.verdict {
        Verdict::Proved if evidence.findings.is_empty() => {
            format!("PROVED, {counts}, all passed, {seconds:.1} s")
        }
        Verdict::Proved => {
            format!("PROVED, {counts}, with remarks ({severities}), {seconds:.1} s")
        }
        Verdict::NothingNew => format!(
            "NOTHING NEW, {counts}, {} findings accepted by the baseline, {seconds:.1} s",
            evidence.baseline.len()
        ),
        Verdict::Findings => {
            let of = match (folds.len(), evidence.findings.len()) {
                (folds, all) if folds == all => folds.to_string(),
                (folds, all) => format!("{folds} with {} consequences", all - folds),
            };
            format!("FINDINGS, {of} ({severities}), {counts}, {seconds:.1} s")
        }
        Verdict::Incomplete => format!("INCOMPLETE, {counts}, nothing is proved, {seconds:.1} s"),
        Verdict::HarnessBroken => format!(
            "HARNESS BROKEN, {}, nothing that this run says can be relied on, {seconds:.1} s",
            negative_controls(evidence)
        ),
    }
}

/// An outcome in one line, shortened; the page and `evidence.json` have the whole.
fn brief(text: &str) -> String {
    const ENOUGH: usize = 180;
    let text = text.replace('\n', " ");
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

/// One of several findings of a cause.
fn line(finding: &Finding) -> String {
    let who = finding.persona.as_deref().map(|who| format!(" as {who}")).unwrap_or_default();
    let Finding { rule, object, check, expected, observed, .. } = finding;
    let (expected, observed) = (brief(expected), brief(observed));
    format!("{rule}: {object}: {check}{who}: expected {expected}, observed {observed}")
}

fn shown(fold: &Fold<'_>) -> String {
    let finding = fold.lead;
    let at = finding.location.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
    let who = finding.persona.as_deref().map(|who| format!(" as {who}")).unwrap_or_default();
    let mut text = format!("{}: {}{at}: {}\n", finding.rule, finding.object, finding.title);
    text += &format!("  severity  {}\n", finding.severity);
    text += &format!("  check     {}{who}\n", finding.check);
    text += &format!("  expected  {}\n", brief(&finding.expected));
    text += &format!("  observed  {}\n", brief(&finding.observed));
    if !fold.others.is_empty() {
        text += &format!("  cause     {}\n", brief(&fold.cause()));
    }
    if let Some(tells) = fold.tells() {
        text += &format!("  tells     {tells}\n");
    }
    text += &format!("  remedy    {}", finding.remedy);
    if !fold.others.is_empty() {
        let (count, of) = (count(fold.others.len(), "consequence"), fold.consequences());
        text += &format!("\n  and {count}: {}", of.join(", "));
    }
    text
}
