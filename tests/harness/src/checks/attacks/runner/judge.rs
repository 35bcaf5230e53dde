//! This file is how a probe is judged: by what it changed, by what it was told, and by
//! somebody with whom the same statements do bite.

use super::{Context, Control, Probe, TOOTHLESS, Trial, transcript};
use crate::error::CannotRun;
use crate::platform::persona::Identity;
use crate::probe::digest;
use crate::probe::{Attempt, Transcript};

/// Tries a probe of the attack with that id in every world, and its control.
///
/// # Errors
/// Why the server could not be reached, or a world could not be made.
pub async fn judge(context: &Context<'_>, attack: &str, probe: &Probe) -> Result<Trial, CannotRun> {
    let (attacker, script) = (&probe.attacker, &probe.script);
    let first = play(context, probe, attacker, script).await?;
    let heard = compare(context, probe, attacker, script, first).await?;
    let mut weakness = misidentified(attacker, &heard.first);
    weakness = weakness.or_else(|| misplaced(context, probe, &heard.first));
    let leak = heard.difference().map(|(world, here, there)| {
        format!("the answer tells whether the victim's rows are {world}: \"{here}\" / \"{there}\"")
    });
    let mut answer = answer(&heard.first);
    let by_contract = context.accepted(attack, &probe.object);
    match (leak, by_contract, context.open_by_nature) {
        // What is told depends on the server's moment, so it is not quoted.
        (Some(_), _, Some(reason)) => answer = format!("tells something, accepted: {reason}"),
        (None, _, Some(reason)) => answer = format!("its words tell nothing, accepted: {reason}"),
        (Some(leak), Some(reason), None) => answer = format!("{leak}, accepted: {reason}"),
        (Some(leak), None, None) => weakness = weakness.or(Some(leak)),
        (None, _, None) => {}
    }
    if let Control::Nobody(reason) = &probe.control {
        answer += &format!("; no control: {reason}");
    }
    if weakness.is_none() {
        weakness = toothless(context, probe, &heard.first).await?;
    }
    Ok(Trial {
        object: probe.object.clone(),
        part: probe.part.clone(),
        attacker: attacker.name.clone(),
        statement: pasteable(probe),
        answer,
        weakness,
    })
}

/// What somebody heard in the world as it is, and in the others.
struct Reply {
    first: Transcript,
    lines: Vec<String>,
    others: Vec<(&'static str, Vec<String>)>,
}

impl Reply {
    /// The first world in which something else was heard, and the lines that differ.
    fn difference(&self) -> Option<(&'static str, String, String)> {
        self.others.iter().find_map(|(world, lines)| {
            let (here, there) = transcript::difference(&self.lines, lines)?;
            Some((*world, here, there))
        })
    }
}

/// The script in the world as it is.
async fn play(
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

/// The same in the other worlds, where only what is heard matters.
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
        let act = Attempt { setup: &setup, identity, script, active: "" };
        let played = context.prober().transcript_without_state(&act).await?;
        others.push((*world, transcript::lines(&played, context.known())));
    }
    Ok(Reply { first, lines, others })
}

/// T01: the attacker is who it should be, with no more rights than it should have.
fn misidentified(attacker: &Identity, played: &Transcript) -> Option<String> {
    let bypasses = if attacker.role == "service_role" { "t" } else { "f" };
    let expected = ["authenticator", &attacker.role, "f", bypasses];
    (played.guard[..4] != expected)
        .then(|| format!("the attacker was not who it should be: {}", played.guard.join(", ")))
}

/// Rule 1: no row changed but the attacker's own.
fn misplaced(context: &Context<'_>, probe: &Probe, played: &Transcript) -> Option<String> {
    let mut others = played
        .changed
        .iter()
        .filter(|changed| !context.may_change(&probe.attacker, &probe.object, changed));
    others.next().map(|rows| format!("rows changed: {}", digest::rows_of(rows)))
}

/// Rule 3: whoever is entitled learns or changes something by the same statements.
async fn toothless(
    context: &Context<'_>,
    probe: &Probe,
    played: &Transcript,
) -> Result<Option<String>, CannotRun> {
    let (identity, script) = match &probe.control {
        Control::By(identity) => (identity, &probe.script),
        Control::Instead(identity, script) => (identity, script),
        Control::Nobody(_) => return Ok(None),
        Control::Understood => return Ok(misunderstood(played)),
    };
    let first = play(context, probe, identity, script).await?;
    // What the attacker may not change bites too: a row of nobody's, say.
    let changes = first.changed.iter().any(|changed| {
        Context::is_victims(&changed.owner)
            || !context.may_change(&probe.attacker, &probe.object, changed)
    });
    if changes {
        return Ok(None);
    }
    let heard = compare(context, probe, identity, script, first).await?;
    if heard.difference().is_some() {
        return Ok(None);
    }
    let told = answer(&heard.first);
    Ok(Some(format!("{TOOTHLESS}{}, learns and changes nothing either: {told}", identity.name)))
}

/// That the server did not know what to do with the statement itself; an error that has a
/// context was raised within something that it called.
fn misunderstood(played: &Transcript) -> Option<String> {
    const MISUNDERSTOOD: [&str; 8] =
        ["42601", "42703", "42704", "42725", "42804", "42846", "42883", "42P02"];
    let error = played.error.as_ref().filter(|error| error.where_().is_none())?;
    let code = error.code().code();
    MISUNDERSTOOD
        .contains(&code)
        .then(|| format!("the server did not understand the statement: {code} {}", error.message()))
}

/// What came back, in a few words.
fn answer(played: &Transcript) -> String {
    if let Some(error) = &played.error {
        return format!("{} {}", error.code().code(), error.message());
    }
    let count = played.answers.last().map_or(0, |answer| answer.count);
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn pasteable(probe: &Probe) -> String {
    let mut lines = vec!["begin;".to_owned()];
    lines.extend(probe.setup.iter().map(|statement| format!("{statement};")));
    lines.push(probe.attacker.become_sql());
    // The rows of a COPY begin and end on lines of their own.
    lines.extend(probe.script.iter().map(|statement| match statement.split_once('\n') {
        Some((copy, rows)) if statement.ends_with("\\.") => format!("{copy};\n{rows}"),
        _ => format!("{statement};"),
    }));
    lines.push("rollback;".to_owned());
    lines.join("\n")
}
