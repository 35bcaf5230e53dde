//! What policies compare: the user's id with a column, a claim with a column or a constant, a
//! column with what another table says of the user. Read from the server's form of an expression.

use std::collections::BTreeMap;

use crate::catalog::{Policy, Relation};
use crate::contract::grid::Command;
use crate::contract::tenant::Claim;
use crate::sql::tokens::{Kind, Tokens};

/// A comparison in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The column holds the user's id.
    User(String),
    /// The column holds what the claim says.
    Claim(String, Claim),
    /// The claim says this.
    Says(Claim, String),
    /// The user's row of a table has this in a column: table, column, value.
    Holds(String, String, String),
    /// The column holds what the user's row of a table has in a column: column, table, its
    /// column, and what else the row has to hold.
    Lookup(String, String, String, BTreeMap<String, String>),
}

/// The policies of a table for a command and a role.
pub(super) fn policies<'a>(
    relation: &'a Relation,
    role: &'a str,
    command: Command,
) -> impl Iterator<Item = &'a Policy> {
    relation.policies.iter().filter(move |policy| {
        let is_for = [command.name(), "all"].contains(&policy.command.as_str());
        is_for && policy.roles.iter().any(|it| [role, "public"].contains(&it.as_str()))
    })
}

/// What the permissive policies for a command compare, also in the functions that they call.
pub(super) fn compared(relation: &Relation, command: Command) -> Vec<Comparison> {
    let mut found = Vec::new();
    for policy in policies(relation, "authenticated", command).filter(|it| it.permissive) {
        // What is inserted is judged by the check, and what is there by the condition.
        let text = match command {
            Command::Insert => policy.with_check.as_ref().or(policy.using.as_ref()),
            _ => policy.using.as_ref(),
        };
        found.extend(text.into_iter().flat_map(|text| comparisons(relation, text)));
    }
    found
}

/// The comparisons in an expression.
pub(super) fn comparisons(relation: &Relation, text: &str) -> Vec<Comparison> {
    let words = plain(text);
    let own = |word: &str| {
        let qualified = word.strip_prefix(&format!("{}.", relation.name));
        let name = unquoted(qualified.unwrap_or(word));
        relation.column(name).map(|column| column.name.clone())
    };
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    for at in 0..words.len() {
        if word(at) == USER {
            let sides = [(1, 2), (usize::MAX, usize::MAX - 1)];
            for (operator, operand) in sides {
                let [operator, operand] = [operator, operand].map(|it| at.wrapping_add(it));
                if word(operator) == "=" {
                    found.extend(own(word(operand)).map(Comparison::User));
                }
            }
            if [word(at + 1), word(at + 2)] == ["=", "ANY"] {
                found.extend(own(word(at + 3)).map(Comparison::User));
            }
            if [word(at + 1), word(at + 2), word(at + 3)] == ["=", "ANY", "ARRAY"] {
                let listed = words[at + 4..].iter().skip_while(|it| *it == "[");
                let listed = listed.take_while(|it| *it != "]").filter(|it| *it != ",");
                found.extend(listed.filter_map(|it| own(it)).map(Comparison::User));
            }
        }
        if let Some((claim, end)) = claim(&words, at) {
            let before = (at >= 2 && word(at - 1) == "=").then(|| word(at - 2));
            let behind = ["=", "?"].contains(&word(end)).then(|| word(end + 1));
            let is_list = word(end) == "?" || at > 0 && word(at - 1).contains("array_elements");
            let member = (at >= 4 && word(at - 3) == "IN" && is_list).then(|| word(at - 4));
            let claim = Claim { is_list, ..claim };
            let is_user = claim.path == ["sub"];
            for side in [before, behind, member].into_iter().flatten() {
                if let Some(column) = own(side) {
                    found.push(if is_user {
                        Comparison::User(column)
                    } else {
                        Comparison::Claim(column, claim.clone())
                    });
                } else if let Some(constant) = constant(side) {
                    found.push(Comparison::Says(claim.clone(), constant));
                }
            }
        }
        if word(at) == "SELECT" && word(at + 2) == "FROM" {
            found.extend(lookup(&words, at, &own));
        }
    }
    found
}

/// What stands for the user's id among the words.
const USER: &str = "auth.uid";
/// What stands for the token's document.
const TOKEN: &str = "auth.jwt";

/// What stands for the token's address.
const EMAIL: &str = "auth.email";
/// What functions may write in lower case.
const KEYWORDS: [&str; 8] = ["SELECT", "FROM", "WHERE", "EXISTS", "IN", "ANY", "AND", "OR"];

