//! The log of what took too long.
//!
//! One line a second for each kind of operation at most, so that a slow disk is not drowned in lines about it; what was
//! not written is counted in the next line.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(1);

/// Warns of operations of one kind that took longer than they should.
#[derive(Debug)]
pub struct SlowLog {
    operation: &'static str,
    threshold: Duration,
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    last: Option<Instant>,
    suppressed: u64,
}

impl SlowLog {
    /// For an operation, from a duration on.
    pub fn new(operation: &'static str, threshold: Duration) -> SlowLog {
        SlowLog { operation, threshold, past: Mutex::default() }
    }

    /// Whether that was too long.
    pub fn is_slow(&self, took: Duration) -> bool {
        took >= self.threshold
    }

    /// Notes how long one took; `what` is only asked if a line is written.
    pub fn note(&self, took: Duration, what: impl FnOnce() -> String) {
        if !self.is_slow(took) {
            return;
        }
        let Some(suppressed) = self.turn(Instant::now()) else { return };
        tracing::warn!(
            operation = self.operation,
            what = what(),
            took_ms = took.as_millis() as u64,
            threshold_ms = self.threshold.as_millis() as u64,
            suppressed,
            "slow"
        );
    }

    /// How many lines were left out since the last one; `None`: leave this one out too.
    fn turn(&self, now: Instant) -> Option<u64> {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if past.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            past.suppressed += 1;
            return None;
        }
        past.last = Some(now);
        Some(std::mem::take(&mut past.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_rare_and_count_what_they_left_out() {
        let (log, start) = (SlowLog::new("fsync", Duration::from_millis(10)), Instant::now());
        assert!(!log.is_slow(Duration::from_millis(9)));
        assert_eq!(log.turn(start), Some(0));
        assert_eq!(log.turn(start + Duration::from_millis(1)), None);
        assert_eq!(log.turn(start + Duration::from_millis(999)), None);
        assert_eq!(log.turn(start + Duration::from_secs(1)), Some(2));
    }
}
