//! The two clocks a decision may look at.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Now, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, for what is written into objects and read from them. It may jump.
    pub wall: Timestamp,
    /// Time since this leader began, for silences and waits that must not be cut short by a jump.
    pub uptime: Duration,
}

impl Moment {
    /// How long until `after` has passed since `since`; `None` if it has.
    pub fn until(&self, since: Timestamp, after: Duration) -> Option<Duration> {
        let left = SignedDuration::try_from(after).ok()? - self.wall.duration_since(since);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    /// The wall clock as metadata has it, in whole seconds.
    pub fn stamp(&self) -> String {
        stamp(self.wall)
    }
}

/// A time as metadata has it, in whole seconds.
pub fn stamp(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).map_or_else(|_| time.to_string(), |whole| whole.to_string())
}

/// Reads a time of metadata or status.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
