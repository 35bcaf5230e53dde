//! Transcript: everything that an attacker receives, in a form that can be compared between two
//! worlds.

use std::collections::BTreeSet;

use tokio_postgres::error::DbError;

use crate::probe::Transcript;

/// The masked values, which the server generates in each run; the evidence lists these.
pub const MASKS: [&str; 2] = [
    "uuids that the server generated, which are not in the generated rows: <uuid>",
    "times of the clock, which are later than those of the generated rows: <time>",
];

/// The lines of a transcript: rows, counts, notices and every field of an error.
pub fn lines(transcript: &Transcript, known: &BTreeSet<String>) -> Vec<String> {
    let mut lines = Vec::new();
    for answer in &transcript.answers {
        lines.extend(answer.rows.iter().map(|row| mask(&row.join(" | "), known)));
        lines.push(format!("({})", answer.count));
    }
    lines.extend(transcript.notices.iter().map(|notice| mask(&fields(notice), known)));
    lines.extend(transcript.error.iter().map(|error| mask(&fields(error), known)));
    lines
}

fn fields(error: &DbError) -> String {
    let mut text = format!("{} {}: {}", error.severity(), error.code().code(), error.message());
    let fields = [
        ("detail", error.detail()),
        ("hint", error.hint()),
        ("where", error.where_()),
        ("schema", error.schema()),
        ("table", error.table()),
        ("column", error.column()),
        ("type", error.datatype()),
        ("constraint", error.constraint()),
    ];
    for (name, value) in fields {
        text += &value.map(|value| format!("; {name}: {value}")).unwrap_or_default();
    }
    text
}

/// The first line in which two transcripts differ, from both.
pub fn difference(one: &[String], other: &[String]) -> Option<(String, String)> {
    let longest = one.len().max(other.len());
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or("nothing".into());
    (0..longest)
        .find(|at| one.get(*at) != other.get(*at))
        .map(|at| (line(one, at), line(other, at)))
}

/// Replaces what the server generates.
pub fn mask(text: &str, known: &BTreeSet<String>) -> String {
    const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    // JSON has a T where SQL has a space.
    const TIME: &str = "dddd-dd-ddtdd:dd:dd";
    let mut masked = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let uuid = rest.get(..UUID.len()).filter(|start| matches(start, UUID));
        let time = rest.get(..TIME.len()).filter(|start| matches(start, TIME));
        if let Some(uuid) = uuid {
            masked += if known.contains(uuid) { uuid } else { "<uuid>" };
            rest = &rest[UUID.len()..];
        } else if let Some(time) = time {
            let length = rest.find(|c: char| !(c.is_ascii_digit() || " T-:.+".contains(c)));
            let (whole, behind) = rest.split_at(length.unwrap_or(rest.len()));
            masked += if time.starts_with("2025-01-0") { whole } else { "<time>" };
            rest = behind;
        } else {
            masked.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    masked
}

fn matches(text: &str, pattern: &str) -> bool {
    text.chars().zip(pattern.chars()).all(|(character, kind)| match kind {
        'x' => character.is_ascii_hexdigit(),
        'd' => character.is_ascii_digit(),
        't' => matches!(character, ' ' | 'T'),
        other => character == other,
    })
}
