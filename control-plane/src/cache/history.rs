//! One kind's present state and its newest changes.
//!
//! Changes are numbered without gaps, and the ring keeps the newest of them. A reader is a number: the change it wants
//! next. When the ring has dropped that change, the reader is told so (`Expired`) and never sees a gap. `floor` says
//! from which revision on the ring is complete.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;
use xebec_api::Kind;

use super::population::Population;
use super::{CacheEvent, Entry, Expired, Limits, Snapshot};

/// A kind's objects by key. A clone costs nothing and does not change any more.
pub type Objects = OrdMap<Bytes, Arc<Entry>>;

/// A change as the store reports it.
pub(super) struct Change {
    pub(super) kind: &'static Kind,
    pub(super) key: Bytes,
    /// Absent when the object was removed.
    pub(super) current: Option<Arc<Entry>>,
    pub(super) revision: u64,
}

#[derive(Default)]
pub(super) struct History {
    objects: Objects,
    population: Population,
    ring: VecDeque<Arc<CacheEvent>>,
    /// The number of the oldest change in the ring.
    first: u64,
    floor: u64,
    newest: u64,
    bytes: usize,
}

impl History {
    /// Starts again from a whole state; every reader of the old history is expired by it.
    pub(super) fn reset(&mut self, objects: Objects, revision: u64) {
        self.first = self.next_number() + 1;
        self.ring.clear();
        self.bytes = 0;
        self.population = Population::of(&objects);
        self.objects = objects;
        self.floor = revision;
        self.newest = revision;
    }

    /// Takes in one change.
    pub(super) fn record(&mut self, change: Change, limits: &Limits) -> Arc<CacheEvent> {
        let Change { kind, key, current, revision } = change;
        let previous = match &current {
            Some(entry) => self.objects.insert(key.clone(), entry.clone()),
            None => self.objects.remove(&key),
        };
        match (&previous, &current) {
            (None, Some(_)) => self.population.add(&key),
            (Some(_), None) => self.population.remove(&key),
            _ => {}
        }
        let event = Arc::new(CacheEvent { kind, key, current, previous, revision });
        self.append(event.clone(), limits);
        event
    }

    /// Adds a change to the ring only.
    pub(super) fn append(&mut self, event: Arc<CacheEvent>, limits: &Limits) {
        self.bytes += event.size();
        self.newest = event.revision;
        self.ring.push_back(event);
        self.trim(limits);
    }

    fn trim(&mut self, limits: &Limits) {
        while self.ring.len() > limits.events || (self.bytes > limits.bytes && self.ring.len() > 1) {
            let Some(oldest) = self.ring.pop_front() else { return };
            self.bytes -= oldest.size();
            self.first += 1;
            self.floor = oldest.revision;
        }
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The present state, at no cost. `revision` is what has been published.
    pub(super) fn snapshot(&self, revision: u64) -> Snapshot {
        Snapshot::new(self.objects.clone(), self.population.clone(), revision)
    }

    /// The revision of the newest change.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// The number that the next change will get.
    pub(super) fn next_number(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// The number of the first change after `revision`.
    pub(super) fn seek(&self, revision: u64) -> Result<u64, Expired> {
        if revision < self.floor {
            return Err(Expired { oldest: self.floor });
        }
        Ok(self.first + self.ring.partition_point(|event| event.revision <= revision) as u64)
    }

    /// The change of that number; `None` when it has not happened yet.
    pub(super) fn read(&self, number: u64) -> Result<Option<Arc<CacheEvent>>, Expired> {
        let index = number.checked_sub(self.first).ok_or(Expired { oldest: self.floor })?;
        let index = usize::try_from(index).map_err(|_| Expired { oldest: self.floor })?;
        Ok(self.ring.get(index).cloned())
    }
}
