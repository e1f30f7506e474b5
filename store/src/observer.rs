//! How applied changes reach the rest of the process.

use xebec_kv::{Event, State};

/// Called by apply, in order, on every member, before the result is acknowledged. Must not block.
pub trait ApplyObserver: Send + Sync {
    /// The state was replaced as a whole: at start, and when a snapshot came from the leader. Whoever kept anything
    /// derived from earlier states must build it anew.
    fn restored(&self, state: &State);

    /// One transaction changed `events`, all of one revision. `state` is the published state: it holds them, and may hold
    /// later revisions of the same batch, whose events follow.
    fn applied(&self, state: &State, events: &[Event]);
}

/// Observes nothing.
pub struct NoObserver;

impl ApplyObserver for NoObserver {
    fn restored(&self, _state: &State) {}

    fn applied(&self, _state: &State, _events: &[Event]) {}
}
