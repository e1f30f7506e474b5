//! Who leads, for the rest of the process.
//!
//! openraft's own view lets a leader believe in itself while nobody answers. Controllers must not act on that, so
//! here a leader counts only as long as a majority has answered within its lease.

use std::time::Duration;

use openraft::ServerState;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::instruments::Instruments;
use crate::raft::metrics::{Metrics, MetricsWatch, quorum_age};
use crate::status::Leadership;

/// How often a lease is looked at while nothing changes.
const LOOK: Duration = Duration::from_millis(50);

/// Follows openraft until it ends.
pub(crate) async fn follow(
    mut metrics: MetricsWatch,
    leadership: watch::Sender<Leadership>,
    lease: Duration,
    instruments: Instruments,
) {
    let mut known = None;
    loop {
        let now = metrics.look(|metrics| judge(metrics, lease));
        if now.leader.is_some() && std::mem::replace(&mut known, now.leader) != now.leader {
            instruments.leader_changed();
        }
        leadership.send_if_modified(|before| std::mem::replace(before, now) != now);
        tokio::select! {
            changed = metrics.changed() => if !changed { break },
            () = sleep(LOOK) => {}
        }
    }
    leadership.send_replace(Leadership::default());
}

fn judge(metrics: &Metrics, lease: Duration) -> Leadership {
    let term = metrics.current_term;
    if metrics.state != ServerState::Leader {
        let leader = metrics.current_leader.filter(|leader| *leader != metrics.id);
        return Leadership { leader, term, is_leader: false };
    }
    let alone = metrics.membership_config.voter_ids().count() < 2;
    let is_leader = metrics.running_state.is_ok() && (alone || quorum_age(metrics).is_some_and(|age| age < lease));
    Leadership { leader: is_leader.then_some(metrics.id), term, is_leader }
}
