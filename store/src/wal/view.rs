//! The log as readers see it: which entries there are, and where each can be read.
//!
//! The newest entries are kept in memory, up to a bound in bytes; older ones are read from their segment. Appends
//! show here at once, before they are on disk, because replication reads them while the disk still works.

use std::collections::VecDeque;

use super::entry::{EntryId, LogEntry, SavedVote};

/// Where an entry's record is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// Length of the record's payload.
    pub(super) length: u32,
}

#[derive(Debug)]
struct Slot {
    id: EntryId,
    cached: Option<LogEntry>,
    place: Option<Place>,
}

/// An entry, or where to find it.
#[derive(Debug)]
pub(super) enum Lookup {
    Cached(LogEntry),
    OnDisk(Place),
}

/// Everything known about the log.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) vote: Option<SavedVote>,
    pub(super) committed: Option<EntryId>,
    pub(super) purged: Option<EntryId>,
    slots: VecDeque<Slot>,
    cached_bytes: usize,
    /// Slots before this one are not cached.
    cached_from: usize,
    cache_limit: usize,
}

impl View {
    pub(super) fn new(cache_limit: usize) -> View {
        View { cache_limit, ..View::default() }
    }

    /// The index of the first entry kept, or to come.
    pub(super) fn first_index(&self) -> u64 {
        match (self.slots.front(), self.purged) {
            (Some(slot), _) => slot.id.index,
            (None, Some(purged)) => purged.index + 1,
            (None, None) => 0,
        }
    }

    /// The newest entry, or the last one purged.
    pub(super) fn last(&self) -> Option<EntryId> {
        self.slots.back().map(|slot| slot.id).or(self.purged)
    }

    /// Whether there are no entries.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether an entry with this index would leave no hole.
    pub(super) fn follows(&self, index: u64) -> bool {
        self.slots.is_empty() && self.purged.is_none() || self.last().is_some_and(|last| last.index + 1 == index)
    }

    pub(super) fn push(&mut self, entry: LogEntry, place: Option<Place>) {
        self.cached_bytes += entry.body.len();
        self.slots.push_back(Slot { id: entry.id, cached: Some(entry), place });
        self.evict();
    }

    /// Notes where an entry was written, if it is still the one at its index.
    pub(super) fn placed(&mut self, id: EntryId, place: Place) {
        let Some(slot) = self.position(id.index).and_then(|at| self.slots.get_mut(at)) else { return };
        if slot.id == id {
            slot.place = Some(place);
        }
    }

    /// Drops entries from `index` on.
    pub(super) fn truncate(&mut self, index: u64) {
        while self.slots.back().is_some_and(|slot| slot.id.index >= index) {
            let dropped = self.slots.pop_back();
            self.uncache(dropped.as_ref());
        }
        self.cached_from = self.cached_from.min(self.slots.len());
    }

    /// Drops entries up to `id`.
    pub(super) fn purge(&mut self, id: EntryId) {
        self.purged = self.purged.max(Some(id));
        while self.slots.front().is_some_and(|slot| slot.id.index <= id.index) {
            let dropped = self.slots.pop_front();
            self.uncache(dropped.as_ref());
            self.cached_from = self.cached_from.saturating_sub(1);
        }
    }

    /// The entries from `start` to before `end`, as many as there are, until `max_bytes` are exceeded.
    pub(super) fn lookup(&self, start: u64, end: u64, max_bytes: usize) -> Vec<Lookup> {
        let from = self.position(start.max(self.first_index())).unwrap_or(self.slots.len());
        let mut bytes = 0;
        let wanted = self.slots.iter().skip(from).take_while(|slot| slot.id.index < end);
        let fits = wanted.take_while(|slot| {
            let fits = bytes < max_bytes;
            bytes += slot.size();
            fits
        });
        fits.filter_map(Slot::lookup).collect()
    }

    fn position(&self, index: u64) -> Option<usize> {
        let first = self.slots.front()?.id.index;
        let at = usize::try_from(index.checked_sub(first)?).ok()?;
        (at < self.slots.len()).then_some(at)
    }

    fn uncache(&mut self, slot: Option<&Slot>) {
        let cached = slot.and_then(|slot| slot.cached.as_ref()).map_or(0, |entry| entry.body.len());
        self.cached_bytes -= cached;
    }

    /// Frees the oldest cached entries that are on disk, down to the limit.
    fn evict(&mut self) {
        while self.cached_bytes > self.cache_limit {
            let Some(slot) = self.slots.get_mut(self.cached_from) else { return };
            if slot.place.is_none() {
                return;
            }
            self.cached_bytes -= slot.cached.take().map_or(0, |entry| entry.body.len());
            self.cached_from += 1;
        }
    }
}

impl Slot {
    fn size(&self) -> usize {
        match (&self.cached, self.place) {
            (Some(entry), _) => entry.body.len(),
            (None, Some(place)) => place.length as usize,
            (None, None) => 0,
        }
    }

    fn lookup(&self) -> Option<Lookup> {
        match (&self.cached, self.place) {
            (Some(entry), _) => Some(Lookup::Cached(entry.clone())),
            (None, place) => place.map(Lookup::OnDisk),
        }
    }
}
