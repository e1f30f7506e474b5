//! Lists: sums, order, and parts.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::signature::{Arguments, Library, Row};
use crate::{Budget, EvaluationError, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("list<A>.isSorted() -> bool", is_sorted),
    Row::new("list<int>.sum() -> int", |a| sum(a, Value::Int(0))),
    Row::new("list<uint>.sum() -> uint", |a| sum(a, Value::Uint(0))),
    Row::new("list<double>.sum() -> double", |a| sum(a, Value::Double(0.0))),
    Row::new("list<duration>.sum() -> duration", |a| sum(a, Value::Duration(SignedDuration::ZERO))),
    Row::new("list<A>.min() -> A", |a| extreme(a, Ordering::Less)),
    Row::new("list<A>.max() -> A", |a| extreme(a, Ordering::Greater)),
    Row::new("list<A>.indexOf(A) -> int", |a| {
        let items = a.list(0)?;
        position(a, items.iter().enumerate())
    }),
    Row::new("list<A>.lastIndexOf(A) -> int", |a| {
        let items = a.list(0)?;
        position(a, items.iter().enumerate().rev())
    }),
    Row::new("list<A>.distinct() -> list<A>", distinct),
    Row::new("list<A>.reverse() -> list<A>", |a| {
        let items = a.list(0)?;
        a.give_list(items.iter().rev().cloned())
    }),
    Row::new("list<A>.slice(int, int) -> list<A>", slice),
    Row::new("list<A>.sort() -> list<A>", sort),
    Row::new("list<A>.flatten() -> list<dyn>", |a| flatten(a, 1)),
    Row::new("list<A>.flatten(int) -> list<dyn>", |a| {
        let depth = a.int(1)?;
        flatten(a, u32::try_from(depth).map_err(|_| EvaluationError::invalid("level must be non-negative"))?)
    }),
    Row::new("list<A>.first() -> optional<A>", |a| Ok(Value::Optional(a.list(0)?.first().cloned().map(Arc::new)))),
    Row::new("list<A>.last() -> optional<A>", |a| Ok(Value::Optional(a.list(0)?.last().cloned().map(Arc::new)))),
    Row::new("lists::range(int) -> list<int>", range),
];

fn no_order(value: &Value) -> EvaluationError {
    EvaluationError::NoSuchOverload(format!("values of type {} have no order", value.type_name()))
}

fn order(a: &Value, b: &Value, budget: &mut Budget) -> Result<Ordering, EvaluationError> {
    budget.take(1)?;
    if let (Value::String(a), Value::String(b)) = (a, b) {
        budget.take_bytes(a.len().min(b.len()))?;
    }
    a.order(b).ok_or_else(|| no_order(a))
}

fn is_sorted(a: &mut Arguments<'_>) -> Answer {
    for pair in a.list(0)?.windows(2) {
        if order(&pair[0], &pair[1], a.budget)?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

/// The sum; of an empty list it is `zero`.
fn sum(a: &mut Arguments<'_>, zero: Value) -> Answer {
    let items = a.list(0)?;
    a.budget.take_items(items.len())?;
    let Some((first, rest)) = items.split_first() else { return Ok(zero) };
    rest.iter().try_fold(first.clone(), |sum, item| add(&sum, item))
}

fn add(a: &Value, b: &Value) -> Answer {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or(EvaluationError::Overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_add(*b).map(Value::Uint).ok_or(EvaluationError::Overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Duration(a), Value::Duration(b)) => {
            let sum: Option<SignedDuration> = a.checked_add(*b);
            sum.map(Value::Duration).ok_or(EvaluationError::Overflow)
        }
        (_, other) => Err(EvaluationError::NoSuchOverload(format!("sum of {}", other.type_name()))),
    }
}

fn extreme(a: &mut Arguments<'_>, wanted: Ordering) -> Answer {
    let mut items = a.list(0)?.iter();
    let empty = || EvaluationError::invalid("min/max called on empty list");
    let mut best = items.next().ok_or_else(empty)?;
    for item in items {
        if order(item, best, a.budget)? == wanted {
            best = item;
        }
    }
    Ok(best.clone())
}

fn position<'a>(a: &mut Arguments<'a>, items: impl Iterator<Item = (usize, &'a Value)>) -> Answer {
    let wanted = a.value(1)?;
    for (index, item) in items {
        if wanted.is_equal(item, a.budget)? {
            return Ok(Value::Int(i64::try_from(index).unwrap_or(i64::MAX)));
        }
    }
    Ok(Value::Int(-1))
}

fn distinct(a: &mut Arguments<'_>) -> Answer {
    let mut kept: Vec<Value> = Vec::new();
    for item in a.list(0)? {
        let mut known = false;
        for other in &kept {
            known = known || item.is_equal(other, a.budget)?;
        }
        if !known {
            kept.push(item.clone());
        }
    }
    a.give_list(kept)
}

fn slice(a: &mut Arguments<'_>) -> Answer {
    let (items, from, to) = (a.list(0)?, a.int(1)?, a.int(2)?);
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let part = range.and_then(|(from, to)| items.get(from..to));
    let part = part.ok_or_else(|| {
        EvaluationError::invalid(format!("cannot slice({from}, {to}), list has {} items", items.len()))
    })?;
    a.give_list(part.iter().cloned())
}

fn sort(a: &mut Arguments<'_>) -> Answer {
    let items = a.list(0)?;
    let steps = items.len().saturating_mul(usize::try_from(items.len().max(1).ilog2()).unwrap_or(1) + 1);
    a.budget.take_items(steps)?;
    if let Some(odd) = items.iter().find(|item| item.order(&items[0]).is_none()) {
        return Err(no_order(odd));
    }
    let mut sorted = items.to_vec();
    sorted.sort_by(|a, b| a.order(b).unwrap_or(Ordering::Equal));
    a.give_list(sorted)
}

fn flatten(a: &mut Arguments<'_>, depth: u32) -> Answer {
    let mut items = a.list(0)?.to_vec();
    for _ in 0..depth {
        if !items.iter().any(|item| matches!(item, Value::List(_))) {
            break;
        }
        // Paid for before it is made: items may be the same large list many times.
        a.budget.take_items(items.iter().map(length).fold(0, usize::saturating_add))?;
        items = items.into_iter().flat_map(inner).collect();
    }
    a.give_list(items)
}

fn length(item: &Value) -> usize {
    if let Value::List(inner) = item { inner.len() } else { 1 }
}

fn inner(item: Value) -> Vec<Value> {
    if let Value::List(inner) = item { inner.to_vec() } else { vec![item] }
}

fn range(a: &mut Arguments<'_>) -> Answer {
    let end = a.int(0)?;
    a.budget.take(u64::try_from(end).unwrap_or(0))?;
    Ok(Value::list((0..end).map(Value::Int)))
}
