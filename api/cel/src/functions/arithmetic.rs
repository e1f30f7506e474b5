//! `+ - * / %`, the sign, and `!`.

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("_+_(int, int) -> int", |a| int(a, i64::checked_add)),
    Row::new("_+_(uint, uint) -> uint", |a| uint(a, u64::checked_add)),
    Row::new("_+_(double, double) -> double", |a| double(a, |x, y| x + y)),
    Row::new("_+_(string, string) -> string", concatenate),
    Row::new("_+_(bytes, bytes) -> bytes", |a| {
        let bytes = [a.bytes(0)?, a.bytes(1)?].concat();
        Ok(Value::Bytes(bytes.into()))
    }),
    Row::new("_+_(list<A>, list<A>) -> list<A>", |a| {
        let items = a.list(0)?.iter().chain(a.list(1)?).cloned();
        a.give_list(items)
    }),
    Row::new("_-_(int, int) -> int", |a| int(a, i64::checked_sub)),
    Row::new("_-_(uint, uint) -> uint", |a| uint(a, u64::checked_sub)),
    Row::new("_-_(double, double) -> double", |a| double(a, |x, y| x - y)),
    Row::new("_*_(int, int) -> int", |a| int(a, i64::checked_mul)),
    Row::new("_*_(uint, uint) -> uint", |a| uint(a, u64::checked_mul)),
    Row::new("_*_(double, double) -> double", |a| double(a, |x, y| x * y)),
    Row::new("_/_(int, int) -> int", |a| division(a.int(1)? == 0, |a| int(a, i64::checked_div), a)),
    Row::new("_/_(uint, uint) -> uint", |a| division(a.uint(1)? == 0, |a| uint(a, u64::checked_div), a)),
    Row::new("_/_(double, double) -> double", |a| double(a, |x, y| x / y)),
    Row::new("_%_(int, int) -> int", |a| division(a.int(1)? == 0, |a| int(a, i64::checked_rem), a)),
    Row::new("_%_(uint, uint) -> uint", |a| division(a.uint(1)? == 0, |a| uint(a, u64::checked_rem), a)),
    Row::new("-_(int) -> int", |a| a.int(0)?.checked_neg().map(Value::Int).ok_or(EvaluationError::Overflow)),
    Row::new("-_(double) -> double", |a| Ok(Value::Double(-a.double(0)?))),
    Row::new("!_(bool) -> bool", |a| Ok(Value::Bool(!a.bool(0)?))),
];

fn int(a: &Arguments<'_>, operate: fn(i64, i64) -> Option<i64>) -> Answer {
    operate(a.int(0)?, a.int(1)?).map(Value::Int).ok_or(EvaluationError::Overflow)
}

fn uint(a: &Arguments<'_>, operate: fn(u64, u64) -> Option<u64>) -> Answer {
    operate(a.uint(0)?, a.uint(1)?).map(Value::Uint).ok_or(EvaluationError::Overflow)
}

fn double(a: &Arguments<'_>, operate: fn(f64, f64) -> f64) -> Answer {
    Ok(Value::Double(operate(a.double(0)?, a.double(1)?)))
}

fn division(by_zero: bool, divide: fn(&Arguments<'_>) -> Answer, a: &Arguments<'_>) -> Answer {
    if by_zero { Err(EvaluationError::DivisionByZero) } else { divide(a) }
}

fn concatenate(a: &mut Arguments<'_>) -> Answer {
    let text = [a.text(0)?, a.text(1)?].concat();
    Ok(Value::text(text))
}
