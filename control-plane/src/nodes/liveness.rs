//! Which nodes are heard, when last, and what they use: in memory, on every master.
//!
//! A heartbeat changes two numbers and wakes nobody. Waiters are woken when a node connects, when it leaves, and when one is
//! heard again after a silence; that a silence lasts too long is for them to see by their own clock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use xebec_proto::v1::NodeUsage;

/// A node that was not heard for so long and then is has come back. Heartbeats come each second.
const SILENCE: Duration = Duration::from_millis(2500);

/// What this master has heard of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLiveness {
    /// The node.
    pub name: String,
    /// When anything came from it.
    pub last_heard: Instant,
    /// Whether it has a session with this master.
    pub connected: bool,
}

/// What a node said it and its pods use.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeUsageReport {
    /// The node.
    pub node: String,
    /// Its report.
    pub usage: NodeUsage,
}

struct Heard {
    last: Instant,
    /// The session that counts. A later one of the same node takes its place.
    session: Option<u64>,
    usage: Option<NodeUsage>,
    /// The network generation that the node has acknowledged, on this session.
    applied: u64,
}

/// All nodes that this master has ever heard.
pub(super) struct Liveness {
    nodes: Mutex<BTreeMap<String, Heard>>,
    changed: watch::Sender<u64>,
}

impl Default for Liveness {
    fn default() -> Liveness {
        Liveness { nodes: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Liveness {
    /// The node has a session.
    pub(super) fn connected(&self, node: &str, session: u64, now: Instant) {
        let heard = Heard { last: now, session: Some(session), usage: None, applied: 0 };
        self.lock().insert(node.to_owned(), heard);
        self.wake();
    }

    /// The session has ended; says nothing about a newer one of the same node.
    pub(super) fn disconnected(&self, node: &str, session: u64) {
        if let Some(heard) = self.lock().get_mut(node).filter(|heard| heard.session == Some(session)) {
            heard.session = None;
        }
        self.wake();
    }

    /// Something came from the node.
    pub(super) fn heard(&self, node: &str, now: Instant) {
        let silent = self.lock().get_mut(node).map(|heard| {
            let before = std::mem::replace(&mut heard.last, now);
            now.saturating_duration_since(before)
        });
        if silent.is_some_and(|silent| silent > SILENCE) {
            self.wake();
        }
    }

    pub(super) fn set_usage(&self, node: &str, usage: NodeUsage) {
        if let Some(heard) = self.lock().get_mut(node) {
            heard.usage = Some(usage);
        }
    }

    /// The node has programmed everything up to this generation.
    pub(super) fn set_applied(&self, node: &str, generation: u64) {
        if let Some(heard) = self.lock().get_mut(node) {
            heard.applied = generation;
        }
    }

    /// The generation that every node that is connected and heard has programmed. A node that is silent programs nothing, and
    /// nobody waits for it.
    pub(super) fn applied_by_all(&self, now: Instant) -> u64 {
        let waits = |heard: &Heard| heard.session.is_some() && now.saturating_duration_since(heard.last) <= SILENCE;
        self.lock().values().filter(|heard| waits(heard)).map(|heard| heard.applied).min().unwrap_or(u64::MAX)
    }

    pub(super) fn list(&self) -> Vec<NodeLiveness> {
        let liveness = |(name, heard): (&String, &Heard)| NodeLiveness {
            name: name.clone(),
            last_heard: heard.last,
            connected: heard.session.is_some(),
        };
        self.lock().iter().map(liveness).collect()
    }

    pub(super) fn usage(&self) -> Vec<NodeUsageReport> {
        let nodes = self.lock();
        let report = |(node, heard): (&String, &Heard)| {
            Some(NodeUsageReport { node: node.clone(), usage: heard.usage.clone()? })
        };
        nodes.iter().filter_map(report).collect()
    }

    /// Forgets a node whose object is gone and which has no session.
    pub(super) fn forget(&self, node: &str) {
        let mut nodes = self.lock();
        if nodes.get(node).is_some_and(|heard| heard.session.is_none()) {
            nodes.remove(node);
        }
    }

    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn wake(&self) {
        self.changed.send_modify(|turn| *turn += 1);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Heard>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn waiters_hear_of_coming_going_and_returning_only() {
        let (liveness, start) = (Liveness::default(), Instant::now());
        let mut changed = liveness.changed();
        let mut woken = move || {
            let woken = changed.has_changed().unwrap();
            changed.borrow_and_update();
            woken
        };
        liveness.connected("n1", 1, start);
        assert!(woken());
        liveness.heard("n1", seconds(start, 1));
        assert!(!woken());
        liveness.heard("n1", seconds(start, 6));
        assert!(woken());
        liveness.disconnected("n1", 1);
        assert!(woken());
        assert!(!liveness.list()[0].connected);
    }

    #[tokio::test]
    async fn the_end_of_an_old_session_does_not_end_the_new_one() {
        let (liveness, now) = (Liveness::default(), Instant::now());
        liveness.connected("n1", 1, now);
        liveness.connected("n1", 2, now);
        liveness.disconnected("n1", 1);
        assert!(liveness.list()[0].connected);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_silent_node() {
        let (liveness, start) = (Liveness::default(), Instant::now());
        liveness.connected("n1", 1, start);
        liveness.connected("n2", 2, start);
        liveness.set_applied("n1", 7);
        assert_eq!(liveness.applied_by_all(start), 0);
        liveness.heard("n1", seconds(start, 3));
        assert_eq!(liveness.applied_by_all(seconds(start, 3)), 7, "n2 has been silent for three seconds");
    }
}
