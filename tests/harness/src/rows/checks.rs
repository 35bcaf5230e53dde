//! What CHECK constraints accept: candidates are read from their text, the server says which of
//! them hold, and of several columns those are kept that may be combined at will.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use tokio_postgres::Client;

use super::values::literal;
use crate::catalog::{Catalog, Column, Constraint, Relation};
use crate::contract;
use crate::error::{CannotRun, describe};
use crate::sql::{ident, quote};

/// What the checks of one table leave open.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// The literals that a column can have, where it is not free.
    pub(super) accepted: BTreeMap<String, Vec<String>>,
    /// Columns that need a value, although null or a default would do without the checks.
    pub(super) required: BTreeSet<String>,
}

/// The most combinations of several columns that the server is asked about.
const COMBINATIONS: usize = 2_000;
/// The most values that are kept of a column whose checks are about others, too.
const KEPT: usize = 4;

/// Whether an expression is true or null; false where it cannot be evaluated.
const HOLDS: &str = "
    create or replace function pg_temp.identra_holds(expression text) returns boolean
    language plpgsql as $$
    declare
        holds boolean;
    begin
        execute 'select ' || expression into holds;
        return coalesce(holds, true);
    exception when others then
        return false;
    end
    $$";

/// Asks the server what the checks of a table accept.
///
/// # Errors
/// The server's answer, where it could not be asked.
pub(super) async fn learn(
    admin: &Client,
    catalog: &Catalog,
    relation: &Relation,
    declared: Option<&contract::Relation>,
) -> Result<Learned, CannotRun> {
    let mut checks: Vec<Constraint> =
        relation.constraints.iter().filter(|it| it.kind == "c").cloned().collect();
    checks.extend(bounds(relation));
    let learner = Learner { admin, catalog, relation, declared, checks };
    let mut learned = Learned::default();
    for column in &relation.columns {
        learner.alone(column, &mut learned).await?;
    }
    for columns in learner.together() {
        learner.combine(&columns, &mut learned).await?;
    }
    Ok(learned)
}

struct Learner<'a> {
    admin: &'a Client,
    catalog: &'a Catalog,
    relation: &'a Relation,
    declared: Option<&'a contract::Relation>,
    checks: Vec<Constraint>,
}

/// The bounds of a partition, which are checks by another name.
fn bounds(relation: &Relation) -> Option<Constraint> {
    let expression = relation.bounds.clone()?;
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = expression.split(|c: char| !in_word(c)).collect();
    let columns = relation.columns.iter().map(|column| column.name.clone());
    Some(Constraint {
        name: "partition constraint".to_owned(),
        kind: "c".to_owned(),
        definition: String::new(),
        columns: columns.filter(|column| words.contains(column.as_str())).collect(),
        target: None,
        target_columns: Vec::new(),
        expression: Some(expression),
    })
}

