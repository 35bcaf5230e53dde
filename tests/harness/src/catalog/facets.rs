//! The catalog as a flat map of facets, so that the database and the contract can be compared
//! line by line.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, Grant, Policy, Relation};

/// The properties of a schema, by a stable id such as `schema/memories/columns/content`.
pub type Facets = BTreeMap<String, String>;

/// Privileges that can be granted on columns, in the order of the reports.
pub const BY_COLUMN: [&str; 4] = ["select", "insert", "update", "references"];

/// The beginning of the ids of a relation's facets, by its name in the contract.
pub fn relation_id(name: &str) -> String {
    format!("schema/{name}")
}

impl Catalog {
    /// All facets of the catalog.
    pub fn facets(&self) -> Facets {
        let mut facets = Facets::new();
        for relation in &self.relations {
            relation.facets_into(&mut facets);
        }
        self.functions_into(&mut facets);
        self.database_into(&mut facets);
        facets
    }

    fn functions_into(&self, facets: &mut Facets) {
        for function in &self.functions {
            let is_it = |other: &&super::Function| {
                (&other.schema, &other.name) == (&function.schema, &function.name)
            };
            let overloaded = self.functions.iter().filter(is_it).count() > 1;
            let mut name = function.name.clone();
            if function.schema != "public" {
                name = format!("{}.{name}", function.schema);
            }
            if overloaded {
                name = format!("{name}({})", function.signature);
            }
            let id = format!("schema/functions/{name}");
            let mut settings = function.settings.clone();
            settings.sort();
            let security = match &function.security {
                definer if definer == "definer" => format!("definer, owner {}", function.owner),
                invoker => invoker.clone(),
            };
            let mut unusual = Vec::new();
            if function.strict {
                unusual.push("strict".to_owned());
            }
            if function.parallel != "unsafe" {
                unusual.push(format!("parallel {}", function.parallel));
            }
            // The owner of a function can replace it.
            if function.security == "invoker" && function.owner != "postgres" {
                unusual.push(format!("owner {}", function.owner));
            }
            if !unusual.is_empty() {
                facets.insert(format!("{id}/unusual"), unusual.join(", "));
            }
            for (facet, text) in [
                ("arguments", function.arguments.to_lowercase()),
                ("returns", function.returns.to_lowercase()),
                ("language", function.language.clone()),
                ("volatility", function.volatility.clone()),
                ("security", security),
                ("settings", or_none(settings.join(", "))),
                ("callers", or_none(grantees(&function.grants))),
                ("leakproof", function.leakproof.to_string()),
            ] {
                facets.insert(format!("{id}/{facet}"), text);
            }
        }
    }

    fn database_into(&self, facets: &mut Facets) {
        for extension in &self.extensions {
            let id = format!("database/extensions/{}", extension.name);
            facets.insert(id, format!("in schema {}", extension.schema));
        }
        for schema in &self.schemas {
            let id = format!("database/schemas/{}", schema.name);
            facets.insert(format!("{id}/owner"), schema.owner.clone());
            privileges_into(facets, &id, &schema.grants);
        }
        for default in &self.default_privileges {
            let id = default_privileges_id(&default.maker, &default.schema, &default.kind);
            // An entry without grantees revokes PostgreSQL's own defaults.
            let id_of = |role: &str| format!("{id}/{role}");
            for (role, text) in by_grantee(&default.grants) {
                facets.insert(id_of(&role), text);
            }
            if default.schema == "*" && default.kind == "functions" {
                let public = by_grantee(&default.grants).contains_key("public");
                facets.insert(id_of("public"), if public { "execute" } else { "none" }.into());
            }
        }
        for role in &self.roles {
            facets.insert(format!("database/roles/{}", role.name), role.facts.clone());
        }
        for other in &self.others {
            facets.insert(format!("database/others/{}", other.identity), "present".into());
        }
    }
}

/// The id of the default privileges of `maker`'s objects of a kind; `*` is any schema.
pub fn default_privileges_id(maker: &str, schema: &str, kind: &str) -> String {
    format!("database/default-privileges/{maker}/{schema}/{kind}")
}

impl Relation {
    /// The beginning of the ids of its facets.
    pub fn id(&self) -> String {
        relation_id(&self.declared_name())
    }

