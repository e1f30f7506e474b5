//! The newest changes, one batch a revision, for all watchers to read.

use std::collections::VecDeque;
use std::sync::Arc;

use xebec_kv::{Event, KeyRange, KeyValue, Revision};

/// What an event takes beside its keys and values.
const EVENT_BYTES: u64 = 256;
/// Batches looked at under one lock.
const LOOK: usize = 256;

/// What one transaction changed.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) revision: Revision,
    /// In key order, not empty.
    pub(crate) events: Vec<Event>,
    /// What it takes in memory, about.
    bytes: u64,
}

impl Batch {
    /// Of the events of one command; `None`: it changed nothing.
    pub(crate) fn of(events: Vec<Event>) -> Option<Arc<Batch>> {
        let revision = events.first()?.revision;
        let side = |kv: &Option<KeyValue>| kv.as_ref().map_or(0, KeyValue::bytes);
        let bytes = events.iter().map(|event| EVENT_BYTES + side(&event.current) + side(&event.previous)).sum();
        Some(Arc::new(Batch { revision, events, bytes }))
    }

    fn touches(&self, range: &KeyRange) -> bool {
        self.events.iter().any(|event| range.contains(&event.key))
    }
}

/// What a reader finds who wants the changes from a revision on.
#[derive(Debug)]
pub(super) enum Found {
    /// The next one that concerns it.
    Batch(Arc<Batch>),
    /// None before this revision.
    NoneBefore(Revision),
    /// The ring begins later, with this revision.
    Later(Revision),
}

/// Consecutive batches up to the newest, as many as the bound allows, but at least the newest.
#[derive(Debug)]
pub(super) struct Ring {
    batches: VecDeque<Arc<Batch>>,
    newest: Revision,
    bytes: u64,
    limit: u64,
}

impl Ring {
    /// Empty, with everything up to `newest` in the past.
    pub(super) fn new(newest: Revision, limit: u64) -> Ring {
        Ring { batches: VecDeque::new(), newest, bytes: 0, limit }
    }

    pub(super) fn newest(&self) -> Revision {
        self.newest
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// The first revision that is here, or will be.
    fn first(&self) -> Revision {
        self.newest + 1 - self.batches.len() as u64
    }

    /// Everything up to `newest` is in the past, and not here.
    pub(super) fn restart(&mut self, newest: Revision) {
        *self = Ring::new(newest, self.limit);
    }

    pub(super) fn push(&mut self, batch: Arc<Batch>) {
        debug_assert_eq!(batch.revision, self.newest + 1, "revisions come without gaps");
        self.newest = batch.revision;
        self.bytes += batch.bytes;
        self.batches.push_back(batch);
        while self.bytes > self.limit && self.batches.len() > 1 {
            let oldest = self.batches.pop_front();
            self.bytes -= oldest.map_or(0, |batch| batch.bytes);
        }
    }

    /// The first batch from `from` on that touches the range, as far as it pays to look under a lock.
    pub(super) fn find(&self, from: Revision, range: &KeyRange) -> Found {
        let first = self.first();
        let Some(skip) = from.checked_sub(first) else { return Found::Later(first) };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let looked = self.batches.iter().skip(skip).take(LOOK);
        let mut next = from;
        for batch in looked {
            if batch.touches(range) {
                return Found::Batch(batch.clone());
            }
            next = batch.revision + 1;
        }
        Found::NoneBefore(next)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn batch(revision: Revision, key: &'static str, bytes: usize) -> Arc<Batch> {
        let key = Bytes::from_static(key.as_bytes());
        let value = Bytes::from(vec![0; bytes]);
        let kv = KeyValue {
            key: key.clone(),
            value,
            create_revision: revision,
            mod_revision: revision,
            version: 1,
            lease: 0,
        };
        Batch::of(vec![Event { key, current: Some(kv), previous: None, revision }]).unwrap()
    }

    fn ring(limit: u64, revisions: std::ops::RangeInclusive<Revision>) -> Ring {
        let mut ring = Ring::new(revisions.start() - 1, limit);
        revisions
            .for_each(|revision| ring.push(batch(revision, if revision % 2 == 0 { "/even" } else { "/odd" }, 1000)));
        ring
    }

    #[test]
    fn a_reader_finds_the_next_batch_that_concerns_it() {
        let ring = ring(1 << 20, 11..=20);
        let find = |from, prefix: &'static str| match ring.find(from, &KeyRange::prefix(prefix)) {
            Found::Batch(batch) => format!("batch {}", batch.revision),
            Found::NoneBefore(revision) => format!("none before {revision}"),
            Found::Later(first) => format!("later, from {first}"),
        };
        assert_eq!(find(11, "/"), "batch 11");
        assert_eq!(find(11, "/even"), "batch 12");
        assert_eq!(find(20, "/odd"), "none before 21");
        assert_eq!(find(21, "/"), "none before 21");
        assert_eq!(find(99, "/"), "none before 99", "the future is waited for");
        assert_eq!(find(10, "/"), "later, from 11");
    }

    #[test]
    fn the_ring_is_bounded_in_bytes_and_keeps_the_newest() {
        let ring = ring(5 * 1300, 2..=100);
        assert_eq!((ring.first(), ring.newest()), (96, 100));
        let tiny = self::ring(10, 2..=9);
        assert_eq!((tiny.first(), tiny.newest()), (9, 9), "one larger than the bound is still there to be read");
    }

    #[test]
    fn a_look_ends() {
        let mut ring = Ring::new(1, u64::MAX);
        (2..2000).for_each(|revision| ring.push(batch(revision, "/k", 1)));
        assert!(matches!(ring.find(2, &KeyRange::prefix("/other")), Found::NoneBefore(258)));
    }
}
