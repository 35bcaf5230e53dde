//! What holds a row: rows that point at it by keys that forbid to delete it.

use crate::catalog::{Catalog, Relation};
use crate::sql::ident;

/// How long a chain of keys may be.
const DEPTH: usize = 4;

/// Statements that remove what holds the rows of a table for which `condition` is true, over the
/// table called `r`; also what holds rows that are deleted with them.
pub fn removal(catalog: &Catalog, relation: &Relation, condition: &str) -> Vec<String> {
    let mut statements = Vec::new();
    remove(catalog, relation, condition, 0, &mut statements);
    statements
}

fn remove(
    catalog: &Catalog,
    parent: &Relation,
    condition: &str,
    depth: usize,
    statements: &mut Vec<String>,
) {
    let name = format!("{}.{}", parent.schema, parent.name);
    let tables = catalog.relations.iter().filter(|it| it.is_table() && !it.is_partition());
    for child in tables.filter(|_| depth < DEPTH) {
        let keys = child.constraints.iter().filter(|key| key.kind == "f");
        for key in keys.filter(|key| key.target.as_ref() == Some(&name)) {
            let cascades = key.definition.contains("ON DELETE CASCADE");
            if key.definition.contains("ON DELETE SET") {
                continue;
            }
            let list = |columns: &[String]| {
                columns.iter().map(|it| format!("r.{}", ident(it))).collect::<Vec<_>>().join(", ")
            };
            let [columns, there] = [&key.columns, &key.target_columns].map(|it| list(it));
            let (table, from) = (child.qualified(), parent.qualified());
            let condition =
                format!("({columns}) in (select {there} from {from} r where {condition})");
            if child.qualified() == parent.qualified() {
                let may_be_null = |it: &&String| child.column(it).is_some_and(|it| !it.not_null);
                let free = key.columns.iter().find(may_be_null).filter(|_| !cascades);
                statements.extend(free.map(|column| {
                    format!("update {table} r set {} = null where {condition}", ident(column))
                }));
                continue;
            }
            remove(catalog, child, &condition, depth + 1, statements);
            if !cascades {
                statements.push(format!("delete from {table} r where {condition}"));
            }
        }
    }
}
