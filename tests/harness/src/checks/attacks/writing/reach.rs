//! Writing: statements on another user's row, or on all rows.

use super::statements::{TableStatements, owned, service_instead};
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::{Context, Probe};
use crate::error::CannotRun;
use crate::sql::{ident, quote};

/// W02: update, aimed and blind.
pub(super) fn updates(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let update = format!("update {} r set {}", words.table(), words.assignment()?);
        let theirs = context.belongs_to(&words.subject, VICTIM);
        probes.push(words.probe("by key", format!("{update} where {}", words.key(VICTIM)?))?);
        probes.push(words.probe("by owner", format!("{update} where {theirs}"))?);
        probes.push(words.probe("every row", update)?);
    }
    Ok(probes)
}

/// W03: delete, aimed and blind.
pub(super) fn deletes(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let delete = format!("delete from {} r", words.table());
        let theirs = context.belongs_to(&words.subject, VICTIM);
        probes.push(words.probe("by key", format!("{delete} where {}", words.key(VICTIM)?))?);
        probes.push(words.probe("by owner", format!("{delete} where {theirs}"))?);
        probes.push(words.probe("every row", delete)?);
    }
    Ok(probes)
}

/// `RETURNING old.…, new.…`.
const OLD_AND_NEW: u32 = 180_000;

/// W07: the same in other forms of statement.
pub(super) fn combined_statements(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let (table, set, key) = (words.table(), words.assignment()?, words.key(VICTIM)?);
        let columns = words.subject.select_list();
        // The key's columns are the row's own; the other source has none of those names.
        let source = "(values (1)) as source (one)";
        let mut forms = vec![
            ("update from", format!("update {table} set {set} from {source} where {key}")),
            ("delete using", format!("delete from {table} using {source} where {key}")),
            ("update returning", format!("update {table} set {set} returning {columns}")),
            ("delete returning", format!("delete from {table} returning {columns}")),
            (
                "update in a CTE",
                format!(
                    "with hit as (update {table} set {set} where {key} returning {columns}) \
                     select * from hit"
                ),
            ),
            (
                "delete in a CTE",
                format!(
                    "with hit as (delete from {table} where {key} returning {columns}) \
                     select * from hit"
                ),
            ),
            // No column is read, so that only the policies of the command itself apply.
            ("blind CTE", format!("with hit as (update {table} set {set}) select 1")),
        ];
        if context.has_secrets(&words.subject, &context.attacker) {
            let secret = context.aim_at_secret(&words.subject, &context.attacker)?;
            forms.push(("insert select", copy(&words, &secret)));
        }
        if context.catalog.version_num >= OLD_AND_NEW {
            let both: Vec<String> = ["old", "new"]
                .iter()
                .flat_map(|row| {
                    let readable = words.subject.readable();
                    readable.into_iter().map(move |column| format!("{row}.{}", ident(column)))
                })
                .collect();
            let both = both.join(", ");
            let update = format!("update {table} set {set} where {key} returning {both}");
            forms.push(("old and new", update));
            forms.push(("old", format!("delete from {table} where {key} returning {both}")));
        }
        for (part, statement) in forms {
            probes.push(words.probe(part, statement)?);
        }
    }
    Ok(probes)
}

/// Copies another user's row into a new one of the attacker.
fn copy(words: &TableStatements<'_>, key: &str) -> String {
    let columns = words.copied();
    let own = quote(ATTACKER.user_id().unwrap_or_default());
    let value = |column: &&str| {
        if words.owner_column() == Some(column) && !words.is_one_per_user() {
            own.clone()
        } else {
            ident(column)
        }
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let names: Vec<String> = columns.iter().map(|column| ident(column)).collect();
    let (table, names, values) = (words.table(), names.join(", "), values.join(", "));
    format!("insert into {table} ({names}) select {values} from {table} where {key}")
}

/// W08: truncate.
pub(super) fn truncates(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let is_target = |words: &TableStatements<'_>| {
        let relations = context.catalog.relations.iter();
        let mut keys = relations.flat_map(|relation| &relation.constraints);
        keys.any(|key| key.kind == "f" && key.target() == words.subject.name)
    };
    let mut probes = Vec::new();
    for words in owned(context) {
        let truncate = format!("truncate {}", words.table());
        // A referenced table cannot be truncated without CASCADE by any role.
        if !is_target(&words) {
            probes.push(words.probe("alone", truncate.clone())?);
        }
        probes.push(words.probe("cascade", format!("{truncate} cascade"))?);
        let restart =
            words.probe("restart identity", format!("{truncate} restart identity cascade"))?;
        // Of a sequence that belongs to the table, only its owner may.
        let control = service_instead(vec![format!("{truncate} cascade")]);
        probes.push(Probe { control, ..restart });
    }
    Ok(probes)
}
