//! TOML files with the place of every key and value, for mistakes that are found after parsing.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use super::mistake::{Mistake, Wrong};
use super::project;

/// A TOML file.
#[derive(Debug, Clone)]
pub struct TomlFile {
    path: Arc<str>,
    text: Arc<str>,
}

impl TomlFile {
    /// Reads a file; messages name it from the project's directory on, or as it is given.
    ///
    /// # Errors
    /// The system's error.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?.into();
        let shown = path.strip_prefix(project()).unwrap_or(path);
        Ok(Self { path: shown.display().to_string().into(), text })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its content.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Box<Mistake>> {
        toml::from_str(&self.text).map_err(|error| {
            let (at, wrong) = (error.span().unwrap_or_default(), wrong(&error));
            Box::new(self.mistake(at, wrong))
        })
    }

    /// The keys of `T` in it, even if others have mistakes.
    pub fn parse_part<T: DeserializeOwned>(&self) -> Option<T> {
        let (table, _) = DeTable::parse_recoverable(&self.text);
        T::deserialize(Deserializer::from(table)).ok()
    }

    /// A mistake at a place in it.
    pub fn mistake(&self, at: Range<usize>, wrong: Wrong) -> Mistake {
        Mistake::new(&self.path, &self.text, at, wrong)
    }

    /// The bytes of the last key of a path; the key of an element of an array is its index.
    pub fn key(&self, path: &[&str]) -> Range<usize> {
        self.find(path).0
    }

    /// The bytes of the value at the end of a path.
    pub fn value(&self, path: &[&str]) -> Range<usize> {
        self.find(path).1
    }

    /// The bytes of a word in a value; of the whole value if it does not have the word.
    pub fn word(&self, path: &[&str], word: &str) -> Range<usize> {
        let value = self.value(path);
        match self.text[value.clone()].find(word) {
            Some(at) => value.start + at..value.start + at + word.len(),
            None => value,
        }
    }

    /// The bytes of a part of `text`, which is the value at the end of a path.
    pub fn part(&self, path: &[&str], text: &str, part: Range<usize>) -> Range<usize> {
        let whole = self.word(path, text);
        if whole.len() == text.len() {
            whole.start + part.start..whole.start + part.end
        } else {
            whole
        }
    }

    /// The keys of a table, and the line of each.
    pub fn lines(&self, table: &str) -> Vec<(String, usize)> {
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let table = root.get_ref().get(table).and_then(|value| value.get_ref().as_table());
        let keys = table.into_iter().flat_map(|table| table.keys());
        keys.map(|key| (key.get_ref().to_string(), self.line(key.span().start))).collect()
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// The bytes of the key and the value of a path, or of its longest part that exists.
    fn find(&self, path: &[&str]) -> (Range<usize>, Range<usize>) {
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let mut found = (0..0, 0..0);
        let root = DeValue::Table(root.into_inner());
        let mut at = &root;
        for step in path {
            let next = match at {
                DeValue::Table(table) => {
                    table.get_key_value(*step).map(|(key, value)| (key.span(), value))
                }
                DeValue::Array(array) => {
                    let element = step.parse().ok().and_then(|at: usize| array.get(at));
                    element.map(|element| (element.span(), element))
                }
                _ => None,
            };
            let Some((key, value)) = next else { break };
            found = (key, value.span());
            at = value.get_ref();
        }
        found
    }
}

/// The parser's message in TOML's terms: `key` for `field`, and with a remedy.
fn wrong(error: &Error) -> Wrong {
    let message = error.message().trim();
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((word, expected)) = rest.split_once('`')
    {
        let known = expected.split('`').skip(1).step_by(2);
        return Wrong::unknown("key", word, known);
    }
    if let Some(rest) = message.strip_prefix("missing field `") {
        let key = rest.trim_end_matches('`');
        return Wrong::new(format!("missing key `{key}`")).help(format!("add `{key} = …`"));
    }
    if message == "duplicate key" {
        return Wrong::new(message).help("remove one");
    }
    Wrong::new(message)
}
