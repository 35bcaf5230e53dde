//! Reading: rows that a policy may not consider, because they have no owner, or are marked as
//! deleted or archived.

use crate::catalog::Column;
use crate::checks::attacks::runner::context::{ATTACKER, Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Control, Probe};
use crate::contract;
use crate::contract::grid::{Command, Whose};
use crate::contract::shape::Sharing;
use crate::error::CannotRun;
use crate::rows::Owner;
use crate::rows::compose::{PLAIN_ROWS, Wanted};
use crate::sql::ident;

type Probes = Result<Vec<Probe>, CannotRun>;
type World = (&'static str, Vec<String>);

/// R10: whether the answer differs with one more such row, or one fewer.
pub(super) fn marked(context: &Context<'_>) -> Probes {
    let mut probes = Vec::new();
    let attacker = &context.attacker;
    for table in context.owned_tables() {
        let mut worlds: Vec<(String, World)> = Vec::new();
        let reads_ownerless =
            table.declared.grid.permits(ATTACKER, &Whose::Nobodys, Command::Select);
        if may_be_ownerless(&table) && !reads_ownerless {
            worlds.push(("without an owner".to_owned(), ownerless(context, &table)?));
        }
        let name = table.relation.qualified();
        let is_secret =
            |variant: &&String| !context.may_read(attacker, &table, Some(variant.as_str()));
        for variant in table.declared.variants.keys().filter(is_secret) {
            let owner = Owner::User(VICTIM);
            let aim = context.author(table.name).aim_at(owner, Some(variant))?;
            let gone = vec![format!("delete from {name} where {aim}")];
            worlds.push((variant.clone(), ("absent", gone)));
        }
        let states = table.relation.columns.iter().filter(|column| is_state(&table, column));
        for column in states.filter(|column| !context.publishes(&table, &column.name)) {
            let Some(secret) = context.secrets(&table, attacker)? else { continue };
            let c = ident(&column.name);
            let value = match column.data_type.as_str() {
                "boolean" => format!("{c} is not true"),
                _ => "'2025-01-05 00:00:00+00'".to_owned(),
            };
            let other = vec![format!("update {name} r set {c} = {value} where {secret}")];
            worlds.push((format!("with another {}", column.name), ("in another state", other)));
        }
        for (part, world) in worlds {
            let script = vec![format!("select {} from {name}", table.select_list())];
            let mut probe = context.probe(&table, &part, script)?;
            // The control selects all columns, because the changed one may be hidden from
            // clients.
            if !table.declared.client_may("select", part.trim_start_matches("with another ")) {
                let all = vec![format!("select * from {name}")];
                probe.control = Control::Instead(
                    crate::platform::persona::Persona::ServiceRole.identity(),
                    all,
                );
            }
            probe.worlds = vec![world];
            probes.push(probe);
        }
    }
    Ok(probes)
}

/// Whether a row of that table can have no owner, or no single one.
fn may_be_ownerless(table: &Subject<'_>) -> bool {
    let nullable = match &table.declared.owner {
        contract::Owner::Column(column) => {
            table.relation.column(column).is_some_and(|column| !column.not_null)
        }
        _ => false,
    };
    // Its members may have left.
    let has_members = matches!(table.declared.shape.sharing, Sharing::Members | Sharing::Through);
    nullable || has_members || table.declared.shape.nobodys
}

fn ownerless(context: &Context<'_>, table: &Subject<'_>) -> Result<World, CannotRun> {
    let wanted = Wanted::plain(Owner::Nobody, PLAIN_ROWS);
    let draft = context.factory().draft(table.name, wanted)?;
    let insert = draft.insert(table.relation);
    Ok(("one more", draft.setup.into_iter().chain([insert]).collect()))
}

/// Whether a column can mark a row as deleted or archived: a flag, or a nullable time. Columns
/// of constraints are left out.
fn is_state(table: &Subject<'_>, column: &Column) -> bool {
    let time = column.data_type.starts_with("timestamp") && !column.not_null;
    let tied = table.relation.constraints.iter().any(|constraint| {
        ["c", "p", "u", "f"].contains(&constraint.kind.as_str())
            && constraint.columns.contains(&column.name)
    });
    (time || column.data_type == "boolean") && !tied && column.made.is_none()
}
