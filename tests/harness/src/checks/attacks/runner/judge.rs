//! Judges a probe by the rows that it changed, by its output in different worlds, and by a
//! control for which the same statements are effective.

use super::context::VICTIM;
use super::probe::{Control, FAILS, INEFFECTIVE, NO_EFFECT, Probe, Trial};
use super::secrets::OTHER_IN_COLUMNS;
use super::{Context, transcript};
use tokio_postgres::error::DbError;

use crate::checks::isolation::control::entitle;
use crate::checks::isolation::reach;
use crate::error::CannotRun;
use crate::platform::persona::Identity;
use crate::probe::digest;
use crate::probe::{Attempt, Transcript};

/// Runs a probe of the attack with that id in every world, and its control.
///
/// # Errors
/// Why the server could not be reached, or a world could not be made.
pub async fn judge(context: &Context<'_>, attack: &str, probe: &Probe) -> Result<Trial, CannotRun> {
    let (attacker, script) = (&probe.attacker, &probe.script);
    let first = run(context, probe, attacker, script).await?;
    let reply = compare(context, probe, attacker, script, first).await?;
    let mut weakness = misidentified(attacker, &reply.first);
    weakness = weakness.or_else(|| misplaced(context, probe, &reply.first));
    let leak = reply.difference().map(|(world, here, there)| {
        format!("the answer shows whether the victim's rows are {world}: \"{here}\" / \"{there}\"")
    });
    let mut answer = answer(&reply.first);
    let by_contract = context.accepted(attack, &probe.object);
    match (leak, by_contract, context.open_by_nature) {
        // The leak varies from run to run, so it is not quoted.
        (Some(_), _, Some(reason)) => answer = format!("leaks, accepted: {reason}"),
        (None, _, Some(reason)) => answer = format!("the output leaks nothing, accepted: {reason}"),
        (Some(leak), Some(reason), None) => answer = format!("{leak}, accepted: {reason}"),
        (Some(leak), None, None) => weakness = weakness.or(Some(leak)),
        (None, _, None) => {}
    }
    if let Control::Nobody(reason) = &probe.control {
        answer += &format!("; no control: {reason}");
    }
    weakness = weakness.or_else(|| {
        let effect = reach::lacking(context.contract, &reply.first.changed)?;
        Some(format!("{NO_EFFECT}{effect}"))
    });
    if weakness.is_none() {
        weakness = ineffective(context, probe, &reply.first).await?;
    }
    Ok(Trial {
        object: probe.object.clone(),
        part: probe.part.clone(),
        attacker: attacker.name.clone(),
        statement: pasteable(probe),
        answer,
        weakness,
        remedy: None,
    })
}

