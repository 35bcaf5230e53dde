//! Properties of constraints: values on both sides of every constraint that the contract
//! declares of a column or a table.

pub mod expression;
pub mod rules;
mod site;

pub use self::rules::not_evaluated;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, TestCaseError, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;

use self::expression::{Check, Value};
use self::rules::{checks, keys, references};
use self::site::{Command, Site, command, judge};
use crate::catalog::Catalog;
use crate::checks::properties::{Broken, Property, Refused, Sender};
use crate::rows::values;
use crate::sql::ident;

/// All properties of constraints.
pub const PROPERTIES: [Property; 5] = [CHECKS, NOT_NULL, KEYS, REFERENCES, ON_DELETE];

/// See its claim.
pub const CHECKS: Property = Property {
    id: "constraints/checks",
    claim: "each CHECK accepts what the contract declares and refuses everything else",
    about: &[],
    cases: 40,
    holds: |runner| {
        let site = Site::of(runner)?;
        for (table, declared) in site.tables() {
            for rule in checks(declared) {
                let column = rule.check.column();
                let object = format!("{table}.{column}");
                let row = site.row(table, Site::owners(declared)[0])?;
                // The literals of the server's own checks.
                let own = row.relation.constraints.iter().filter_map(|it| it.expression.as_ref());
                let words = own.flat_map(|it| it.split('\'').skip(1).step_by(2));
                let words: Vec<String> = words.map(str::to_owned).collect();
                let nullable = declared.columns.get(column).is_some_and(|it| it.nullable);
                let values = rule.check.values(row.data_type(column), nullable, &words);
                let values = values.ok_or_else(|| {
                    let reason = format!("{object}: no values are known of its type");
                    Broken::untried(reason).of(object.clone())
                })?;
                let tried =
                    runner.check(&(command(), values), async |transaction, (command, value)| {
                        row.set_up(transaction).await?;
                        let like = match &value {
                            Value::SameAs(other) => other,
                            _ => column,
                        };
                        let literal = value.literal(like, |column| row.literal(column).to_owned());
                        let answer = row.with(transaction, command, &[(column, &literal)]).await?;
                        // The type itself may have no room for it.
                        let has_no_room = |code: &str| ["22001", "22003"].contains(&code);
                        if answer.as_ref().is_err_and(|why| has_no_room(why.code())) {
                            return Ok(());
                        }
                        let refusal = (!rule.check.accepts(&value))
                            .then_some(("23514", rule.name.as_deref()));
                        judge(&object, &answer, refusal)
                    });
                tried.map_err(|broken| broken.of(object.clone()))?;
            }
        }
        Ok(())
    },
};

/// See its claim.
pub const NOT_NULL: Property = Property {
    id: "constraints/not-null",
    claim: "no column holds null unless the contract declares it nullable",
    about: &[],
    // Of each column.
    cases: 1,
    holds: |runner| {
        let site = Site::of(runner)?;
        for (table, declared) in site.tables() {
            let row = site.row(table, Site::owners(declared)[0])?;
            for (column, of_column) in &declared.columns {
                let object = format!("{table}.{column}");
                if row.relation.column(column).is_some_and(|column| column.made.is_some()) {
                    continue;
                }
                let both = Just([Command::Insert, Command::Update]);
                let tried = runner.check(&both, async |transaction, both| {
                    row.set_up(transaction).await?;
                    for command in both {
                        transaction.admin("savepoint before").await?;
                        let answer = row.with(transaction, command, &[(column, "null")]).await?;
                        match answer {
                            // A trigger may have replaced the null.
                            Ok(answer) => {
                                let is_null = answer.one::<bool>()?;
                                prop_assert!(of_column.nullable || !is_null, "{}: null", object);
                            }
                            Err(why) if of_column.nullable => return Err(why.into()),
                            // Before that, a partitioned table looks for the row's partition.
                            Err(why)
                                if row.relation.kind == "partitioned table"
                                    && why.code() == "23514"
                                    && why.constraint().is_empty() => {}
                            Err(why) => {
                                prop_assert_eq!(why.code(), "23502", "{}", object);
                                let column = format!("column \"{column}\"");
                                prop_assert!(why.message().contains(&column), "{}", why);
                            }
                        }
                        transaction.admin("rollback to savepoint before").await?;
                    }
                    Ok(())
                });
                tried.map_err(|broken| broken.of(object.clone()))?;
            }
        }
        Ok(())
    },
};

