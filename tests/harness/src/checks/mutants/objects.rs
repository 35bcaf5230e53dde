//! Mutants of functions and views: security, `search_path`, planner attributes and owner.

use super::mutant::{Mutant, Scope, cells_of};
use crate::catalog::{Function, Relation};

/// The attributes of a function.
pub(super) fn of_function(function: &Function, into: &mut Vec<Mutant>) {
    let (object, name) = (function.declared_name(), function.qualified());
    let alter = format!("alter function {name}");
    let scope = Scope::Properties(object.clone());
    let mut add = |change: &str, ddl: String, scope: &Scope| {
        into.push(Mutant::new("functions", &object, change, ddl, scope.clone()));
    };
    let other = if function.security == "definer" { "invoker" } else { "definer" };
    add(&format!("security {other}"), format!("{alter} security {other}"), &scope);
    add("search_path not pinned", format!("{alter} reset search_path"), &Scope::Catalog);
    add(
        "search_path with public",
        format!("{alter} set search_path = public, pg_temp"),
        &Scope::Catalog,
    );
    for volatility in ["volatile", "stable", "immutable"] {
        if volatility != function.volatility {
            add(volatility, format!("{alter} {volatility}"), &scope);
        }
    }
    add("strict", format!("{alter} strict"), &scope);
    add("parallel safe", format!("{alter} parallel safe"), &Scope::Catalog);
    add("leakproof", format!("{alter} leakproof"), &Scope::Catalog);
    add("row security off", format!("{alter} set row_security = off"), &scope);
    add("owned by a client", format!("{alter} owner to authenticated"), &scope);
    add("dropped", format!("drop function {name} cascade"), &Scope::Catalog);
}

/// The options of a view.
pub(super) fn of_view(view: &Relation, into: &mut Vec<Mutant>) {
    let (name, object) = (view.qualified(), view.declared_name());
    let mut add = |change: &str, ddl: String| {
        into.push(Mutant::new("views", &object, change, ddl, cells_of(&object)));
    };
    add("with its owner's rights", format!("alter view {name} reset (security_invoker)"));
    add("owned by a client", format!("alter view {name} owner to authenticated"));
    add("dropped", format!("drop view {name}"));
}
