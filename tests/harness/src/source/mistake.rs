//! Mistakes in input files, rendered as the compiler does: file, line and column, the line with a
//! caret, and a remedy. The mistakes of all files are reported together.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::error::CannotRun;

/// The beginning of a rendered mistake.
const TITLE: &str = "error: ";

/// Wide enough that no line is cut.
const WIDTH: usize = 1000;

/// The similarity, from 0 to 1, from which a known word is suggested for an unknown one.
const ALIKE: f64 = 0.55;

/// The largest number of known words that is listed beside the line.
const FEW: usize = 16;

/// A mistake without its place: what is wrong, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    title: String,
    label: String,
    help: String,
}

impl Wrong {
    /// What is wrong, in lower case and without a full stop.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), label: String::new(), help: String::new() }
    }

    /// Adds a text beside the caret.
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// Adds a remedy.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// An unknown word of that kind, and the known ones.
    pub fn unknown<'a>(kind: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::not_of("there are", kind, word, known)
    }

    /// An unknown column of a table, and the columns that it has.
    pub fn unknown_column<'a>(
        table: &str,
        column: &str,
        known: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let known = known.into_iter().map(String::as_str);
        Self::not_of(&format!("table `{table}` has"), "column", column, known)
    }

    /// An unknown word; `owner` stands before the known ones, such as `there are`.
    pub fn not_of<'a>(
        owner: &str,
        kind: &str,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let wrong = Self::new(format!("unknown {kind} `{word}`"));
        let meant = closest(word, &known).map(|meant| format!("did you mean `{meant}`?"));
        let all = quoted(&known);
        if known.len() > FEW {
            return wrong.help(meant.unwrap_or_else(|| format!("say one of {all}")));
        }
        let help = meant.unwrap_or_else(|| "say one of these".to_owned());
        wrong.label(format!("{owner} {all}")).help(help)
    }
}

/// Words in backticks, with commas between them.
pub fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The most similar known word, if one is similar enough.
fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |it: &&'a str| (strsim::normalized_damerau_levenshtein(it, word), *it);
    let best = known.iter().map(likeness).max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, it)| it)
}

/// A mistake with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as messages name it.
    path: Arc<str>,
    text: Arc<str>,
    at: Range<usize>,
    wrong: Wrong,
}

impl Mistake {
    /// A mistake in the bytes `at` of a file's text; of several lines, the first is shown.
    pub fn new(path: &Arc<str>, text: &Arc<str>, at: Range<usize>, wrong: Wrong) -> Self {
        let start = at.start.min(text.len());
        let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let at = start..at.end.clamp(start, line_end);
        Self { path: Arc::clone(path), text: Arc::clone(text), at, wrong }
    }

    /// The mistake as an error.
    pub fn told(&self) -> CannotRun {
        CannotRun(self.to_string())
    }
}

impl Display for Mistake {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Wrong { title, label, help } = &self.wrong;
        let label = (!label.is_empty()).then_some(label.as_str());
        let place = AnnotationKind::Primary.span(self.at.clone()).label(label);
        let snippet = Snippet::source(&*self.text).path(&*self.path).annotation(place);
        let report = [Level::ERROR.primary_title(title.as_str()).element(snippet)];
        f.write_str(&Renderer::plain().term_width(WIDTH).render(&report))?;
        if help.is_empty() { Ok(()) } else { write!(f, "\nhelp: {help}") }
    }
}

/// Mistakes that are reported together.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Adds a mistake.
    pub fn add(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// The value, or `None` after adding the mistake.
    pub fn keep<T>(&mut self, read: Result<T, Box<Mistake>>) -> Option<T> {
        read.map_err(|mistake| self.add(*mistake)).ok()
    }

    /// The number of mistakes.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Ok if there are none.
    ///
    /// # Errors
    /// All mistakes, by file and line.
    pub fn told(mut self) -> Result<(), CannotRun> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by(|one, other| (&one.path, one.at.start).cmp(&(&other.path, other.at.start)));
        let told: Vec<String> = self.0.iter().map(Mistake::to_string).collect();
        Err(CannotRun(told.join("\n\n")))
    }
}

/// Combines two results, and the errors of both if both failed.
///
/// # Errors
/// The errors of either.
pub fn both<A, B>(
    one: Result<A, CannotRun>,
    other: Result<B, CannotRun>,
) -> Result<(A, B), CannotRun> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(CannotRun(one)), Err(CannotRun(other))) => Err(CannotRun(format!("{one}\n\n{other}"))),
        (Err(why), _) | (_, Err(why)) => Err(why),
    }
}

/// The number of mistakes in a message.
pub fn count(message: &str) -> usize {
    message.lines().filter(|line| line.starts_with(TITLE)).count()
}
