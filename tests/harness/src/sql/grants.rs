//! What a GRANT says, also as a part of ALTER DEFAULT PRIVILEGES.

use super::tokens::Tokens;

/// Whether a statement grants `privilege` on an object of `schema` to that role or to everyone. One
/// on all objects of a schema, or on those to come, is about each of them.
pub fn gives(statement: &str, [schema, object]: [&str; 2], privilege: &str, role: &str) -> bool {
    let tokens = Tokens::of(statement);
    let words: Vec<String> =
        (0..tokens.all.len()).map(|at| tokens.word(at).trim_matches('"').to_owned()).collect();
    let is_default = tokens.is(0, &["alter", "default", "privileges"]);
    let position = |word: &str| words.iter().position(|it| it == word);
    let (Some(grant), Some(on)) = (position("grant"), position("on")) else { return false };
    let Some(to) = words.iter().rposition(|it| it == "to") else { return false };
    if grant > on || on > to || grant > 0 && !is_default {
        return false;
    }
    let has = |part: &[String], any: &[&str]| part.iter().any(|it| any.contains(&it.as_str()));
    let (before, objects) = (&words[..on], &words[on..to]);
    let schemas = if is_default { before } else { objects };
    let kinds: &[&str] = if privilege.eq_ignore_ascii_case("execute") {
        &["functions", "routines"]
    } else {
        &["tables"]
    };
    let is_of_all = (is_default || has(objects, &["all"]))
        && has(objects, kinds)
        && (!has(schemas, &["schema"]) || has(schemas, &[schema]));
    has(&before[grant..], &["all", &privilege.to_lowercase()])
        && (is_of_all || has(objects, &[&object.to_lowercase()]))
        && has(&words[to..], &["public", &role.to_lowercase()])
}
