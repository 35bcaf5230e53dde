//! Parties: users of a row beside its owner, such as the recipient of a message or the readers
//! of a document.

use std::collections::BTreeMap;

use super::file::{OneOrMany, RelationFile};
use super::model::{Contract, Owner, Party, Relation};
use super::path::owner;
use super::sharing::undeclared;
use super::tenant::{Place, Tenant};
use crate::source::mistake::{Mistakes, Wrong};
use crate::source::toml_file::TomlFile;

/// The users of a row beside its owner: each named by a column, by the rows of another table, or
/// by what a token says.
pub(super) fn declared(
    name: &str,
    content: &RelationFile,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Party> {
    let mut parties = BTreeMap::new();
    for (word, keys) in &content.parties {
        let (text, values) = keys.parts();
        let at = || file.word(&["parties", word], text);
        let path = match owner(&OneOrMany::One(text.to_owned())) {
            Ok(Owner::None | Owner::Through(_) | Owner::Expression(_)) => {
                let none = Wrong::new(format!("`{text}` does not lead to a party"));
                Err(none.help("say `column`, `column <- table.column` or `column = claim name`"))
            }
            path => path,
        };
        match path {
            Ok(path) => {
                let unknown = |column: &&&String| !content.columns.contains_key(**column);
                if let Some(column) = path.columns().iter().find(unknown) {
                    let wrong = Wrong::unknown_column(name, column, content.columns.keys());
                    mistakes.add(file.mistake(file.word(&["parties", word], column), wrong));
                    continue;
                }
                parties.insert(word.clone(), Party { path, values });
            }
            Err(wrong) => mistakes.add(file.mistake(at(), wrong)),
        }
    }
    parties
}

/// The tables that share rows with parties are declared, and name their users in a column.
pub(super) fn check_tables(
    (name, relation): (&str, &Relation),
    contract: &Contract,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) {
    for (word, party) in &relation.parties {
        let (table, column) = match &party.path {
            Owner::Members(members) => (&members.table, &members.by),
            Owner::Tenant(Tenant { of_user: Place::Column { table, column }, .. }) => {
                (table, column)
            }
            _ => continue,
        };
        let at = |part: &str| file.word(&["parties", word], part);
        let Some(there) = contract.tables.get(table) else {
            let tables = contract.tables.keys().map(String::as_str);
            mistakes.add(file.mistake(at(table), undeclared(table, tables)));
            continue;
        };
        let known = |of: &Relation, column: &String| of.columns.contains_key(column);
        if !known(there, column) {
            let wrong = Wrong::unknown_column(table, column, there.columns.keys());
            mistakes.add(file.mistake(at(column), wrong));
        }
        if there.user().is_none() {
            let none = Wrong::new(format!("table `{table}` names no user in a column"));
            let remedy = format!("let `owner` in the file of `{table}` be the party's id");
            mistakes.add(file.mistake(at(table), none.help(remedy)));
        }
        let changed = if matches!(party.path, Owner::Members(_)) { there } else { relation };
        for column in party.values.keys().filter(|it| !known(changed, it)) {
            let of = if std::ptr::eq(changed, relation) { name } else { table };
            let wrong = Wrong::unknown_column(of, column, changed.columns.keys());
            mistakes.add(file.mistake(at(column), wrong));
        }
    }
}
