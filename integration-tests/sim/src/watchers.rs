//! Watchers: they follow all changes at one member, and go on at another when they please or when it is lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant, sleep, timeout_at};
use xebec_store::kv::{KeyRange, Revision};
use xebec_store::{Store, Watch, WatchBatch, WatchError, WatchOptions};

use crate::chance::Chance;
use crate::mutant::Mutant;
use crate::record::{Given, Recorder, Watched};

/// A watcher that is given no change for so long is told how far it is.
const PROGRESS: Duration = Duration::from_millis(400);

/// One watcher, wherever it is.
#[derive(Clone, Copy, Debug)]
struct Watcher {
    number: u64,
    /// It has seen everything up to here.
    seen: Revision,
}

/// Those that are between two members. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<VecDeque<Watcher>>>);

/// A watcher at work; it goes back to the pool when its member is lost.
struct Seated {
    watcher: Watcher,
    pool: Pool,
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.watcher);
    }
}

impl Pool {
    /// So many watchers that have seen nothing: an empty store has revision 1.
    pub(crate) fn of(count: u64) -> Pool {
        let watchers = (1..=count).map(|number| Watcher { number, seen: 1 });
        Pool(Arc::new(Mutex::new(watchers.collect())))
    }

    fn take(&self) -> Option<Seated> {
        let watcher = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        Some(Seated { watcher, pool: self.clone() })
    }
}

/// A member's place for watchers.
pub(crate) struct Place {
    /// Where they wait.
    pub(crate) pool: Pool,
    /// What they watch.
    pub(crate) store: Store,
    /// Where all is written down.
    pub(crate) recorder: Recorder,
    /// How long each stays.
    pub(crate) chance: Chance,
    /// A fault of the watching side.
    pub(crate) mutant: Option<Mutant>,
}

impl Place {
    /// Seats one watcher after the other, for ever.
    pub(crate) async fn run(mut self) {
        loop {
            sleep(self.chance.millis(5..200)).await;
            if let Some(mut seated) = self.pool.take() {
                self.rest().await;
                let leaves = Instant::now() + self.chance.millis(300..3_000);
                self.follow(&mut seated.watcher, leaves).await;
            }
        }
    }

    /// Now and then, so long that history may be gone.
    async fn rest(&mut self) {
        if self.chance.percent(15) {
            sleep(self.chance.millis(1_000..5_000)).await;
        }
    }

    async fn follow(&mut self, watcher: &mut Watcher, leaves: Instant) {
        self.give(watcher, Given::Resumed { after: watcher.seen });
        let Some(mut watch) = self.open(watcher, watcher.seen + 1) else { return };
        loop {
            match timeout_at(leaves, watch.next()).await {
                Ok(Ok(batch)) => self.take(watcher, batch),
                Ok(Err(error)) => match self.open_after(watcher, error) {
                    Some(again) => watch = again,
                    None => return,
                },
                Err(_) => return,
            }
        }
    }

    fn open(&self, watcher: &mut Watcher, from: Revision) -> Option<Watch> {
        let options = WatchOptions { previous: true, progress: Some(PROGRESS) };
        match self.store.watch(KeyRange::all(), from, options) {
            Ok(watch) => Some(watch),
            Err(error) => self.open_after(watcher, error),
        }
    }

    /// History is gone: whoever is told looks at the state, and watches from there.
    fn open_after(&self, watcher: &mut Watcher, error: WatchError) -> Option<Watch> {
        let WatchError::Compacted { resume_from, .. } = error else { return None };
        if self.mutant == Some(Mutant::CompactionGap) {
            return self.open(watcher, resume_from);
        }
        watcher.seen = self.store.state().revision();
        self.give(watcher, Given::Compacted { resume_after: watcher.seen });
        self.open(watcher, watcher.seen + 1)
    }

    fn take(&mut self, watcher: &mut Watcher, batch: WatchBatch) {
        let WatchBatch { revision, events } = batch;
        if events.is_empty() {
            return self.give(watcher, Given::Progress { revision });
        }
        watcher.seen = revision;
        if self.mutant != Some(Mutant::DroppedEvent) || !self.chance.percent(2) {
            self.give(watcher, Given::Batch { events });
        }
    }

    fn give(&self, watcher: &Watcher, given: Given) {
        self.recorder.open().watched.push(Watched { watcher: watcher.number, given });
    }
}
