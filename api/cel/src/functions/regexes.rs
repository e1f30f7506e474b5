//! Regular expressions, in time linear in the text (`regex` has RE2's guarantee and nearly its syntax).

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Opaque, Value};

type Answer = Result<Value, EvaluationError>;

/// The largest compiled pattern, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// What a pattern costs that has to be compiled as it runs: a unit a byte, and so many more.
const COMPILE: u64 = 1000;

pub(super) const LIBRARY: Library = &[
    Row::new("matches(string, string) -> bool", matches).prepared(1, prepare),
    Row::new("string.matches(string) -> bool", matches).prepared(1, prepare),
    Row::new("string.find(string) -> string", find).prepared(1, prepare),
    Row::new("string.findAll(string) -> list<string>", find_all).prepared(1, prepare),
    Row::new("string.findAll(string, int) -> list<string>", find_all).prepared(1, prepare),
];

/// A pattern that stood in the expression: compiled once. To the language it is the text that it was.
#[derive(Debug)]
struct Pattern(Regex);

impl Opaque for Pattern {
    fn type_name(&self) -> &'static str {
        "string"
    }

    fn is_equal(&self, _other: &dyn Opaque) -> bool {
        false
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MAX_SIZE).build().map_err(|why| format!("invalid matches argument: {why}"))
}

fn prepare(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(pattern) => compile(pattern).map(|regex| Value::opaque(Pattern(regex))),
        other => Ok(other.clone()),
    }
}

/// The text and the pattern, both paid for: each byte of the text may be looked at once for a few bytes of the pattern.
fn operands<'a>(a: &mut Arguments<'a>) -> Result<(&'a str, Cow<'a, Regex>), EvaluationError> {
    let text = a.text(0)?;
    if let Some(Pattern(regex)) = a.value(1)?.as_opaque() {
        a.budget.take_bytes(text.len().saturating_mul(regex.as_str().len().div_ceil(4)))?;
        return Ok((text, Cow::Borrowed(regex)));
    }
    let pattern = a.text(1)?;
    a.budget.take(COMPILE.saturating_add(u64::try_from(pattern.len()).unwrap_or(u64::MAX)))?;
    a.budget.take_bytes(text.len().saturating_mul(pattern.len().div_ceil(4)))?;
    Ok((text, Cow::Owned(compile(pattern).map_err(EvaluationError::Invalid)?)))
}

fn matches(a: &mut Arguments<'_>) -> Answer {
    let (text, regex) = operands(a)?;
    Ok(Value::Bool(regex.is_match(text)))
}

fn find(a: &mut Arguments<'_>) -> Answer {
    let (text, regex) = operands(a)?;
    a.give(regex.find(text).map_or("", |found| found.as_str()))
}

fn find_all(a: &mut Arguments<'_>) -> Answer {
    let (text, regex) = operands(a)?;
    let most = if a.values.len() > 2 { usize::try_from(a.int(2)?).unwrap_or(usize::MAX) } else { usize::MAX };
    let found: Vec<Value> = regex.find_iter(text).take(most).map(|found| Value::text(found.as_str())).collect();
    a.give_list(found)
}