/// See its claim.
pub const KEYS: Property = Property {
    id: "constraints/keys",
    claim: "no two rows have the same primary key, or the same values of a declared unique \
        constraint; rows that differ in any column of it are accepted",
    about: &[],
    cases: 12,
    holds: |runner| {
        let site = Site::of(runner)?;
        for (table, declared) in site.tables() {
            let owners = Site::owners(declared);
            let (first, last) = (owners[0], owners[owners.len() - 1]);
            let row = site.row(table, last)?;
            let rows = site.world.rows(table, first, None);
            let there = rows.first().ok_or_else(|| Broken::untried(format!("{table} is empty")))?;
            for key in keys(declared) {
                let object = format!("{table}.{}", key.columns.join(", "));
                let same = vec(proptest::bool::weighted(0.7), key.columns.len());
                let always = |it: &String| row.relation.column(it).is_some_and(|it| it.always);
                let counts = key.columns.iter().any(always);
                let tried =
                    runner.check(&(command(), same), async |transaction, (command, same)| {
                        row.set_up(transaction).await?;
                        // An identity that always counts takes no value from an update.
                        let command = if counts { Command::Insert } else { command };
                        let columns = key.columns.iter().zip(same);
                        let columns = columns.map(|(column, same)| {
                            let its = there.literal(column).filter(|_| same);
                            (column.as_str(), its.unwrap_or_else(|| row.literal(column)))
                        });
                        let values: Vec<(&str, &str)> = columns.collect();
                        let is =
                            values.iter().map(|(at, value)| format!("{} = {value}", ident(at)));
                        let is = is.collect::<Vec<_>>().join(" and ");
                        let count = format!("select count(*) from {}", row.relation.qualified());
                        let taken: usize =
                            transaction.admin(&format!("{count} where {is}")).await?.one()?;
                        let value = |column: &str| {
                            let other = values.iter().find(|(at, _)| *at == column);
                            other.map_or_else(|| row.literal(column), |(_, value)| value)
                        };
                        let equal = checks(declared);
                        let equal = equal.into_iter().find(|rule| match &rule.check {
                            Check::Differ { column, other } => value(column) == value(other),
                            _ => false,
                        });
                        let answer = row.with(transaction, command, &values).await?;
                        // The key of a partition has a name of its own.
                        let name = key.name.as_deref();
                        let name = name.filter(|_| row.relation.kind != "partitioned table");
                        let refusal = match &equal {
                            Some(rule) => Some(("23514", rule.name.as_deref())),
                            None => (taken > 0).then_some(("23505", name)),
                        };
                        judge(&object, &answer, refusal)
                    });
                tried.map_err(|broken| broken.of(object.clone()))?;
            }
        }
        Ok(())
    },
};

/// A value that is tried in a foreign key column.
#[derive(Debug, Clone, Copy)]
enum Pointer {
    Null,
    Own,
    /// The key of no row.
    Dangling(u16),
}

