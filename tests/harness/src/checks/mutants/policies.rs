//! Mutants of policies: row level security disabled, and policies dropped, replaced by
//! constants, widened and changed in one part.

use super::changes::{self, Change};
use super::mutant::{Mutant, cells_of};
use crate::catalog::{Policy, Relation};
use crate::sql::{ident, tokens};

/// The mutants of a table's policies.
pub(super) fn of_table(table: &Relation, into: &mut Vec<Mutant>) {
    let name = table.qualified();
    let mut add = |object: &str, change: &str, ddl: String| {
        into.push(Mutant::new("policies", object, change, ddl, cells_of(&table.declared_name())));
    };
    let off = format!("alter table {name} disable row level security");
    add(&table.declared_name(), "row level security disabled", off);
    for policy in &table.policies {
        let object = format!("{}.{}", table.declared_name(), policy.name);
        let on = format!("{} on {name}", ident(&policy.name));
        let drop = format!("drop policy {on}");
        add(&object, "dropped", drop.clone());
        add(&object, "for everyone", format!("alter policy {on} to public"));
        let mut recreate = |what: &str, change: fn(&mut Policy)| {
            add(&object, what, format!("{drop}; {}", written(&name, policy, change)));
        };
        recreate("restrictive", |it| it.permissive = !it.permissive);
        recreate("for all commands", |it| {
            "all".clone_into(&mut it.command);
            it.using = it.using.take().or(it.with_check.clone());
            it.with_check = it.with_check.take().or(it.using.clone());
        });
        if policy.using.is_some() && policy.with_check.is_some() {
            recreate("WITH CHECK dropped", |it| it.with_check = None);
        }
        for (clause, text) in [("using", &policy.using), ("with check", &policy.with_check)] {
            let Some(text) = text else { continue };
            for constant in ["true", "false"] {
                if text != constant {
                    let ddl = format!("alter policy {on} {clause} ({constant})");
                    add(&object, &format!("{clause} {constant}"), ddl);
                }
            }
            for Change { what, text } in of_expression(text, table) {
                let ddl = format!("alter policy {on} {clause} ({text})");
                add(&object, &format!("{clause}: {what}"), ddl);
            }
        }
    }
}

/// All changes of a policy's expression.
fn of_expression(text: &str, table: &Relation) -> Vec<Change> {
    let mut changes = changes::changes(text, 0..text.len());
    let caller = "( SELECT auth.uid() AS uid)";
    if text.contains(caller) {
        let what = "(select auth.uid()) unwrapped".to_owned();
        changes.push(Change { what, text: text.replace(caller, "auth.uid()") });
    }
    // The owner's column, replaced by another of the same type.
    let uuids: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| column.data_type == "uuid")
        .map(|column| column.name.as_str())
        .collect();
    for column in uuids.iter().filter(|column| tokens::has_word(text, column)) {
        for other in uuids.iter().filter(|other| other != &column) {
            let what = format!("{column} replaced by {other}");
            changes.push(Change { what, text: tokens::replace_word(text, column, other) });
        }
    }
    changes
}

/// The statement that creates a policy, with one change.
fn written(table: &str, policy: &Policy, change: fn(&mut Policy)) -> String {
    let mut policy = policy.clone();
    change(&mut policy);
    let kind = if policy.permissive { "permissive" } else { "restrictive" };
    let mut text = format!(
        "create policy {} on {table} as {kind} for {} to {}",
        ident(&policy.name),
        policy.command,
        policy.roles.join(", ")
    );
    if let Some(using) = &policy.using {
        text += &format!(" using ({using})");
    }
    if let Some(check) = &policy.with_check {
        text += &format!(" with check ({check})");
    }
    text
}
