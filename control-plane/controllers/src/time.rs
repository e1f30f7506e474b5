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

    /// The wall clock cut to whole seconds, as metadata has it.
    pub fn whole_seconds(&self) -> Timestamp {
        Timestamp::from_second(self.wall.as_second()).unwrap_or(self.wall)
    }

    /// The same as text.
    pub fn stamp(&self) -> String {
        self.whole_seconds().to_string()
    }
}

/// Reads a time of metadata or status.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