impl Learner<'_> {
    fn checks(&self) -> impl Iterator<Item = &Constraint> {
        self.checks.iter()
    }

    /// The expressions of the checks that are about that column, and about no other.
    fn own_checks(&self, column: &Column) -> Vec<&str> {
        let own = self.checks().filter(|check| check.columns == [column.name.clone()]);
        own.filter_map(|check| check.expression.as_deref()).collect()
    }

    /// The checks of a column's domain, and of those that it is made of.
    fn domain_checks(&self, data_type: &str) -> Vec<&str> {
        let mut checks = Vec::new();
        let mut at = self.catalog.type_named(data_type);
        while let Some(domain) = at.filter(|it| it.kind == "domain") {
            checks.extend(domain.checks.iter().map(String::as_str));
            at = domain.parts.first().and_then(|base| self.catalog.type_named(base));
        }
        checks
    }

    /// A type without the domains around it.
    fn base<'t>(&'t self, mut data_type: &'t str) -> &'t str {
        while let Some(domain) = self.catalog.type_named(data_type).filter(|t| t.kind == "domain") {
            let Some(base) = domain.parts.first() else { break };
            data_type = base;
        }
        data_type
    }

    /// Which of the expressions hold.
    async fn holding(&self, expressions: &[String]) -> Result<Vec<usize>, CannotRun> {
        let could_not = |error: tokio_postgres::Error| {
            let table = self.relation.declared_name();
            CannotRun(format!("could not try values for {table}: {}", describe(&error)))
        };
        self.admin.batch_execute(HOLDS).await.map_err(could_not)?;
        let sql = "select (at - 1)::integer from unnest($1::text[]) with ordinality as c (e, at) \
                   where pg_temp.identra_holds(e) order by at";
        let rows = self.admin.query(sql, &[&expressions]).await.map_err(could_not)?;
        let at = rows.iter().map(|row| usize::try_from(row.get::<_, i32>(0)).unwrap_or_default());
        Ok(at.collect())
    }

    /// Learns the literals that the checks of that column alone accept, the likeliest first;
    /// nothing where it is free.
    async fn alone(&self, column: &Column, learned: &mut Learned) -> Result<(), CannotRun> {
        let checks = self.own_checks(column);
        let domain = self.domain_checks(&column.data_type);
        if column.made.is_some() || (checks.is_empty() && domain.is_empty()) {
            return Ok(());
        }
        let text: Vec<&str> = checks.iter().chain(&domain).copied().collect();
        let candidates = self.candidates(column, &text);
        let condition: Vec<String> = checks.iter().map(|check| format!("({check})")).collect();
        let condition =
            if condition.is_empty() { "true".to_owned() } else { condition.join(" and ") };
        let holds = |value: &String| self.expression(&[(column, value)], &condition);
        if self.relation.is_unique(&[column.name.as_str()]) {
            // Where text is free but for its length, a tag tells whose it is.
            let tags = ["alice", "shared"].map(|who| format!("{who} {} 100", column.name));
            let tags = tags.iter().filter_map(|tag| {
                literal(self.catalog, &column.data_type, tag, 0).map(|it| holds(&it))
            });
            let tags: Vec<String> = tags.collect();
            if self.holding(&tags).await?.len() == 2 {
                return Ok(());
            }
        }
        let unset = column.default.clone().unwrap_or_else(|| "null".to_owned());
        let expressions: Vec<String> = [&unset].into_iter().chain(&candidates).map(holds).collect();
        let mut at = self.holding(&expressions).await?;
        if at.first() == Some(&0) {
            at.remove(0);
        } else {
            learned.required.insert(column.name.clone());
        }
        let mut accepted: Vec<String> =
            at.into_iter().map(|at| candidates[at - 1].clone()).collect();
        if self.relation.is_unique(&[column.name.as_str()]) {
            let others: Vec<String> = accepted.iter().take(3).flat_map(|it| alike(it)).collect();
            let expressions: Vec<String> = others.iter().map(holds).collect();
            let at = self.holding(&expressions).await?;
            accepted.extend(at.into_iter().map(|at| others[at].clone()));
        }
        if !accepted.is_empty() {
            learned.accepted.insert(column.name.clone(), accepted);
        }
        Ok(())
    }

    /// An expression for whether columns with those values pass that condition, and lose nothing
    /// on their way into their types.
    fn expression(&self, values: &[(&Column, &String)], condition: &str) -> String {
        let columns = values.iter().map(|(column, value)| {
            format!("({value})::{} as {}", column.data_type, ident(&column.name))
        });
        // What no condition looks at would not be computed, and so not be refused by its type.
        let used = values.iter().map(|(column, _)| {
            format!(" and coalesce(length({}::text) >= 0, true)", ident(&column.name))
        });
        let whole = values.iter().filter(|(column, value)| {
            self.base(&column.data_type).starts_with("character") && value.starts_with('\'')
        });
        let whole = whole.map(|(column, value)| {
            format!(" and ({value})::text = (({value})::{})::text", column.data_type)
        });
        format!(
            "({condition}){}{} from (select {}) as candidate",
            used.collect::<String>(),
            whole.collect::<String>(),
            columns.collect::<Vec<_>>().join(", ")
        )
    }

    /// Literals that the checks' text suggests, and those of the column's type.
    fn candidates(&self, column: &Column, checks: &[&str]) -> Vec<String> {
        let base = self.base(&column.data_type);
        let named: Vec<String> = checks.iter().flat_map(|check| strings(check)).collect();
        let numbers: Vec<f64> = checks.iter().flat_map(|check| numbers(check)).collect();
        let mut all: Vec<String> = Vec::new();
        if checks.iter().any(|check| check.contains(" = ANY (ARRAY[") || check.contains(" = '")) {
            all.extend(named.iter().map(|it| quote(it)));
        }
        if let Some(known) = self.catalog.type_named(base).filter(|known| known.kind == "enum") {
            all.extend(known.parts.iter().cloned());
        }
        // Short, and enough of them that one is left which no row has.
        let letters = ('a'..='z').map(|letter| letter.to_string());
        all.extend(letters.filter_map(|tag| literal(self.catalog, base, &tag, 0)));
        let short = base.split('(').next().unwrap_or_default();
        if base == "boolean" {
            all.extend(["true", "false"].map(str::to_owned));
        } else if NUMBERS.contains(&short) {
            all.extend(["1", "2", "0", "5", "10", "100", "-1"].map(str::to_owned));
            let near = |n: &f64| [*n, n + 1.0, n - 1.0, n + 0.5, n / 2.0].map(|n| n.to_string());
            all.extend(numbers.iter().chain(&[0.0]).flat_map(near));
        } else if ["text", "character varying", "character", "citext"].contains(&short) {
            all.extend(named.iter().flat_map(|it| matching(it)));
            all.extend(numbers.iter().flat_map(|n| of_length(*n)));
            all.extend(FORMS.map(quote));
            all.extend(named.iter().map(|it| quote(it)));
        } else if short.starts_with("timestamp") || short == "date" {
            all.extend((1..=9).map(|day| format!("'2025-06-0{day}'")));
            all.extend(["'2999-12-31'", "'1999-12-31'", "now()"].map(str::to_owned));
            all.extend(named.iter().map(|it| quote(it)));
        } else {
            all.extend((1..=3).filter_map(|round| literal(self.catalog, base, "a", round)));
            all.extend(named.iter().map(|it| quote(it)));
            all.extend(numbers.iter().filter_map(|n| elements(self.catalog, base, *n)));
        }
        let mut seen = BTreeSet::new();
        all.retain(|it| seen.insert(it.clone()));
        all
    }

    /// The columns that share a check, each group by itself.
    fn together(&self) -> Vec<Vec<&str>> {
        let mut groups: Vec<BTreeSet<&str>> = Vec::new();
        for check in self.solvable() {
            let mut group: BTreeSet<&str> = check.columns.iter().map(String::as_str).collect();
            let (joined, rest) = groups.into_iter().partition(|it| !it.is_disjoint(&group));
            groups = rest;
            let joined: Vec<BTreeSet<&str>> = joined;
            group.extend(joined.into_iter().flatten());
            groups.push(group);
        }
        groups.into_iter().map(|group| group.into_iter().collect()).collect()
    }

    /// The checks of several columns, none of which the server makes by itself.
    fn solvable(&self) -> impl Iterator<Item = &Constraint> {
        let is_made = |name: &String| self.relation.column(name).is_some_and(|c| c.made.is_some());
        self.checks().filter(move |it| it.columns.len() > 1 && !it.columns.iter().any(is_made))
    }

    /// Keeps of each column what passes with whatever is kept of the others.
    async fn combine(&self, names: &[&str], learned: &mut Learned) -> Result<(), CannotRun> {
        let checks: Vec<&str> = self
            .solvable()
            .filter(|check| check.columns.iter().any(|name| names.contains(&name.as_str())))
            .filter_map(|check| check.expression.as_deref())
            .collect();
        let columns: Vec<&Column> =
            names.iter().filter_map(|name| self.relation.column(name)).collect();
        let root = 1.0 / f64::from(u32::try_from(columns.len()).unwrap_or(1));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let most = ((COMBINATIONS as f64).powf(root) as usize).max(2);
        let options: Vec<Vec<String>> = columns
            .iter()
            .map(|column| {
                let mut options = self.options(column, &checks, &learned.accepted);
                options.truncate(most);
                options
            })
            .collect();
        let mut all: Vec<Vec<usize>> = vec![Vec::new()];
        for values in &options {
            let longer = |one: &Vec<usize>| {
                let one = one.clone();
                (0..values.len()).map(move |at| [one.as_slice(), &[at]].concat())
            };
            all = all.iter().flat_map(longer).take(COMBINATIONS * 4).collect();
        }
        let condition: Vec<String> = checks.iter().map(|check| format!("({check})")).collect();
        let condition = condition.join(" and ");
        let expression = |one: &Vec<usize>| {
            let values = columns.iter().zip(one).enumerate();
            let values: Vec<(&Column, &String)> =
                values.map(|(nth, (column, at))| (*column, &options[nth][*at])).collect();
            self.expression(&values, &condition)
        };
        let expressions: Vec<String> = all.iter().map(expression).collect();
        let holding = self.holding(&expressions).await?;
        let holding: BTreeSet<&[usize]> =
            holding.into_iter().map(|at| all[at].as_slice()).collect();
        let Some(kept) = grow(&holding, &options) else { return Ok(()) };
        for (nth, column) in columns.iter().enumerate() {
            let kept: Vec<String> = kept[nth].iter().map(|at| options[nth][*at].clone()).collect();
            self.keep(column, kept, learned);
        }
        Ok(())
    }

    /// What can stand in a column: first nothing, or its default, then values. What a reference
    /// points at is not known yet, so that any value stands for it.
    fn options(
        &self,
        column: &Column,
        checks: &[&str],
        accepted: &BTreeMap<String, Vec<String>>,
    ) -> Vec<String> {
        let mut options = Vec::new();
        match &column.default {
            Some(default) => options.push(default.clone()),
            None if !column.not_null => options.push("null".to_owned()),
            None => {}
        }
        let example = self.declared.and_then(|it| it.columns.get(&column.name)?.example.clone());
        match (example, accepted.get(&column.name)) {
            (Some(example), _) => options.push(example),
            _ if self.points(column) => {
                options.extend(literal(self.catalog, &column.data_type, &column.name, 0));
            }
            (None, Some(accepted)) => options.extend(accepted.iter().cloned()),
            (None, None) => options.extend(self.candidates(column, checks)),
        }
        if column.default.is_some() && !column.not_null {
            options.push("null".to_owned());
        }
        options
    }

    fn points(&self, column: &Column) -> bool {
        let owner = self.declared.map(|declared| &declared.owner);
        let keys = self.relation.constraints.iter().filter(|key| key.kind == "f");
        matches!(owner, Some(contract::Owner::Column(owner)) if *owner == column.name)
            || keys.flat_map(|key| &key.columns).any(|name| *name == column.name)
    }

    fn keep(&self, column: &Column, kept: Vec<String>, learned: &mut Learned) {
        let name = &column.name;
        let unset = column.default.as_deref().unwrap_or("null");
        if !kept.iter().any(|value| value == unset) {
            learned.required.insert(name.clone());
        }
        let values: Vec<String> = kept.into_iter().filter(|value| value != "null").collect();
        if values.is_empty() {
            learned.accepted.insert(name.clone(), vec!["null".to_owned()]);
        } else if !self.points(column) {
            learned.accepted.insert(name.clone(), values);
        }
    }
}

