//! The leader's time, which leases go by.
//!
//! It is no wall clock: those jump, and a leader whose clock is set an hour ahead would end all leases. It goes on from the
//! newest stamp in the replicated state by what has passed since this member saw that stamp, on a clock that only ticks.
//! So it never goes faster than time does, whoever leads; while no member runs, it stands still, and leases last longer.
//! Only the first stamp of a new cluster is taken from the wall clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::world::Clock;

/// One member's idea of the leader's time.
pub(crate) struct LeaderClock {
    wall: Arc<dyn Clock>,
    mark: Mutex<Option<Mark>>,
}

/// What the time was when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    stamp_ms: u64,
    at: Instant,
}

impl LeaderClock {
    /// One that has not heard anything yet.
    pub(crate) fn new(wall: Arc<dyn Clock>) -> LeaderClock {
        LeaderClock { wall, mark: Mutex::default() }
    }

    /// Milliseconds, comparable with those in the state.
    pub(crate) fn now_ms(&self) -> u64 {
        let now = Instant::now();
        self.mark().get_or_insert_with(|| Mark { stamp_ms: self.wall.now_ms(), at: now }).read(now)
    }

    /// The state says that the leader's time has come to `stamp_ms`; 0 says nothing.
    pub(crate) fn hear(&self, stamp_ms: u64) {
        let (now, mut mark) = (Instant::now(), self.mark());
        if stamp_ms > 0 && mark.is_none_or(|mark| mark.read(now) < stamp_ms) {
            *mark = Some(Mark { stamp_ms, at: now });
        }
    }

    fn mark(&self) -> MutexGuard<'_, Option<Mark>> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mark {
    fn read(&self, now: Instant) -> u64 {
        self.stamp_ms.saturating_add(now.saturating_duration_since(self.at).as_millis() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::world::SystemClock;

    fn heard_nothing() -> LeaderClock {
        LeaderClock::new(Arc::new(SystemClock))
    }

    #[test]
    fn time_goes_on_from_the_newest_stamp() {
        let at = Instant::now();
        let mark = Mark { stamp_ms: 1_000, at };
        assert_eq!(mark.read(at + Duration::from_millis(250)), 1_250);
        assert_eq!(mark.read(at - Duration::from_secs(1)), 1_000, "it never goes back");
    }

    #[test]
    fn only_a_new_cluster_asks_the_wall_clock() {
        let clock = heard_nothing();
        clock.hear(0);
        clock.hear(5_000);
        assert!((5_000..60_000).contains(&clock.now_ms()), "the state's time, not the wall's");
        clock.hear(4_000);
        assert!(clock.now_ms() >= 5_000);
        clock.hear(100_000);
        assert!((100_000..160_000).contains(&clock.now_ms()));
        assert!(heard_nothing().now_ms() > 1_700_000_000_000);
    }
}
