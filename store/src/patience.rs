//! How long a request goes on trying where nobody leads.
//!
//! An election ends within a second or so, and a request that waits for it is done by the next leader. In a minority nobody is
//! ever elected: there a request must not wait for its deadline, and one that was made long after the cut should be refused
//! soon. So what counts is for how long there has been no sign of a leader that a majority follows.

use std::time::Duration;

use openraft::ServerState;
use tokio::time::{Instant, timeout_at};

use crate::core::Core;
use crate::raft::metrics::quorum_age;

/// A leader without a sign for so long is not asked: it is gone, or one of us is cut off. What is not sent is certainly not done.
const SILENCE: Duration = Duration::from_secs(1);
/// Longer than elections take, from the last sign of the old leader on.
const ELECTION: Duration = Duration::from_millis(1500);
/// A request whose attempts fail goes on for so long at least,
const TRIAL: Duration = Duration::from_secs(1);
/// and no longer than so: a leader that shows itself may have lost its majority, and elections may never end.
const MOST: Duration = Duration::from_secs(3);
/// How often one who waits for an outcome looks whether a majority still follows the leader.
const LOOK: Duration = Duration::from_millis(250);

/// Since when the attempts of a request have failed.
#[derive(Default)]
pub(crate) struct Patience(Option<Instant>);

impl Patience {
    /// An attempt has failed: whether that is enough.
    pub(crate) fn is_over(&mut self, core: &Core) -> bool {
        let now = Instant::now();
        is_over(now - *self.0.get_or_insert(now), core.unled_for())
    }
}

fn is_over(failing: Duration, unled: Duration) -> bool {
    failing >= MOST || failing >= TRIAL && unled >= ELECTION
}

impl Core {
    /// For how long no leader has given a sign of itself and its majority; that of a follower's leader is not asked for.
    pub(crate) fn unled_for(&self) -> Duration {
        if self.leadership.borrow().is_leader {
            return Duration::ZERO;
        }
        let answered = self.watch_metrics().look(|metrics| match metrics.state {
            ServerState::Leader => quorum_age(metrics),
            _ => None,
        });
        answered.unwrap_or_else(|| self.leader_heard().unwrap_or(self.started).elapsed())
    }

    /// Whether it is of no use to ask whoever is taken for the leader.
    pub(crate) fn is_unled(&self) -> bool {
        self.unled_for() >= SILENCE
    }

    /// Waits for what a leader does, here or elsewhere, until the deadline, and not where nobody leads any more.
    pub(crate) async fn while_led<T>(&self, deadline: Instant, call: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(call);
        loop {
            let look = deadline.min(Instant::now() + LOOK);
            if let Ok(done) = timeout_at(look, &mut call).await {
                return Some(done);
            }
            if look == deadline || self.unled_for() >= ELECTION {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_election_is_waited_for_and_a_minority_is_not() {
        let over = |failing, unled| is_over(Duration::from_millis(failing), Duration::from_millis(unled));
        assert!(!over(1400, 1400), "the leader has died just now");
        assert!(over(1500, 1500));
        assert!(!over(900, 60_000));
        assert!(over(1000, 60_000), "nobody has led for long");
        assert!(!over(2900, 0) && over(3000, 0), "there is a leader, and it takes nothing");
    }
}
