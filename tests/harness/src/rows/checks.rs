//! What CHECK constraints accept: candidates are read from their text, the server says which of
//! them hold, and of several columns those are kept that may be combined at will.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::candidates::{alike, candidates};
use super::values::literal;
use crate::catalog::{Catalog, Column, Constraint, Relation};
use crate::contract;
use crate::error::{CannotRun, describe};
use crate::platform::persona::Persona;
use crate::sql::ident;

/// What the checks of one table leave open.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// The literals that a column can have, where it is not free.
    pub(super) accepted: BTreeMap<String, Vec<String>>,
    /// Columns that need a value, although null or a default would do without the checks.
    pub(super) required: BTreeSet<String>,
}

/// The most combinations of several columns that the server is asked about.
const COMBINATIONS: u32 = 2_000;
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
    let by_trial = Learner { admin, catalog, relation, declared, checks };
    let mut learned = Learned::default();
    for column in &relation.columns {
        by_trial.alone(column, &mut learned).await?;
    }
    for columns in by_trial.together() {
        by_trial.combine(&columns, &mut learned).await?;
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
        let candidates = candidates(self.catalog, self.base(&column.data_type), &text);
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
        let most = (f64::from(COMBINATIONS).powf(root) as usize).max(2);
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
            all = all.iter().flat_map(longer).take(4 * COMBINATIONS as usize).collect();
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
            (Some(example), _) => {
                let owner = Persona::Alice.user_id().unwrap_or_default();
                options.push(contract::example_of(&example, owner, 0));
            }
            _ if self.points(column) => {
                options.extend(literal(self.catalog, &column.data_type, &column.name, 0));
            }
            (None, Some(accepted)) => options.extend(accepted.iter().cloned()),
            (None, None) => {
                options.extend(candidates(self.catalog, self.base(&column.data_type), checks));
            }
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
pub fn grow(holding: &BTreeSet<&[usize]>, options: &[Vec<String>]) -> Option<Vec<Vec<usize>>> {
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
