//! Lists as sets.

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

type Answer = Result<bool, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("sets::contains(list<A>, list<A>) -> bool", |a| Ok(Value::Bool(contains(a, 0, 1)?))),
    Row::new("sets::equivalent(list<A>, list<A>) -> bool", |a| {
        Ok(Value::Bool(contains(a, 0, 1)? && contains(a, 1, 0)?))
    }),
    Row::new("sets::intersects(list<A>, list<A>) -> bool", |a| {
        for item in a.list(1)? {
            if holds(a, 0, item)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
];

fn holds(a: &mut Arguments<'_>, list: usize, wanted: &Value) -> Answer {
    for item in a.list(list)? {
        if item.is_equal(wanted, a.budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn contains(a: &mut Arguments<'_>, all: usize, some: usize) -> Answer {
    for item in a.list(some)? {
        if !holds(a, all, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}
