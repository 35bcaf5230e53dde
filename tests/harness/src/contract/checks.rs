//! Checks of the contract's files beyond their form: unknown privileges, roles and commands,
//! and names that no other file declares.

use std::path::Path;

use super::files::{File, RelationFile, open};
use super::membership::check_members;
use super::{Contract, Owner};
use crate::catalog::facets::BY_COLUMN;
use crate::error::CannotRun;

/// The roles of the API.
pub(super) const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

/// Privileges in the lists of tables are known.
const TABLE_PRIVILEGES: [&str; 9] = [
    "all",
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
    "maintain",
];

pub(super) fn check_privileges(parsed: &RelationFile, file: &File) -> Result<(), CannotRun> {
    for (role, privileges) in &parsed.privileges {
        if !ROLES.contains(&role.as_str()) {
            return Err(file.error_below("[privileges]", role, &unknown_role(role)));
        }
        for privilege in privileges {
            if !TABLE_PRIVILEGES.contains(&privilege.as_str()) {
                let message = format!(
                    "unknown privilege \"{privilege}\"; say {}",
                    TABLE_PRIVILEGES.join(", ")
                );
                return Err(file.error(&format!("\"{privilege}\""), &message));
            }
        }
    }
    for column in parsed.columns.values() {
        for privilege in column.anon.iter().chain(&column.authenticated) {
            if !BY_COLUMN.contains(&privilege.as_str()) {
                let known = BY_COLUMN.join(", ");
                let message = format!("unknown privilege \"{privilege}\"; say {known}");
                return Err(file.error(&format!("\"{privilege}\""), &message));
            }
        }
    }
    Ok(())
}

/// A policy's text has a command, its roles, and its expressions.
pub(super) fn check_policies(parsed: &RelationFile, file: &File) -> Result<(), CannotRun> {
    const COMMANDS: [&str; 5] = ["select", "insert", "update", "delete", "all"];
    let form = "say \"select to authenticated using (…)\": select, insert, update, delete or all, \
                to anon, authenticated, service_role or public, using or with check";
    for (name, text) in &parsed.policies {
        let expressions = [" using (", " with check ("];
        let end = expressions.iter().filter_map(|word| text.find(word)).min();
        let head = &text[..end.unwrap_or(text.len())];
        let (command, roles) = head.split_once(" to ").unwrap_or((head, "public"));
        let role = roles.split(", ").find(|role| !ROLES.contains(role) && *role != "public");
        let wrong = if COMMANDS.contains(&command) {
            let open = end.is_none().then(|| "it does not say for which rows".to_owned());
            role.map(|role| format!("unknown role \"{role}\"")).or(open)
        } else {
            Some(format!("unknown command \"{command}\""))
        };
        if let Some(wrong) = wrong {
            return Err(file.error(&format!("\"{name}\""), &format!("{wrong}; {form}")));
        }
    }
    Ok(())
}

pub(super) fn unknown_role(role: &str) -> String {
    format!("unknown role \"{role}\"; say anon, authenticated or service_role")
}

/// Default privileges are of known kinds for known roles, accounts are in declared tables, and
/// exceptions are from known rules.
pub(super) fn check_database(file: &File, contract: &Contract) -> Result<(), CannotRun> {
    const KINDS: [&str; 5] = ["tables", "sequences", "functions", "types", "schemas"];
    for (kind, roles) in &contract.database.default_privileges {
        if !KINDS.contains(&kind.as_str()) {
            let message = format!(
                "unknown kind \"{kind}\"; say tables, sequences, functions, types or schemas"
            );
            return Err(file.error_below("[default_privileges]", kind, &message));
        }
        if let Some(role) = roles.keys().find(|role| !ROLES.contains(&role.as_str())) {
            return Err(file.error_below("[default_privileges]", kind, &unknown_role(role)));
        }
    }
    if let Some(accounts) = &contract.database.accounts {
        for (key, table) in [("profile", &accounts.profile), ("session", &accounts.session)] {
            if !contract.tables.contains_key(table) {
                let message = format!("the accounts name \"{table}\", which no file declares");
                return Err(file.error_below("[accounts]", key, &message));
            }
        }
    }
    for exception in &contract.database.lint_exceptions {
        if exception.reason.trim().is_empty() {
            let message = format!("the exception of \"{}\" has no reason", exception.object);
            return Err(file.error(&format!("object = \"{}\"", exception.object), &message));
        }
    }
    Ok(())
}

/// Each path to the owner leads over declared tables to one with a column of users.
pub(super) fn check_owners(dir: &Path, contract: &Contract) -> Result<(), CannotRun> {
    for (name, relation) in contract.relations() {
        let mut at = relation;
        let mut seen = vec![name.clone()];
        if let Owner::Members(members) = &relation.owner {
            let file = open(dir, &dir.join(&relation.file))?;
            check_members(members, (name, relation), contract, &file)?;
        }
        while let Owner::Through(paths) = &at.owner {
            let file = open(dir, &dir.join(&relation.file))?;
            let unknown = paths.iter().find(|(_, table)| !contract.tables.contains_key(table));
            let (_, next) = unknown.unwrap_or(&paths[0]);
            let Some(parent) = contract.tables.get(next) else {
                let message = format!("the owner's path names \"{next}\", which no file declares");
                return Err(file.error("owner =", &message));
            };
            if seen.contains(next) || parent.owner == Owner::None {
                let message = format!("the owner's path over \"{next}\" leads to no user");
                return Err(file.error("owner =", &message));
            }
            seen.push(next.clone());
            at = parent;
        }
    }
    Ok(())
}
