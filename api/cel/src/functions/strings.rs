//! Text. Positions are in code points.

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("string.contains(string) -> bool", |a| two(a, |text, part| text.contains(part))),
    Row::new("string.startsWith(string) -> bool", |a| two(a, |text, part| text.starts_with(part))),
    Row::new("string.endsWith(string) -> bool", |a| two(a, |text, part| text.ends_with(part))),
    Row::new("string.charAt(int) -> string", char_at),
    Row::new("string.indexOf(string) -> int", |a| index_of(a, false)),
    Row::new("string.indexOf(string, int) -> int", |a| index_of(a, false)),
    Row::new("string.lastIndexOf(string) -> int", |a| index_of(a, true)),
    Row::new("string.lastIndexOf(string, int) -> int", |a| index_of(a, true)),
    Row::new("list<string>.join() -> string", join),
    Row::new("list<string>.join(string) -> string", join),
    Row::new("string.lowerAscii() -> string", |a| change(a, str::to_ascii_lowercase)),
    Row::new("string.upperAscii() -> string", |a| change(a, str::to_ascii_uppercase)),
    Row::new("string.trim() -> string", |a| change(a, |text| text.trim().to_owned())),
    Row::new("string.reverse() -> string", |a| change(a, |text| text.chars().rev().collect())),
    Row::new("strings::quote(string) -> string", |a| change(a, quote)),
    Row::new("string.replace(string, string) -> string", replace),
    Row::new("string.replace(string, string, int) -> string", replace),
    Row::new("string.split(string) -> list<string>", split),
    Row::new("string.split(string, int) -> list<string>", split),
    Row::new("string.substring(int) -> string", substring),
    Row::new("string.substring(int, int) -> string", substring),
];

fn two(a: &mut Arguments<'_>, holds: fn(&str, &str) -> bool) -> Answer {
    Ok(Value::Bool(holds(a.text(0)?, a.text(1)?)))
}

fn change(a: &mut Arguments<'_>, change: fn(&str) -> String) -> Answer {
    let text = change(a.text(0)?);
    a.give(text)
}

fn out_of_range(index: i64) -> EvaluationError {
    EvaluationError::invalid(format!("index out of range: {index}"))
}

/// The byte where the code point with that index begins; one past the last is the end.
fn byte_of(text: &str, index: i64) -> Result<usize, EvaluationError> {
    let wanted = usize::try_from(index).map_err(|_| out_of_range(index))?;
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.into_iter().nth(wanted).ok_or_else(|| out_of_range(index))
}

fn char_at(a: &mut Arguments<'_>) -> Answer {
    let (text, index) = (a.text(0)?, a.int(1)?);
    let at = byte_of(text, index)?;
    a.give(text[at..].chars().next().map(String::from).unwrap_or_default())
}

fn index_of(a: &mut Arguments<'_>, last: bool) -> Answer {
    let (text, part) = (a.text(0)?, a.text(1)?);
    let bound = if a.values.len() > 2 { Some(byte_of(text, a.int(2)?)?) } else { None };
    let found = if last {
        // A match may begin at the bound, and reach beyond it.
        let end = bound.map_or(text.len(), |bound| text.floor_char_boundary(bound + part.len()));
        text[..end].rfind(part)
    } else {
        let from = bound.unwrap_or(0);
        text[from..].find(part).map(|at| from + at)
    };
    let index = found.map_or(-1, |at| i64::try_from(text[..at].chars().count()).unwrap_or(i64::MAX));
    Ok(Value::Int(index))
}

fn join(a: &mut Arguments<'_>) -> Answer {
    let separator = if a.values.len() > 1 { a.text(1)? } else { "" };
    let mut joined = String::new();
    for (index, item) in a.list(0)?.iter().enumerate() {
        let text =
            item.as_str().ok_or_else(|| EvaluationError::NoSuchOverload(format!("join of {}", item.type_name())))?;
        a.budget.take_bytes(separator.len() + text.len() + 1)?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(Value::text(joined))
}

fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// How many, where a number below zero means all.
fn count(a: &Arguments<'_>, index: usize) -> Result<usize, EvaluationError> {
    Ok(if a.values.len() > index { usize::try_from(a.int(index)?).unwrap_or(usize::MAX) } else { usize::MAX })
}

fn replace(a: &mut Arguments<'_>) -> Answer {
    let (text, from, to, most) = (a.text(0)?, a.text(1)?, a.text(2)?, count(a, 3)?);
    // Paid for before it is made: one character may become many.
    let matches = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    a.budget.take_bytes(matches.min(most).saturating_mul(to.len()).saturating_add(text.len()))?;
    Ok(Value::text(text.replacen(from, to, most)))
}

fn split(a: &mut Arguments<'_>) -> Answer {
    let (text, by, most) = (a.text(0)?, a.text(1)?, count(a, 2)?);
    let parts: Vec<&str> = match (most, by.is_empty()) {
        (0, _) => Vec::new(),
        (most, true) => characters(text, most),
        (most, false) => text.splitn(most, by).collect(),
    };
    let parts: Vec<Value> = parts.into_iter().map(Value::text).collect();
    a.give_list(parts)
}

/// The characters; the last of `most` parts has the rest.
fn characters(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if parts.len() + 1 == most {
            parts.push(rest);
            break;
        }
        let (one, others) = rest.split_at(char.len_utf8());
        parts.push(one);
        rest = others;
    }
    parts
}

fn substring(a: &mut Arguments<'_>) -> Answer {
    let text = a.text(0)?;
    let start = byte_of(text, a.int(1)?)?;
    let end = if a.values.len() > 2 { byte_of(text, a.int(2)?)? } else { text.len() };
    if start > end {
        let (start, end) = (a.int(1)?, a.int(2)?);
        return Err(EvaluationError::invalid(format!("invalid substring range. start: {start}, end: {end}")));
    }
    a.give(&text[start..end])
}