/// The first combination that holds, and in turns one more value of each column, as long as all
/// combinations with it hold.
fn grow(holding: &BTreeSet<&[usize]>, options: &[Vec<String>]) -> Option<Vec<Vec<usize>>> {
    let mut kept: Vec<Vec<usize>> = holding.first()?.iter().map(|at| vec![*at]).collect();
    let mut grown = true;
    while grown {
        grown = false;
        for nth in 0..kept.len() {
            let fits = |value: &usize| {
                let mut with = kept.clone();
                with[nth] = vec![*value];
                products(&with).iter().all(|one| holding.contains(one.as_slice()))
            };
            let free = (0..options[nth].len()).filter(|at| !kept[nth].contains(at));
            let more = free.clone().filter(|_| kept[nth].len() < KEPT).find(fits);
            grown |= more.is_some();
            kept[nth].extend(more);
        }
    }
    Some(kept)
}

fn products(sets: &[Vec<usize>]) -> Vec<Vec<usize>> {
    sets.iter().fold(vec![Vec::new()], |all, set| {
        let longer = |one: &Vec<usize>| {
            let one = one.clone();
            set.iter().map(move |at| [one.as_slice(), &[*at]].concat())
        };
        all.iter().flat_map(longer).collect()
    })
}

const NUMBERS: [&str; 7] =
    ["smallint", "integer", "bigint", "numeric", "real", "double precision", "money"];

