//! `string.format(list)`: `%s %d %f %e %b %x %X %o` and `%%`.

use std::fmt::Write;

use super::convert::plain_text;
use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

type Made = Result<String, EvaluationError>;

/// The most decimals that a clause may ask for.
const MAX_PRECISION: usize = 100;

pub(super) const LIBRARY: Library = &[Row::new("string.format(list<A>) -> string", |a| {
    let text = format(a)?;
    a.give(text)
})];

fn wrong(message: impl Into<String>) -> EvaluationError {
    EvaluationError::invalid(message)
}

fn format(a: &mut Arguments<'_>) -> Made {
    let (text, items) = (a.text(0)?, a.list(1)?);
    let mut items = items.iter();
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (clause, tail) = Clause::read(&rest[at + 1..])?;
        rest = tail;
        if clause.verb == '%' {
            out.push('%');
            continue;
        }
        let item = items.next().ok_or_else(|| wrong("index out of range: there are more clauses than arguments"))?;
        let made = clause.apply(item, a)?;
        a.budget.take_bytes(made.len())?;
        out.push_str(&made);
    }
    out.push_str(rest);
    Ok(out)
}

struct Clause {
    precision: Option<usize>,
    verb: char,
}

impl Clause {
    /// The clause after a percent sign, and what follows it.
    fn read(text: &str) -> Result<(Self, &str), EvaluationError> {
        let (precision, rest) = match text.strip_prefix('.') {
            Some(rest) => {
                let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
                let number = rest[..end].parse().ok().filter(|number| *number <= MAX_PRECISION);
                (Some(number.ok_or_else(|| wrong(format!("precision must be at most {MAX_PRECISION}")))?), &rest[end..])
            }
            None => (None, text),
        };
        let verb = rest.chars().next().ok_or_else(|| wrong("unexpected end of string after %"))?;
        Ok((Self { precision, verb }, &rest[verb.len_utf8()..]))
    }

    fn apply(&self, item: &Value, a: &mut Arguments<'_>) -> Made {
        match (self.verb, item) {
            ('s', item) => {
                let mut out = String::new();
                any(item, &mut out, a)?;
                Ok(out)
            }
            ('d', Value::Int(number)) => Ok(number.to_string()),
            ('d', Value::Uint(number)) => Ok(number.to_string()),
            ('f', Value::Double(number)) => Ok(self.fixed(*number)),
            ('e', Value::Double(number)) => Ok(self.scientific(*number)),
            ('b', Value::Bool(flag)) => Ok(u8::from(*flag).to_string()),
            ('b' | 'o' | 'x' | 'X', Value::Int(number)) => Ok(self.radix(*number < 0, number.unsigned_abs())),
            ('b' | 'o' | 'x' | 'X', Value::Uint(number)) => Ok(self.radix(false, *number)),
            ('x' | 'X', Value::String(text)) => Ok(self.hexadecimal(text.as_bytes())),
            ('x' | 'X', Value::Bytes(bytes)) => Ok(self.hexadecimal(bytes)),
            ('d' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X', other) => {
                Err(wrong(format!("error during formatting: %{} does not take {}", self.verb, other.type_name())))
            }
            (verb, _) => Err(wrong(format!("unrecognized formatting clause \"{verb}\""))),
        }
    }

    fn fixed(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6);
        if number.is_finite() {
            format!("{number:.precision$}")
        } else {
            plain_text(&Value::Double(number)).unwrap_or_default()
        }
    }

    fn scientific(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6);
        let text = format!("{number:.precision$e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) => {
                let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
                format!("{mantissa}e{sign}{digits:0>2}")
            }
            None => text,
        }
    }

    fn radix(&self, negative: bool, number: u64) -> String {
        let sign = if negative { "-" } else { "" };
        match self.verb {
            'b' => format!("{sign}{number:b}"),
            'o' => format!("{sign}{number:o}"),
            'X' => format!("{sign}{number:X}"),
            _ => format!("{sign}{number:x}"),
        }
    }

    fn hexadecimal(&self, bytes: &[u8]) -> String {
        let mut out = String::new();
        for byte in bytes {
            let written = if self.verb == 'X' { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
            written.expect("a String takes all");
        }
        out
    }
}

/// Any value as text.
fn any(value: &Value, out: &mut String, a: &mut Arguments<'_>) -> Result<(), EvaluationError> {
    a.budget.take(1)?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bytes(bytes) => {
            a.budget.take_bytes(bytes.len())?;
            out.push_str(&String::from_utf8_lossy(bytes));
        }
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                any(item, out, a)?;
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                any(&key.value(), out, a)?;
                out.push_str(": ");
                any(item, out, a)?;
            }
            out.push('}');
        }
        Value::Optional(Some(value)) => any(value, out, a)?,
        other => {
            let text = plain_text(other).unwrap_or_else(|| other.type_name().to_owned());
            a.budget.take_bytes(text.len())?;
            out.push_str(&text);
        }
    }
    Ok(())
}
