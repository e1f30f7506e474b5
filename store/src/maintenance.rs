//! What keeps log, history and leases bounded.
//!
//! Every member makes its own snapshots and drops its own log. History and leases belong to the replicated state, so
//! only the leader acts there, by proposing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use xebec_kv::{Body, Outcome, Revision, State};

use crate::core::Core;
use crate::error::StoreError;

const TICK: Duration = Duration::from_secs(1);
/// A proposal of ours that takes longer is made again later.
const PROPOSAL: Duration = Duration::from_secs(5);
/// The same for a change of the membership; what else there is to do does not wait longer for it.
const FINISHING: Duration = Duration::from_secs(2);
/// History is dropped in steps of this part of its age, and when it exceeds its length by this part.
const STEPS: u32 = 20;
/// Steps of compaction in one tick; the rest waits for the next one.
const COMPACTIONS: u32 = 256;
/// Whoever renews a lease has renewed it by then under the new leader. Longer ones must not wait for their whole time: where
/// leaders change often, they would never end.
const WITNESSED: Duration = Duration::from_secs(30);
/// Less log than this is not worth a snapshot, however small the state is.
const SMALL_LOG: u64 = 8 << 20;
/// Expired leases revoked in one tick.
const REVOCATIONS: usize = 256;

/// Works until `stop` turns true.
pub(crate) async fn maintain(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut history, mut reign) = (History::default(), Reign::default());
    let mut snapshots = Snapshots { entries: core.snapshot_index(), bytes: core.wal.written() };
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let worked = tick(&core, &mut history, &mut snapshots, &mut reign).await;
        if let Err(error) = worked {
            tracing::debug!(%error, "maintenance is put off");
        }
    }
}

async fn tick(
    core: &Core,
    history: &mut History,
    snapshots: &mut Snapshots,
    reign: &mut Reign,
) -> Result<(), StoreError> {
    core.space.look(core.wal.waits_for_space());
    let stopped = |reason: String| StoreError::Stopped { reason };
    if snapshots.due(core) {
        core.raft.trigger().snapshot().await.map_err(|fatal| stopped(fatal.to_string()))?;
    }
    if let Some(index) = core.snapshots.purgeable_index() {
        core.raft.trigger().purge_log(index).await.map_err(|fatal| stopped(fatal.to_string()))?;
    }
    let image = core.board.image();
    history.note(Instant::now(), image.state.revision(), core.tuning.history_age);
    let leadership = *core.leadership.borrow();
    if leadership.is_leader {
        let led_for = reign.led_for(leadership.term, Instant::now());
        lead(core, history, &image.state, led_for).await?;
    }
    Ok(())
}

/// The leader's part.
async fn lead(core: &Core, history: &History, state: &State, led_for: Duration) -> Result<(), StoreError> {
    // Compaction and the end of leases make room: they do not wait for a hand-over.
    if let Err(error) = core.seek_relief().await {
        tracing::debug!(%error, "nobody takes over from this full leader");
    }
    if let Err(error) = core.finish_change(Instant::now() + FINISHING).await {
        tracing::debug!(%error, "a change of the membership is not finished yet");
    }
    let deadline = || Instant::now() + PROPOSAL;
    if let Some(revision) = history.compact_to(state, core.tuning.history_revisions) {
        core.compact(revision, COMPACTIONS, deadline()).await?;
    }
    for id in to_revoke(state, core.board.time_ms(), led_for) {
        core.propose(&Body::LeaseRevoke { id }, deadline()).await?;
        core.instruments.lease_expired();
    }
    Ok(())
}

/// Leases that have expired. Leaders' times differ by what a stamp takes to be applied, which is long in a partition: so that a
/// lease that another leader granted does not end early, each first lives its time under this one, or [`WITNESSED`].
fn to_revoke(state: &State, now_ms: u64, led_for: Duration) -> Vec<u64> {
    let (led_ms, enough_ms) = (led_for.as_millis() as u64, WITNESSED.as_millis() as u64);
    let witnessed = |id: &u64| state.lease(*id).is_some_and(|lease| lease.ttl_ms.min(enough_ms) <= led_ms);
    state.expired_leases(now_ms).filter(witnessed).take(REVOCATIONS).collect()
}

