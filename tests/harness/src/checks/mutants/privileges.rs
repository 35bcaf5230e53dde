//! Mutants of privileges: grants those that are absent and revokes those that are held, on
//! tables, columns and functions, for each role of the API.

use super::mutant::{Mutant, Scope};
use crate::catalog::{Function, Grant, Relation};
use crate::sql::ident;

const ROLES: [&str; 4] = ["public", "anon", "authenticated", "service_role"];

const OF_TABLES: [&str; 7] =
    ["select", "insert", "update", "delete", "truncate", "references", "trigger"];

const OF_COLUMNS: [&str; 3] = ["select", "insert", "update"];

/// Table and column privileges.
pub(super) fn of_relation(relation: &Relation, into: &mut Vec<Mutant>) {
    let name = relation.qualified();
    for role in ROLES {
        let open_transaction = |grants: &[Grant], privilege: &str| {
            grants.iter().any(|it| it.grantee == role && it.privilege == privilege)
        };
        for privilege in OF_TABLES {
            let scope = scope(relation, role, privilege, None);
            let (change_kind, ddl) = if open_transaction(&relation.grants, privilege) {
                ("revoked from", format!("revoke {privilege} on {name} from {role}"))
            } else {
                ("granted to", format!("grant {privilege} on {name} to {role}"))
            };
            let change = format!("{privilege} {change_kind} {role}");
            into.push(Mutant::new("privileges", &relation.declared_name(), &change, ddl, scope));
        }
        // A privilege of PUBLIC is anon's, too, and one on the table applies to each column.
        for column in relation.columns.iter().filter(|_| role != "public") {
            for privilege in OF_COLUMNS.iter().filter(|it| !open_transaction(&relation.grants, it))
            {
                let on = format!("{privilege} ({}) on {name}", ident(&column.name));
                let scope = scope(relation, role, privilege, Some(&column.name));
                let (change_kind, ddl) = if open_transaction(&column.grants, privilege) {
                    ("revoked from", format!("revoke {on} from {role}"))
                } else {
                    ("granted to", format!("grant {on} to {role}"))
                };
                let object = format!("{}.{}", relation.declared_name(), column.name);
                let change = format!("{privilege} {change_kind} {role}");
                into.push(Mutant::new("privileges", &object, &change, ddl, scope));
            }
        }
    }
}

/// Privileges of a client's commands are checked by cells; the others only by the catalog.
fn scope(relation: &Relation, role: &str, privilege: &str, column: Option<&str>) -> Scope {
    if ["truncate", "references", "trigger"].contains(&privilege) {
        return Scope::Catalog;
    }
    let roles = match role {
        "public" => vec!["anon".to_owned(), "authenticated".to_owned()],
        role => vec![role.to_owned()],
    };
    let column = column.map(str::to_owned);
    Scope::Cells { relation: relation.declared_name(), roles, column }
}

/// EXECUTE.
pub(super) fn of_function(function: &Function, into: &mut Vec<Mutant>) {
    let (object, name) = (function.declared_name(), function.qualified());
    for role in ROLES {
        let open_transaction = function.grants.iter().any(|grant| grant.grantee == role);
        let (change_kind, ddl) = if open_transaction {
            ("revoked from", format!("revoke execute on function {name} from {role}"))
        } else {
            ("granted to", format!("grant execute on function {name} to {role}"))
        };
        let change = format!("execute {change_kind} {role}");
        into.push(Mutant::new("privileges", &object, &change, ddl, Scope::Catalog));
    }
}
