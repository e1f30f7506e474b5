//! Equality and order. Numbers of different types compare by what they are worth; values of different kinds are not equal.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::{Map, Value};
use crate::{Budget, EvaluationError};

/// The key of a map. Integers with and without a sign are the same key if they are the same number.
#[derive(Clone, Debug)]
pub enum Key {
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer without a sign.
    Uint(u64),
    /// Text.
    String(Arc<str>),
}

impl Key {
    /// The key that a value is: text, a flag, or a whole number.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self::Bool(*flag)),
            Value::Int(number) => Some(Self::Int(*number)),
            Value::Uint(number) => Some(Self::Uint(*number)),
            Value::String(text) => Some(Self::String(text.clone())),
            Value::Double(number) => whole(*number),
            _ => None,
        }
    }

    /// The key as a value.
    pub fn value(&self) -> Value {
        match self {
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(number) => Value::Int(*number),
            Self::Uint(number) => Value::Uint(*number),
            Self::String(text) => Value::String(text.clone()),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    fn rank(&self) -> (u8, i128, &str) {
        match self {
            Self::Bool(flag) => (0, i128::from(*flag), ""),
            Self::Int(number) => (1, i128::from(*number), ""),
            Self::Uint(number) => (1, i128::from(*number), ""),
            Self::String(text) => (2, 0, text),
        }
    }
}

/// The integer that a floating-point number is, if it is one.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // the range is looked at first
fn whole(number: f64) -> Option<Key> {
    let fits = number.fract() == 0.0 && number >= i64::MIN as f64 && number < i64::MAX as f64;
    fits.then_some(Key::Int(number as i64))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(flag) => flag.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Uint(number) => number.fmt(f),
            Self::String(text) => text.fmt(f),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Lookups by text need no key of their own: see [`Value::field`].
impl Value {
    /// The value of a field of a map.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Self::Map(entries) = self else { return None };
        entries.get(&Key::String(name.into()))
    }

    /// Whether two values are the same. What both hold is paid for.
    pub fn is_equal(&self, other: &Self, budget: &mut Budget) -> Result<bool, EvaluationError> {
        budget.take(1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => {
                budget.take_bytes(a.len().min(b.len()))?;
                a == b
            }
            (Self::Bytes(a), Self::Bytes(b)) => {
                budget.take_bytes(a.len().min(b.len()))?;
                a == b
            }
            (Self::List(a), Self::List(b)) => a.len() == b.len() && lists_are_equal(a, b, budget)?,
            (Self::Map(a), Self::Map(b)) => a.len() == b.len() && maps_are_equal(a, b, budget)?,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => a.is_equal(b, budget)?,
            (Self::Optional(a), Self::Optional(b)) => a.is_none() && b.is_none(),
            (Self::Opaque(a), Self::Opaque(b)) => a.type_name() == b.type_name() && a.is_equal(b.as_ref()),
            _ => numbers(self, other) == Some(Ordering::Equal),
        })
    }

    /// Which of two comes first; `None` where they have no order.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => numbers(self, other),
        }
    }
}

fn lists_are_equal(a: &[Value], b: &[Value], budget: &mut Budget) -> Result<bool, EvaluationError> {
    for (a, b) in a.iter().zip(b) {
        if !a.is_equal(b, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_are_equal(a: &Map, b: &Map, budget: &mut Budget) -> Result<bool, EvaluationError> {
    for ((key, value), (other, its)) in a.iter().zip(b) {
        budget.take_bytes(key.as_str().map_or(1, str::len))?;
        if key != other || !value.is_equal(its, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Numbers by what they are worth; `None` if one is not a number (`NaN` included).
fn numbers(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Double(a), b) => double_and_integer(*a, integer(b)?),
        (a, Value::Double(b)) => double_and_integer(*b, integer(a)?).map(Ordering::reverse),
        (a, b) => Some(integer(a)?.cmp(&integer(b)?)),
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    }
}

/// Exact where a conversion of the integer would round.
#[allow(clippy::cast_possible_truncation)] // beyond the range of i128 the cast saturates, which keeps the order
fn double_and_integer(double: f64, integer: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    let floor = (double.floor() as i128).cmp(&integer);
    let fraction = double.is_finite() && double.fract() != 0.0;
    Some(if floor == Ordering::Equal && fraction { Ordering::Greater } else { floor })
}
