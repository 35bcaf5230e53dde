//! Mutants beyond one object: default privileges, schemas, roles and their memberships,
//! extensions, and triggers on the platform's tables.

use super::mutant::{Mutant, Scope, cells_of};
use crate::catalog::Catalog;
use crate::contract::Contract;
use crate::platform::CLIENTS;
use crate::sql::ident;

/// The mutants of the database as a whole.
pub(super) fn of_database(catalog: &Catalog, contract: &Contract, into: &mut Vec<Mutant>) {
    let mut add = |family: &str, object: &str, change: &str, ddl: String, scope: Scope| {
        into.push(Mutant::new(family, object, change, ddl, scope));
    };
    for role in CLIENTS {
        for (kind, privilege) in [
            ("tables", "select"),
            ("tables", "insert"),
            ("sequences", "usage"),
            ("functions", "execute"),
        ] {
            let ddl = format!(
                "alter default privileges for role postgres in schema public \
                 grant {privilege} on {kind} to {role}"
            );
            add("defaults", kind, &format!("{privilege} for {role}"), ddl, Scope::Catalog);
        }
        let ddl = format!("grant create on schema public to {role}");
        add("schemas", "public", &format!("create for {role}"), ddl, Scope::Catalog);
        let ddl =
            format!("grant usage on schema auth to {role}; grant select on auth.users to {role}");
        add("schemas", "auth.users", &format!("select for {role}"), ddl, Scope::Catalog);
    }
    let ddl = "alter default privileges for role postgres grant execute on functions to public";
    add("defaults", "functions", "execute for public anywhere", ddl.to_owned(), Scope::Catalog);
    let ddl = "alter default privileges for role postgres in schema public \
               revoke all on tables from service_role";
    add("defaults", "tables", "none for service_role", ddl.to_owned(), Scope::Catalog);
    for role in ["anon", "authenticated", "service_role"] {
        let ddl = format!("revoke usage on schema public from {role}");
        add("schemas", "public", &format!("no usage for {role}"), ddl, Scope::Catalog);
    }

    // Roles belong to the whole server, so each of these affects the cells of any table.
    let first = contract.tables.keys().next().map_or(Scope::Catalog, |table| cells_of(table));
    for role in ["anon", "authenticated"] {
        for attribute in ["bypassrls", "superuser", "login", "createrole", "createdb"] {
            let ddl = format!("alter role {role} {attribute}");
            add("roles", role, attribute, ddl, first.clone());
        }
        for group in ["service_role", "postgres", "supabase_admin", "pg_read_all_data"] {
            let ddl = format!("grant {group} to {role}");
            add("roles", role, &format!("member of {group}"), ddl, first.clone());
        }
    }
    add(
        "roles",
        "service_role",
        "nobypassrls",
        "alter role service_role nobypassrls".into(),
        first,
    );

    for extension in &catalog.extensions {
        if contract.database.extensions.contains_key(&extension.name) {
            let drop = format!("drop extension {} cascade", ident(&extension.name));
            add("extensions", &extension.name, "dropped", drop, Scope::Catalog);
        }
    }
    let on_platform = contract.database.triggers.iter();
    for (table, name) in on_platform.flat_map(|(t, names)| names.keys().map(move |n| (t, n))) {
        let relation =
            catalog.relations.iter().find(|it| format!("{}.{}", it.schema, it.name) == *table);
        let definition = relation.and_then(|it| it.triggers.iter().find(|it| it.name == *name));
        let Some(definition) = definition.map(|it| &it.definition) else { continue };
        let function = definition.rsplit("FUNCTION ").next().unwrap_or_default();
        let function = function.split('(').next().unwrap_or_default().rsplit('.').next();
        let scope = Scope::Properties(function.unwrap_or_default().to_owned());
        let (object, quoted) = (format!("{table}.{name}"), ident(name));
        let drop = format!("drop trigger {quoted} on {table}");
        for (change, ddl) in [
            ("dropped", drop.clone()),
            ("disabled", format!("alter table {table} disable trigger {quoted}")),
            ("at updates instead", format!("{drop}; {}", definition.replace("INSERT", "UPDATE"))),
            ("before", format!("{drop}; {}", definition.replace("AFTER", "BEFORE"))),
        ] {
            add("triggers", &object, change, ddl, scope.clone());
        }
    }
}
