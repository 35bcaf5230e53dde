//! Writing: upserts and merges with a key of the victim.

use std::collections::BTreeMap;

use super::statements::{TableStatements, owned};
use crate::catalog::Constraint;
use crate::checks::attacks::runner::context::{ATTACKER, VICTIM};
use crate::checks::attacks::runner::{Context, Probe};
use crate::error::CannotRun;
use crate::rows::Owner;
use crate::sql::ident;

/// `MERGE`.
const MERGE: u32 = 150_000;
/// `WHEN NOT MATCHED BY SOURCE`, and `RETURNING` of a merge.
const BY_SOURCE: u32 = 170_000;
/// Merges that read no column, to which the server applies no select policy: they process all
/// rows, and raise an error for another user's. So they reveal that such a row exists, in every
/// schema, and are judged only by state. They need SQL, which the API does not offer.
const BLIND: [&str; 2] = [
    "merge, blind update by source (by state alone)",
    "merge, blind delete by source (by state alone)",
];

/// W06.
pub(super) fn probes(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let mut probes = Vec::new();
    for words in owned(context) {
        let constraints = &words.subject.relation.constraints;
        for key in constraints.iter().filter(|c| ["p", "u"].contains(&c.kind.as_str())) {
            conflicts_with(&words, key, &mut probes)?;
        }
    }
    Ok(probes)
}

/// All statements that conflict with the victim's value of one key.
fn conflicts_with(
    words: &TableStatements<'_>,
    key: &Constraint,
    probes: &mut Vec<Probe>,
) -> Result<(), CannotRun> {
    let mut draft = words.draft(Owner::User(ATTACKER))?;
    let row = words.row(words.subject.name, VICTIM)?;
    let theirs: BTreeMap<&String, &str> =
        key.columns.iter().map(|column| (column, row.literal(column).unwrap_or("null"))).collect();
    // What is null collides with nothing.
    if theirs.values().any(|value| *value == "null") {
        return Ok(());
    }
    for (column, value) in &theirs {
        draft.values.insert((*column).clone(), (*value).to_owned());
    }
    let set = words.assignment()?;
    let insert = draft.insert(words.subject.relation);
    let columns: Vec<String> = key.columns.iter().map(|column| ident(column)).collect();
    let columns = columns.join(", ");
    let mut parts = vec![
        ("by column", format!("{insert} on conflict ({columns}) do update set {set}")),
        (
            "by constraint",
            format!("{insert} on conflict on constraint {} do update set {set}", ident(&key.name)),
        ),
        (
            "returning",
            format!("{insert} on conflict ({columns}) do update set {set} returning {columns}"),
        ),
    ];
    if words.context.catalog.version_num >= MERGE {
        let typed = |(column, value): (&&String, &&str)| {
            let data_type = words.subject.relation.column(column).map(|c| c.data_type.as_str());
            format!("{value}::{}", data_type.unwrap_or("pg_catalog.text"))
        };
        let values: Vec<String> = theirs.iter().map(typed).collect();
        let names: Vec<String> = theirs.keys().map(|column| ident(column)).collect();
        let matches: Vec<String> =
            names.iter().map(|name| format!("target.{name} = source.{name}")).collect();
        let source = format!("(values ({})) as source ({})", values.join(", "), names.join(", "));
        let merge = |on: &str, arm: &str| {
            format!("merge into {} as target using {source} on {on} {arm}", words.table())
        };
        let matches = matches.join(" and ");
        let inserting = insert.split_once(" (").map_or("", |(_, rest)| rest);
        let inserting = format!("when not matched then insert ({inserting}");
        let update = format!("when matched then update set {set}");
        parts.push(("merge, update", merge(&matches, &update)));
        parts.push(("merge, delete", merge(&matches, "when matched then delete")));
        // If there is one row per user, the attacker's own row conflicts with a new one.
        let own_row_conflicts = words.is_one_per_user()
            && !words.owner_column().is_some_and(|owner| theirs.keys().any(|key| *key == owner));
        if !own_row_conflicts {
            parts.push(("merge, insert", merge("false", &inserting)));
        }
        parts.push(("merge, update or insert", merge(&matches, &format!("{update} {inserting}"))));
        if words.context.catalog.version_num >= BY_SOURCE {
            let missing = "when not matched by source then";
            let update_missing = format!("{missing} update set {set}");
            let delete_missing = format!("{missing} delete");
            parts.push(("merge, update by source", merge(&matches, &update_missing)));
            parts.push(("merge, delete by source", merge(&matches, &delete_missing)));
            parts.push((BLIND[0], merge("false", &update_missing)));
            parts.push((BLIND[1], merge("false", &delete_missing)));
            let returned: Vec<String> = names.iter().map(|name| format!("target.{name}")).collect();
            let returning = format!("{update} returning {}", returned.join(", "));
            parts.push(("merge, returning", merge(&matches, &returning)));
        }
    }
    for (part, statement) in parts {
        let mut probe = words.probe(&format!("{} {part}", key.name), statement)?;
        probe.setup.clone_from(&draft.setup);
        if BLIND.contains(&part) {
            probe.worlds.clear();
        }
        probes.push(probe);
    }
    Ok(())
}
