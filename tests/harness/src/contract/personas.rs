//! Personas that a contract declares beside the built-in ones, each with claims and rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::database::{DeclaredPersona, PersonaKeys, Rows};
use super::model::{Contract, Owner, Party, Relation};
use super::tenant::{self, Claim, Place, Tenant};
use crate::platform::persona::{Declared, Identity, Persona, merge};
use crate::source::mistake::{Mistakes, Wrong};
use crate::source::toml_file::TomlFile;

/// How a value says: the one that this user has.
const POSSESSIVE: &str = "'s";

/// The user whose value is meant, where a value is `alice's` or `bob's`.
pub fn whose(value: &str) -> Option<Persona> {
    let name = value.strip_suffix(POSSESSIVE)?;
    Persona::OWNERS.into_iter().find(|user| user.name() == name)
}

/// The personas that `database.toml` declares.
pub(super) fn declared(
    keys: &BTreeMap<String, PersonaKeys>,
    file: &TomlFile,
    mistakes: &mut Mistakes,
) -> Vec<DeclaredPersona> {
    let mut declared = Vec::new();
    for (name, keys) in keys {
        if name == "users" || Persona::named(name).is_some() {
            let is_user = Persona::USERS.iter().any(|user| user.name() == name);
            if !is_user || keys.user.is_some() || keys.email.is_some() || !keys.rows.is_empty() {
                let taken = Wrong::new(format!("`{name}` is a built-in persona"));
                let at = file.key(&["personas", name]);
                let help = "choose another name; a built-in user can be given `claims` alone";
                mistakes.add(file.mistake(at, taken.help(help)));
            }
            continue;
        }
        let user = keys.user.as_deref();
        let known = user.and_then(Persona::named).filter(|user| user.user_id().is_some());
        if let (Some(user), None) = (user, known) {
            let at = file.value(&["personas", name, "user"]);
            let wrong = Wrong::unknown("user", user, Persona::USERS.map(Persona::name));
            mistakes.add(file.mistake(at, wrong));
            continue;
        }
        let claims = json!(keys.claims);
        let persona = Declared::new(name, &keys.role, known, keys.email.as_deref(), &claims);
        let rows = keys.rows.iter().flat_map(|(table, rows)| {
            let rows = match rows {
                Rows::One(row) => std::slice::from_ref(row),
                Rows::Many(rows) => rows,
            };
            rows.iter().map(|row| (table.clone(), row.clone()))
        });
        declared
            .push(DeclaredPersona { persona: Persona::declared(persona), rows: rows.collect() });
    }
    declared
}

/// The rows of personas are of declared tables and columns.
pub(super) fn check_rows(contract: &Contract, file: &TomlFile, mistakes: &mut Mistakes) {
    for DeclaredPersona { persona, rows } in &contract.personas {
        for (table, row) in rows {
            let path = ["personas", persona.name(), "rows", table];
            let Some(relation) = contract.tables.get(table) else {
                let tables = contract.tables.keys().map(String::as_str);
                let wrong = super::sharing::undeclared(table, tables);
                mistakes.add(file.mistake(file.key(&path), wrong));
                continue;
            };
            for column in row.keys().filter(|it| !relation.columns.contains_key(*it)) {
                let wrong = Wrong::unknown_column(table, column, relation.columns.keys());
                mistakes.add(file.mistake(file.word(&path, column), wrong));
            }
        }
    }
}

impl Contract {
    /// All personas, the built-in ones first.
    pub fn everybody(&self) -> Vec<Persona> {
        let declared = self.personas.iter().map(|it| it.persona);
        Persona::ALL.into_iter().chain(declared).collect()
    }

    /// The same, each as the gateway presents it to the database.
    pub fn identities(&self) -> BTreeMap<Persona, Identity> {
        self.everybody().into_iter().map(|persona| (persona, self.identity(persona))).collect()
    }

    /// Whoever has an account: the built-in users, and where rows name a party that every row
    /// must have, somebody who is nobody else's party.
    pub fn accounts(&self) -> Vec<Persona> {
        Persona::USERS.into_iter().chain(self.bystander()).collect()
    }

    /// An account that is the party of rows that are nobody's business.
    pub fn bystander(&self) -> Option<Persona> {
        let by_column = |party: &Party| matches!(party.path, Owner::Column(_));
        let has = |(_, relation): (&String, &Relation)| relation.parties.values().any(by_column);
        let declared = Declared::new("bystander", "authenticated", None, None, &json!({}));
        self.relations().any(has).then(|| Persona::declared(declared))
    }