/// Since when this member has led, in which term.
#[derive(Default)]
struct Reign(Option<(u64, Instant)>);

impl Reign {
    fn led_for(&mut self, term: u64, now: Instant) -> Duration {
        let since = self.0.filter(|(led, _)| *led == term).map_or(now, |(_, since)| since);
        self.0 = Some((term, since));
        now - since
    }
}

impl Core {
    /// Compacts in steps, as many as it takes, but no more than `steps`.
    pub(crate) async fn compact(&self, revision: Revision, steps: u32, deadline: Instant) -> Result<(), StoreError> {
        for _ in 0..steps {
            match self.propose(&Body::Compact { revision }, deadline).await? {
                Outcome::Compacted { oldest } if oldest < revision => {}
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn snapshot_index(&self) -> u64 {
        self.snapshots.newest().and_then(|snapshot| snapshot.meta.last_log_id).map_or(0, |id| id.index)
    }
}

/// When the last snapshot was asked for.
struct Snapshots {
    entries: u64,
    bytes: u64,
}

impl Snapshots {
    fn due(&mut self, core: &Core) -> bool {
        let image = core.board.image();
        let (entries, bytes) = (image.applied_index(), core.wal.written());
        let enough_bytes = image.state.bytes().max(SMALL_LOG).min(core.tuning.snapshot_bytes);
        let enough =
            entries.saturating_sub(self.entries) >= core.tuning.snapshot_entries || bytes - self.bytes >= enough_bytes;
        if enough && entries > self.entries {
            *self = Snapshots { entries, bytes };
            return true;
        }
        false
    }
}

/// Which revision was current when.
#[derive(Default)]
struct History {
    /// Oldest first; at most [`STEPS`] and a few.
    marks: VecDeque<(Instant, Revision)>,
    /// The newest mark that is old enough to compact to.
    old: Revision,
}

impl History {
    fn note(&mut self, now: Instant, revision: Revision, age: Duration) {
        if self.marks.back().is_none_or(|(at, _)| now - *at >= age / STEPS) {
            self.marks.push_back((now, revision));
        }
        while let Some((_, revision)) = self.marks.pop_front_if(|(at, _)| now - *at >= age) {
            self.old = revision;
        }
    }

    /// Up to where history may go, if that is worth a proposal.
    fn compact_to(&self, state: &State, most: u64) -> Option<Revision> {
        let slack = most / u64::from(STEPS);
        let oldest = state.compact_revision();
        let too_many = state.revision().saturating_sub(oldest) > most + slack;
        let by_count = if too_many { state.revision().saturating_sub(most) } else { 0 };
        Some(by_count.max(self.old)).filter(|revision| *revision > oldest)
    }
}

#[cfg(test)]
mod tests {
    use xebec_kv::{Command, RequestId};

    use super::*;

    /// Found by the simulation: a leader whose time was ahead of its predecessor's ended leases early.
    #[test]
    fn a_lease_lives_its_time_under_whoever_leads() {
        let (mut state, mut reign, start) = (State::default(), Reign::default(), Instant::now());
        let body = Body::LeaseGrant { id: 7, ttl_ms: 1_500 };
        state.apply(&Command { request_id: RequestId::default(), time_ms: 10_000, body });
        let (ahead, later) = (12_000, start + Duration::from_millis(1_500));
        assert!(to_revoke(&state, ahead, reign.led_for(3, start)).is_empty(), "it has not led for long enough to know");
        assert_eq!(to_revoke(&state, ahead, reign.led_for(3, later)), [7]);
        assert!(to_revoke(&state, ahead, reign.led_for(5, later)).is_empty(), "others led meanwhile");
        assert!(to_revoke(&state, 11_000, reign.led_for(5, later + Duration::from_secs(9))).is_empty(), "it lives");
    }

    #[test]
    fn history_is_dropped_by_age() {
        let (age, start) = (Duration::from_secs(600), Instant::now());
        let mut history = History::default();
        for minute in 0..30 {
            history.note(start + Duration::from_secs(60 * minute), 100 * minute + 1, age);
        }
        assert_eq!(history.old, 1901, "the revision of ten minutes ago");
        assert!(history.marks.len() <= STEPS as usize + 1);
    }
}
