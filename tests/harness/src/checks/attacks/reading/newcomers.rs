//! Reading by accounts whose sign-up said something of them: what is sent with a sign-up is the
//! user's own to write.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::identities::{identity, read_by};
use crate::catalog::Column;
use crate::checks::attacks::runner::context::{Subject, VICTIM};
use crate::checks::attacks::runner::{Context, Probe};
use crate::error::CannotRun;
use crate::rows::accounts::sign_up_with;
use crate::sql::tokens::Tokens;
use crate::sql::{quote, text_of};

/// The account that signs up.
const NEWCOMER: &str = "5160a000-0000-4000-8000-000000000012";
/// How a trigger's function names what a sign-up sends.
const METADATA: &str = "raw_user_meta_data";
/// How many values of a column are tried.
const VALUES: usize = 3;

/// R12: whoever signs up with the values that policies and functions ask for.
pub(super) fn told_at_sign_up(context: &Context<'_>) -> Result<Vec<Probe>, CannotRun> {
    let is_read = context.catalog.functions.iter().any(|it| it.body.contains(METADATA));
    if !is_read || context.world.refused_sign_up().is_some() {
        return Ok(Vec::new());
    }
    let mut probes = Vec::new();
    for document in documents(context) {
        let claims = json!({"sub": NEWCOMER, "role": "authenticated", "aud": "authenticated"});
        let newcomer = identity("newcomer", "authenticated", &claims.to_string());
        let sign_up = sign_up_with(NEWCOMER, Some("newcomer@example.com"), &document);
        for probe in read_by(context, &[newcomer])? {
            probes.push(Probe {
                setup: vec![sign_up.clone()],
                part: document.to_string(),
                ..probe
            });
        }
    }
    probes.sort_by(|one, other| one.object.cmp(&other.object));
    Ok(probes)
}

/// Documents with a key for each column, and for each word that functions look up: the victim's
/// ids, true, and the values that the schema knows.
fn documents(context: &Context<'_>) -> Vec<Value> {
    let bodies = context.catalog.functions.iter().map(|it| Tokens::of(&it.body));
    let bodies: Vec<Tokens<'_>> = bodies.collect();
    let policies = context.catalog.relations.iter().flat_map(|it| &it.policies);
    let conditions = policies.flat_map(|it| it.using.iter().chain(&it.with_check));
    let conditions: Vec<Tokens<'_>> = conditions.map(|it| Tokens::of(it)).collect();
    let mut known: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for subject in context.tables() {
        for column in &subject.relation.columns {
            if known.contains_key(&column.name) {
                continue;
            }
            let compared =
                bodies.iter().chain(&conditions).flat_map(|it| compared(it, &column.name));
            let values = values(context, &subject, column, compared);
            if !values.is_empty() {
                known.insert(column.name.clone(), values);
            }
        }
    }
    for key in bodies.iter().flat_map(looked_up) {
        let literal = quote(&key);
        let of_key = bodies.iter().flat_map(|it| compared(it, &literal)).filter(|it| *it != key);
        let mut values: Vec<Value> = of_key.map(Value::from).collect();
        let like = known.iter().find(|(name, _)| key.ends_with(name.as_str()));
        values.extend(like.into_iter().flat_map(|(_, values)| values.clone()));
        if !values.is_empty() {
            known.insert(key, values);
        }
    }
    let nth = |nth: usize| {
        let pair = |(key, values): (&String, &Vec<Value>)| {
            (key.clone(), values[nth.min(values.len() - 1)].clone())
        };
        Value::Object(known.iter().map(pair).collect())
    };
    let mut documents: Vec<Value> = (0..VALUES).map(nth).collect();
    documents.dedup();
    documents
}

/// The values to say of a column; of text, those that it is `compared` with, and that it can have.
fn values(
    context: &Context<'_>,
    subject: &Subject<'_>,
    column: &Column,
    compared: impl Iterator<Item = String>,
) -> Vec<Value> {
    let of_victim = || context.row(subject.name, VICTIM)?.literal(&column.name);
    match column.data_type.as_str() {
        "boolean" => vec![json!(true)],
        "uuid" => of_victim().and_then(text_of).map(|id| json!(id)).into_iter().collect(),
        _ => {
            let accepted = context.world.accepted(subject.name, &column.name).iter();
            let mut values: Vec<Value> = compared.map(|it| json!(it)).collect();
            values.extend(accepted.filter_map(|it| text_of(it)).map(|it| json!(it)));
            let mut distinct: Vec<Value> = Vec::new();
            for value in values {
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }
            distinct
        }
    }
}

/// The literals that an expression compares a column with.
fn compared(tokens: &Tokens<'_>, column: &str) -> Vec<String> {
    const REACH: usize = 12;
    let mut literals = Vec::new();
    for at in (0..tokens.all.len()).filter(|at| tokens.text(*at).trim_matches('"') == column) {
        let behind = (at + 1..tokens.all.len().min(at + REACH))
            .take_while(|it| !["and", "or", ";"].contains(&tokens.word(*it).as_str()));
        let behind: Vec<&str> = behind.map(|it| tokens.text(it)).collect();
        if behind.iter().any(|it| *it == "=" || it.eq_ignore_ascii_case("in")) {
            literals.extend(behind.into_iter().filter_map(text_of).map(str::to_owned));
        }
    }
    literals
}

/// The keys that a function takes out of a document as text.
fn looked_up(tokens: &Tokens<'_>) -> Vec<String> {
    let key = |at: usize| text_of(tokens.text(at + 1)).map(str::to_owned);
    (0..tokens.all.len()).filter(|at| tokens.text(*at) == "->>").filter_map(key).collect()
}
