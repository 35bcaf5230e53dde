//! Evaluates a CHECK expression of the contract independently of the server.

use std::cmp::Ordering;

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::sql::quote;

/// A CHECK.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// The column is one of the literals.
    OneOf { column: String, words: Vec<String> },
    /// The column, or the number of its characters, is within all limits.
    Within { column: String, in_characters: bool, limits: Vec<(Limit, f64)> },
    /// Two columns are not equal.
    Differ { column: String, other: String },
}

/// A comparison with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// A value that is tried in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Repeated(char, usize),
    Integer(i64),
    Real(f32),
    Double(f64),
    /// The row's own value.
    Own,
    /// The row's value of that other column.
    SameAs(String),
}

impl Value {
    /// The literal, in a row with the values of `own`.
    pub(super) fn literal<'a>(&self, column: &'a str, own: impl Fn(&'a str) -> String) -> String
    where
        Self: 'a,
    {
        match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) => quote(text),
            Self::Repeated(character, count) => quote(&character.to_string().repeat(*count)),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => format!("'{number}'"),
            Self::Double(number) => format!("'{number}'"),
            Self::Own | Self::SameAs(_) => own(column),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Check {
    /// Parses an expression; `None` if its form is not supported.
    pub fn parse(expression: &str) -> Option<Self> {
        let (subject, rest) = expression.trim().split_once(' ')?;
        let inner = subject.strip_prefix("char_length(").and_then(|it| it.strip_suffix(')'));
        let column = inner.unwrap_or(subject).to_owned();
        if !is_name(&column) {
            return None;
        }
        if let Some(list) = rest.strip_prefix("in (").and_then(|it| it.strip_suffix(')')) {
            let word = |word: &str| {
                let word = word.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                (!word.contains('\'')).then(|| word.to_owned())
            };
            let words = list.split(',').map(word).collect::<Option<Vec<String>>>()?;
            return inner.is_none().then_some(Self::OneOf { column, words });
        }
        let number = |text: &str| text.parse::<f64>().ok();
        let (operator, operand) = rest.split_once(' ')?;
        let limits = match operator {
            "between" => {
                let (least, most) = operand.split_once(" and ")?;
                vec![(Limit::AtLeast, number(least)?), (Limit::AtMost, number(most)?)]
            }
            ">=" => vec![(Limit::AtLeast, number(operand)?)],
            "<=" => vec![(Limit::AtMost, number(operand)?)],
            ">" => vec![(Limit::Above, number(operand)?)],
            "<" => vec![(Limit::Below, number(operand)?)],
            "=" => vec![(Limit::AtLeast, number(operand)?), (Limit::AtMost, number(operand)?)],
            "<>" if inner.is_none() && is_name(operand) => {
                return Some(Self::Differ { column, other: operand.to_owned() });
            }
            _ => return None,
        };
        Some(Self::Within { column, in_characters: inner.is_some(), limits })
    }

    /// The column that values are tried in.
    pub(super) fn column(&self) -> &str {
        let (Self::OneOf { column, .. }
        | Self::Within { column, .. }
        | Self::Differ { column, .. }) = self;
        column
    }

    /// Whether a row with that value satisfies it.
    pub fn accepts(&self, value: &Value) -> bool {
        let is_within = |number: f64, limits: &[(Limit, f64)]| {
            limits.iter().all(|(limit, bound)| {
                // For the server, NaN is greater than any number.
                let order = number.partial_cmp(bound).unwrap_or(Ordering::Greater);
                match limit {
                    Limit::AtLeast => order.is_ge(),
                    Limit::AtMost => order.is_le(),
                    Limit::Above => order.is_gt(),
                    Limit::Below => order.is_lt(),
                }
            })
        };
        match (self, value) {
            (_, Value::Null | Value::Own) => true,
            (Self::OneOf { words, .. }, Value::Text(text)) => words.contains(text),
            (Self::Within { limits, .. }, Value::Repeated(_, count)) => {
                is_within(u32::try_from(*count).map_or(f64::INFINITY, f64::from), limits)
            }
            (Self::Within { limits, .. }, Value::Integer(number)) => {
                is_within(i32::try_from(*number).map_or(f64::INFINITY, f64::from), limits)
            }
            (Self::Within { limits, .. }, Value::Real(number)) => {
                is_within(f64::from(*number), limits)
            }
            (Self::Within { limits, .. }, Value::Double(number)) => is_within(*number, limits),
            _ => false,
        }
    }

    /// Values on both sides of the limits, for a column of that type. `mentioned` are literals
    /// of the server's own checks.
    pub(super) fn values(
        &self,
        data_type: &str,
        nullable: bool,
        mentioned: &[String],
    ) -> Option<BoxedStrategy<Value>> {
        let values = match self {
            Self::OneOf { words, .. } => {
                let near = words.iter().flat_map(|word| {
                    [word.to_uppercase(), format!("{word} "), format!(" {word}"), word[1..].into()]
                });
                let near: Vec<String> = near.chain([String::new()]).collect();
                let is_other = |it: &&String| !words.contains(it);
                let others: Vec<String> = mentioned.iter().filter(is_other).cloned().collect();
                let declared = prop_oneof![2 => select(words.clone()), 1 => select(near)];
                // What the server's own checks say beside the contract's words is tried most.
                let all = match others.as_slice() {
                    [] => declared.boxed(),
                    _ => prop_oneof![1 => declared, 3 => select(others)].boxed(),
                };
                all.prop_map(Value::Text).boxed()
            }
            Self::Within { in_characters: true, limits, .. } => {
                let near = limits.iter().flat_map(|(_, bound)| {
                    let bound = whole(*bound).and_then(|b| usize::try_from(b).ok()).unwrap_or(0);
                    [bound.saturating_sub(1), bound, bound + 1]
                });
                let near: Vec<usize> = near.collect();
                let longest = near.iter().max().map_or(10, |most| most + 20);
                // One to four bytes each.
                let character = select(vec!['a', '\u{e9}', '\u{6f22}', '\u{1f600}']);
                (character, prop_oneof![3 => select(near), 1 => 0..longest])
                    .prop_map(|(character, count)| Value::Repeated(character, count))
                    .boxed()
            }
            Self::Within { limits, .. } => numbers(data_type, limits)?,
            Self::Differ { other, .. } => {
                prop_oneof![Just(Value::Own), Just(Value::SameAs(other.clone()))].boxed()
            }
        };
        // A weight of nought does not keep a case from being shrunk to it.
        Some(if nullable {
            prop_oneof![1 => Just(Value::Null), 9 => values].boxed()
        } else {
            values
        })
    }
}

/// A bound that is an integer.
fn whole(bound: f64) -> Option<i32> {
    format!("{bound}").parse().ok()
}

/// Numbers near the limits, and any; `None` if the type is no number.
fn numbers(data_type: &str, limits: &[(Limit, f64)]) -> Option<BoxedStrategy<Value>> {
    let bounds: Vec<f64> = limits.iter().map(|(_, bound)| *bound).collect();
    Some(match data_type.split('(').next().unwrap_or_default() {
        "smallint" | "integer" | "bigint" => {
            let bounds = bounds.iter().filter_map(|bound| whole(*bound));
            let near = bounds.flat_map(|bound| [-1, 0, 1].map(|by| i64::from(bound) + by));
            let near: Vec<i64> = near.collect();
            let any = if data_type == "smallint" {
                any::<i16>().prop_map(i64::from).boxed()
            } else {
                any::<i32>().prop_map(i64::from).boxed()
            };
            prop_oneof![2 => select(near), 1 => any].prop_map(Value::Integer).boxed()
        }
        "real" => {
            let bounds = bounds.iter().filter_map(|bound| format!("{bound}").parse::<f32>().ok());
            let near = bounds.flat_map(|bound| {
                [bound.next_down(), bound, bound.next_up(), bound - 0.5, bound + 0.5]
            });
            let near: Vec<f32> = near.collect();
            let any = proptest::num::f32::ANY;
            prop_oneof![2 => select(near), 1 => any].prop_map(Value::Real).boxed()
        }
        "double precision" | "numeric" => {
            let near = bounds.iter().flat_map(|bound| [bound - 0.5, *bound, bound + 0.5]);
            let near: Vec<f64> = near.collect();
            let any = -1e9..1e9;
            prop_oneof![2 => select(near), 1 => any].prop_map(Value::Double).boxed()
        }
        _ => return None,
    })
}
