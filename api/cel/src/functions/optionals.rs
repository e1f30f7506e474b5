//! Optional values.

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

pub(super) const LIBRARY: Library = &[
    Row::new("optional::of(A) -> optional<A>", |a| Ok(Value::some(a.value(0)?.clone()))),
    Row::new("optional::none() -> optional<A>", |_| Ok(Value::Optional(None))),
    Row::new("optional::ofNonZeroValue(A) -> optional<A>", |a| {
        let value = a.value(0)?;
        Ok(if value.is_zero() { Value::Optional(None) } else { Value::some(value.clone()) })
    }),
    Row::new("optional<A>.hasValue() -> bool", |a| Ok(Value::Bool(a.optional(0)?.is_some()))),
    Row::new("optional<A>.value() -> A", |a| {
        a.optional(0)?.cloned().ok_or_else(|| EvaluationError::invalid("optional.none() dereference"))
    }),
    Row::new("optional<A>.or(optional<A>) -> optional<A>", |a| {
        let index = usize::from(a.optional(0)?.is_none());
        a.value(index).cloned()
    }),
    Row::new("optional<A>.orValue(A) -> A", |a| match a.optional(0)? {
        Some(value) => Ok(value.clone()),
        None => a.value(1).cloned(),
    }),
    Row::new("optional::unwrap(list<optional<A>>) -> list<A>", unwrap),
    Row::new("list<optional<A>>.unwrapOpt() -> list<A>", unwrap),
];

fn unwrap(a: &mut Arguments<'_>) -> Result<Value, EvaluationError> {
    let held = |item: &Value| match item {
        Value::Optional(inner) => inner.as_deref().cloned(),
        other => Some(other.clone()),
    };
    let items: Vec<Value> = a.list(0)?.iter().filter_map(held).collect();
    a.give_list(items)
}
