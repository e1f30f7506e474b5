//! Semantic versions (semver.org, 2.0.0).

use std::cmp::Ordering;

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Opaque, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("semver(string) -> semver", |a| parse(a, false)),
    Row::new("semver(string, bool) -> semver", |a| parse(a, a.bool(1)?)),
    Row::new("isSemver(string) -> bool", |a| Ok(Value::Bool(Version::parse(a.text(0)?).is_some()))),
    Row::new("isSemver(string, bool) -> bool", |a| {
        let lenient = a.bool(1)?;
        let text = a.text(0)?;
        let version = if lenient { Version::parse(&normal(text)) } else { Version::parse(text) };
        Ok(Value::Bool(version.is_some()))
    }),
    Row::new("semver.major() -> int", |a| number(version(a, 0)?.numbers[0])),
    Row::new("semver.minor() -> int", |a| number(version(a, 0)?.numbers[1])),
    Row::new("semver.patch() -> int", |a| number(version(a, 0)?.numbers[2])),
    Row::new("semver.compareTo(semver) -> int", |a| Ok(Value::Int(order(a)? as i64))),
    Row::new("semver.isLessThan(semver) -> bool", |a| Ok(Value::Bool(order(a)?.is_lt()))),
    Row::new("semver.isGreaterThan(semver) -> bool", |a| Ok(Value::Bool(order(a)?.is_gt()))),
];

/// A version; what was built of it (`+…`) is not part of its order.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    before: Vec<Part>,
}

/// A part of a pre-release. Numbers come before words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl Opaque for Version {
    fn type_name(&self) -> &'static str {
        "semver"
    }

    fn is_equal(&self, other: &dyn Opaque) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref() == Some(self)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    /// A version comes after its pre-releases.
    fn cmp(&self, other: &Self) -> Ordering {
        let released = |version: &Self| version.before.is_empty();
        let by = |version: &Self| (version.numbers, released(version));
        by(self).cmp(&by(other)).then_with(|| self.before.cmp(&other.before))
    }
}

fn natural(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if build.is_some_and(|build| !build.split('.').all(is_word)) {
            return None;
        }
        let (core, before) = text.split_once('-').map_or((text, None), |(core, before)| (core, Some(before)));
        let numbers: Vec<u64> = core.split('.').map(natural).collect::<Option<_>>()?;
        let before = before.map_or(Some(Vec::new()), |before| before.split('.').map(part).collect())?;
        Some(Self { numbers: numbers.try_into().ok()?, before })
    }
}

fn part(text: &str) -> Option<Part> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { natural(text).map(Part::Number) } else { is_word(text).then(|| Part::Word(text.to_owned())) }
}

/// Without a leading `v`, with all three numbers, none of them padded with zeros.
fn normal(text: &str) -> String {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(end);
    let mut numbers: Vec<&str> = core.split('.').map(unpadded).collect();
    while numbers.len() < 3 {
        numbers.push("0");
    }
    format!("{}{rest}", numbers.join("."))
}

fn unpadded(number: &str) -> &str {
    match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0",
        rest => rest,
    }
}

fn parse(a: &mut Arguments<'_>, lenient: bool) -> Answer {
    let text = a.text(0)?;
    let version = if lenient { Version::parse(&normal(text)) } else { Version::parse(text) };
    version.map(Value::opaque).ok_or_else(|| EvaluationError::invalid(format!("{text:?} is no semantic version")))
}

fn version<'a>(a: &Arguments<'a>, index: usize) -> Result<&'a Version, EvaluationError> {
    a.opaque(index)
}

fn number(number: u64) -> Answer {
    i64::try_from(number).map(Value::Int).map_err(|_| EvaluationError::Overflow)
}

fn order(a: &Arguments<'_>) -> Result<Ordering, EvaluationError> {
    Ok(version(a, 0)?.cmp(version(a, 1)?))
}