    fn facets_into(&self, facets: &mut Facets) {
        let id = self.id();
        facets.insert(format!("{id}/kind"), self.kind.clone());
        facets.insert(format!("{id}/owner"), self.owner.clone());
        if !self.logged {
            facets.insert(format!("{id}/logged"), "unlogged".to_owned());
        }
        if self.kind.ends_with("table") {
            facets.insert(format!("{id}/row-level-security"), self.row_level_security.clone());
        }
        if !self.options.is_empty() {
            let options: BTreeSet<&str> = self.options.iter().map(String::as_str).collect();
            let options: Vec<&str> = options.into_iter().collect();
            facets.insert(format!("{id}/options"), options.join(", "));
        }
        if !self.parents.is_empty() {
            facets.insert(format!("{id}/parents"), self.parents.join(", "));
        }
        for column in &self.columns {
            let null = if column.not_null { "not null" } else { "null" };
            let mut text = format!("{} {null}", column.data_type);
            if let Some(default) = &column.default {
                text += &format!(" {} {default}", column.made.as_deref().unwrap_or("default"));
            } else if let Some(made) = &column.made {
                text += &format!(" {made}");
            }
            facets.insert(format!("{id}/columns/{}", column.name), text);
        }
        for constraint in &self.constraints {
            let id = format!("{id}/constraints/{}", constraint.name);
            facets.insert(id, constraint.definition.clone());
        }
        for (kind, definitions) in
            [("indexes", &self.indexes), ("triggers", &self.triggers), ("rules", &self.rules)]
        {
            for definition in definitions {
                let name = definition.name.rsplit('.').next().unwrap_or_default();
                facets.insert(format!("{id}/{kind}/{name}"), definition.definition.clone());
            }
        }
        for policy in &self.policies {
            facets.insert(format!("{id}/policies/{}", policy.name), policy_text(policy));
        }
        self.privileges_into(&id, facets);
    }

    /// Effective privileges: one that is granted on the relation applies to each column.
    fn privileges_into(&self, id: &str, facets: &mut Facets) {
        let by_column = |grant: &&Grant| {
            !self.columns.is_empty() && BY_COLUMN.contains(&grant.privilege.as_str())
        };
        let whole: Vec<Grant> = self.grants.iter().filter(by_column).cloned().collect();
        let rest: Vec<Grant> = self.grants.iter().filter(|g| !by_column(g)).cloned().collect();
        privileges_into(facets, id, &rest);
        for column in &self.columns {
            let grants: Vec<Grant> = whole.iter().chain(&column.grants).cloned().collect();
            privileges_into(facets, &format!("{id}/columns/{}", column.name), &grants);
        }
    }
}

/// A policy as text: `select to authenticated using (…)`, with normalized white space.
fn policy_text(policy: &Policy) -> String {
    let mut roles = policy.roles.clone();
    roles.sort();
    let kind = if policy.permissive { "" } else { "restrictive " };
    let mut text = format!("{kind}{} to {}", policy.command, roles.join(", "));
    for (word, expression) in [("using", &policy.using), ("with check", &policy.with_check)] {
        if let Some(expression) = expression {
            let words: Vec<&str> = expression.split_whitespace().collect();
            text += &format!(" {word} ({})", words.join(" "));
        }
    }
    text
}

/// Privileges in the order of the reports, without duplicates.
pub fn privilege_list(privileges: impl IntoIterator<Item = String>) -> String {
    const ORDER: [&str; 12] = [
        "select",
        "insert",
        "update",
        "delete",
        "truncate",
        "references",
        "trigger",
        "maintain",
        "execute",
        "usage",
        "create",
        "all",
    ];
    let rank = |privilege: &String| {
        let word = privilege.split(' ').next().unwrap_or_default();
        ORDER.iter().position(|known| *known == word).unwrap_or(ORDER.len())
    };
    let unique: BTreeSet<String> = privileges.into_iter().collect();
    let mut list: Vec<String> = unique.into_iter().collect();
    list.sort_by_key(rank);
    list.join(", ")
}

fn by_grantee(grants: &[Grant]) -> BTreeMap<String, String> {
    let mut open_transaction: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for grant in grants {
        let option = if grant.grantable { " with grant option" } else { "" };
        let privilege = format!("{}{option}", grant.privilege);
        open_transaction.entry(grant.grantee.clone()).or_default().push(privilege);
    }
    open_transaction
        .into_iter()
        .map(|(role, privileges)| (role, privilege_list(privileges)))
        .collect()
}

fn privileges_into(facets: &mut Facets, id: &str, grants: &[Grant]) {
    for (role, text) in by_grantee(grants) {
        facets.insert(format!("{id}/privileges/{role}"), text);
    }
}

fn grantees(grants: &[Grant]) -> String {
    by_grantee(grants).into_keys().collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".into() } else { text }
}