/// The transcripts of an identity in the actual world and in the others.
struct Reply {
    first: Transcript,
    lines: Vec<String>,
    others: Vec<(&'static str, Vec<String>)>,
}

impl Reply {
    /// The first world with a different transcript, and the lines that differ.
    fn difference(&self) -> Option<(&'static str, String, String)> {
        self.others.iter().find_map(|(world, lines)| {
            let difference = if *world == OTHER_IN_COLUMNS {
                transcript::difference(&sorted(&self.lines), &sorted(lines))
            } else {
                transcript::difference(&self.lines, lines)
            };
            let (here, there) = difference?;
            Some((*world, here, there))
        })
    }
}

fn sorted(lines: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    lines.sort();
    lines
}

/// Runs the script in the actual world.
async fn run(
    context: &Context<'_>,
    probe: &Probe,
    identity: &Identity,
    script: &[String],
) -> Result<Transcript, CannotRun> {
    context
        .prober()
        .transcript(&Attempt { setup: &probe.setup, identity, script, active: "" })
        .await
}

/// The same in the other worlds, where only the transcript matters.
async fn compare(
    context: &Context<'_>,
    probe: &Probe,
    identity: &Identity,
    script: &[String],
    first: Transcript,
) -> Result<Reply, CannotRun> {
    let lines = transcript::lines(&first, context.known());
    let mut others = Vec::new();
    for (world, make) in &probe.worlds {
        let setup = [make.as_slice(), probe.setup.as_slice()].concat();
        let attempt = Attempt { setup: &setup, identity, script, active: "" };
        let transcript = context.prober().transcript_without_state(&attempt).await?;
        others.push((*world, transcript::lines(&transcript, context.known())));
    }
    Ok(Reply { first, lines, others })
}

/// T01: the session has the attacker's identity, without further privileges.
fn misidentified(attacker: &Identity, transcript: &Transcript) -> Option<String> {
    let bypasses = if attacker.role == "service_role" { "t" } else { "f" };
    let expected = ["authenticator", &attacker.role, "f", bypasses];
    (transcript.guard[..4] != expected).then(|| {
        format!(
            "the session does not have the attacker's identity: {}",
            transcript.guard.join(
                ", \
            "
            )
        )
    })
}

/// Rule 1: only the attacker's own rows changed.
fn misplaced(context: &Context<'_>, probe: &Probe, transcript: &Transcript) -> Option<String> {
    let misplaced = reach::misplaced(context.contract, &transcript.changed, |changed| {
        context.may_change(&probe.attacker, &probe.object, changed)
    });
    misplaced.first().map(|rows| format!("rows changed: {}", digest::rows_of(rows)))
}

/// Rule 3: the control reads or changes something with the same statements.
async fn ineffective(
    context: &Context<'_>,
    probe: &Probe,
    transcript: &Transcript,
) -> Result<Option<String>, CannotRun> {
    let (identity, script) = match &probe.control {
        Control::By(identity) => (identity, &probe.script),
        Control::Instead(identity, script) => (identity, script),
        Control::Nobody(_) => return Ok(None),
        Control::Understood => {
            return Ok(misunderstood(transcript).or_else(|| fails_by_itself(probe, transcript)));
        }
    };
    // What the schema leaves the control without, it is given: it is to differ in nothing but who
    // it is.
    let entitled =
        Probe { setup: [&probe.setup[..], &entitle(context.catalog)].concat(), ..probe.clone() };
    let is_service = identity.role == "service_role";
    let mut tries = vec![(probe, identity)];
    if is_service {
        tries.push((&entitled, identity));
    }
    // What a view shows may depend on who asks.
    let victim = context.contract.identity(VICTIM);
    let view = context.catalog.relation(&probe.object).filter(|it| it.kind.ends_with("view"));
    let grant = view.map(|it| format!("grant all on {} to {}", it.qualified(), victim.role));
    let granted =
        Probe { setup: probe.setup.iter().cloned().chain(grant).collect(), ..probe.clone() };
    if is_service && view.is_some() {
        tries.push((&granted, &victim));
    }
    let mut text = String::new();
    for (probe, identity) in tries {
        let first = run(context, probe, identity, script).await?;
        if first.error.as_ref().is_some_and(is_nobodys) {
            return Ok(None);
        }
        // A change of any row that the attacker may not change counts, even of a row without an
        // owner.
        let changes = first.changed.iter().any(|changed| {
            Context::is_victims(&changed.owner)
                || !context.may_change(&probe.attacker, &probe.object, changed)
        });
        if changes {
            return Ok(None);
        }
        let reply = compare(context, probe, identity, script, first).await?;
        if reply.difference().is_some() {
            return Ok(None);
        }
        text = answer(&reply.first);
    }
    Ok(Some(format!("{INEFFECTIVE}{}, reads and changes nothing either: {text}", identity.name)))
}

/// Whether a statement reached its row and only a constraint refuses the new values, such as one
/// key for several rows; or whether such an object takes it from nobody.
fn is_nobodys(error: &DbError) -> bool {
    const OF_THE_OBJECT: [&str; 3] = ["0A000", "42809", "428C9"];
    let code = error.code().code();
    code.starts_with("23") || OF_THE_OBJECT.contains(&code)
}

/// Errors about the text of a statement.
const MISUNDERSTOOD: [&str; 9] =
    ["42601", "42702", "42703", "42704", "42725", "42804", "42846", "42883", "42P02"];

/// Whether the server rejected the statement itself; an error with a context was raised within
/// a function that it called.
fn misunderstood(transcript: &Transcript) -> Option<String> {
    let error = transcript.error.as_ref().filter(|error| error.where_().is_none())?;
    let code = error.code().code();
    MISUNDERSTOOD
        .contains(&code)
        .then(|| format!("the server cannot parse the statement: {code} {}", error.message()))
}

/// Whether a function fails on its own text. What is sent as text may become a part of it.
fn fails_by_itself(probe: &Probe, transcript: &Transcript) -> Option<String> {
    const NO_TABLE: &str = "42P01";
    let error = transcript.error.as_ref().filter(|error| error.where_().is_some())?;
    let code = error.code().code();
    let is_its_own = MISUNDERSTOOD.contains(&code) || code == NO_TABLE;
    let is_sent = probe.part.starts_with("text ");
    (is_its_own && !is_sent).then(|| format!("{FAILS}{code} {}", error.message()))
}

/// The answer, in short.
fn answer(transcript: &Transcript) -> String {
    if let Some(error) = &transcript.error {
        return format!("{} {}", error.code().code(), error.message());
    }
    let count = transcript.answers.last().map_or(0, |answer| answer.count);
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn pasteable(probe: &Probe) -> String {
    let mut lines = vec!["begin;".to_owned()];
    lines.extend(probe.setup.iter().map(|statement| format!("{statement};")));
    lines.push(probe.attacker.become_sql());
    // The rows of a COPY begin and end on separate lines.
    lines.extend(probe.script.iter().map(|statement| match statement.split_once('\n') {
        Some((copy, rows)) if statement.ends_with("\\.") => format!("{copy};\n{rows}"),
        _ => format!("{statement};"),
    }));
    lines.push("rollback;".to_owned());
    lines.join("\n")
}
