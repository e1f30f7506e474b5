//! Schedules as cron writes them: five fields, or a word such as `@daily`.

use std::ops::RangeInclusive;

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There are more or fewer than five fields.
    #[error("expected exactly 5 fields (minute, hour, day of month, month, day of week), found {0}")]
    Fields(usize),
    /// A word after `@` that means nothing.
    #[error("unrecognized descriptor: {0}; one of @yearly, @monthly, @weekly, @daily, @hourly and @every DURATION")]
    Descriptor(String),
    /// A field that says nothing.
    #[error("the {field} {text:?} is neither a number, a name, a range nor a step")]
    Malformed {
        /// Which field.
        field: &'static str,
        /// What it says.
        text: String,
    },
    /// A number outside of its field's range.
    #[error("the {field} {number} is not between {least} and {most}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// The number.
        number: u32,
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// A range that ends before it begins.
    #[error("the {field} range {text:?} ends before it begins")]
    Backwards {
        /// Which field.
        field: &'static str,
        /// The range.
        text: String,
    },
    /// A step of zero leads nowhere.
    #[error("a step of zero in the {0}")]
    NoStep(&'static str),
}

struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    /// What the numbers are called, from the least on.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", range: 0..=59, names: &[] },
    Field { name: "hour", range: 0..=23, names: &[] },
    Field { name: "day of month", range: 1..=31, names: &[] },
    Field { name: "month", range: 1..=12, names: MONTHS },
    Field { name: "day of week", range: 0..=6, names: DAYS },
];

/// Whether the text is a schedule.
pub fn check(text: &str) -> Result<(), ScheduleError> {
    if let Some(word) = text.strip_prefix('@') {
        return descriptor(word);
    }
    let found: Vec<&str> = text.split_whitespace().collect();
    if found.len() != FIELDS.len() {
        return Err(ScheduleError::Fields(found.len()));
    }
    let fields = FIELDS.iter().zip(found);
    fields.flat_map(|(field, text)| text.split(',').map(move |part| (field, part))).try_for_each(|(f, p)| f.part(p))
}

fn descriptor(word: &str) -> Result<(), ScheduleError> {
    let unknown = || Err(ScheduleError::Descriptor(format!("@{word}")));
    match word.strip_prefix("every ") {
        Some(duration) if is_duration(duration) => Ok(()),
        Some(_) => unknown(),
        None if ["yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"].contains(&word) => Ok(()),
        None => unknown(),
    }
}

/// `1h30m`, with units of nanoseconds to hours.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        let known = ["ns", "us", "µs", "ms", "s", "m", "h"].contains(&&rest[digits..unit]);
        if rest[..digits].parse::<f64>().is_err() || !known {
            return false;
        }
        rest = &rest[unit..];
    }
    !text.is_empty()
}

impl Field {
    /// One of `*`, `?`, `5`, `mon`, `1-5`, each with an optional step such as `/15`.
    fn part(&self, text: &str) -> Result<(), ScheduleError> {
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        if let Some(step) = step {
            match step.parse::<u32>() {
                Ok(0) => return Err(ScheduleError::NoStep(self.name)),
                Ok(_) => {}
                Err(_) => return Err(self.malformed(text)),
            }
        }
        match (range, range.split_once('-')) {
            ("*" | "?", _) => Ok(()),
            (_, Some((first, last))) if self.number(first)? > self.number(last)? => {
                Err(ScheduleError::Backwards { field: self.name, text: range.to_owned() })
            }
            (_, Some(_)) => Ok(()),
            (one, None) => self.number(one).map(drop),
        }
    }

    fn number(&self, text: &str) -> Result<u32, ScheduleError> {
        let (least, most) = (*self.range.start(), *self.range.end());
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => least + index,
            None => text.parse().map_err(|_| self.malformed(text))?,
        };
        if self.range.contains(&number) {
            return Ok(number);
        }
        Err(ScheduleError::OutOfRange { field: self.name, number, least, most })
    }

    fn malformed(&self, text: &str) -> ScheduleError {
        ScheduleError::Malformed { field: self.name, text: text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_cron_reads_them() {
        for good in ["* * * * *", "*/5 0-6 1,15 jan-MAR mon", "0 0 ? * ?", "@daily", "@every 1h30m", "0/15 * * * 6"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let bad = [
            ("", "expected exactly 5 fields (minute, hour, day of month, month, day of week), found 0"),
            ("60 * * * *", "the minute 60 is not between 0 and 59"),
            ("* * 0 * *", "the day of month 0 is not between 1 and 31"),
            ("* * * * 7", "the day of week 7 is not between 0 and 6"),
            ("* 5-1 * * *", "the hour range \"5-1\" ends before it begins"),
            ("*/0 * * * *", "a step of zero in the minute"),
            ("a * * * *", "the minute \"a\" is neither a number, a name, a range nor a step"),
            ("1--2 * * * *", "the minute \"-2\" is neither a number, a name, a range nor a step"),
            (
                "@every day",
                "unrecognized descriptor: @every day; one of @yearly, @monthly, @weekly, @daily, @hourly and @every DURATION",
            ),
        ];
        for (text, expect) in bad {
            assert_eq!(check(text).unwrap_err().to_string(), expect, "{text}");
        }
    }
}
