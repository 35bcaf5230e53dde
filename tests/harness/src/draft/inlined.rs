//! Policies with the bodies of the project's functions in place of the calls, so that what a
//! helper function compares is read like what a policy does.

use crate::catalog::{Catalog, Function};
use crate::platform::SCHEMAS;
use crate::sql::tokens::{Tokens, replace_word};

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
                let Some(next) = functions.iter().find_map(|it| without_a_call(text, it)) else {
                    break;
                };
                *text = next;
            }
        }
    }
    inlined
}

/// An expression without the first call of a function; none if it does not call it.
fn without_a_call(text: &str, function: &Function) -> Option<String> {
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
    let mut body = function.body.trim().trim_end_matches(';').to_owned();
    for (input, argument) in function.inputs.iter().zip(arguments) {
        body = replace_word(&body, &input.name, argument);
    }
    let (before, behind) = (&text[..begin], &text[tokens.all[close].end..]);
    Some(format!("{before}({body}){behind}"))
}
