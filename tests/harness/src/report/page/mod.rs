//! The evidence as one page without other files: `index.html`.

mod appendix;
mod attacks;
mod cell;
mod findings;
mod functions;
pub mod graph;
pub mod markup;
mod matrix;
mod mutants;
mod tenancy;
mod verdict;

pub use self::markup::anchor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Evidence;

/// The page's only style: its policy allows no style attribute.
const STYLE: &str = include_str!("style.css");
/// Filters the matrix and copies statements. The page can be read without it.
const SCRIPT: &str = include_str!("filter.js");

/// `index.html`.
pub fn page(evidence: &Evidence) -> String {
    let chapters = chapters(evidence);
    let (class, sign) = verdict::sign(evidence.verdict);
    let word = evidence.verdict.word();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title {
                    (word) ": evidence of row level security, " (markup::utc(evidence.tested.at))
                }
                style { (PreEscaped(STYLE)) }
            }
            body class=(class) {
                a.skip href="#verdict" { "Skip to the verdict" }
                header {
                    nav aria-label="Contents" {
                        a.word href="#verdict" { span aria-hidden="true" { (sign) } " " (word) }
                        ul {
                            @for (id, name, _) in &chapters { li { a href={"#" (id)} { (name) } } }
                        }
                    }
                }
                main {
                    (verdict::first_screen(evidence))
                    @for (_, _, chapter) in &chapters { (chapter) }
                }
                footer {
                    p {
                        "Made from evidence.json, format " (evidence.format) ", and nothing else; "
                        "it loads nothing."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    // A parser drops this character, and no character reference may name it.
    page.into_string().replace('\0', "\u{fffd}")
}

/// The page's chapters behind the first screen: place, name in the contents, markup.
fn chapters(evidence: &Evidence) -> Vec<(&'static str, &'static str, Markup)> {
    let mut chapters = Vec::new();
    if !evidence.findings.is_empty() {
        chapters.push(("findings", "Findings", findings::section(evidence)));
    }
    chapters.extend([
        ("tenancy", "Tenancy graph", tenancy::section(evidence)),
        ("matrix", "Access matrix", matrix::section(evidence)),
        ("attacks", "Attacks", attacks::section(evidence)),
        ("functions", "Functions", functions::section(evidence)),
        ("mutants", "Mutants", mutants::section(evidence)),
        ("appendix", "Every check", appendix::section(evidence)),
        ("reproduction", "Reproduce", appendix::reproduction(evidence)),
    ]);
    chapters
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