/// Forms that text is often held to.
const FORMS: [&str; 22] = [
    "abc",
    "abcdef",
    "ABC",
    "AB",
    "Abc",
    "a-b",
    "a_b",
    "a1",
    "someone@example.com",
    "https://example.com/a",
    "example.com",
    "+12025550123",
    "2025550123",
    "12345",
    "2025-01-01",
    "12:30",
    "#a1b2c3",
    "en-US",
    "1.0.0",
    "/a/b",
    "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988",
    "11111111-1111-4111-8111-111111111111",
];

/// The string literals in an expression.
fn strings(expression: &str) -> Vec<String> {
    let joined = expression.replace("''", "\u{1}");
    let parts = joined.split('\'').skip(1).step_by(2);
    parts.map(|part| part.replace('\u{1}', "'")).collect()
}

/// The numbers in an expression, those within quotes among them.
fn numbers(expression: &str) -> Vec<f64> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-';
    expression.split(|c: char| !in_word(c)).filter_map(|word| word.parse().ok()).collect()
}

/// Text that a regular expression matches.
fn matching(pattern: &str) -> Vec<String> {
    const SAMPLES: usize = 24;
    if !pattern.contains(['^', '$', '[', '+', '*', '\\']) {
        return Vec::new();
    }
    let bare = pattern.trim_start_matches('^').trim_end_matches('$');
    let Ok(strategy) = string_regex(bare) else { return Vec::new() };
    let mut runner = TestRunner::deterministic();
    let samples = (0..SAMPLES).filter_map(|_| Some(strategy.new_tree(&mut runner).ok()?.current()));
    let plain = samples.filter(|it| it.chars().all(|c| c.is_ascii_graphic() || c == ' '));
    plain.map(|it| quote(&it)).collect()
}

