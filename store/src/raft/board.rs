//! Where the newest state hangs for everybody to read, and who is told of what led to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use xebec_kv::{HashMark, State};

use super::types::{LogId, SnapshotMeta, StoredMembership};
use crate::clock::LeaderClock;
use crate::observer::ApplyObserver;
use crate::watch::{Batch, Feed};

/// Hashes kept for those who compare them.
const MARKS: usize = 16;

/// A state and its place in the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) state: Arc<State>,
    pub(crate) applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
}

impl Image {
    pub(crate) fn applied_index(&self) -> u64 {
        self.applied.map_or(0, |applied| applied.index)
    }

    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() }
    }
}

/// What led from one published state to the next.
#[derive(Default)]
pub(crate) struct Happened {
    pub(crate) batches: Vec<Arc<Batch>>,
    pub(crate) marks: Vec<HashMark>,
}

/// The newest state, and those who are told.
pub(crate) struct Board {
    image: ArcSwap<Image>,
    /// The applied index, for those who wait for it.
    applied: watch::Sender<u64>,
    clock: LeaderClock,
    observer: Arc<dyn ApplyObserver>,
    feed: Feed,
    /// The newest hashes that were asked for.
    marks: Mutex<VecDeque<HashMark>>,
}

impl Board {
    /// `watch_bytes`: how much of the newest changes is kept at hand for watches.
    pub(crate) fn new(image: Image, observer: Arc<dyn ApplyObserver>, clock: LeaderClock, watch_bytes: u64) -> Board {
        observer.restored(&image.state);
        let applied = watch::Sender::new(image.applied_index());
        clock.hear(image.state.time_ms());
        let feed = Feed::new(image.state.revision(), watch_bytes);
        Board { image: ArcSwap::from_pointee(image), applied, clock, observer, feed, marks: Mutex::default() }
    }

    pub(crate) fn image(&self) -> Arc<Image> {
        self.image.load_full()
    }

    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// The leader's time, as far as this member can tell.
    pub(crate) fn time_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Puts up the next state. Whoever is told of a change finds it there.
    pub(crate) fn publish(&self, image: Image, happened: Happened) {
        let (state, index) = (image.state.clone(), image.applied_index());
        self.clock.hear(state.time_ms());
        self.image.store(Arc::new(image));
        happened.batches.iter().for_each(|batch| self.observer.applied(&state, &batch.events));
        self.feed.extend(happened.batches);
        self.keep_marks(happened.marks);
        self.announce(index);
    }

    /// Puts up a state that does not follow from the one before by anything that is known here.
    pub(crate) fn replace(&self, image: Image) {
        let (state, index) = (image.state.clone(), image.applied_index());
        self.clock.hear(state.time_ms());
        self.image.store(Arc::new(image));
        self.observer.restored(&state);
        self.feed.restart(state.revision());
        self.announce(index);
    }

    /// No more states will come.
    pub(crate) fn close(&self) {
        self.feed.close();
    }

    /// The state hash that this member found where it was asked for under this id. `None`: not until the deadline.
    pub(crate) async fn mark(&self, id: u64, deadline: Instant) -> Option<HashMark> {
        let mut applied = self.applied();
        loop {
            applied.mark_unchanged();
            let found = self.marks().iter().rev().find(|mark| mark.id == id).copied();
            if found.is_some() {
                return found;
            }
            timeout_at(deadline, applied.changed()).await.ok()?.ok()?;
        }
    }

    fn announce(&self, index: u64) {
        self.applied.send_replace(index);
        self.feed.announce();
    }

    fn keep_marks(&self, new: Vec<HashMark>) {
        if new.is_empty() {
            return;
        }
        let mut marks = self.marks();
        marks.extend(new);
        let superfluous = marks.len().saturating_sub(MARKS);
        marks.drain(..superfluous);
    }

    fn marks(&self) -> MutexGuard<'_, VecDeque<HashMark>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
