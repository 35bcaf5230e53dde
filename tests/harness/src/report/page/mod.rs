//! The evidence as one page without other files: `index.html`.

mod appendix;
mod attacks;
mod cell;
mod findings;
mod functions;
mod graph;
mod markup;
mod matrix;
mod mutants;
mod tenancy;
mod verdict;

pub use self::markup::anchor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use self::markup::e;
use super::{Evidence, Verdict};

/// How it looks. All of it: an attribute may set no style.
const STYLE: &str = include_str!("style.css");
/// What filters and copies. The page can be read without it.
const SCRIPT: &str = include_str!("filter.js");

/// `index.html`.
pub fn page(evidence: &Evidence) -> String {
    let chapters = chapters(evidence);
    let contents: String = chapters
        .iter()
        .map(|(id, name, _)| format!("<li><a href=\"#{id}\">{name}</a></li>"))
        .collect();
    let chapters: String = chapters.into_iter().map(|(_, _, chapter)| chapter).collect();
    let (class, sign) = sign(evidence.verdict);
    let word = evidence.verdict.word();
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta http-equiv=Content-Security-Policy content=\"{}\">\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <meta name=color-scheme content=\"light dark\">\n\
         <title>{word}: evidence of row level security, {}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body class={class}>\n\
         <a class=skip href=\"#verdict\">Skip to the verdict</a>\n\
         <header><nav aria-label=Contents><a class=word href=\"#verdict\">\
         <span aria-hidden=true>{sign}</span> {word}</a><ul>{contents}</ul></nav></header>\n\
         <main>\n{}{chapters}</main>\n\
         <footer><p>Made of evidence.json, form {}, and nothing else; it loads nothing.</p></footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy(),
        e(&markup::utc(evidence.tested.at)),
        verdict::first_screen(evidence),
        evidence.format,
    )
}

/// The page's chapters behind the first screen: place, name in the contents, markup.
fn chapters(evidence: &Evidence) -> Vec<(&'static str, &'static str, String)> {
    let mut chapters = Vec::new();
    if !evidence.findings.is_empty() {
        chapters.push(("findings", "Findings", findings::section(evidence)));
    }
    chapters.push(("tenancy", "Tenancy", tenancy::section(evidence)));
    chapters.push(("matrix", "Access matrix", matrix::section(evidence)));
    chapters.push(("attacks", "Attacks", attacks::section(evidence)));
    chapters.push(("functions", "Functions", functions::section(evidence)));
    chapters.push(("mutants", "Mutants", mutants::section(evidence)));
    chapters.push(("appendix", "Every check", appendix::section(evidence)));
    chapters.push(("again", "See it again", appendix::again(evidence)));
    chapters
}

/// A verdict's class and sign.
fn sign(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Proved => ("proved", "✓"),
        Verdict::NothingNew => ("open", "!"),
        Verdict::Findings => ("wrong", "✗"),
        Verdict::Incomplete => ("open", "?"),
    }
}

/// The content security policy: this style, this script, and nothing that is fetched.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
