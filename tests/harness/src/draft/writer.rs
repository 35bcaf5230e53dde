//! Writes the text of a draft's file: TOML that a person can correct.

use std::fmt::Write;

use toml::Value;

use super::found::GUESS;

/// The text of a file.
pub(super) struct Writer(String);

impl Writer {
    /// Begins with that head.
    pub(super) fn new(head: &str) -> Self {
        Self(head.to_owned())
    }

    /// An empty line.
    pub(super) fn gap(&mut self) -> &mut Self {
        self.line("")
    }

    /// Marks what comes next as a guess.
    pub(super) fn guess(&mut self, why: &str) -> &mut Self {
        self.line(&format!("{GUESS}{why}"))
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) -> &mut Self {
        self.0.push_str(line);
        self.0.push('\n');
        self
    }

    /// The header of a table of that name, in parts.
    pub(super) fn header(&mut self, parts: &[&str]) -> &mut Self {
        let parts: Vec<String> = parts.iter().map(|part| key(part)).collect();
        self.line(&format!("[{}]", parts.join(".")))
    }

    /// A key and its value.
    pub(super) fn pair(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        let _ = writeln!(self.0, "{} = {}", key(name), value.into());
        self
    }

    /// The same for a list; an empty one is left out.
    pub(super) fn list(&mut self, name: &str, values: &[String]) -> &mut Self {
        if values.is_empty() {
            return self;
        }
        self.line(&format!("{} = {}", key(name), list(values)))
    }

    /// What was written.
    pub(super) fn text(self) -> String {
        self.0
    }
}

/// A list of words, in one line.
pub(super) fn list(values: &[String]) -> String {
    let values: Vec<String> =
        values.iter().map(|value| Value::from(value.as_str()).to_string()).collect();
    format!("[{}]", values.join(", "))
}

/// A key, quoted where it has to be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// Cells in columns, with two spaces between them.
pub(crate) fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.first().map_or(0, Vec::len);
    let width = |at: usize| table.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &Vec<String>| {
        let cells = cells.iter().zip(&widths);
        let text: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}