/// Other text of the same form: with another first letter or last digit.
fn alike(literal: &str) -> Vec<String> {
    let first = literal.find(|c: char| c.is_ascii_lowercase());
    let last = literal.rfind(|c: char| c.is_ascii_digit());
    let with = |at: usize, other: char| {
        format!("{}{other}{}", &literal[..at], &literal[at + other.len_utf8()..])
    };
    let letters = first.into_iter().flat_map(|at| ('a'..='z').map(move |it| with(at, it)));
    let digits = last.into_iter().flat_map(|at| ('0'..='9').map(move |it| with(at, it)));
    letters.chain(digits).filter(|it| literal.starts_with('\'') && it != literal).collect()
}

/// Text about that long, of letters and of digits.
fn of_length(length: f64) -> Vec<String> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    let length =
        if (0.0..=2_000.0).contains(&length) { length as usize } else { return Vec::new() };
    let lengths = [length, length + 1, length.saturating_sub(1)];
    let of = |length: usize| ["a", "b", "A", "1"].map(|letter| quote(&letter.repeat(length)));
    lengths.into_iter().flat_map(of).collect()
}

/// An array with that many elements.
fn elements(catalog: &Catalog, data_type: &str, count: f64) -> Option<String> {
    let element = data_type.strip_suffix("[]")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    let count = if (1.0..=20.0).contains(&count) { count as usize } else { return None };
    let each = (0..count).map(|nth| literal(catalog, element, "a", nth));
    let each: Option<Vec<String>> = each.collect();
    Some(format!("array[{}]::{data_type}", each?.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{grow, matching, numbers, strings};

    #[test]
    fn constants_are_read_from_a_check() {
        let check =
            "((source = ANY (ARRAY['manual'::text, 'it''s'::text])) OR (n >= '-5'::integer))";
        assert_eq!(strings(check), ["manual", "it's", "-5"]);
        assert_eq!(numbers(check), [-5.0]);
        assert_eq!(numbers("(char_length(a1) <= 50)"), [50.0]);
    }

    #[test]
    fn text_is_made_that_a_regular_expression_matches() {
        let made = matching("^[a-z]{3,20}$");
        assert!(made.len() > 4, "{made:?}");
        assert!(
            made.iter().all(|it| it.trim_matches('\'').chars().all(|c| c.is_ascii_lowercase()))
        );
        assert_eq!(matching("manual"), [""; 0]);
    }

    /// Of `lowest < highest` with 0, 1, 2 in both.
    #[test]
    fn what_is_kept_can_be_combined_at_will() {
        let all: [&[usize]; 3] = [&[0, 1], &[0, 2], &[1, 2]];
        let options = vec![vec![String::new(); 3]; 2];
        let kept = grow(&BTreeSet::from(all), &options);
        assert_eq!(kept, Some(vec![vec![0], vec![1, 2]]));
        assert_eq!(grow(&BTreeSet::new(), &options), None);
    }
}
