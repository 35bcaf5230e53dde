//! Policies with the bodies of the project's functions in place of the calls, so that what a
//! helper function compares is read like what a policy does.

use crate::catalog::{Catalog, Function, Relation};
use crate::platform::SCHEMAS;
use crate::sql::tokens::{Kind, Tokens, replace_word};

/// How deep functions that call functions are followed.
const DEPTH: usize = 3;

/// The catalog with such policies; only guesses are made from it.
pub(super) fn inlined(catalog: &Catalog) -> Catalog {
    let mut inlined = catalog.clone();
    let functions: Vec<&Function> = catalog
        .functions
        .iter()
        .filter(|it| !SCHEMAS.contains(&it.schema.as_str()) && it.kind == "function")
        .collect();
    for policy in inlined.relations.iter_mut().flat_map(|it| &mut it.policies) {
        for text in [&mut policy.using, &mut policy.with_check].into_iter().flatten() {
            for _ in 0..DEPTH {
                let next = functions.iter().find_map(|it| without_a_call(catalog, text, it));
                let Some(next) = next else {
                    break;
                };
                *text = next;
            }
        }
    }
    inlined
}

/// An expression without the first call of a function; none if it does not call it.
fn without_a_call(catalog: &Catalog, text: &str, function: &Function) -> Option<String> {
    let tokens = Tokens::of(text);
    let at = (0..tokens.all.len())
        .find(|at| tokens.text(*at) == function.name && tokens.text(at + 1) == "(")?;
    let is_qualified = at >= 2 && tokens.text(at - 1) == ".";
    let begin = tokens.all[if is_qualified { at - 2 } else { at }].start;
    let depth = tokens.all[at + 1].depth;
    let close = (at + 2..tokens.all.len())
        .find(|at| tokens.text(*at) == ")" && tokens.all[*at].depth == depth)?;
    let mut arguments = Vec::new();
    let mut from = tokens.all[at + 1].end;
    let mut brackets = 0;
    for comma in at + 2..=close {
        let token = tokens.all[comma];
        let text_of = tokens.text(comma);
        brackets += i32::from(text_of == "[") - i32::from(text_of == "]");
        let between = text_of == "," && token.depth == depth + 1 && brackets == 0;
        let ends = comma == close || between;
        if ends {
            arguments.push(text[from..token.start].trim());
            from = token.end;
        }
    }
    let mut body = qualified(catalog, function.body.trim().trim_end_matches(';'));
    for (input, argument) in function.inputs.iter().zip(arguments) {
        body = replace_word(&body, &input.name, argument);
    }
    let (before, behind) = (&text[..begin], &text[tokens.all[close].end..]);
    Some(format!("{before}({body}){behind}"))
}

/// A body in which the columns of the table that it reads say so, which otherwise would be taken for
/// those of the policy's table.
fn qualified(catalog: &Catalog, body: &str) -> String {
    let tokens = Tokens::of(body);
    let Some(from) = (0..tokens.all.len()).find(|at| tokens.word(*at) == "from") else {
        return body.to_owned();
    };
    let (schema, name) = match tokens.text(from + 2) {
        "." => (tokens.text(from + 1), from + 3),
        _ => ("public", from + 1),
    };
    let table = tokens.text(name);
    let its = |it: &&Relation| it.schema == schema && it.name == table;
    let Some(relation) = catalog.relations.iter().find(its) else { return body.to_owned() };
    let behind = if tokens.word(name + 1) == "as" { name + 2 } else { name + 1 };
    let is_name = |at: usize| {
        tokens.all.get(at).is_some_and(|it| it.kind == Kind::Word)
            && !["where", "join", "left", "inner", "limit"].contains(&tokens.word(at).as_str())
    };
    let has_alias = is_name(behind);
    let alias = if has_alias { tokens.text(behind) } else { CALLEE };
    let mut qualified = body.to_owned();
    for at in (0..tokens.all.len()).rev() {
        let token = tokens.all[at];
        if at == name && !has_alias {
            qualified.insert_str(token.end, &format!(" AS {CALLEE}"));
        }
        if (from..=behind).contains(&at) && (has_alias || at <= name) {
            continue;
        }
        let is_alone = at == 0 || tokens.text(at - 1) != ".";
        let text = tokens.text(at);
        if is_alone && text == table && tokens.text(at + 1) == "." {
            qualified.replace_range(token.start..token.end, alias);
        } else if is_alone
            && relation.column(text).is_some()
            && !["(", "."].contains(&tokens.text(at + 1))
        {
            qualified.insert_str(token.start, &format!("{alias}."));
        }
    }
    qualified
}

/// What a table is called in the body of a function, so that it is not the policy's own.
const CALLEE: &str = "of_function";
