//! Where apply leaves what happened, and where watchers look.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;
use xebec_kv::{KeyRange, Revision};

use super::ring::{Batch, Found, Ring};

/// What watchers wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Everything up to here can be read.
    pub(super) newest: Revision,
    /// Whether there may be more.
    pub(super) open: bool,
}

/// The ring behind its lock, which nobody holds for longer than it takes to add what was applied at once or to look through a few.
pub(crate) struct Feed {
    ring: RwLock<Ring>,
    signal: watch::Sender<Signal>,
    /// Events given to watchers.
    events: AtomicU64,
    /// Reads that had to go back to the state's history.
    behind: AtomicU64,
}

impl Feed {
    pub(crate) fn new(newest: Revision, bytes: u64) -> Feed {
        let signal = watch::Sender::new(Signal { newest, open: true });
        let (events, behind) = (AtomicU64::new(0), AtomicU64::new(0));
        Feed { ring: RwLock::new(Ring::new(newest, bytes)), signal, events, behind }
    }

    /// Adds batches; watchers hear of them at [`Feed::announce`]. While nobody watches, none are kept: who comes later, or comes
    /// back, finds them in the state's history, which must show them already.
    pub(crate) fn extend(&self, batches: Vec<Arc<Batch>>) {
        let Some(newest) = batches.last().map(|batch| batch.revision) else { return };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if self.watchers() == 0 {
            return ring.restart(newest);
        }
        batches.into_iter().for_each(|batch| ring.push(batch));
    }

    /// The state was replaced: who wants what led to it finds it in the state's history, or learns that it is compacted.
    pub(crate) fn restart(&self, newest: Revision) {
        self.ring.write().unwrap_or_else(PoisonError::into_inner).restart(newest);
    }

    /// Wakes the watchers.
    pub(crate) fn announce(&self) {
        let newest = self.newest();
        self.signal.send_if_modified(|signal| std::mem::replace(&mut signal.newest, newest) != newest);
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.signal.send_modify(|signal| signal.open = false);
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> u64 {
        self.signal.receiver_count() as u64
    }

    /// Events given to watchers, ever.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// How often a watcher was behind the ring, ever.
    pub(crate) fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// How many batches are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn newest(&self) -> Revision {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).newest()
    }

    pub(super) fn find(&self, from: Revision, range: &KeyRange) -> Found {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).find(from, range)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Signal> {
        self.signal.subscribe()
    }

    pub(super) fn count_events(&self, events: usize) {
        self.events.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn count_behind(&self) {
        self.behind.fetch_add(1, Ordering::Relaxed);
    }
}
