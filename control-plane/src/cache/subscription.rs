//! A reader of changes: ordered, without gaps, at its own pace.
//!
//! A subscription holds no queue of its own; it is a cursor over the ring that all readers share. A reader that falls
//! behind the ring gets [`Expired`] and starts again from the state.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::{Cache, CacheEvent, Expired, Shelf, Snapshot};
use crate::registry::Stored;

/// Which ring is read, and what of it.
pub(super) struct Reader {
    pub(super) cache: Arc<Cache>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) prefix: Bytes,
}

/// A cursor over the changes of all kinds, of a kind, or of one namespace of it.
pub struct Subscription {
    reader: Reader,
    next: u64,
    wake: watch::Receiver<u64>,
    initial: Vec<Snapshot>,
    revision: u64,
}

impl Subscription {
    pub(super) fn new(reader: Reader, next: u64, initial: Vec<Snapshot>, revision: u64) -> Subscription {
        let wake = reader.shelf.wake.subscribe();
        Subscription { reader, next, wake, initial, revision }
    }

    /// The state that the changes continue, a snapshot for each kind; present once, and only when the subscription
    /// began with it.
    pub fn take_state(&mut self) -> Vec<Snapshot> {
        std::mem::take(&mut self.initial)
    }

    /// The objects of that state.
    pub fn initial(&mut self) -> Vec<Stored> {
        let prefix = self.reader.prefix.clone();
        self.take_state().iter().flat_map(|state| state.stored(&prefix)).collect()
    }

    /// Everything up to this revision has been handed out.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The next change; waits for it. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Arc<CacheEvent>, Expired> {
        loop {
            self.wake.borrow_and_update();
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            let oldest = self.revision;
            self.wake.changed().await.map_err(|_| Expired { oldest })?;
        }
    }

    /// The next change, if there is one already.
    pub fn try_next(&mut self) -> Result<Option<Arc<CacheEvent>>, Expired> {
        // Read before the ring: what is published by now is in the ring.
        let published = self.reader.cache.revision();
        while let Some(event) = self.read()? {
            self.next += 1;
            if event.key.starts_with(&self.reader.prefix) {
                self.revision = self.revision.max(event.revision);
                return Ok(Some(event));
            }
        }
        self.revision = self.revision.max(published);
        Ok(None)
    }

    fn read(&self) -> Result<Option<Arc<CacheEvent>>, Expired> {
        self.reader.shelf.history().read(self.next)
    }
}
