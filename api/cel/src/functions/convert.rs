//! From one type to another.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("type(A) -> type", |a| Ok(Value::Type(a.value(0)?.type_name().into()))),
    Row::new("bool(bool) -> bool", itself),
    Row::new("bool(string) -> bool", to_bool),
    Row::new("int(int) -> int", itself),
    Row::new("int(uint) -> int", |a| fits(i64::try_from(a.uint(0)?).ok().map(Value::Int))),
    Row::new("int(double) -> int", |a| fits(whole(a.double(0)?))),
    Row::new("int(string) -> int", |a| parsed(a, |text| text.parse().ok().map(Value::Int), "int")),
    Row::new("int(timestamp) -> int", |a| Ok(Value::Int(a.timestamp(0)?.as_second()))),
    Row::new("uint(uint) -> uint", itself),
    Row::new("uint(int) -> uint", |a| fits(u64::try_from(a.int(0)?).ok().map(Value::Uint))),
    Row::new("uint(double) -> uint", |a| fits(natural(a.double(0)?))),
    Row::new("uint(string) -> uint", |a| parsed(a, |text| text.parse().ok().map(Value::Uint), "uint")),
    Row::new("double(double) -> double", itself),
    Row::new("double(int) -> double", |a| {
        #[allow(clippy::cast_precision_loss)] // CEL rounds here too
        let number = a.int(0)? as f64;
        Ok(Value::Double(number))
    }),
    Row::new("double(uint) -> double", |a| {
        #[allow(clippy::cast_precision_loss)] // CEL rounds here too
        let number = a.uint(0)? as f64;
        Ok(Value::Double(number))
    }),
    Row::new("double(string) -> double", |a| parsed(a, |text| text.parse().ok().map(Value::Double), "double")),
    Row::new("string(string) -> string", itself),
    Row::new("string(bool) -> string", to_text),
    Row::new("string(int) -> string", to_text),
    Row::new("string(uint) -> string", to_text),
    Row::new("string(double) -> string", to_text),
    Row::new("string(duration) -> string", to_text),
    Row::new("string(timestamp) -> string", to_text),
    Row::new("string(bytes) -> string", |a| {
        let text = std::str::from_utf8(a.bytes(0)?).map(str::to_owned);
        text.map(Value::text).map_err(|_| EvaluationError::invalid("invalid UTF-8 in bytes, cannot convert to string"))
    }),
    Row::new("bytes(bytes) -> bytes", itself),
    Row::new("bytes(string) -> bytes", |a| Ok(Value::Bytes(a.text(0)?.as_bytes().into()))),
    Row::new("duration(duration) -> duration", itself),
    Row::new("duration(string) -> duration", |a| {
        parsed(a, |text| parse_duration(text).map(Value::Duration), "duration")
    }),
    Row::new("timestamp(timestamp) -> timestamp", itself),
    Row::new("timestamp(int) -> timestamp", |a| fits(Timestamp::from_second(a.int(0)?).ok().map(Value::Timestamp))),
    Row::new("timestamp(string) -> timestamp", |a| {
        parsed(a, |text| text.parse().ok().map(Value::Timestamp), "timestamp")
    }),
];

fn itself(a: &mut Arguments<'_>) -> Answer {
    a.value(0).cloned()
}

fn fits(value: Option<Value>) -> Answer {
    value.ok_or(EvaluationError::Overflow)
}

fn parsed(a: &mut Arguments<'_>, parse: fn(&str) -> Option<Value>, what: &str) -> Answer {
    let text = a.text(0)?;
    parse(text).ok_or_else(|| EvaluationError::invalid(format!("type conversion error: {text:?} is no {what}")))
}

fn to_bool(a: &mut Arguments<'_>) -> Answer {
    let read = |text: &str| match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
        _ => None,
    };
    parsed(a, read, "bool")
}

/// Towards zero; `None` beyond the range.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // the range is looked at first
fn whole(number: f64) -> Option<Value> {
    (number > i64::MIN as f64 && number < i64::MAX as f64).then(|| Value::Int(number as i64))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // as above
fn natural(number: f64) -> Option<Value> {
    (number >= 0.0 && number < u64::MAX as f64).then(|| Value::Uint(number as u64))
}

fn to_text(a: &mut Arguments<'_>) -> Answer {
    let text = plain_text(a.value(0)?).unwrap_or_default();
    a.give(text)
}

/// A scalar as text.
pub(super) fn plain_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => double_text(*number),
        Value::String(text) => text.to_string(),
        Value::Duration(span) => duration_text(*span),
        Value::Timestamp(at) => timestamp_text(*at),
        _ => return None,
    })
}

/// The shortest digits that give the number again, with an exponent where it is very large or very small.
fn double_text(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        format!("{mantissa}e{sign}{digits:0>2}")
    } else {
        number.to_string()
    }
}

/// RFC 3339, in UTC.
pub(crate) fn timestamp_text(at: Timestamp) -> String {
    at.to_string()
}

/// Seconds with a fraction where there is one, such as `1.5s`.
pub(crate) fn duration_text(span: SignedDuration) -> String {
    let (seconds, nanos) = (span.as_secs(), span.subsec_nanos());
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let mut text = format!("{sign}{}", seconds.unsigned_abs());
    if nanos != 0 {
        let fraction = format!("{:09}", nanos.unsigned_abs());
        write!(text, ".{}", fraction.trim_end_matches('0')).expect("a String takes all");
    }
    text.push('s');
    text
}

/// A span as Go writes it: numbers with units, such as `1h30m` or `-1.5s`.
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        nanos = nanos.checked_add(span_of(number, unit)?)?;
        rest = tail;
    }
    // Go's durations are 64 bits of nanoseconds.
    let nanos = i64::try_from(if negative { -nanos } else { nanos }).ok()?;
    Some(SignedDuration::from_nanos(nanos))
}

fn span_of(number: &str, unit: &str) -> Option<i128> {
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0_i128) } else { text.parse().ok() };
    let fraction = &fraction[..fraction.len().min(15)];
    let power = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let whole: i128 = if whole.len() > 19 { return None } else { digits(whole)? };
    whole.checked_mul(unit)?.checked_add(digits(fraction)?.checked_mul(unit)? / power)
}