    /// The persona as the gateway presents it to the database: of a schema whose tenants stand in
    /// claims, each user's token says the user's.
    pub fn identity(&self, persona: Persona) -> Identity {
        let mut identity = persona.identity();
        let Some(user) = persona.user_id().map(|_| persona.account()) else { return identity };
        let Some(mut own) = persona.claims() else { return identity };
        // Whatever the schema's users have in common, such as a second factor.
        if let Some(keys) = self.database.personas.get(user.name()) {
            merge(&mut own, &json!(keys.claims));
            merge(&mut own, &persona.own_claims());
            identity.claims = own.to_string();
        }
        let tenants = self.tenants_in_claims();
        if tenants.is_empty() {
            return identity;
        }
        let mut claims = Value::Null;
        for (claim, data_type) in &tenants {
            // Every token says an address, and a persona's own declaration may say a tenant.
            if own.pointer(&claim.pointer()).is_some() {
                continue;
            }
            let value = tenant::in_claims(user, data_type).unwrap_or_default();
            let value = if claim.is_list { json!([value]) } else { value };
            let nested = claim.path.iter().rev().fold(value, |value, name| json!({ name: value }));
            merge(&mut claims, &nested);
        }
        // What a persona's own declaration says holds, and `alice's` there means her tenant.
        merge(&mut claims, &own);
        resolve(&mut claims, &tenants);
        identity.claims = claims.to_string();
        identity
    }

    /// The users whose rows of a table are the persona's, too: itself, and whose tenant its token
    /// says.
    pub fn users_alike(&self, persona: Persona, table: &str) -> Vec<Persona> {
        let mut users = vec![persona.account()];
        if let (Persona::Declared(_), Some(claim)) = (persona, self.claim_of(table, 0)) {
            let tenants = self.claimed(persona, claim);
            let same = |user: &Persona| {
                self.claimed(*user, claim).iter().any(|tenant| tenants.contains(tenant))
            };
            users.extend(Persona::USERS.into_iter().filter(same));
        }
        users
    }

    /// Whether the users of one tenant share the rows of that table.
    pub fn is_of_tenants(&self, table: &str) -> bool {
        self.is_below_tenants(table, 0)
    }

    fn is_below_tenants(&self, table: &str, depth: usize) -> bool {
        match self.relation(table).map(|relation| &relation.owner) {
            Some(Owner::Tenant(_)) => true,
            Some(Owner::Through(paths)) if depth < self.tables.len() => {
                paths.iter().all(|(_, parent)| self.is_below_tenants(parent, depth + 1))
            }
            _ => false,
        }
    }

    /// The claim that says whose a table's rows are, by itself or over other tables.
    fn claim_of(&self, table: &str, depth: usize) -> Option<&Claim> {
        match &self.relation(table)?.owner {
            Owner::Tenant(Tenant { of_user: Place::Claim(claim), .. }) => Some(claim),
            Owner::Through(paths) if depth < self.tables.len() => {
                paths.iter().find_map(|(_, parent)| self.claim_of(parent, depth + 1))
            }
            _ => None,
        }
    }

    /// What the persona's token says at a claim, as text; each of a list.
    pub fn claimed(&self, persona: Persona, claim: &Claim) -> Vec<String> {
        let claims: Value = self.identity(persona).claims.parse().unwrap_or_default();
        let values = match claims.pointer(&claim.pointer()) {
            Some(Value::Array(values)) => values.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let text = |value: Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            other => Some(other.to_string()),
        };
        values.into_iter().filter_map(text).collect()
    }

    /// The claims that hold tenants, each with the type of the column that it is compared with.
    fn tenants_in_claims<'a>(&'a self) -> BTreeMap<&'a Claim, &'a str> {
        let of = |relation: &'a Relation| match &relation.owner {
            Owner::Tenant(Tenant { column, of_user: Place::Claim(claim) }) => {
                let data_type = relation.columns.get(column).map(|it| it.data_type.as_str());
                Some((claim, data_type.unwrap_or("uuid")))
            }
            _ => None,
        };
        self.relations().filter_map(|(_, relation)| of(relation)).collect()
    }
}

/// Replaces `alice's` in claims by her tenant.
fn resolve(claims: &mut Value, tenants: &BTreeMap<&Claim, &str>) {
    for (claim, data_type) in tenants {
        let Some(value) = claims.pointer_mut(&claim.pointer()) else { continue };
        let values = match value {
            Value::Array(values) => values.iter_mut().collect(),
            one => vec![one],
        };
        for value in values {
            let user = value.as_str().and_then(whose);
            if let Some(of) = user.and_then(|user| tenant::in_claims(user, data_type)) {
                *value = of;
            }
        }
    }
}
