//! Which nodes are heard, as the controllers' world counts it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use xebec_controllers::{Key, World};

use crate::nodes::NodeLiveness;

/// Where the runtime learns which nodes are heard: the sessions of this master.
pub trait NodeWatch: Send + Sync {
    /// When each node was last heard.
    fn liveness(&self) -> Vec<NodeLiveness>;
    /// Wakes when a node connects, leaves, or is heard again after a silence.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// How old what is known of heartbeats may be when a node's silence is judged. Far below the grace, so that it does not
/// matter; and long enough that thousands of nodes' timers share one look.
const FRESH: Duration = Duration::from_millis(200);

/// Takes heartbeats over into the world.
pub(super) struct Ears {
    started: Instant,
    listened: Option<Instant>,
}

impl Ears {
    pub(super) fn new(started: Instant) -> Self {
        Self { started, listened: None }
    }

    /// Listens, unless that was done a moment ago.
    pub(super) fn freshen(&mut self, nodes: &dyn NodeWatch, world: &mut World, now: Instant) -> Vec<Key> {
        match self.listened {
            Some(listened) if now.saturating_duration_since(listened) < FRESH => Vec::new(),
            _ => self.listen(nodes, world, now),
        }
    }

    /// Takes over when each node was last heard; names the keys of those that were silent for long. What was heard
    /// before this term began does not count against a node.
    pub(super) fn listen(&mut self, nodes: &dyn NodeWatch, world: &mut World, now: Instant) -> Vec<Key> {
        self.listened = Some(now);
        let heard = nodes.liveness().into_iter();
        heard
            .filter_map(|node| world.heard(&node.name, node.last_heard.saturating_duration_since(self.started)))
            .collect()
    }
}
