//! What policies compare: the user's id with a column, a claim with a column or a constant, a
//! column with what another table says of the user. Read from the server's form of an expression.

use super::states::parts;
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
    /// column.
    Lookup(String, String, String),
    /// That row has one of these in another column: table, its column, values.
    Among(String, String, Vec<String>),
}

impl Comparison {
    /// Whether it is with the user's id.
    pub(super) fn is_of_user(&self) -> bool {
        matches!(self, Self::User(_))
    }

    /// Whether it is with what another table says of the user.
    pub(super) fn is_lookup(&self) -> bool {
        matches!(self, Self::Lookup(..))
    }
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
    each_compared(relation, command).concat()
}

/// The same of every command and every table.
pub(super) fn all_compared<'a>(relations: impl Iterator<Item = &'a Relation>) -> Vec<Comparison> {
    let of = |it: &'a Relation| Command::ALL.into_iter().flat_map(|command| compared(it, command));
    relations.flat_map(of).collect()
}

/// The same by alternative: a policy, or a part of one that stands beside OR.
pub(super) fn each_compared(relation: &Relation, command: Command) -> Vec<Vec<Comparison>> {
    each_of_role(relation, "authenticated", command)
}

/// The same for another role.
pub(super) fn each_of_role(
    relation: &Relation,
    role: &str,
    command: Command,
) -> Vec<Vec<Comparison>> {
    let mut found = Vec::new();
    for policy in policies(relation, role, command).filter(|it| it.permissive) {
        // What is inserted is judged by the check, and what is there by the condition.
        let text = match command {
            Command::Insert => policy.with_check.as_ref().or(policy.using.as_ref()),
            _ => policy.using.as_ref(),
        };
        let alternatives = text.into_iter().flat_map(|text| parts(text, "or"));
        found.extend(alternatives.map(|text| comparisons(relation, text)));
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
                while tokens.text(at + 1) == "." {
                    at += 2;
                }
                while tokens.is(at + 1, &["[", "]"]) {
                    at += 2;
                }
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
        // Of an empty list as of any other.
        if word == "FROM" && plain.last().is_some_and(|it| it == "SELECT") {
            plain.push("1".to_owned());
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
/// table it WHERE it.user = auth.uid())`, or as EXISTS; and what else those rows have to hold.
fn lookup(words: &[String], at: usize, own: &dyn Fn(&str) -> Option<String>) -> Vec<Comparison> {
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
    let mut held: Vec<(String, Vec<String>)> = Vec::new();
    for at in condition..words.len() {
        if at == 0 || !["=", "IN"].contains(&word(at)) {
            continue;
        }
        let (left, right) = (word(at - 1), word(at + 1));
        if let (Some(column), values) = (its(left), constants(words, at + 1))
            && !values.is_empty()
        {
            held.push((column, values));
        }
        if word(at) == "IN" {
            continue;
        }
        let by_address = |at: usize| claim(words, at).is_some_and(|(it, _)| it.path == ["email"]);
        of_user |= left == USER && its(right).is_some()
            || (right == USER || by_address(at + 1)) && its(left).is_some();
        for (one, other) in [(left, right), (right, left)] {
            if let (Some(by), Some(column)) = (its(one), own(other).filter(|_| other != USER)) {
                joined = joined.or(Some((column, by)));
            }
        }
    }
    if !of_user {
        return Vec::new();
    }
    let before = |back: usize| word(at.wrapping_sub(back));
    let one = if at >= 2 && ["=", "IN"].contains(&before(1)) {
        own(before(2)).zip(its(word(at + 1)))
    } else {
        joined.filter(|_| before(1) == "EXISTS")
    };
    match (one, held.as_slice()) {
        (Some((column, by)), _) => {
            let of = |(column, values)| Comparison::Among(table.clone(), column, values);
            let looked_up = Comparison::Lookup(column, table.clone(), by);
            [looked_up].into_iter().chain(held.into_iter().map(of)).collect()
        }
        (None, [(column, values), ..]) if before(1) == "EXISTS" => {
            vec![Comparison::Holds(table, column.clone(), values[0].clone())]
        }
        _ => Vec::new(),
    }
}

/// The constants of a list, or one.
fn constants(words: &[String], at: usize) -> Vec<String> {
    let listed = words[at.min(words.len())..].iter();
    let listed = listed.skip_while(|it| ["ANY", "ARRAY", "["].contains(&it.as_str()));
    let listed = listed.map_while(|it| if it == "," { Some(None) } else { constant(it).map(Some) });
    let all: Vec<String> = listed.flatten().collect();
    let array = |it: &String| it.starts_with('{') && it.ends_with('}');
    match all.as_slice() {
        [one] if array(one) => one
            .trim_matches(['{', '}'])
            .split(',')
            .map(|it| it.trim_matches('"').to_owned())
            .collect(),
        _ => all,
    }
}