/// The words of an expression without parentheses, casts, aliases of columns and sub-selects of
/// one function, and with qualified names as one word.
fn plain(text: &str) -> Vec<String> {
    let tokens = Tokens::of(text);
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while at < tokens.all.len() {
        let text = tokens.text(at);
        match text {
            "(" | ")" => {}
            "::" => {
                at += 1;
                while tokens.all.get(at + 1).is_some_and(|it| it.kind == Kind::Word)
                    && ["varying", "with", "without", "time", "zone", "precision"]
                        .contains(&tokens.text(at + 1))
                {
                    at += 1;
                }
            }
            "." => {
                at += 1;
                let last = words.pop().unwrap_or_default();
                words.push(format!("{last}.{}", tokens.text(at)));
            }
            // An alias of a table is kept.
            "AS" | "as" if words.len() >= 2 && words[words.len() - 2] == "FROM" => {}
            "AS" | "as" => at += 1,
            _ if KEYWORDS.contains(&text.to_uppercase().as_str()) => {
                words.push(text.to_uppercase());
            }
            _ => words.push(text.to_owned()),
        }
        at += 1;
    }
    let mut plain: Vec<String> = Vec::new();
    for word in words {
        let of_one = [USER, TOKEN, EMAIL, "SELECT"].contains(&word.as_str());
        if of_one && plain.last().is_some_and(|it| it == "SELECT") {
            plain.pop();
        }
        if word == EMAIL {
            plain.extend([TOKEN, "->>", "'email'"].map(str::to_owned));
            continue;
        }
        // What is compared without regard to case is compared.
        if word != "lower" {
            plain.push(word);
        }
    }
    plain
}

/// The claim that begins at a word, and the word behind it.
fn claim(words: &[String], at: usize) -> Option<(Claim, usize)> {
    if words.get(at)? != TOKEN {
        return None;
    }
    let mut path = Vec::new();
    let mut end = at + 1;
    while let (Some("->" | "->>"), Some(name)) =
        (words.get(end).map(String::as_str), words.get(end + 1))
    {
        path.push(constant(name)?);
        end += 2;
    }
    (!path.is_empty()).then_some((Claim { path, is_list: false }, end))
}

fn constant(word: &str) -> Option<String> {
    Some(word.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
}

fn unquoted(word: &str) -> &str {
    word.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(word)
}

/// A column that is looked up in the user's rows of another table: `column IN (SELECT it.by FROM
/// table it WHERE it.user = auth.uid())`, or as EXISTS.
fn lookup(words: &[String], at: usize, own: &dyn Fn(&str) -> Option<String>) -> Option<Comparison> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let table = word(at + 3).strip_prefix("public.").unwrap_or(word(at + 3)).to_owned();
    let alias = match word(at + 4) {
        "WHERE" => table.rsplit('.').next().unwrap_or_default().to_owned(),
        alias => alias.to_owned(),
    };
    let condition = at + if word(at + 4) == "WHERE" { 5 } else { 6 };
    let its = |word: &str| Some(unquoted(word.strip_prefix(&format!("{alias}."))?).to_owned());
    let mut of_user = false;
    let mut joined = None;
    let mut held = BTreeMap::new();
    for at in condition..words.len() {
        if word(at) == "SELECT" {
            break;
        }
        if word(at) != "=" || at == 0 {
            continue;
        }
        let (left, right) = (word(at - 1), word(at + 1));
        held.extend(its(left).zip(constant(right)));
        of_user |= left == USER && its(right).is_some() || right == USER && its(left).is_some();
        for (one, other) in [(left, right), (right, left)] {
            if let (Some(by), Some(column)) = (its(one), own(other).filter(|_| other != USER)) {
                joined = joined.or(Some((column, by)));
            }
        }
    }
    if !of_user {
        return None;
    }
    if let (Some((column, value)), None) = (held.iter().next(), &joined)
        && word(at.wrapping_sub(1)) == "EXISTS"
    {
        return Some(Comparison::Holds(table, column.clone(), value.clone()));
    }
    if at >= 2 && ["=", "IN"].contains(&word(at - 1)) {
        return Some(Comparison::Lookup(own(word(at - 2))?, table, its(word(at + 1))?, held));
    }
    let (column, by) = joined.filter(|_| at >= 1 && word(at - 1) == "EXISTS")?;
    Some(Comparison::Lookup(column, table, by, held))
}
