//! Mutants of columns, constraints, indexes and triggers: dropped, or changed in one attribute.

use super::changes::{self, Change};
use super::mutant::{Mutant, Scope};
use crate::catalog::{Column, Constraint, Definition, Relation};
use crate::sql::ident;

/// The mutants of a table's parts.
pub(super) fn of_table(table: &Relation, into: &mut Vec<Mutant>) {
    let name = table.qualified();
    for column in &table.columns {
        of_column(table, &name, column, into);
    }
    for constraint in &table.constraints {
        of_constraint(table, &name, constraint, into);
    }
    for index in &table.indexes {
        of_index(table, index, into);
    }
    for trigger in &table.triggers {
        of_trigger(table, &name, trigger, into);
    }
    let add = |change: &str, ddl: String| {
        Mutant::new("tables", &table.declared_name(), change, ddl, Scope::Catalog)
    };
    into.push(add("unlogged", format!("alter table {name} set unlogged")));
    into.push(add("owned by a client", format!("alter table {name} owner to authenticated")));
    into.push(add(
        "row level security forced",
        format!("alter table {name} force row level security"),
    ));
    into.push(add(
        "a rule added",
        format!("create rule mutant as on delete to {name} do also select 1"),
    ));
    into.push(add(
        "a policy for everyone added",
        format!("create policy mutant on {name} using (true) with check (true)"),
    ));
    into.push(add("a column added", format!("alter table {name} add column mutant integer")));
}

fn of_column(table: &Relation, name: &str, column: &Column, into: &mut Vec<Mutant>) {
    let object = format!("{}.{}", table.declared_name(), column.name);
    let alter = format!("alter table {name} alter column {}", ident(&column.name));
    let mut add = |change: &str, ddl: String| {
        into.push(Mutant::new("columns", &object, change, ddl, Scope::Catalog));
    };
    if column.not_null {
        add("not null dropped", format!("{alter} drop not null"));
    } else {
        add("not null", format!("{alter} set not null"));
    }
    if let Some(default) = &column.default {
        add("default dropped", format!("{alter} drop default"));
        for Change { what, text } in changes::changes(default, 0..default.len()) {
            add(&format!("default: {what}"), format!("{alter} set default {text}"));
        }
    } else {
        add("default null::text", format!("{alter} set default '0'"));
    }
    add("dropped", format!("alter table {name} drop column {} cascade", ident(&column.name)));
}

fn of_constraint(table: &Relation, name: &str, constraint: &Constraint, into: &mut Vec<Mutant>) {
    let object = format!("{}.{}", table.declared_name(), constraint.name);
    let quoted = ident(&constraint.name);
    let drop = format!("alter table {name} drop constraint {quoted}");
    let mut add = |change: &str, ddl: String| {
        into.push(Mutant::new("constraints", &object, change, ddl, Scope::Catalog));
    };
    add("dropped", format!("{drop} cascade"));
    let recreate = |definition: &str| format!("{drop}, add constraint {quoted} {definition}");
    let definition = &constraint.definition;
    match constraint.kind.as_str() {
        "f" => {
            let (base, _) = definition.split_once(" ON DELETE").unwrap_or((definition, ""));
            for action in ["no action", "restrict", "cascade", "set null"] {
                let changed = format!("{base} on delete {action}");
                if changed.to_lowercase() != definition.to_lowercase() {
                    add(&format!("on delete {action}"), recreate(&changed));
                }
            }
            add("not valid", recreate(&format!("{definition} not valid")));
            add("deferrable", recreate(&format!("{definition} deferrable initially deferred")));
        }
        "c" => {
            let expression = "CHECK (".len()..definition.len();
            for Change { what, text } in changes::changes(definition, expression) {
                add(&what, recreate(&text));
            }
            add("not valid", recreate(&format!("{definition} not valid")));
        }
        "u" if constraint.columns.len() > 1 => {
            for column in &constraint.columns {
                add(&format!("{column} alone"), recreate(&format!("unique ({})", ident(column))));
            }
        }
        _ => {}
    }
}

fn of_index(table: &Relation, index: &Definition, into: &mut Vec<Mutant>) {
    let name = index.name.rsplit('.').next().unwrap_or(&index.name);
    let object = format!("{}.{name}", table.declared_name());
    let drop = format!("drop index {}", index.name);
    let mut add = |change: &str, ddl: String| {
        into.push(Mutant::new("indexes", &object, change, ddl, Scope::Catalog));
    };
    add("dropped", drop.clone());
    let mut recreate = |change: &str, definition: String| {
        if definition != index.definition {
            add(change, format!("{drop}; {definition}"));
        }
    };
    let definition = &index.definition;
    let without = definition.split(" WHERE ").next().unwrap_or(definition);
    recreate("predicate dropped", without.to_owned());
    recreate("unique", definition.replace("CREATE INDEX", "CREATE UNIQUE INDEX"));
    recreate("ascending", definition.replace(" DESC", ""));
    recreate("other lists", definition.replace("lists='100'", "lists='10'"));
    recreate("brin", definition.replace("USING btree", "USING brin"));
    recreate("other operators", definition.replace("vector_cosine_ops", "vector_l2_ops"));
}

fn of_trigger(table: &Relation, name: &str, trigger: &Definition, into: &mut Vec<Mutant>) {
    let object = format!("{}.{}", table.declared_name(), trigger.name);
    let quoted = ident(&trigger.name);
    let function = trigger.definition.split("EXECUTE FUNCTION ").nth(1).unwrap_or_default();
    let function = function.split('(').next().unwrap_or_default();
    let scope = Scope::Properties(function.rsplit('.').next().unwrap_or_default().to_owned());
    let drop = format!("drop trigger {quoted} on {name}");
    let mut add = |change: &str, ddl: String| {
        into.push(Mutant::new("triggers", &object, change, ddl, scope.clone()));
    };
    add("dropped", drop.clone());
    add("disabled", format!("alter table {name} disable trigger {quoted}"));
    add("for replicas alone", format!("alter table {name} enable replica trigger {quoted}"));
    let definition = &trigger.definition;
    let swaps = [
        ("the other timing", " BEFORE ", " AFTER "),
        ("the other timing", " AFTER ", " BEFORE "),
        ("per statement", "FOR EACH ROW", "FOR EACH STATEMENT"),
        ("per row", "FOR EACH STATEMENT", "FOR EACH ROW"),
        ("at inserts instead", " UPDATE ON ", " INSERT ON "),
        ("at updates instead", " INSERT ON ", " UPDATE ON "),
        ("at inserts instead", " DELETE ON ", " INSERT ON "),
        ("for nothing", "EXECUTE FUNCTION", "WHEN (false) EXECUTE FUNCTION"),
    ];
    for (change, from, to) in swaps {
        if definition.contains(from) {
            add(change, format!("{drop}; {}", definition.replacen(from, to, 1)));
        }
    }
}
