//! Effects: what a statement on one table does to rows of another table, whoever owns them, by a
//! function that a trigger calls or by a foreign key.

use std::fmt;

use serde::Deserialize;

use super::cell::Command;

/// An effect, as it is declared in the file of the table that is written to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// The statement: `insert into likes`, `update likes` or `delete from likes`.
    pub of: Cause,
    /// What it does to rows of the file's table: `update of like_count`, `insert` or `delete`.
    pub does: Does,
    /// The function that does it; none if a foreign key does.
    pub function: Option<String>,
    /// Why that is meant.
    pub reason: String,
}

/// The statement that has an effect.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Cause {
    /// Its command.
    pub command: Command,
    /// The table that it names.
    pub table: String,
}

/// What an effect does to a row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Does {
    /// It adds one.
    Insert,
    /// It changes these columns, and no others.
    Update(Vec<String>),
    /// It deletes one.
    Delete,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match &self.does {
            Does::Insert => "insert".to_owned(),
            Does::Update(columns) => format!("update of {}", columns.join(", ")),
            Does::Delete => "delete".to_owned(),
        };
        write!(f, "{does} by {} of {}", self.of.command.name(), self.of.table)
    }
}

impl TryFrom<String> for Cause {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let forms = [
            ("insert into ", Command::Insert),
            ("update ", Command::Update),
            ("delete from ", Command::Delete),
        ];
        let form = forms.iter().find_map(|(words, command)| {
            let table = text.strip_prefix(words)?.trim();
            (!table.is_empty() && !table.contains(' '))
                .then(|| Self { command: *command, table: table.to_owned() })
        });
        form.ok_or(format!(
            "`{text}` is no cause: say `insert into …`, `update …` or `delete from …`"
        ))
    }
}

impl TryFrom<String> for Does {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "insert" => Ok(Self::Insert),
            "delete" => Ok(Self::Delete),
            _ => match text.strip_prefix("update of ") {
                Some(columns) => {
                    let columns = columns.split(',').map(|column| column.trim().to_owned());
                    Ok(Self::Update(columns.collect()))
                }
                None => Err(format!(
                    "`{text}` is no effect: say `insert`, `update of COLUMN, …` or `delete`"
                )),
            },
        }
    }
}
