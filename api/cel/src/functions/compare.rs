//! `== != < <= > >=`, `in` and `size`.

use std::cmp::Ordering;

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Key, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("_==_(A, A) -> bool", |a| Ok(Value::Bool(equal(a)?))),
    Row::new("_!=_(A, A) -> bool", |a| Ok(Value::Bool(!equal(a)?))),
    Row::new("_<_(bool, bool) -> bool", less),
    Row::new("_<_(int, int) -> bool", less),
    Row::new("_<_(int, uint) -> bool", less),
    Row::new("_<_(int, double) -> bool", less),
    Row::new("_<_(uint, uint) -> bool", less),
    Row::new("_<_(uint, int) -> bool", less),
    Row::new("_<_(uint, double) -> bool", less),
    Row::new("_<_(double, double) -> bool", less),
    Row::new("_<_(double, int) -> bool", less),
    Row::new("_<_(double, uint) -> bool", less),
    Row::new("_<_(string, string) -> bool", less),
    Row::new("_<_(bytes, bytes) -> bool", less),
    Row::new("_<_(timestamp, timestamp) -> bool", less),
    Row::new("_<_(duration, duration) -> bool", less),
    Row::new("_<=_(bool, bool) -> bool", less_equal),
    Row::new("_<=_(int, int) -> bool", less_equal),
    Row::new("_<=_(int, uint) -> bool", less_equal),
    Row::new("_<=_(int, double) -> bool", less_equal),
    Row::new("_<=_(uint, uint) -> bool", less_equal),
    Row::new("_<=_(uint, int) -> bool", less_equal),
    Row::new("_<=_(uint, double) -> bool", less_equal),
    Row::new("_<=_(double, double) -> bool", less_equal),
    Row::new("_<=_(double, int) -> bool", less_equal),
    Row::new("_<=_(double, uint) -> bool", less_equal),
    Row::new("_<=_(string, string) -> bool", less_equal),
    Row::new("_<=_(bytes, bytes) -> bool", less_equal),
    Row::new("_<=_(timestamp, timestamp) -> bool", less_equal),
    Row::new("_<=_(duration, duration) -> bool", less_equal),
    Row::new("_>_(bool, bool) -> bool", greater),
    Row::new("_>_(int, int) -> bool", greater),
    Row::new("_>_(int, uint) -> bool", greater),
    Row::new("_>_(int, double) -> bool", greater),
    Row::new("_>_(uint, uint) -> bool", greater),
    Row::new("_>_(uint, int) -> bool", greater),
    Row::new("_>_(uint, double) -> bool", greater),
    Row::new("_>_(double, double) -> bool", greater),
    Row::new("_>_(double, int) -> bool", greater),
    Row::new("_>_(double, uint) -> bool", greater),
    Row::new("_>_(string, string) -> bool", greater),
    Row::new("_>_(bytes, bytes) -> bool", greater),
    Row::new("_>_(timestamp, timestamp) -> bool", greater),
    Row::new("_>_(duration, duration) -> bool", greater),
    Row::new("_>=_(bool, bool) -> bool", greater_equal),
    Row::new("_>=_(int, int) -> bool", greater_equal),
    Row::new("_>=_(int, uint) -> bool", greater_equal),
    Row::new("_>=_(int, double) -> bool", greater_equal),
    Row::new("_>=_(uint, uint) -> bool", greater_equal),
    Row::new("_>=_(uint, int) -> bool", greater_equal),
    Row::new("_>=_(uint, double) -> bool", greater_equal),
    Row::new("_>=_(double, double) -> bool", greater_equal),
    Row::new("_>=_(double, int) -> bool", greater_equal),
    Row::new("_>=_(double, uint) -> bool", greater_equal),
    Row::new("_>=_(string, string) -> bool", greater_equal),
    Row::new("_>=_(bytes, bytes) -> bool", greater_equal),
    Row::new("_>=_(timestamp, timestamp) -> bool", greater_equal),
    Row::new("_>=_(duration, duration) -> bool", greater_equal),
    Row::new("@in(A, list<A>) -> bool", |a| Ok(Value::Bool(is_in(a)?))),
    Row::new("@in(A, map<A, B>) -> bool", |a| {
        let Value::Map(entries) = a.value(1)? else { return Ok(Value::Bool(false)) };
        Ok(Value::Bool(Key::of(a.value(0)?).is_some_and(|key| entries.contains_key(&key))))
    }),
    Row::new("size(string) -> int", size),
    Row::new("size(bytes) -> int", size),
    Row::new("size(list<A>) -> int", size),
    Row::new("size(map<A, B>) -> int", size),
    Row::new("string.size() -> int", size),
    Row::new("bytes.size() -> int", size),
    Row::new("list<A>.size() -> int", size),
    Row::new("map<A, B>.size() -> int", size),
];

fn equal(a: &mut Arguments<'_>) -> Result<bool, EvaluationError> {
    a.value(0)?.is_equal(a.value(1)?, a.budget)
}

fn is_in(a: &mut Arguments<'_>) -> Result<bool, EvaluationError> {
    let wanted = a.value(0)?;
    for item in a.list(1)? {
        if wanted.is_equal(item, a.budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn order(a: &mut Arguments<'_>, holds: fn(Ordering) -> bool) -> Answer {
    let (left, right) = (a.value(0)?, a.value(1)?);
    if let (Value::String(left), Value::String(right)) = (left, right) {
        a.budget.take_bytes(left.len().min(right.len()))?;
    }
    // NaN is neither less nor greater.
    Ok(Value::Bool(left.order(right).is_some_and(holds)))
}

fn less(a: &mut Arguments<'_>) -> Answer {
    order(a, Ordering::is_lt)
}

fn less_equal(a: &mut Arguments<'_>) -> Answer {
    order(a, Ordering::is_le)
}

fn greater(a: &mut Arguments<'_>) -> Answer {
    order(a, Ordering::is_gt)
}

fn greater_equal(a: &mut Arguments<'_>) -> Answer {
    order(a, Ordering::is_ge)
}

fn size(a: &mut Arguments<'_>) -> Answer {
    let size = match a.value(0)? {
        Value::String(_) => a.text(0)?.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(EvaluationError::NoSuchOverload(format!("size({})", other.type_name()))),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}