/// See its claim.
pub const REFERENCES: Property = Property {
    id: "constraints/references",
    claim: "a column that the contract declares a reference references a row, or is null if it is \
        nullable",
    about: &[],
    cases: 20,
    holds: |runner| {
        let site = Site::of(runner)?;
        for (table, declared) in site.tables() {
            let row = site.row(table, Site::owners(declared)[0])?;
            for (column, _) in references(declared) {
                let object = format!("{table}.{column}");
                let nullable = declared.columns.get(column).is_some_and(|it| it.nullable);
                let pointer = prop_oneof![
                    u32::from(nullable) => Just(Pointer::Null),
                    1 => Just(Pointer::Own),
                    2 => (0u16..).prop_map(Pointer::Dangling),
                ];
                let tried =
                    runner.check(&(command(), pointer), async |transaction, (command, to)| {
                        row.set_up(transaction).await?;
                        let (literal, refusal) = match to {
                            Pointer::Null => ("null".to_owned(), None),
                            Pointer::Own => (row.literal(column).to_owned(), None),
                            Pointer::Dangling(n) => (
                                nowhere(&site.catalog, row.data_type(column), n)?,
                                Some(("23503", None)),
                            ),
                        };
                        let answer = row.with(transaction, command, &[(column, &literal)]).await?;
                        judge(&object, &answer, refusal)
                    });
                tried.map_err(|broken| broken.of(object.clone()))?;
            }
        }
        Ok(())
    },
};

/// A value that no row has.
fn nowhere(catalog: &Catalog, data_type: &str, n: u16) -> Result<String, TestCaseError> {
    if ["smallint", "integer", "bigint", "numeric"].contains(&data_type) {
        return Ok(format!("-{}", u32::from(n) + 1));
    }
    let literal = values::literal(catalog, data_type, &format!("nowhere {n}"), 0);
    literal.ok_or_else(|| TestCaseError::fail(format!("no value of type {data_type} is known")))
}

/// See its claim.
pub const ON_DELETE: Property = Property {
    id: "constraints/on-delete",
    claim: "when a referenced row is deleted, the contract's ON DELETE action happens",
    about: &[],
    cases: 4,
    holds: |runner| {
        let site = Site::of(runner)?;
        for (table, declared) in site.tables() {
            for (column, reference) in references(declared) {
                let object = format!("{table}.{column}");
                let owner = select(Site::owners(declared));
                let tried = runner.check(&owner, async |transaction, owner| {
                    let row =
                        site.row(table, owner).map_err(|it| TestCaseError::fail(it.reason))?;
                    row.set_up(transaction).await?;
                    row.write(transaction).await?;
                    let (target, key) = (&reference.table, ident(&reference.column));
                    let literal = row.literal(column);
                    let delete = format!("delete from {target} where {key} = {literal}");
                    let answer = transaction.run(&Sender::admin(), &delete).await;
                    // Others that point at the row may keep it.
                    let own = row.relation.constraints.iter().filter(|it| it.kind == "f");
                    let is_own = |name: &str| own.clone().any(|it| it.name == name);
                    // RESTRICT has a code of its own from PostgreSQL 18 on.
                    let is_others = |why: &Refused| {
                        ["23503", "23001"].contains(&why.code()) && !is_own(why.constraint())
                    };
                    if answer.as_ref().is_err_and(is_others) {
                        return Ok(());
                    }
                    let may = ["cascade", "set null"].contains(&reference.on_delete.as_str());
                    let code = match reference.on_delete.as_str() {
                        "restrict" if answer.as_ref().is_err_and(|why| why.code() == "23001") => {
                            "23001"
                        }
                        _ => "23503",
                    };
                    judge(&object, &answer, (!may).then_some((code, None)))?;
                    let (its, quoted) = (row.relation.qualified(), ident(column));
                    let left =
                        format!("select ({quoted} is null)::text from {its} where {}", row.is_it());
                    let left = transaction.admin(&left).await?.rows.into_iter().flatten();
                    let left: Vec<String> = left.collect();
                    // Another key to the same row may take it along.
                    let same = |name: &String| name != column && row.literal(name) == literal;
                    if left.is_empty() && own.clone().any(|key| key.columns.iter().any(same)) {
                        return Ok(());
                    }
                    let expected: &[&str] = match reference.on_delete.as_str() {
                        "cascade" => &[],
                        "set null" => &["true"],
                        _ => &["false"],
                    };
                    prop_assert_eq!(left, expected, "{}: whether it is null now", object);
                    Ok(())
                });
                tried.map_err(|broken| broken.of(object.clone()))?;
            }
        }
        Ok(())
    },
};
