//! Check-quorum: a leader that no majority answers falls silent.
//!
//! A leader that can send but not receive (a one-way cut) keeps its followers from electing while nothing can be
//! committed. openraft alone lets that last. So when no majority has answered for a while, AppendEntries is not sent
//! at all: the followers' leases run out and they elect.
//!
//! Silence and sending take turns after that. If nobody could elect (the followers were down, and are back), somebody
//! has to speak first. A turn is long enough for a lease and an election to pass in silence.

use std::sync::OnceLock;
use std::time::Duration;

use openraft::ServerState;
use tokio::time::Instant;

use crate::config::Tuning;
use crate::raft::metrics::{Metrics, MetricsWatch, quorum_age};

/// Watches this member's hold on its majority.
pub(crate) struct Watchdog {
    metrics: OnceLock<MetricsWatch>,
    limit: Duration,
    turn: Duration,
}

/// When a term of leading began: links are made anew for each.
pub(crate) struct Reign {
    since: Instant,
}

impl Reign {
    pub(crate) fn begin() -> Reign {
        Reign { since: Instant::now() }
    }
}

impl Watchdog {
    pub(crate) fn new(tuning: &Tuning) -> Watchdog {
        Watchdog { metrics: OnceLock::new(), limit: tuning.quorum_loss, turn: tuning.election_max * 3 }
    }

    /// Starts watching; until then nothing is held back.
    pub(crate) fn watch(&self, metrics: MetricsWatch) {
        if self.metrics.set(metrics).is_err() {
            tracing::debug!("the watchdog watches already");
        }
    }

    /// Whether to hold AppendEntries back now.
    pub(crate) fn silent(&self, reign: &Reign) -> bool {
        let Some(metrics) = self.metrics.get() else { return false };
        let reigning = reign.since.elapsed();
        let unanswered = metrics.look(|metrics| depends_on_others(metrics).then(|| quorum_age(metrics)));
        unanswered.is_some_and(|age| silent_after(age.unwrap_or(reigning).min(reigning), self.limit, self.turn))
    }
}

/// Whether this member leads, and others vote too.
fn depends_on_others(metrics: &Metrics) -> bool {
    metrics.state == ServerState::Leader && metrics.membership_config.voter_ids().count() > 1
}

/// Whether a leader unanswered for so long holds its peace.
fn silent_after(unanswered: Duration, limit: Duration, turn: Duration) -> bool {
    match unanswered.checked_sub(limit) {
        Some(beyond) => (beyond.as_millis() / turn.as_millis().max(1)).is_multiple_of(2),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_sending_take_turns_once_the_majority_is_lost() {
        let silent =
            |ms| silent_after(Duration::from_millis(ms), Duration::from_millis(600), Duration::from_millis(1000));
        let by_time: Vec<bool> = [0, 599, 600, 1599, 1600, 2599, 2600].map(silent).to_vec();
        assert_eq!(by_time, [false, false, true, true, false, false, true]);
    }
}
