//! The parts that the chapters of the page are put together from: links, tables, sections, dates.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::report::Evidence;
pub use crate::report::words::{count, listed};

/// The name of a check's place in the page. No two checks have one.
pub fn anchor(id: &str) -> String {
    // What ends an attribute, what an address encodes, and what is written for others.
    let keep = |c: char| c.is_ascii_graphic() && !"\"'<>&`%+~".contains(c);
    let place = |c: char| match c {
        ' ' => "+".to_owned(),
        c if keep(c) => c.to_string(),
        c => format!("~{:x}~", u32::from(c)),
    };
    id.chars().map(place).collect()
}

/// A check's id, as a link to its place.
pub(super) fn link(id: &str) -> Markup {
    html! { a.id href={"#" (anchor(id))} { (id) } }
}

/// How a check ended, as a sign and a word.
pub(super) fn mark(passed: bool) -> Markup {
    html! { @if passed { b.ok { "✓ passed" } } @else { b.bad { "✗ failed" } } }
}

/// What was observed: once, where all regimes agree, and else by regime.
pub(super) fn by_regime(observed: &BTreeMap<String, String>) -> Markup {
    let mut answers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (regime, answer) in observed {
        answers.entry(answer).or_default().push(regime);
    }
    lines(answers.iter().map(|(answer, regimes)| {
        html! { (answer) " " span.soft { "(" (listed(regimes)) ")" } }
    }))
}

/// Each on a line of its own.
pub(super) fn lines(all: impl IntoIterator<Item = impl Render>) -> Markup {
    html! { @for (at, line) in all.into_iter().enumerate() { @if at > 0 { br; } (line) } }
}

/// The digest of the state that statements began with, by regime.
pub(super) fn states(evidence: &Evidence) -> Markup {
    html! {
        @for (at, (regime, state)) in evidence.tested.states.iter().enumerate() {
            @if at > 0 { ", " }
            code { (state) } " (" (regime) ")"
        }
    }
}

/// SQL to copy.
pub(super) fn sql(text: &str) -> Markup {
    // A line feed behind the tag is no part of the text.
    html! { pre.sql { "\n" (text) } }
}

/// A table that scrolls by itself where it is too wide, under its caption.
pub(super) fn table(caption: &str, heads: &[impl AsRef<str>], rows: &Markup) -> Markup {
    html! {
        div.wide role="region" tabindex="0" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head.as_ref()) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// A chapter, with a heading that its place and its name are made of.
pub(super) fn section(id: &str, heading: &str, content: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={(id) "-heading"} {
            h2 id={(id) "-heading"} { (heading) }
            (content)
        }
    }
}

/// Seconds since 1970 as a date and time of day.
pub fn utc(at: u64) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let at = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    at.and_then(|at| at.format(form).ok()).unwrap_or_else(|| "an unknown time".to_owned())
}
